"""A customer's own freeze, on both databases: obeyed by every channel and node from its commit on."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import bindparam, select

from core_client.adapters.sql import schema
from core_client.adapters.sql.statements import Statement
from core_client.domain.money import Money
from core_client.services.call import OperationResult
from core_client.testing.world import World
from tests.contract.conftest import OpenWorld

WANG, ZHANG, LI_LEI = "+8613900000001", "+8613900000005", "+8613900000003"
TEN = Money(1_000, "CNY")
_frozen = Statement(select(schema.accounts.c.frozen).where(schema.accounts.c.number == bindparam("number_")))


async def freeze(bank: World, line: str = WANG, channel: str = "sms") -> OperationResult:
    arrival = await bank.core.arrive(channel, line)
    return await bank.perform(arrival.auth_session_id, "accounts.freeze", channel)


async def is_frozen(bank: World, number: str) -> bool:
    row = await bank.bank.database.read(lambda tx: tx.one(_frozen, number_=number))
    assert row is not None
    return bool(row[0])


@pytest.mark.parametrize("channel", ["sms", "voice"])
async def test_the_own_line_freezes_without_a_pin_and_again_is_the_same_freeze(bank: World, channel: str) -> None:
    first = await freeze(bank, channel=channel)
    assert (first.outcome, first.answer["count"]) == ("ok", 1)
    assert await freeze(bank, channel="sms") == first
    assert await is_frozen(bank, "440100001101")


async def test_a_number_that_was_only_keyed_freezes_nobody(bank: World) -> None:
    arrival = await bank.core.arrive("voice", "+8613912345678")
    await bank.perform(arrival.auth_session_id, "identity.claim", customer="10000001")
    result = await bank.perform(arrival.auth_session_id, "accounts.freeze")
    assert result.outcome == "unauthenticated"
    assert not await is_frozen(bank, "440100001101")


async def test_nothing_is_prepared_or_authorised_from_a_frozen_account_on_any_channel(bank: World) -> None:
    session = await bank.authenticated()
    prepared = await bank.perform(session, "transfers.prepare", payee="LILEI", amount=TEN)
    await freeze(bank)
    authorised = await bank.perform(session, "transfers.authorise", intent=prepared.answer["id"])
    assert (authorised.outcome, authorised.reason) == ("refused", "account_frozen")
    texting = (await bank.core.arrive("sms", WANG)).auth_session_id
    for on, channel in ((session, "voice"), (texting, "sms")):
        for operation, given in (
            ("transfers.prepare", {"payee": "LILEI", "amount": TEN}),
            ("top_up.prepare", {"amount": TEN}),
            ("cash.prepare", {"amount": Money(10_000, "CNY")}),
            ("bills.prepare", {"biller": "101", "reference": "12345678"}),
        ):
            result = await bank.perform(on, operation, channel, **given)
            assert (result.outcome, result.reason) == ("refused", "account_frozen"), operation
    await bank.bank.ledger.check_books()


async def test_what_is_held_when_the_freeze_comes_is_let_go_and_not_booked(bank: World) -> None:
    ports = bank.bank.ports
    session = await bank.authenticated()
    prepared = await bank.perform(session, "transfers.prepare", payee="LILEI", amount=TEN)
    intent = await ports.intents.get(str(prepared.answer["id"]))
    assert intent is not None
    await ports.bank.hold(intent.order())
    await freeze(bank)
    with pytest.raises(Exception, match="account_frozen"):
        await ports.bank.post(intent.id)
    await ports.bank.void(intent.id)
    account = await ports.bank.account(1, None)
    assert account.available == account.booked


async def test_on_another_node_it_holds_from_the_commit_on(open_world: OpenWorld) -> None:
    async with open_world() as one, open_world() as other:
        session = await other.authenticated()
        prepared = await other.perform(session, "transfers.prepare", payee="LILEI", amount=TEN)
        assert (await freeze(one)).outcome == "ok"
        late = await other.perform(session, "transfers.authorise", intent=prepared.answer["id"])
        assert late.reason == "account_frozen"


async def test_however_it_races_with_a_transfer_one_of_them_is_first_and_the_books_balance(bank: World) -> None:
    session = await bank.authenticated()
    intents = [
        (await bank.perform(session, "transfers.prepare", payee="LILEI", amount=TEN)).answer["id"] for _ in range(10)
    ]
    results = await asyncio.gather(
        *(bank.perform(session, "transfers.authorise", intent=intent) for intent in intents[:5]),
        freeze(bank),
        *(bank.perform(session, "transfers.authorise", intent=intent) for intent in intents[5:]),
    )
    moves = [result for index, result in enumerate(results) if index != 5]
    assert {result.outcome for result in moves} <= {"ok", "refused"}
    assert all(result.reason == "account_frozen" for result in moves if result.outcome == "refused")
    account = await bank.bank.ports.bank.account(1, None)
    moved = sum(1 for result in moves if result.outcome == "ok")
    assert account.booked == Money(1_234_567 - 1_000 * moved, "CNY") == account.available
    await bank.bank.ledger.check_books()


async def test_people_lift_it_and_what_the_bank_froze_itself_stays(bank: World) -> None:
    await freeze(bank)
    lifted = await bank.bank.admin.freezes.lift(1, "anna")
    assert [one.account is None for one in lifted].count(True) == 1
    assert not await is_frozen(bank, "440100001101")
    session = await bank.authenticated()
    assert (await bank.perform(session, "transfers.prepare", payee="LILEI", amount=TEN)).outcome == "ok"
    zhang = await freeze(bank, ZHANG)
    assert (zhang.outcome, zhang.answer["count"]) == ("ok", 0)
    await bank.bank.admin.freezes.lift(5, "anna")
    assert await is_frozen(bank, "440100005505")


async def test_one_of_several_accounts_can_be_frozen_alone(bank: World) -> None:
    session = await bank.authenticated(LI_LEI)
    frozen = await bank.perform(session, "accounts.freeze", account="3317")
    assert (frozen.outcome, frozen.answer["count"]) == ("ok", 1)
    assert await is_frozen(bank, "440100003317")
    assert not await is_frozen(bank, "440100003303")
    every = await bank.perform(session, "accounts.freeze")
    assert every.answer["count"] == 3
    unknown = await bank.perform(session, "accounts.freeze", account="9999")
    assert unknown.reason == "account_unknown"


async def test_asking_for_it_to_be_lifted_makes_one_request_for_people(bank: World) -> None:
    session = await bank.authenticated()
    nothing = await bank.perform(session, "accounts.request_unfreeze")
    assert (nothing.outcome, nothing.reason) == ("refused", "nothing_frozen")
    await freeze(bank)
    first = await bank.perform(session, "accounts.request_unfreeze")
    again = await bank.perform(session, "accounts.request_unfreeze")
    assert first.outcome == "ok"
    assert again.answer == first.answer
    unproved = (await bank.core.arrive("voice", WANG)).auth_session_id
    assert (await bank.perform(unproved, "accounts.request_unfreeze")).outcome == "unauthenticated"
    assert await is_frozen(bank, "440100001101")  # asking lifts nothing


async def test_a_blocked_card_is_asked_for_and_stays_blocked_until_people_say_otherwise(bank: World) -> None:
    session = await bank.authenticated()
    nothing = await bank.perform(session, "cards.request_unblock")
    assert nothing.reason == "card_not_blocked"
    await bank.perform(session, "cards.block")
    asked = await bank.perform(session, "cards.request_unblock")
    assert (asked.outcome, asked.answer["last4"]) == ("ok", "4821")
    again = await bank.perform(session, "cards.request_unblock", last4="4821")
    assert again.answer == asked.answer
    assert (await bank.perform(session, "cards.request_unblock", last4="0000")).reason == "card_unknown"
    cards = await bank.bank.ports.registry.cards(1)
    assert [card.state.value for card in cards] == ["blocked"]


async def test_people_unblock_a_card_that_is_blocked_and_no_other(bank: World) -> None:
    session = await bank.authenticated()
    assert not await bank.bank.admin.freezes.unblock_card(1, "4821", "anna")
    await bank.perform(session, "cards.block")
    assert not await bank.bank.admin.freezes.unblock_card(1, "0000", "anna")
    assert not await bank.bank.admin.freezes.unblock_card(2, "4821", "anna")
    assert await bank.bank.admin.freezes.unblock_card(1, "4821", "anna")
    cards = await bank.bank.ports.registry.cards(1)
    assert [card.state.value for card in cards] == ["active"]
