"""The intents' contract: one authorisation, one table of moves, codes used once."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core_client.domain.audit import AuditRecord
from core_client.domain.limits import LimitProfile
from core_client.domain.money import Money
from core_client.domain.transfers import TRANSITIONS, Intent, TransferState, may_move
from core_client.errors import Declined, IntentConflict, InvariantBroken
from core_client.ports.intents import CodeCheck, Grant, Intents
from core_client.testing.world import World

LIMITS = LimitProfile()


def record(bank: World) -> AuditRecord:
    return AuditRecord(bank.clock.now(), "test", "test.done", "test")


def intents(bank: World) -> Intents:
    return bank.bank.ports.intents


async def prepared(bank: World, name: str = "one", fen: int = 50_000, channel: str = "voice") -> Intent:
    now = bank.clock.now()
    payee = (await bank.bank.ports.registry.payees(1))[0]
    life = datetime.timedelta(minutes=10)
    intent = Intent(
        f"intent-{name}", f"request-{name}", 1, channel, TransferState.PREPARED, "1", "1101", payee.id, payee.name,
        payee.account_number, Money(fen, "CNY"), now, now + life,
    )  # fmt: skip
    return await intents(bank).create(intent, record(bank))


async def authorise(bank: World, intent: Intent, request: str = "r1", customer: int = 1) -> Grant:
    taken = await intents(bank).authorise(intent.id, customer, request, bank.clock.now(), LIMITS, record(bank))
    return taken.grant


async def test_the_same_request_prepares_one_intent(bank: World) -> None:
    first = await prepared(bank)
    again = await intents(bank).create(dataclasses.replace(first, id="another"), record(bank))
    assert again == first


async def test_the_same_request_from_many_at_once_prepares_one_intent(bank: World) -> None:
    first = await prepared(bank)
    copies = [dataclasses.replace(first, id=f"copy-{n}", request_id="again") for n in range(12)]
    stored = await asyncio.gather(*(intents(bank).create(copy, record(bank)) for copy in copies))
    assert len({intent.id for intent in stored}) == 1


async def test_one_request_with_two_different_transfers_is_an_error(bank: World) -> None:
    first = await prepared(bank)
    with pytest.raises(IntentConflict):
        await intents(bank).create(dataclasses.replace(first, id="x", amount=Money(1, "CNY")), record(bank))


async def test_one_of_many_requests_at_once_takes_the_authorisation(bank: World) -> None:
    intent = await prepared(bank)
    grants = await asyncio.gather(*(authorise(bank, intent, f"r{n}") for n in range(12)))
    assert sorted(grants) == [Grant.GRANTED] + [Grant.SPENT] * 11


async def test_the_request_that_took_it_is_told_so_again(bank: World) -> None:
    intent = await prepared(bank)
    assert [await authorise(bank, intent), await authorise(bank, intent)] == [Grant.GRANTED, Grant.REPLAY]


async def test_nobody_else_takes_the_authorisation(bank: World) -> None:
    assert await authorise(bank, await prepared(bank), customer=2) is Grant.SPENT


async def test_an_unconfirmed_intent_expires_after_ten_minutes(bank: World) -> None:
    intent = await prepared(bank)
    bank.clock.advance(599)
    assert await intents(bank).expire(bank.clock.now(), record(bank)) == 0
    bank.clock.advance(1)
    assert await authorise(bank, intent) is Grant.EXPIRED
    assert await intents(bank).expire(bank.clock.now(), record(bank)) == 1
    assert await authorise(bank, intent) is Grant.EXPIRED


async def test_an_authorisation_is_void_when_the_payee_changed_since(bank: World) -> None:
    intent = await prepared(bank)

    def change(tx: object) -> None:
        cursor = tx.connection.connection.cursor()  # type: ignore[attr-defined] # the driver's own
        cursor.execute(f"UPDATE payees SET account_number = '990200000077' WHERE id = {intent.payee_id}")

    await bank.bank.database.write(change)
    assert await authorise(bank, intent) is Grant.STALE


async def test_many_intents_at_once_do_not_fit_under_the_day_s_limit_together(bank: World) -> None:
    """SMS: 5,000.00 a day; each alone fits."""
    many = [await prepared(bank, f"sms-{n}", 100_000, "sms") for n in range(20)]
    results = await asyncio.gather(*(authorise(bank, one, one.id) for one in many), return_exceptions=True)
    assert [one for one in results if not isinstance(one, Declined)] == [Grant.GRANTED] * 5
    assert {one.reason for one in results if isinstance(one, Declined)} == {"over_sms_limit"}


async def test_what_was_voided_does_not_count_and_tomorrow_is_another_day(bank: World) -> None:
    first = await prepared(bank, "a", 400_000, "sms")
    await authorise(bank, first)
    await intents(bank).advance(first.id, TransferState.VOIDED, record(bank))
    second = await prepared(bank, "b", 400_000, "sms")
    assert await authorise(bank, second, "r2") is Grant.GRANTED
    bank.clock.advance(86_400)
    assert await authorise(bank, await prepared(bank, "c", 400_000, "sms"), "r3") is Grant.GRANTED


async def test_an_intent_moves_only_by_the_table(bank: World) -> None:
    intent = await prepared(bank)
    with pytest.raises(InvariantBroken):
        await intents(bank).advance(intent.id, TransferState.POSTED, record(bank))
    found = await intents(bank).get(intent.id)
    assert found is not None
    assert found.state is TransferState.PREPARED


async def test_a_code_fits_once_and_the_request_that_used_it_is_told_so_again(bank: World) -> None:
    intent, now = await prepared(bank), bank.clock.now()
    await intents(bank).set_code(intent.id, b"right", now + datetime.timedelta(minutes=10), record(bank))

    async def use(mac: bytes, request: str) -> CodeCheck:
        return await intents(bank).use_code(intent.id, mac, request, bank.clock.now())

    assert await use(b"wrong", "r1") is CodeCheck.WRONG
    assert await use(b"right", "r2") is CodeCheck.RIGHT
    assert await use(b"right", "r2") is CodeCheck.RIGHT
    assert await use(b"right", "r3") is CodeCheck.EXPIRED


async def test_a_code_ends_after_its_ten_minutes_and_a_new_one_voids_the_old(bank: World) -> None:
    intent, later = await prepared(bank), datetime.timedelta(minutes=10)
    await intents(bank).set_code(intent.id, b"old", bank.clock.now() + later, record(bank))
    await intents(bank).set_code(intent.id, b"new", bank.clock.now() + later, record(bank))
    assert await intents(bank).use_code(intent.id, b"old", "r", bank.clock.now()) is CodeCheck.WRONG
    bank.clock.advance(600)
    assert await intents(bank).use_code(intent.id, b"new", "r", bank.clock.now()) is CodeCheck.EXPIRED


@settings(deadline=None)
@given(st.sampled_from(TransferState), st.lists(st.sampled_from(TransferState), max_size=8))
def test_no_way_through_the_table_posts_twice_or_leaves_an_end(start: TransferState, way: list[TransferState]) -> None:
    state, posted = start, 0
    for wanted in way:
        if wanted is not state and may_move(state, wanted):
            assert TRANSITIONS[state]
            posted += wanted is TransferState.POSTED
            state = wanted
    assert posted <= 1
