"""What customers, machines and people do while their bank is killed, step by step under request ids that stay the same.

A story that is told again after a restart is what a channel does that heard no answer. ``tell`` notes each answer as
the channel hears it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any

from core_client.domain.money import Money
from core_client.domain.profile import BankProfile
from core_client.domain.reversals import ReversalState
from core_client.domain.secret import Secret
from core_client.domain.staff import Person, Role
from core_client.domain.transfers import TransferState
from core_client.errors import BankError
from core_client.services.call import OperationResult
from core_client.testing.faulty_bank import Fault
from core_client.testing.world import World
from tests.scenario.bank.dying_bank import PROFILE

LINE = "+8613900000001"
CODE = "730184"
Tell = Callable[..., None]
Story = Callable[[World, Tell, int], Awaitable[None]]
"""A bank, who notes answers, and how many hundreds of yuan it is about."""


def _nobody(_step: str, **_answer: object) -> None:
    """Hear nothing: this step belongs to another story."""


async def _prepared(bank: World, tell: Tell, operation: str, hundreds: int, **more: Any) -> tuple[str, str] | None:
    session = await bank.authenticated(LINE)
    amount = Money(hundreds * 10_000, "CNY")
    prepared = await bank.perform(session, operation, request_id=f"{operation}-wish", amount=amount, **more)
    _note(tell, "prepare", prepared)
    return None if prepared.outcome != "ok" else (session, str(prepared.answer["id"]))


def _note(tell: Tell, step: str, result: OperationResult) -> None:
    answer = {key: str(value) for key, value in result.answer.items() if key != "available"}
    tell(step, outcome=result.outcome, reason=result.reason, **answer)


async def transfer(bank: World, tell: Tell, hundreds: int) -> None:
    """Pay a registered payee."""
    if (begun := await _prepared(bank, tell, "transfers.prepare", hundreds, payee="1")) is not None:
        session, intent = begun
        done = await bank.perform(session, "transfers.authorise", request_id="order", intent=intent)
        _note(tell, "authorise", done)


async def call_off(bank: World, tell: Tell, hundreds: int) -> None:
    """Pay a registered payee, and think again."""
    if (begun := await _prepared(bank, tell, "transfers.prepare", hundreds, payee="1")) is not None:
        session, intent = begun
        await bank.perform(session, "transfers.authorise", request_id="order", intent=intent, cancellable=True)
        _note(tell, "cancel", await bank.perform(session, "transfers.cancel", request_id="halt", intent=intent))


async def reverse(bank: World, tell: Tell, hundreds: int) -> None:
    """Pay a registered payee, and two people book it back."""
    if (begun := await _prepared(bank, tell, "transfers.prepare", hundreds, payee="1")) is None:
        return
    session, intent = begun
    await bank.perform(session, "transfers.authorise", request_id="order", intent=intent)
    mei, ben = (Person(n, frozenset(Role), bank.clock.now()) for n in ("mei", "ben"))
    asked = await bank.bank.ports.reversals.get(intent)
    if asked is None:
        await bank.bank.reversals.ask(intent, mei, "sent twice")
    if asked is None or asked.state is ReversalState.ASKED:
        await bank.bank.reversals.approve(intent, ben)
    found = await bank.bank.ports.intents.get(intent)
    assert found is not None
    tell("reverse", outcome="ok" if found.state is TransferState.REVERSED else found.state.value)


async def order_cash(bank: World, tell: Tell, hundreds: int) -> None:
    """Put an amount aside for a code."""
    if (begun := await _prepared(bank, tell, "cash.prepare", hundreds)) is not None:
        session, intent = begun
        done = await bank.perform(session, "cash.order", request_id="cash-order", intent=intent, code=CODE)
        _note(tell, "order", done)


async def collect(bank: World, tell: Tell, hundreds: int) -> None:
    """Put an amount aside, and go to a machine."""
    await order_cash(bank, _nobody, hundreds)
    await _at_the_machine(bank, tell)


async def _at_the_machine(bank: World, tell: Tell) -> None:
    answer = await bank.core.cash.collect(LINE, Secret(CODE), "ATM-7", "17")
    tell("collect", outcome=answer.payout.value, amount=str(answer.amount), reference=answer.reference)


async def not_paid_out(bank: World, tell: Tell, hundreds: int) -> None:
    """Put an amount aside, and go to a machine whose notes are jammed."""
    await order_cash(bank, _nobody, hundreds)
    await _at_the_machine(bank, _nobody)
    tell("returned", outcome="ok" if await bank.core.cash.not_paid_out(LINE, "ATM-7", "17") else "no")


async def give_up(bank: World, tell: Tell, hundreds: int) -> None:
    """Put an amount aside, and think again."""
    await order_cash(bank, _nobody, hundreds)
    session = await bank.authenticated(LINE)
    _note(tell, "give_up", await bank.perform(session, "cash.cancel", request_id="halt"))


async def forgotten(bank: World, tell: Tell, hundreds: int) -> None:
    """Put an amount aside, and a machine hears no answer and never asks again."""
    await order_cash(bank, _nobody, hundreds)
    bank.faulty.faults["post"] = Fault.LOST_REPLY
    with contextlib.suppress(BankError):
        await _at_the_machine(bank, _nobody)
    bank.faulty.faults.clear()
    bank.clock.advance(120)
    await bank.core.cash.look_after()
    tell("forgotten", outcome="ok")


async def freeze(bank: World, tell: Tell, hundreds: int) -> None:
    """Stop everything by text, without a PIN; what is wished afterwards is refused."""
    session = (await bank.core.arrive("sms", LINE)).auth_session_id
    _note(tell, "freeze", await bank.perform(session, "accounts.freeze", "sms", request_id="stop"))
    await transfer(bank, tell, hundreds)


STORIES: Mapping[str, Story] = MappingProxyType(
    {
        "transfer": transfer,
        "call_off": call_off,
        "reverse": reverse,
        "order_cash": order_cash,
        "collect": collect,
        "not_paid_out": not_paid_out,
        "give_up": give_up,
        "forgotten": forgotten,
        "freeze": freeze,
    }
)


def profile_of(story: str) -> BankProfile | None:
    """Answer the profile of a story's bank: only where a transfer is called off does one wait."""
    return PROFILE if story == "call_off" else None
