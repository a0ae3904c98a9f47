"""The door: every operation has one handler, and nothing passes below its security class."""

from __future__ import annotations

import asyncio
import inspect

import pytest

from core_client.domain.money import Money
from core_client.domain.pins import AttemptPolicy
from core_client.domain.profile import BankProfile
from core_client.domain.values import Value
from core_client.operations import REGISTRY, UNAUTHENTICATED, Operation, Security
from core_client.services.call import OperationCall
from core_client.testing.faulty_bank import Fault
from core_client.testing.world import World, world
from tests.unit.core_client.asked_operations import ARGUMENTS, CALLERS, made_ready

LINE = "+8613900000001"
ROWS = list(REGISTRY.values())


async def session_of(bank: World, level: Security, channel: str) -> str:
    if level is Security.AUTHENTICATED:
        return await bank.authenticated(LINE)
    arrival = await bank.core.arrive(channel, LINE if level is Security.IDENTIFIED else None)
    if level is Security.CLAIMED:
        await bank.perform(arrival.auth_session_id, "identity.claim", customer="10000001")
    return arrival.auth_session_id


async def test_every_operation_has_exactly_one_handler_with_the_declared_parameters() -> None:
    async with world() as bank:
        assert set(bank.core.handlers) == set(REGISTRY) == set(ARGUMENTS)
        assert len(set(bank.core.handlers.values())) == len(REGISTRY)
        for name, handler in bank.core.handlers.items():
            parameters = list(inspect.signature(handler).parameters.values())[1:]
            declared = {key: field.required for key, field in REGISTRY[name].parameters.items()}
            assert {one.name: one.default is inspect.Parameter.empty for one in parameters} == declared, name


@pytest.mark.parametrize("channel", ["voice", "sms"])
@pytest.mark.parametrize("operation", ROWS, ids=lambda row: row.name)
async def test_an_operation_is_refused_below_its_class_and_answered_from_it_on(
    operation: Operation, channel: str
) -> None:
    async with world() as bank:
        for level in Security:
            if channel == "sms" and level in (Security.CLAIMED, Security.AUTHENTICATED):
                continue  # nobody claims by text, and a text is authenticated by its intent's code only
            session = await session_of(bank, level, channel)
            call = OperationCall(operation.name, ARGUMENTS[operation.name], session, f"{level}", channel)
            outcome = (await bank.core.perform(call)).outcome
            passes = level >= operation.security_on(channel) and operation.allowed_on(channel)
            assert (outcome != UNAUTHENTICATED) == passes, (level, outcome)
            assert outcome in (*operation.outcomes, UNAUTHENTICATED)


@pytest.mark.parametrize("operation", ROWS, ids=lambda row: row.name)
async def test_ok_answers_exactly_the_declared_fields(operation: Operation) -> None:
    async with world() as bank:
        channel = "voice" if operation.voice else "sms"
        who = CALLERS.get(operation.name, LINE)
        session = (
            await bank.authenticated(who) if channel == "voice" else await session_of(bank, Security.IDENTIFIED, "sms")
        )
        arguments = await made_ready(bank, session, channel, operation.name)
        if operation.name == "auth.verify_code":
            session = await session_of(bank, Security.IDENTIFIED, "sms")
            channel = "sms"
            issued = await bank.perform(session, "auth.issue_code", "sms", intent=arguments["intent"])
            arguments["code"] = issued.answer["code"]
        result = await bank.core.perform(OperationCall(operation.name, arguments, session, "r", channel))
        assert result.outcome == "ok", result.reason
        always = {name for name, field in operation.answer.items() if field.required}
        assert always <= set(result.answer) <= set(operation.answer)


async def test_a_session_of_one_channel_is_worth_nothing_on_another() -> None:
    async with world() as bank:
        session = await bank.authenticated(LINE)
        assert (await bank.perform(session, "accounts.balance", "sms")).outcome == UNAUTHENTICATED


async def test_an_invented_session_is_unauthenticated() -> None:
    async with world() as bank:
        assert (await bank.perform("0" * 32, "customer.set_language", language="en")).outcome == UNAUTHENTICATED


async def test_a_session_that_left_is_gone() -> None:
    async with world() as bank:
        session = await bank.authenticated(LINE)
        await bank.core.leave(session)
        assert (await bank.perform(session, "accounts.balance")).outcome == UNAUTHENTICATED


async def test_the_pin_fades_after_five_idle_minutes_and_use_keeps_it() -> None:
    async with world() as bank:
        session = await bank.authenticated(LINE)
        for _ in range(4):
            bank.clock.advance(299)
            assert (await bank.perform(session, "accounts.balance")).outcome == "ok"
        bank.clock.advance(301)
        assert (await bank.perform(session, "accounts.balance")).outcome == UNAUTHENTICATED
        assert (await bank.perform(session, "auth.verify_pin", pin="739154")).outcome == "ok"
        assert (await bank.perform(session, "accounts.balance")).outcome == "ok"


async def test_a_clock_that_goes_back_proves_nothing() -> None:
    async with world() as bank:
        session = await bank.authenticated(LINE)
        bank.clock.advance(-1)
        assert (await bank.perform(session, "accounts.balance")).outcome == UNAUTHENTICATED


async def test_a_lock_from_another_channel_ends_a_running_proof_at_once() -> None:
    profile = BankProfile(attempts=AttemptPolicy(delays_s=(0, 0, 0, 0)))
    async with world(profile=profile) as bank:
        session = await bank.authenticated(LINE)
        prepared = await bank.perform(session, "transfers.prepare", payee="1", amount=Money(100, "CNY"))
        other = (await bank.core.arrive("voice", None)).auth_session_id
        await bank.perform(other, "identity.claim", customer="10000001")
        for heard in ("refused", "refused", "refused", "refused", "locked"):
            assert (await bank.perform(session, "accounts.balance")).outcome == "ok"
            assert (await bank.perform(other, "auth.verify_pin", pin="000000")).outcome == heard
        assert (await bank.perform(session, "accounts.balance")).outcome == UNAUTHENTICATED
        spent = await bank.perform(session, "transfers.authorise", intent=prepared.answer["id"])
        assert spent.outcome == UNAUTHENTICATED
        assert (await bank.perform(session, "auth.verify_pin", pin="739154")).outcome == "locked"
        sms = (await bank.core.arrive("sms", LINE)).auth_session_id
        assert (await bank.perform(sms, "accounts.balance", "sms")).outcome == "ok"  # needs no factor
        intent = (await bank.perform(sms, "transfers.prepare", "sms", payee="1", amount=Money(100, "CNY"))).answer["id"]
        assert (await bank.perform(sms, "auth.issue_code", "sms", intent=intent)).outcome == "locked"


@pytest.mark.parametrize(
    ("operation", "arguments", "reason"),
    [
        ("transfers.prepare", {"payee": "1", "amount": "500"}, "amount_invalid"),
        ("transfers.prepare", {"payee": "x" * 129, "amount": Money(1, "CNY")}, "payee_unknown"),
        ("transfers.prepare", {"amount": Money(1, "CNY")}, "payee_unknown"),
        ("accounts.balance", {"account": ""}, "account_unknown"),
        ("transfers.authorise", {"intent": 5}, "intent_spent"),
    ],
)
async def test_an_argument_of_the_wrong_shape_is_refused_with_its_reason(
    operation: str, arguments: dict[str, Value], reason: str
) -> None:
    async with world() as bank:
        session = await bank.authenticated(LINE)
        result = await bank.core.perform(OperationCall(operation, arguments, session, "r", "voice"))
        assert (result.outcome, result.reason) == ("refused", reason)


async def test_an_operation_that_nobody_declared_is_an_error_of_ours() -> None:
    async with world() as bank:
        with pytest.raises(KeyError):
            await bank.perform("s", "accounts.rob")
        with pytest.raises(TypeError):
            await bank.perform("s", "accounts.list", all_customers=True)


async def test_a_store_of_sessions_that_is_down_is_spoken_as_down_and_nobody_is_let_in() -> None:
    async with world() as bank:
        session = await bank.authenticated(LINE)
        bank.auth_sessions.down = True
        assert (await bank.perform(session, "accounts.balance")).outcome == "down"
        arrival = await bank.core.arrive("voice", LINE)
        assert not arrival.identified
        await bank.core.leave(session)


async def test_an_enquiry_of_a_bank_that_is_down_is_down() -> None:
    async with world() as bank:
        session = await bank.authenticated(LINE)
        bank.faulty.faults.update(account=Fault.DOWN, accounts=Fault.LOST_REPLY, recent=Fault.DOWN)
        for operation in ("accounts.list", "accounts.balance", "accounts.recent"):
            assert (await bank.perform(session, operation)).outcome == "down"


async def test_a_caller_who_hangs_up_in_the_middle_does_not_stop_a_transfer() -> None:
    async with world() as bank:
        session = await bank.authenticated(LINE)
        prepared = await bank.perform(session, "transfers.prepare", payee="1", amount=Money(100, "CNY"))
        gate = asyncio.Event()

        async def slowly(_: float) -> None:
            await gate.wait()

        bank.faulty._sleep = slowly
        bank.faulty.slow_s["post"] = 60
        order = asyncio.ensure_future(bank.perform(session, "transfers.authorise", intent=prepared.answer["id"]))
        while "post" not in bank.faulty.asked:
            await asyncio.wait([order], timeout=0.01)
        order.cancel()
        with pytest.raises(asyncio.CancelledError):
            await order
        gate.set()
        await bank.core.drain()
        assert (await bank.bank.ledger.account(1, None)).booked == Money(1_234_467, "CNY")
