"""The one writer of customers, on both databases: one commit each, numbered without a gap, obeyed by every node."""

from __future__ import annotations

import asyncio
import datetime

import pytest

from core_client.domain.customers import Customer
from core_client.domain.records import DocumentKind, NewCustomer, RecordError
from core_client.domain.registry_changes import Bar, ChangeKind
from core_client.testing.world import World
from tests.contract.conftest import OpenWorld

WANG, STRANGER = "+8613900000001", "+8613700001234"


async def who(bank: World, line: str = WANG) -> Customer:
    found = await bank.bank.ports.registry.customer_by_line(line)
    assert found is not None
    return found


async def test_a_customer_is_added_with_number_document_and_class_and_found_again(bank: World) -> None:
    desk = bank.bank.records
    before = await desk.head()
    await desk.add(NewCustomer("77770001", "赵敏 Zhao Min", datetime.date(1990, 2, 3), "zh", "vip"), "anna")
    found = await bank.bank.ports.registry.customer_by_number("77770001")
    assert found is not None
    assert (found.name, found.customer_class) == ("赵敏 Zhao Min", "vip")
    assert await bank.bank.ports.registry.birth_date(found.id) == datetime.date(1990, 2, 3)
    await desk.set_line(found, STRANGER, True, "anna")
    await desk.add_document(found, DocumentKind.PASSPORT, " e1234 5678", None, "anna")
    assert (await who(bank, STRANGER)).id == found.id
    assert [(one.kind, one.number) for one in await desk.documents(found)] == [(DocumentKind.PASSPORT, "E12345678")]
    changes = await desk.changes(before)
    assert [change.seq for change in changes] == [before + 1, before + 2, before + 3]
    kinds = [ChangeKind.CUSTOMER_ADDED, ChangeKind.LINE_ADDED, ChangeKind.DOCUMENT_ADDED]
    assert [change.kind for change in changes] == kinds
    await desk.remove_document(found, DocumentKind.PASSPORT, "5678", "anna")
    assert await desk.documents(found) == []
    await desk.change(found, "anna", name="Zhao M", customer_class="standard")
    changed = await who(bank, STRANGER)
    assert (changed.name, changed.customer_class) == ("Zhao M", "standard")
    assert (await bank.bank.admin.check_audit()).broken_at is None


async def test_a_number_and_a_document_are_one_customers(bank: World) -> None:
    desk = bank.bank.records
    wang = await who(bank)
    await desk.add(NewCustomer("77770002", "Somebody Else"), "anna")
    other = await bank.bank.ports.registry.customer_by_number("77770002")
    assert other is not None
    await desk.add_document(wang, DocumentKind.ID_CARD, "11010119900203123X", None, "anna")
    head = await desk.head()
    with pytest.raises(RecordError):
        await desk.set_line(other, WANG, True, "anna")
    with pytest.raises(RecordError):
        await desk.add_document(other, DocumentKind.ID_CARD, "11010119900203123x", None, "anna")
    with pytest.raises(RecordError):
        await desk.set_line(other, WANG, False, "anna")
    with pytest.raises(RecordError):
        await desk.add(NewCustomer("77770002", "Twice"), "anna")
    assert await desk.head() == head  # what was refused left no number
    assert (await who(bank)).id == wang.id


async def test_changes_at_once_on_two_nodes_are_numbered_without_a_gap(open_world: OpenWorld) -> None:
    async with open_world() as one, open_world() as other:
        before = await one.bank.records.head()
        adds = [
            node.bank.records.add(NewCustomer(f"8800{n:04}", f"Customer {n}"), "anna")
            for n, node in enumerate((one, other) * 15)
        ]
        await asyncio.gather(*adds)
        changes = await other.bank.records.changes(before)
        assert [change.seq for change in changes] == list(range(before + 1, before + 31))


async def test_a_bar_is_obeyed_by_the_other_node_from_its_commit_on(open_world: OpenWorld) -> None:
    """No stream is there at all: what an operation goes by is read from SQL."""
    async with open_world() as one, open_world() as other:
        session = await other.authenticated()
        assert (await other.perform(session, "accounts.list")).outcome == "ok"
        wang = await who(one)
        assert await one.bank.records.set_bar(wang, Bar("voice", "accounts"), True, "anna")
        result = await other.perform(session, "accounts.list")
        assert (result.outcome, result.reason) != ("ok", None)
        assert result.outcome in ("refused", "down")
        await one.bank.records.set_bar(wang, Bar("voice", "accounts"), False, "anna")
        assert (await other.perform(session, "accounts.list")).outcome == "ok"


async def test_a_text_that_comes_after_a_bar_is_not_answered(open_world: OpenWorld) -> None:
    async with open_world() as one, open_world() as other:
        await one.bank.records.set_bar(await who(one), Bar("sms", "*"), True, "anna")
        arrival = await other.core.arrive("sms", WANG)
        assert (await other.perform(arrival.auth_session_id, "accounts.list", "sms")).outcome != "ok"
        blocked = await other.perform(arrival.auth_session_id, "cards.block", "sms")
        assert blocked.outcome == "ok"  # a thief is stopped all the same


async def test_a_number_that_was_taken_away_identifies_nobody_on_any_node(open_world: OpenWorld) -> None:
    async with open_world() as one, open_world() as other:
        session = await other.authenticated()
        await one.bank.records.set_line(await who(one), WANG, False, "anna")
        assert (await other.perform(session, "accounts.list")).outcome == "unauthenticated"  # a call that went on
        arrival = await other.core.arrive("voice", WANG)
        assert not arrival.identified


@pytest.mark.parametrize("line", ["13911112222", "+86 139", "+0123456789", "+" + "1" * 16])
async def test_a_number_that_is_none_is_refused_without_being_said(bank: World, line: str) -> None:
    with pytest.raises(RecordError) as refused:
        await bank.bank.records.set_line(await who(bank), line, True, "anna")
    assert line not in str(refused.value)
