"""People and their tokens, on both databases."""

from __future__ import annotations

import asyncio

import pytest

from core_client.adapters.sql import schema
from core_client.adapters.sql.statements import Statement
from core_client.domain.secret import Secret
from core_client.domain.staff import TOKEN_PREFIX, Role
from core_client.services.staff import NotProvedError, People, StaffError, hash_of
from core_client.testing.world import World


@pytest.fixture
def people(bank: World) -> People:
    return bank.bank.people


async def test_a_token_proves_who_it_is_and_what_they_may(people: People) -> None:
    token = await people.add("anna", [Role.AUTHOR], "cli:root")
    assert token.reveal().startswith(TOKEN_PREFIX)
    assert len(token) >= len(TOKEN_PREFIX) + 43
    person = await people.prove(token, "anna", Role.AUTHOR)
    assert (person.name, person.roles) == ("anna", frozenset({Role.AUTHOR}))
    with pytest.raises(NotProvedError, match="anna is author, and this needs approver"):
        await people.prove(token, "anna", Role.APPROVER)
    with pytest.raises(NotProvedError, match="not ben's"):
        await people.prove(token, "ben")
    assert (await people.prove(Secret(token.reveal() + "\n"))).name == "anna"  # a file ends with a line's end


@pytest.mark.parametrize("wrong", ["", "tellerline_", "x" * 100_000, "tellerline_" + "A" * 43, "令牌"])
async def test_a_wrong_token_proves_nothing_and_hears_nothing_of_itself(people: People, wrong: str) -> None:
    await people.add("anna", [Role.AUTHOR], "cli:root")
    with pytest.raises(NotProvedError) as refused:
        await people.prove(Secret(wrong))
    assert not wrong or wrong not in str(refused.value)


async def test_a_revoked_and_a_rotated_token_are_refused_in_the_same_words_as_a_wrong_one(people: People) -> None:
    revoked, rotated = await people.add("anna", [Role.AUTHOR], "r"), await people.add("ben", [Role.APPROVER], "r")
    await people.revoke("anna", "r")
    new = await people.rotate("ben", "r")
    words = set()
    for token in (revoked, rotated, Secret("tellerline_invented")):
        with pytest.raises(NotProvedError) as refused:
            await people.prove(token)
        words.add(str(refused.value))
    assert len(words) == 1
    assert (await people.prove(new)).name == "ben"


async def test_a_name_is_given_once_for_ever(people: People) -> None:
    await people.add("anna", [Role.AUTHOR], "r")
    await people.revoke("anna", "r")
    with pytest.raises(StaffError, match="was given before"):
        await people.add("anna", [Role.APPROVER], "r")
    with pytest.raises(StaffError, match="anna was revoked"):
        await people.rotate("anna", "r")
    with pytest.raises(StaffError, match="nobody named 'carl'"):
        await people.revoke("carl", "r")
    results = await asyncio.gather(*(people.add("dora", [Role.AUTHOR], "r") for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(result, Secret) for result in results) == 1


@pytest.mark.parametrize(("name", "roles"), [("Anna", [Role.AUTHOR]), ("", [Role.AUTHOR]), ("a b", []), ("anna", [])])
async def test_a_name_that_cannot_be_one_and_no_role_are_refused(people: People, name: str, roles: list[Role]) -> None:
    with pytest.raises(StaffError):
        await people.add(name, roles, "r")
    assert await people.all() == []


async def test_while_nobody_operates_anybody_names_people_and_then_only_operators(people: People) -> None:
    assert await people.may_name(None) is None
    author = await people.add("anna", [Role.AUTHOR], "r")
    assert await people.may_name(author) == "anna"
    operator = await people.add("olga", [Role.OPERATOR], "r")
    with pytest.raises(NotProvedError, match="only an operator names people here \\(olga\\)"):
        await people.may_name(None)
    with pytest.raises(NotProvedError):
        await people.may_name(author)
    assert await people.may_name(operator) == "olga"
    await people.revoke("olga", "r")
    assert await people.may_name(None) is None


async def test_every_act_and_every_refusal_is_in_the_chain_and_no_token_anywhere(bank: World, people: People) -> None:
    token = await people.add("anna", [Role.AUTHOR, Role.OPERATOR], "cli:root")
    second = await people.rotate("anna", "cli:root")
    with pytest.raises(NotProvedError):
        await people.prove(token)
    await people.record("anna", "flow.published", "flow:retail", version="abc")
    await people.revoke("anna", "cli:root")
    rows = await bank.bank.database.read(lambda tx: tx.all(Statement(schema.audit.select())))
    stored = await bank.bank.database.read(lambda tx: tx.all(Statement(schema.staff.select())))
    bodies = "\n".join(row[1] for row in rows)
    for action in ("staff.added", "staff.token_rotated", "staff.token_refused", "flow.published", "staff.revoked"):
        assert f'"{action}"' in bodies
    assert '"staff:anna","flow.published","flow:retail"' in bodies
    assert hash_of(second) in str(stored)
    for secret in (token, second):
        assert secret.reveal() not in bodies + str(stored)
    assert (await bank.bank.admin.check_audit()).broken_at is None
