"""kill -9 at every labelled point of a transfer: after the restart it happened once or not at all, never by halves."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from core_client.domain.money import Money
from core_client.domain.transfers import TransferState
from core_client.testing.clock import ManualClock
from core_client.testing.world import World, world

LABELS = ("intent.authorised", "hold.placed", "intent.held", "transfer.posted", "intent.posted")
_ROOT = Path(__file__).parents[3]
BEFORE, AFTER = Money(1_234_567, "CNY"), Money(1_184_567, "CNY")


async def die_at(label: str, folder: Path) -> str:
    """Run a bank that dies there; answer the intent that it left."""
    async with world(folder=folder):
        pass  # the file is made here: who is killed cleans nothing up
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.scenario.bank.dying_bank", str(folder), label,
        cwd=_ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(60):
        out, err = await child.communicate()
    assert child.returncode == -signal.SIGKILL, err.decode()
    lines = out.decode().split()
    assert len(lines) == 1  # the intent, and never an answer
    return lines[0]


async def state_of(bank: World, intent: str) -> TransferState:
    found = await bank.bank.ports.intents.get(intent)
    assert found is not None
    return found.state


@pytest.mark.parametrize("label", LABELS)
async def test_a_transfer_cut_off_is_carried_on_after_the_restart_once(label: str, tmp_path: Path) -> None:
    intent = await die_at(label, tmp_path)
    for _ in range(2):  # the second start finds nothing left to do
        async with world(folder=tmp_path) as bank:
            account = await bank.bank.ledger.account(1, None)
            assert (account.available, account.booked) == (AFTER, AFTER)
            assert await state_of(bank, intent) is TransferState.POSTED
            await bank.bank.ledger.check_books()
            assert (await bank.bank.admin.check_audit()).broken_at is None


@pytest.mark.parametrize("label", LABELS[:3])
async def test_what_was_cut_off_longer_ago_than_an_intent_lives_is_voided(label: str, tmp_path: Path) -> None:
    intent = await die_at(label, tmp_path)
    clock = ManualClock()
    clock.advance(601)
    async with world(folder=tmp_path, clock=clock) as bank:
        account = await bank.bank.ledger.account(1, None)
        assert (account.available, account.booked) == (BEFORE, BEFORE)
        assert await state_of(bank, intent) is TransferState.VOIDED
        await bank.bank.ledger.check_books()


@pytest.mark.parametrize("label", LABELS)
async def test_the_order_that_comes_again_after_the_restart_hears_the_first_one_s_answer(
    label: str, tmp_path: Path
) -> None:
    intent = await die_at(label, tmp_path)
    async with world(folder=tmp_path) as bank:
        session = await bank.authenticated()
        again = await bank.perform(session, "transfers.authorise", request_id="the-order", intent=intent)
        assert (again.outcome, again.answer["available"]) == ("ok", AFTER)
        account = await bank.bank.ledger.account(1, None)
        assert account.booked == AFTER
