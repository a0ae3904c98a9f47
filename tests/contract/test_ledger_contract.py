"""The CoreBank's contract: once, never below the floor, always adding up."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest
from sqlalchemy import text

from core_client.adapters.sql.statements import Tx
from core_client.domain.money import Money
from core_client.domain.transfers import TransferOrder
from core_client.errors import Declined, IntentConflict, InvariantBroken, Unavailable
from core_client.ports.core_bank import HoldState
from core_client.testing.world import World

WANG, LI_LEI = 1, 3


async def order(bank: World, intent: str = "intent-1", fen: int = 50_000, currency: str = "CNY") -> TransferOrder:
    debtor = await bank.bank.ledger.account(WANG, None)
    return TransferOrder(intent, debtor.id, "440100003303", Money(fen, currency), "Li Lei 李雷")


async def available(bank: World, customer: int = WANG) -> int:
    return (await bank.bank.ledger.account(customer, None)).available.amount_minor


async def test_a_hold_takes_from_what_is_available_and_books_nothing(bank: World) -> None:
    ledger = bank.bank.ledger
    await ledger.hold(await order(bank))
    account = await ledger.account(WANG, None)
    assert (account.available, account.booked) == (Money(1_184_567, "CNY"), Money(1_234_567, "CNY"))
    assert await ledger.query("intent-1") == (HoldState.HELD, None)
    await ledger.check_books()


async def test_a_posting_moves_the_amount_once_however_often_it_is_asked_for(bank: World) -> None:
    ledger = bank.bank.ledger
    await ledger.hold(await order(bank))
    first = await ledger.post("intent-1")
    assert await ledger.post("intent-1") == first
    assert await ledger.query("intent-1") == (HoldState.POSTED, first)
    assert first.available == Money(1_184_567, "CNY")
    assert await available(bank, LI_LEI) == 220_100 + 50_000
    await ledger.check_books()


async def test_the_same_hold_again_is_the_same_hold(bank: World) -> None:
    await bank.bank.ledger.hold(await order(bank))
    await bank.bank.ledger.hold(await order(bank))
    assert await available(bank) == 1_184_567


async def test_the_same_order_from_many_at_once_is_held_and_posted_once(bank: World) -> None:
    ledger, one = bank.bank.ledger, await order(bank)
    await asyncio.gather(*(ledger.hold(one) for _ in range(12)))
    postings = await asyncio.gather(*(ledger.post(one.intent_id) for _ in range(12)))
    assert len({posting.reference for posting in postings}) == 1
    assert await available(bank) == 1_184_567
    await ledger.check_books()


async def test_a_hold_resolves_once_when_posting_and_voiding_race(bank: World) -> None:
    ledger = bank.bank.ledger
    names = [f"race-{n}" for n in range(20)]
    for name in names:
        await ledger.hold(await order(bank, name, 100))
    results = await asyncio.gather(
        *(work(name) for name in names for work in (ledger.post, ledger.void)), return_exceptions=True
    )
    for posted, voided in zip(results[::2], results[1::2], strict=True):
        assert isinstance(posted, Declined) != isinstance(voided, Declined)
        assert not isinstance(posted, Exception) or isinstance(posted, Declined)
    won = sum(not isinstance(posted, Declined) for posted in results[::2])
    assert await available(bank) == 1_234_567 - 100 * won
    await ledger.check_books()


async def test_books_are_checked_on_one_snapshot_while_money_moves(bank: World) -> None:
    ledger = bank.bank.ledger

    async def pay(n: int) -> None:
        await ledger.hold(await order(bank, f"busy-{n}", 100))
        await ledger.post(f"busy-{n}")

    await asyncio.gather(*(pay(n) for n in range(20)), *(ledger.check_books() for _ in range(20)))


@pytest.mark.parametrize("change", [{"amount": Money(1, "CNY")}, {"creditor_number": "440100004404"}])
async def test_one_intent_id_with_another_order_is_an_error_and_moves_nothing(
    bank: World, change: dict[str, object]
) -> None:
    first = await order(bank)
    await bank.bank.ledger.hold(first)
    with pytest.raises(IntentConflict):
        await bank.bank.ledger.hold(dataclasses.replace(first, **change))  # type: ignore[arg-type] # parametrised
    assert await available(bank) == 1_184_567


async def test_a_void_gives_the_amount_back_and_the_hold_never_comes_again(bank: World) -> None:
    ledger = bank.bank.ledger
    await ledger.hold(await order(bank))
    await ledger.void("intent-1")
    await ledger.void("intent-1")
    assert await available(bank) == 1_234_567
    with pytest.raises(Declined):
        await ledger.post("intent-1")
    with pytest.raises(Declined):
        await ledger.hold(await order(bank))
    await ledger.check_books()


async def test_an_order_that_arrives_after_its_void_is_refused(bank: World) -> None:
    await bank.bank.ledger.void("intent-1")
    with pytest.raises(Declined):
        await bank.bank.ledger.hold(await order(bank))
    assert await available(bank) == 1_234_567


async def test_what_is_posted_cannot_be_voided(bank: World) -> None:
    ledger = bank.bank.ledger
    await ledger.hold(await order(bank))
    await ledger.post("intent-1")
    with pytest.raises(Declined):
        await ledger.void("intent-1")


async def test_a_reversal_is_a_second_journal_and_happens_once(bank: World) -> None:
    ledger = bank.bank.ledger
    await ledger.hold(await order(bank))
    posted = await ledger.post("intent-1")
    reversal = await ledger.reverse("intent-1")
    assert await ledger.reverse("intent-1") == reversal
    assert reversal.reference != posted.reference
    _, entries = await ledger.recent(WANG, None, 2)
    assert [entry.amount.amount_minor for entry in entries] == [50_000, -50_000]
    assert await available(bank) == 1_234_567
    await ledger.check_books()


async def test_what_the_creditor_has_spent_is_not_taken_back(bank: World) -> None:
    ledger = bank.bank.ledger
    await ledger.hold(await order(bank, fen=1_000_000))
    await ledger.post("intent-1")
    theirs = await ledger.account(LI_LEI, None)
    await ledger.hold(TransferOrder("intent-2", theirs.id, "440100001101", theirs.available, "back"))
    await ledger.post("intent-2")
    with pytest.raises(Declined, match="spent"):
        await ledger.reverse("intent-1")
    await ledger.check_books()


@pytest.mark.parametrize(
    ("fen", "currency", "reason"),
    [(1_234_568, "CNY", "insufficient_funds"), (0, "CNY", "amount_invalid"), (-5, "CNY", "amount_invalid"),
     (5, "USD", "amount_invalid")],
)  # fmt: skip
async def test_a_hold_that_cannot_be_is_declined_with_its_reason(
    bank: World, fen: int, currency: str, reason: str
) -> None:
    with pytest.raises(Declined) as declined:
        await bank.bank.ledger.hold(await order(bank, fen=fen, currency=currency))
    assert declined.value.reason == reason
    assert await available(bank) == 1_234_567


async def test_a_frozen_account_pays_nobody(bank: World) -> None:
    frozen = await bank.bank.ledger.account(5, None)
    with pytest.raises(Declined) as declined:
        await bank.bank.ledger.hold(TransferOrder("i", frozen.id, "440100001101", Money(1, "CNY"), "x"))
    assert declined.value.reason == "account_frozen"


async def test_of_many_racing_for_the_last_money_only_as_many_win_as_it_covers(bank: World) -> None:
    ledger = bank.bank.ledger
    orders = [await order(bank, f"race-{n}", 300_000) for n in range(12)]

    async def pay(one: TransferOrder) -> bool:
        try:
            await ledger.hold(one)
            await ledger.post(one.intent_id)
        except Declined:
            return False
        return True

    won = await asyncio.gather(*(pay(one) for one in orders))
    assert won.count(True) == 4
    assert await available(bank) == 34_567
    await ledger.check_books()


async def test_two_customers_who_pay_each_other_at_once_do_not_wait_for_each_other(bank: World) -> None:
    ledger = bank.bank.ledger
    mine, theirs = await ledger.account(WANG, None), await ledger.account(LI_LEI, None)

    async def pay(intent: str, debtor: str, creditor: str) -> None:
        await ledger.hold(TransferOrder(intent, debtor, creditor, Money(100, "CNY"), "x"))
        await ledger.post(intent)

    await asyncio.gather(
        *(pay(f"there-{n}", mine.id, "440100003303") for n in range(15)),
        *(pay(f"back-{n}", theirs.id, "440100001101") for n in range(15)),
    )
    assert await available(bank) == 1_234_567
    await ledger.check_books()


async def test_a_payee_of_another_bank_is_paid_through_the_settlement_account(bank: World) -> None:
    debtor = await bank.bank.ledger.account(WANG, None)
    await bank.bank.ledger.hold(TransferOrder("i", debtor.id, "990200000077", Money(100, "CNY"), "New Shop"))
    await bank.bank.ledger.post("i")
    await bank.bank.ledger.check_books()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("UPDATE entries SET amount_minor = amount_minor + 1 WHERE id = 1", "does not sum to zero"),
        ("UPDATE accounts SET booked_minor = booked_minor + 1 WHERE id = 1", "not zero"),
        ("UPDATE accounts SET held_minor = 1 WHERE id = 1", "sum of its holds"),
    ],
)
async def test_books_that_were_tampered_with_do_not_add_up(bank: World, damage: str, message: str) -> None:
    def work(tx: Tx) -> None:
        tx.connection.connection.cursor().execute(damage)

    await bank.bank.ledger.check_books()
    await bank.bank.database.write(work)
    with pytest.raises(InvariantBroken, match=message):
        await bank.bank.ledger.check_books()


async def test_the_table_itself_refuses_an_account_below_its_floor(bank: World) -> None:
    damage = text("UPDATE accounts SET booked_minor = -1 WHERE id = 1")

    def work(tx: Tx) -> None:
        tx.connection.connection.cursor().execute(str(damage))

    with pytest.raises(Unavailable):
        await bank.bank.database.write(work)
    assert await available(bank) == 1_234_567
