"""What every store does for transfers of every kind: waits, told marks, fees, reversals under four eyes."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import itertools

import pytest

from core_client.domain.audit import AuditRecord
from core_client.domain.limits import CancelWindow, LimitProfile, Moved, Which
from core_client.domain.money import Money
from core_client.domain.reversals import Reversal, ReversalState
from core_client.domain.transfers import Intent, Purpose, TransferOrder, TransferState
from core_client.errors import Declined, IntentConflict
from core_client.ports.core_bank import HoldState
from core_client.ports.intents import Intents
from core_client.ports.reversals import Reversals
from core_client.testing.world import World

LIMITS = LimitProfile(cancel_windows=(CancelWindow(Which(), datetime.timedelta(minutes=10)),))
SHOP = "990200000077"
_names = itertools.count(1)


def record(bank: World) -> AuditRecord:
    return AuditRecord(bank.clock.now(), "test", "test.done", "test")


def intents(bank: World) -> Intents:
    return bank.bank.ports.intents


def reversals(bank: World) -> Reversals:
    return bank.bank.ports.reversals


async def prepared(bank: World, fen: int = 50_000, purpose: Purpose = Purpose.INTERBANK, fee: int = 0) -> Intent:
    now, name = bank.clock.now(), next(_names)
    intent = Intent(
        f"intent-{name}", f"request-{name}", 1, "voice", TransferState.PREPARED, "1", "1101", None, "A shop", SHOP,
        Money(fen, "CNY"), now, now + datetime.timedelta(minutes=10), purpose=purpose, fee_minor=fee, text="Bill 77",
    )  # fmt: skip
    return await intents(bank).create(intent, record(bank))


async def authorised(
    bank: World, held_as: str | None = None, fen: int = 50_000, purpose: Purpose = Purpose.INTERBANK
) -> Intent:
    intent = await prepared(bank, fen, purpose)
    taken = await intents(bank).authorise(
        intent.id, 1, f"r-{intent.id}", bank.clock.now(), LIMITS, record(bank), held_as
    )
    assert taken.intent is not None
    return taken.intent


async def test_an_intent_is_stored_with_its_purpose_fee_and_text(bank: World) -> None:
    intent = await prepared(bank, purpose=Purpose.BILL, fee=150)
    assert await intents(bank).get(intent.id) == intent
    assert (intent.total, intent.order().text, intent.order().fee) == (
        Money(50_150, "CNY"), "Bill 77", Money(150, "CNY")
    )  # fmt: skip


async def test_an_intent_waits_only_for_a_caller_who_can_say_so(bank: World) -> None:
    at_once, waits = await authorised(bank), await authorised(bank, "1234567890")
    assert (at_once.cancel_until, at_once.reference) == (None, None)
    assert waits.cancel_until == bank.clock.now() + datetime.timedelta(minutes=10)
    assert waits.reference == "1234567890"
    assert [one.id for one in await intents(bank).cancellable(1, bank.clock.now())] == [waits.id]
    assert await intents(bank).cancellable(2, bank.clock.now()) == []
    bank.clock.advance(600)
    assert await intents(bank).cancellable(1, bank.clock.now()) == []


async def test_a_last_word_is_owed_until_it_is_told_as_it_stands(bank: World) -> None:
    store, intent = intents(bank), await authorised(bank)
    now = bank.clock.now()
    assert await store.owed(now, 10) == []  # no last word yet
    await store.advance(intent.id, TransferState.POSTED, record(bank), "900")
    assert [one.id for one in await store.owed(now, 10)] == [intent.id]
    assert await store.owed(now - datetime.timedelta(seconds=1), 10) == []
    await store.told({intent.id: TransferState.VOIDED}, now)  # that is not how it stands
    assert len(await store.owed(now, 10)) == 1
    await store.told({intent.id: TransferState.POSTED}, now)
    assert await store.owed(now, 10) == []
    await store.advance(intent.id, TransferState.REVERSED, record(bank))
    (owed,) = await store.owed(now, 10)
    assert (owed.state, owed.told_at, owed.reference) == (TransferState.REVERSED, None, "900")


async def test_of_many_that_are_owed_the_oldest_come_first(bank: World) -> None:
    store, wanted = intents(bank), []
    for _ in range(5):
        intent = await authorised(bank)
        await store.advance(intent.id, TransferState.VOIDED, record(bank))
        wanted.append(intent.id)
        bank.clock.advance(1)
    assert [one.id for one in await store.owed(bank.clock.now(), 3)] == wanted[:3]


async def test_what_was_moved_is_counted_by_channel_purpose_and_age_and_own_accounts_are_not(bank: World) -> None:
    for purpose in (Purpose.INTERBANK, Purpose.BILL, Purpose.BILL, Purpose.OWN):
        await authorised(bank, fen=100, purpose=purpose)
    spent = await intents(bank).spent(1, "CNY", bank.clock.now() - datetime.timedelta(hours=1))
    wanted = {Moved(100, "voice", Purpose.INTERBANK), Moved(200, "voice", Purpose.BILL)}
    assert (set(spent.moved), spent.customer_class) == (wanted, "standard")
    assert await intents(bank).prepared_since(1, {Purpose.BILL}, bank.clock.now()) == 2


def order(name: str, fen: int, fee: int, account: str = "1") -> TransferOrder:
    return TransferOrder(name, account, SHOP, Money(fen, "CNY"), "A shop", fee)


async def test_a_fee_is_held_booked_and_booked_back_with_its_amount(bank: World) -> None:
    ledger = bank.bank.ledger
    before = (await ledger.account(1, None)).available
    await ledger.hold(order("with-fee", 1_000, 250))
    assert (await ledger.account(1, None)).available == before - Money(1_250, "CNY")
    posting = await ledger.post("with-fee")
    assert posting.available == before - Money(1_250, "CNY")
    account, entries = await ledger.recent(1, None, 2)
    assert {entry.amount.amount_minor for entry in entries} == {-1_000, -250}
    await ledger.check_books()
    assert (await ledger.reverse("with-fee")).available == before
    assert (await ledger.account(1, None)).booked == account.booked + Money(1_250, "CNY")
    await ledger.check_books()


async def test_what_would_pay_the_amount_and_not_the_fee_is_refused_whole(bank: World) -> None:
    ledger = bank.bank.ledger
    whole = (await ledger.account(1, None)).available.amount_minor
    with pytest.raises(Declined, match="insufficient_funds"):
        await ledger.hold(order("too-much", whole, 1))
    await ledger.hold(order("just-enough", whole - 1, 1))
    with pytest.raises(IntentConflict):
        await ledger.hold(order("just-enough", whole - 1, 0))
    await ledger.void("just-enough")
    assert (await ledger.account(1, None)).available.amount_minor == whole
    assert (await ledger.query("just-enough"))[0] is HoldState.VOIDED


def asked(bank: World, by: str = "mei") -> Reversal:
    return Reversal("intent-x", ReversalState.ASKED, "paid twice", by, bank.clock.now())


async def decide(bank: World, by: str, state: ReversalState = ReversalState.APPROVED) -> Reversal | None:
    return await reversals(bank).decide("intent-x", state, by, bank.clock.now(), record(bank))


async def test_who_asked_for_a_reversal_never_approves_it_and_one_of_many_others_does(bank: World) -> None:
    store = reversals(bank)
    await store.ask(asked(bank), record(bank))
    assert await store.ask(asked(bank, "ada"), record(bank)) == asked(bank)  # one stands at a time
    assert await decide(bank, "mei") is None
    decided = await asyncio.gather(*(decide(bank, f"approver-{n}") for n in range(8)))
    assert len([one for one in decided if one is not None]) == 1
    (approved,) = await store.in_state(ReversalState.APPROVED)
    await store.settle("intent-x", ReversalState.DONE, record(bank))
    await store.settle("intent-x", ReversalState.REFUSED, record(bank))  # it is done: nothing changes
    assert await store.get("intent-x") == dataclasses.replace(approved, state=ReversalState.DONE)


async def test_a_refused_reversal_can_be_asked_for_anew(bank: World) -> None:
    store = reversals(bank)
    await store.ask(asked(bank), record(bank))
    assert await decide(bank, "mei", ReversalState.REFUSED) is not None  # her own: taken back
    again = await store.ask(asked(bank, "ada"), record(bank))
    assert (again.asked_by, await store.get("intent-x")) == ("ada", again)
