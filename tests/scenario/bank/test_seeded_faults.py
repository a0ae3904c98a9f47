"""A bank that fails at random, replayable by its seed: what was said stays true, and the books add up.

``TELLERLINE_PROOF=1`` plays 400 seeds, otherwise a fixed few.
A failure names its seed: put it into ``SEEDS`` to replay it.
"""

from __future__ import annotations

import asyncio
import os
import random

import pytest

from core_client.domain.money import Money
from core_client.domain.transfers import TransferState
from core_client.errors import Declined
from core_client.ports.core_bank import HoldState
from core_client.services.call import OperationResult
from core_client.testing.faulty_bank import Fault
from core_client.testing.world import World, world

SEEDS = range(400) if os.environ.get("TELLERLINE_PROOF") == "1" else range(8)
LINES = ("+8613900000001", "+8613900000002", "+8613900000003", "+8613900000009")
ORDERS = 24
END_STATES = {
    "ok": {TransferState.POSTED},
    "refused": {TransferState.VOIDED, TransferState.PREPARED},
    "down": {TransferState.VOIDED, TransferState.PREPARED},
    "unknown": {TransferState.POSTED, TransferState.VOIDED},
}


def draw_faults(chance: random.Random) -> dict[str, Fault | Declined]:
    faults: dict[str, Fault | Declined] = {}
    for method in ("hold", "post", "void", "query", "account"):
        if chance.random() < 0.25:
            faults[method] = chance.choice([*Fault, Declined("account_frozen")]) if method != "account" else Fault.DOWN
    return faults


async def order(bank: World, line: str, amount: Money, name: str) -> tuple[str, list[OperationResult]] | None:
    """Prepare and authorise as an impatient customer does: the order comes twice, from two requests."""
    session = await bank.authenticated(line)
    prepared = await bank.perform(session, "transfers.prepare", payee="1", amount=amount)
    if prepared.outcome != "ok":
        return None
    intent = str(prepared.answer["id"])
    answers = await asyncio.gather(
        bank.perform(session, "transfers.authorise", "voice", name, intent=intent),
        bank.perform(session, "transfers.authorise", "voice", name, intent=intent),
        bank.perform(session, "transfers.authorise", "voice", f"{name}-again", intent=intent),
    )
    return intent, list(answers)


@pytest.mark.proof
@pytest.mark.parametrize("seed", SEEDS)
async def test_what_was_said_of_a_transfer_stays_true(seed: int) -> None:
    chance = random.Random(seed)
    async with world() as bank:
        told: list[tuple[str, list[OperationResult]]] = []
        for n in range(ORDERS):
            bank.faulty.faults = draw_faults(chance)
            line, amount = chance.choice(LINES), Money(chance.randint(1, 200_000), "CNY")
            if heard := await order(bank, line, amount, f"order-{n}"):
                told.append(heard)
            bank.clock.advance(chance.choice([1, 30, 700]))
            if chance.random() < 0.2:
                await bank.core.recover()
            await bank.bank.ledger.check_books()
        bank.faulty.faults = {}
        await bank.core.recover()
        assert await bank.bank.admin.unknown() == []
        await bank.bank.ledger.check_books()
        for intent, answers in told:
            await still_true(bank, intent, answers)
        assert (await bank.bank.admin.check_audit()).broken_at is None


async def still_true(bank: World, intent: str, answers: list[OperationResult]) -> None:
    found = await bank.bank.ports.intents.get(intent)
    assert found is not None
    held, posting = await bank.bank.ledger.query(intent)
    assert (found.state is TransferState.POSTED) == (held is HoldState.POSTED)
    references = {answer.answer["reference"] for answer in answers if answer.outcome == "ok"}
    assert references <= {posting.reference if posting else None}
    for answer in answers:
        if answer.reason != "intent_spent":  # that says nothing of the money: another request has it
            assert found.state in END_STATES[answer.outcome], (answer, found.state)
