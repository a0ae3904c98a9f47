"""Own accounts, any account, a chosen account; what waits and is called off; who was told; reversals."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import itertools
from collections.abc import Mapping
from typing import cast

import pytest

from core_client.domain.audit import AuditRecord
from core_client.domain.limits import CancelWindow, LimitProfile, Which
from core_client.domain.money import Money
from core_client.domain.profile import BankProfile
from core_client.domain.staff import Person, Role
from core_client.domain.transfers import Purpose, TransferState
from core_client.domain.values import Value
from core_client.errors import Declined, Unavailable
from core_client.operations import REGISTRY
from core_client.services.call import OperationCall, OperationResult
from core_client.services.staff import StaffError
from core_client.services.transfers import NOBODY_S_NAME
from core_client.testing.faulty_bank import Fault
from core_client.testing.world import World, world

WANG, SMITH, LI, GARCIA = (f"+861390000000{n}" for n in (1, 2, 3, 6))
SHOP = "990200000077"  # at another bank
LI_CURRENT = "440100003303"
TEN = datetime.timedelta(minutes=10)
WAITS = BankProfile(limits=LimitProfile(cancel_windows=(CancelWindow(Which(), TEN),)))
MEI = Person("mei", frozenset({Role.OPERATOR, Role.APPROVER}), datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
BEN = dataclasses.replace(MEI, name="ben")
_requests = itertools.count(1)


def yuan(amount: str) -> Money:
    return Money.parse(f"{amount} CNY")


async def balance(bank: World, customer: int, account: str | None = None) -> Money:
    return (await bank.bank.ledger.account(customer, account)).available


async def state(bank: World, intent: str) -> TransferState:
    found = await bank.bank.ports.intents.get(intent)
    assert found is not None
    return found.state


async def number_of(bank: World, customer: int) -> str:
    return (await bank.bank.ledger.account(customer, None)).number


async def ask(bank: World, session: str, operation: str, arguments: Mapping[str, Value]) -> OperationResult:
    request = f"ask-{next(_requests)}"
    return await bank.core.perform(OperationCall(operation, arguments, session, request, "voice"))


async def pay(bank: World, session: str, prepared: OperationResult, *, cancellable: bool = False) -> OperationResult:
    assert prepared.outcome == "ok", prepared
    intent = str(prepared.answer["id"])
    return await ask(bank, session, "transfers.authorise", {"intent": intent, "cancellable": cancellable})


async def owed(bank: World) -> list[str]:
    await bank.core.telling.drain()
    return [one.id for one in await bank.core.telling.owed(0)]


# --- every kind ---


async def test_money_moves_between_own_accounts_without_a_fee_or_a_daily_limit() -> None:
    async with world() as bank:
        session = await bank.authenticated(LI)
        before, savings = await balance(bank, 3), await balance(bank, 3, "3317")
        for _ in range(3):  # 105,000.00 in all would be over the day's limit of 100,000.00
            there = await bank.perform(
                session, "transfers.prepare_own", to=LI_CURRENT[-4:], amount=yuan("35000.00"), account="3317"
            )
            assert ("fee" in there.answer, there.answer["payee_last4"]) == (False, LI_CURRENT[-4:])
            assert (await pay(bank, session, there)).outcome == "ok"
            back = await bank.perform(
                session, "transfers.prepare_own", to="3317", amount=yuan("35000.00"), account=LI_CURRENT[-4:]
            )
            assert (await pay(bank, session, back)).outcome == "ok"
        assert (await balance(bank, 3), await balance(bank, 3, "3317")) == (before, savings)


@pytest.mark.parametrize(
    ("to", "account", "amount", "reason"),
    [
        ("3317", "3317", "1.00 CNY", "same_account"),
        ("9999", None, "1.00 CNY", "account_unknown"),
        ("3317", None, "1.00 USD", "amount_invalid"),
        ("3317", None, "999999.00 CNY", "over_transaction_limit"),
    ],
)
async def test_between_own_accounts_what_cannot_be_is_refused(
    to: str, account: str | None, amount: str, reason: str
) -> None:
    async with world() as bank:
        session = await bank.authenticated(LI)
        arguments: dict[str, Value] = {"to": to, "amount": Money.parse(amount), "account": account}
        result = await ask(bank, session, "transfers.prepare_own", arguments)
        assert (result.outcome, result.reason) == ("refused", reason)


async def test_an_account_here_is_read_back_by_its_holder_s_name() -> None:
    async with world() as bank:
        session = await bank.authenticated(WANG)
        number = await number_of(bank, 2)
        prepared = await bank.perform(session, "transfers.prepare_account", number=number, amount=yuan("10.00"))
        assert (prepared.answer["payee_name"], prepared.answer["payee_last4"]) == ("John Smith", number[-4:])
        assert not {"unchecked", "fee"} & set(prepared.answer)
        found = await bank.bank.ports.intents.get(str(prepared.answer["id"]))
        assert found is not None
        assert found.purpose is Purpose.THIRD_PARTY


async def test_an_account_elsewhere_costs_a_fee_and_nobody_is_named() -> None:
    async with world() as bank:
        session, before = await bank.authenticated(WANG), await balance(bank, 1)
        prepared = await bank.perform(session, "transfers.prepare_account", number=SHOP, amount=yuan("10.00"))
        assert (prepared.answer["unchecked"], prepared.answer["fee"]) == (True, yuan("2.00"))
        assert prepared.answer["payee_name"] == NOBODY_S_NAME
        assert (await pay(bank, session, prepared)).answer["available"] == before - yuan("12.00")
        await bank.bank.ledger.check_books()


async def test_any_account_is_paid_by_voice_with_the_pin_and_never_by_text() -> None:
    async with world() as bank:
        arrival = await bank.core.arrive("sms", WANG)
        result = await bank.perform(
            arrival.auth_session_id, "transfers.prepare_account", "sms", number=SHOP, amount=yuan("1.00")
        )
        assert (result.outcome, REGISTRY["transfers.prepare_account"].sms) == ("unauthenticated", False)


async def test_an_own_account_that_is_keyed_as_any_other_is_an_own_account() -> None:
    async with world() as bank:
        session = await bank.authenticated(LI)
        savings = (await bank.bank.ledger.account(3, "3317")).number
        prepared = await bank.perform(session, "transfers.prepare_account", number=savings, amount=yuan("10.00"))
        found = await bank.bank.ports.intents.get(str(prepared.answer["id"]))
        assert found is not None
        assert found.purpose is Purpose.OWN


async def test_names_of_account_holders_are_read_out_so_often_a_day() -> None:
    profile = BankProfile(limits=LimitProfile(names_per_day=2))
    async with world(profile=profile) as bank:
        session, number = await bank.authenticated(WANG), await number_of(bank, 2)

        async def ask() -> str | None:
            return (await bank.perform(session, "transfers.prepare_account", number=number, amount=yuan("1.00"))).reason

        assert [await ask() for _ in range(3)] == [None, None, "not_permitted"]


async def test_a_payee_is_paid_from_the_account_that_was_chosen() -> None:
    async with world() as bank:
        session = await bank.authenticated(LI)
        before, other = await balance(bank, 3, "3317"), await balance(bank, 3)
        prepared = await bank.perform(session, "transfers.prepare", payee="1", amount=yuan("20.00"), account="3317")
        assert prepared.answer["from_last4"] == "3317"
        assert (await pay(bank, session, prepared)).outcome == "ok"
        assert (await balance(bank, 3, "3317"), await balance(bank, 3)) == (before - yuan("20.00"), other)


@pytest.mark.parametrize(
    ("line", "operation", "arguments", "reason", "left"),
    [
        (GARCIA, "transfers.prepare", {"payee": "1", "amount": yuan("60000.00")}, "over_transaction_limit", "50000.00"),
        (GARCIA, "transfers.prepare_account", {"number": SHOP, "amount": yuan("20000.01")}, "over_unregistered_limit",
         "20000.00"),
        ("+8613900000009", "transfers.prepare", {"payee": "1", "amount": yuan("20.01")}, "insufficient_funds", "20.00"),
        ("+8613900000009", "transfers.prepare_account", {"number": SHOP, "amount": yuan("19.00")},
         "insufficient_funds", "18.00"),  # and its fee
        ("+8613900000009", "transfers.prepare", {"payee": "1", "amount": yuan("60000.00")}, "over_transaction_limit",
         "20.00"),  # a limit lets more through than the account has
    ],
)  # fmt: skip
async def test_a_refusal_says_what_is_still_possible_and_that_is(
    line: str, operation: str, arguments: dict[str, Value], reason: str, left: str
) -> None:
    async with world() as bank:
        session = await bank.authenticated(line)
        result = await ask(bank, session, operation, arguments)
        assert (result.outcome, result.reason, result.answer) == ("refused", reason, {"left": yuan(left)})
        again = await ask(bank, session, operation, {**arguments, "amount": yuan(left)})
        assert (await pay(bank, session, again)).outcome == "ok"


# --- what waits ---


async def waiting(bank: World, session: str) -> str:
    prepared = await bank.perform(session, "transfers.prepare", payee="1", amount=yuan("100.00"))
    result = await pay(bank, session, prepared, cancellable=True)
    assert (result.outcome, result.answer["cancel_minutes"]) == ("ok", 10)
    return str(prepared.answer["id"])


async def test_what_waits_is_held_and_leaves_when_its_time_is_over() -> None:
    async with world(profile=WAITS) as bank:
        session, before = await bank.authenticated(), await balance(bank, 1)
        intent = await waiting(bank, session)
        assert (await state(bank, intent), await balance(bank, 1)) == (TransferState.HELD, before - yuan("100.00"))
        bank.clock.advance(599)
        assert await bank.core.recover() == []
        assert await state(bank, intent) is TransferState.HELD
        assert await owed(bank) == []
        bank.clock.advance(1)
        assert [one.outcome for one in await bank.core.recover()] == ["ok"]
        assert await owed(bank) == [intent]


async def test_what_waits_is_called_off_on_another_channel_and_comes_back() -> None:
    async with world(profile=WAITS) as bank:
        session, before = await bank.authenticated(), await balance(bank, 1)
        intent = await waiting(bank, session)
        text = (await bank.core.arrive("sms", WANG)).auth_session_id
        pending = await bank.perform(text, "transfers.pending", "sms")
        waits = {"id": intent, "amount": yuan("100.00"), "payee_name": "Li Lei 李雷", "payee_last4": LI_CURRENT[-4:]}
        told = cast("tuple[dict[str, Value], ...]", pending.answer["transfers"])
        assert [{key: one[key] for key in waits} for one in told] == [waits]
        assert told[0]["cancel_minutes"] == 10
        assert (await bank.perform(text, "transfers.cancel", "sms", intent=intent)).outcome == "ok"
        assert (await bank.perform(text, "transfers.cancel", "sms", intent=intent)).outcome == "ok"
        assert (await state(bank, intent), await balance(bank, 1)) == (TransferState.VOIDED, before)
        assert (await bank.perform(text, "transfers.pending", "sms")).answer["count"] == 0
        await bank.bank.ledger.check_books()


async def test_nobody_calls_off_what_is_another_s_or_has_left() -> None:
    async with world(profile=WAITS) as bank:
        session = await bank.authenticated()
        intent = await waiting(bank, session)
        other = await bank.authenticated(SMITH)
        assert (await bank.perform(other, "transfers.cancel", intent=intent)).reason == "intent_spent"
        bank.clock.advance(600)
        session = await bank.authenticated()
        assert (await bank.perform(session, "transfers.cancel", intent=intent)).reason == "cancel_too_late"
        await bank.core.recover()
        assert (await bank.perform(session, "transfers.cancel", intent=intent)).reason == "cancel_too_late"


async def test_called_off_and_left_at_once_is_one_of_them() -> None:
    async with world(profile=WAITS) as bank:
        for _ in range(5):
            session = await bank.authenticated()
            intent, before = await waiting(bank, session), await balance(bank, 1)
            found = await bank.bank.ports.intents.get(intent)
            assert found is not None
            posting = bank.core.settlement.collect(found, lambda *a, **k: _audit(bank))
            results = await asyncio.gather(bank.perform(session, "transfers.cancel", intent=intent), posting)
            posted = await state(bank, intent) is TransferState.POSTED
            assert {results[0].outcome, results[1].outcome} == ({"refused", "ok"})
            assert (results[1].outcome == "ok") is posted
            assert await balance(bank, 1) == (before if posted else before + yuan("100.00"))


def _audit(bank: World) -> AuditRecord:
    return AuditRecord(bank.clock.now(), "test", "test.done", "test")


async def test_a_lost_answer_to_calling_off_is_told_by_text_whatever_it_was() -> None:
    for fault, end in ((Fault.LOST_REPLY, TransferState.VOIDED), (Fault.LOST_ORDER, TransferState.POSTED)):
        async with world(profile=WAITS) as bank:
            session = await bank.authenticated()
            intent = await waiting(bank, session)
            bank.faulty.faults = {"void": fault}
            assert (await bank.perform(session, "transfers.cancel", intent=intent)).outcome == "down"
            bank.faulty.faults = {}
            bank.clock.advance(601)
            await bank.core.recover()
            assert (await state(bank, intent), await owed(bank)) == (end, [intent])


async def test_a_flow_that_cannot_tell_a_wait_has_none() -> None:
    async with world(profile=WAITS) as bank:
        session = await bank.authenticated()
        prepared = await bank.perform(session, "transfers.prepare", payee="1", amount=yuan("1.00"))
        result = await pay(bank, session, prepared)
        assert "cancel_minutes" not in result.answer
        assert await state(bank, str(prepared.answer["id"])) is TransferState.POSTED


# --- who was told ---


async def test_whoever_heard_it_is_owed_nothing_and_whoever_did_not_is() -> None:
    async with world() as bank:
        session = await bank.authenticated()
        told, untold = [
            await bank.perform(session, "transfers.prepare", payee="1", amount=yuan("1.00")) for _ in range(2)
        ]
        for prepared, heard in ((told, True), (untold, False)):
            call = OperationCall("transfers.authorise", {"intent": prepared.answer["id"]}, session, "r", "voice")
            call = dataclasses.replace(call, request_id=str(prepared.answer["id"]))
            result = await bank.core.perform(call)
            if heard:
                bank.core.heard(call, result)
        assert await owed(bank) == [untold.answer["id"]]


async def test_a_mark_that_cannot_be_stored_means_once_more_not_never(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world() as bank:
        session = await bank.authenticated()
        prepared = await bank.perform(session, "transfers.prepare", payee="1", amount=yuan("1.00"))
        call = OperationCall("transfers.authorise", {"intent": prepared.answer["id"]}, session, "r", "voice")
        result = await bank.core.perform(call)

        async def fails(*_: object) -> None:
            raise Unavailable("gone")

        monkeypatch.setattr(type(bank.bank.ports.intents), "told", fails)
        bank.core.heard(call, result)
        assert await owed(bank) == [prepared.answer["id"]]


# --- booked back ---


async def posted(bank: World) -> str:
    session = await bank.authenticated()
    prepared = await bank.perform(session, "transfers.prepare", payee="1", amount=yuan("100.00"))
    await pay(bank, session, prepared)
    return str(prepared.answer["id"])


async def test_a_reversal_is_a_second_entry_that_two_people_want() -> None:
    async with world() as bank:
        before, intent, desk = await balance(bank, 1), await posted(bank), bank.bank.reversals
        await desk.ask(intent, MEI, "paid twice by our mistake")
        assert [one.intent_id for one, _ in await desk.waiting()] == [intent]
        with pytest.raises(StaffError, match="somebody else has to approve"):
            await desk.approve(intent, MEI)
        assert await state(bank, intent) is TransferState.POSTED
        assert (await desk.approve(intent, BEN)).outcome == "reversed"
        assert (await state(bank, intent), await balance(bank, 1)) == (TransferState.REVERSED, before)
        _, entries = await bank.bank.ledger.recent(1, None, 2)
        assert [entry.amount for entry in entries] == [yuan("100.00"), yuan("-100.00")]
        assert await owed(bank) == [intent]
        with pytest.raises(StaffError, match="no reversal"):
            await desk.approve(intent, BEN)
        await bank.bank.ledger.check_books()


async def test_an_approved_reversal_is_carried_on_after_the_bank_was_silent() -> None:
    async with world() as bank:
        intent, desk = await posted(bank), bank.bank.reversals
        await desk.ask(intent, MEI, "ours")
        bank.faulty.faults = {"reverse": Fault.DOWN}
        with pytest.raises(Unavailable):
            await desk.approve(intent, BEN)
        assert await bank.core.recover() == []
        bank.faulty.faults = {}
        assert [one.outcome for one in await bank.core.recover()] == ["reversed"]
        assert await bank.core.recover() == []
        await bank.bank.ledger.check_books()


async def test_what_the_payee_has_spent_is_not_booked_back_and_can_be_asked_for_again() -> None:
    async with world() as bank:
        intent, desk = await posted(bank), bank.bank.reversals
        await desk.ask(intent, MEI, "ours")
        bank.faulty.faults = {"reverse": Declined("insufficient_funds")}
        with pytest.raises(Declined):
            await desk.approve(intent, BEN)
        assert await desk.waiting() == []
        bank.faulty.faults = {}
        await desk.ask(intent, MEI, "they paid in again")
        assert (await desk.approve(intent, BEN)).outcome == "reversed"


async def test_only_the_booked_is_reversed_by_those_who_may_with_a_reason() -> None:
    author = dataclasses.replace(MEI, name="al", roles=frozenset({Role.AUTHOR}))
    async with world(profile=WAITS) as bank:
        held = await waiting(bank, await bank.authenticated())
        desk = bank.bank.reversals
        with pytest.raises(Declined):
            await desk.ask(held, MEI, "too early")
        with pytest.raises(StaffError, match="is no operator"):
            await desk.ask(held, author, "nobody")
        with pytest.raises(StaffError, match="needs a reason"):
            await desk.ask(held, MEI, "  ")
