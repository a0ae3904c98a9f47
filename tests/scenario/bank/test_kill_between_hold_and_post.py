"""kill -9 at every labelled point of a transfer, and around each of its commits, on SQLite and PostgreSQL.

After the restart it happened once or not at all, never by halves; the books add up, everything reconciles, and whoever
was told nothing is owed a text that says what is true.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from core_client.adapters.sql.reconciling import reconcile
from core_client.domain.money import Money
from core_client.domain.transfers import TransferState
from core_client.errors import BankError
from core_client.ports.core_bank import HoldState
from core_client.testing.clock import ManualClock
from core_client.testing.world import World, world
from tests.scenario.bank.dying_bank import MINUTES_TO_CANCEL, PROFILE

LABELS = ("intent.authorised", "hold.placed", "intent.held", "transfer.posted", "intent.posted")
CANCEL_LABELS = ("intent.cancelling", "hold.released", "intent.voided")
COMMITS = [f"{where}:{n}" for n in range(1, 6) for where in ("commit", "committed")]
_ROOT = Path(__file__).parents[3]
BEFORE, AFTER = Money(1_234_567, "CNY"), Money(1_184_567, "CNY")


async def die_at(where: str, url: str, *how: str) -> tuple[str, list[str]]:
    """Run a bank that dies there; answer the intent that it left, and what else it said."""
    async with world(database_url=url):
        pass  # the database is made here: who is killed cleans nothing up
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.scenario.bank.dying_bank", url, where, *how,
        cwd=_ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(60):
        out, err = await child.communicate()
    assert child.returncode == -signal.SIGKILL, err.decode()
    intent, *more = out.decode().split()
    assert "answered" not in more
    return intent, more


async def state_of(bank: World, intent: str) -> TransferState:
    found = await bank.bank.ports.intents.get(intent)
    assert found is not None
    return found.state


async def assert_true_and_told(bank: World, intent: str, expected: TransferState) -> None:
    """The balance, the intent, the ledger, the audit and the text that is owed all say the same."""
    posted = expected is TransferState.POSTED
    account = await bank.bank.ledger.account(1, None)
    assert (account.available, account.booked) == ((AFTER, AFTER) if posted else (BEFORE, BEFORE))
    assert await state_of(bank, intent) is expected
    held, posting = await bank.bank.ledger.query(intent)
    assert (held is HoldState.POSTED) == posted
    await bank.bank.ledger.check_books()
    assert (await bank.bank.admin.check_audit()).broken_at is None
    found = await reconcile(bank.bank.database)
    assert found.differences == []
    assert [one for one in found.open if one.differing.value != "untold"] == []
    bank.clock.advance(120)
    owed = {one.id: one for one in await bank.core.telling.owed(60)}
    assert owed[intent].state is expected
    assert posting is None or owed[intent].reference == posting.reference


@pytest.mark.parametrize("commit", COMMITS)
async def test_a_transfer_cut_off_around_a_commit_happened_once_or_not_at_all(commit: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    intent, _ = await die_at(commit, url)
    async with world(database_url=url) as bank:
        if commit == "commit:1":  # the authorisation was never taken: it can be given again, once
            assert await state_of(bank, intent) is TransferState.PREPARED
            session = await bank.authenticated()
            answer = await bank.perform(session, "transfers.authorise", request_id="the-order", intent=intent)
            assert answer.answer["available"] == AFTER
            await bank.bank.ledger.check_books()
        else:
            await assert_true_and_told(bank, intent, TransferState.POSTED)


@pytest.mark.parametrize("label", LABELS[:3])
async def test_what_was_cut_off_longer_ago_than_an_intent_lives_is_voided(label: str, bank_url: str) -> None:
    intent, _ = await die_at(label, bank_url)
    clock = ManualClock()
    clock.advance(601)
    async with world(database_url=bank_url, clock=clock) as bank:
        await assert_true_and_told(bank, intent, TransferState.VOIDED)


@pytest.mark.parametrize("label", CANCEL_LABELS)
async def test_who_called_it_off_and_never_came_back_is_told_the_truth(label: str, bank_url: str) -> None:
    intent, _ = await die_at(label, bank_url, "cancel")
    clock = ManualClock()
    clock.advance(MINUTES_TO_CANCEL * 60 + 1)
    async with world(database_url=bank_url, profile=PROFILE, clock=clock) as bank:
        # Before the ledger heard of it, it is carried out as it was ordered; after that it stays called off.
        expected = TransferState.POSTED if label == "intent.cancelling" else TransferState.VOIDED
        await assert_true_and_told(bank, intent, expected)


async def test_a_reversal_cut_off_around_a_commit_is_made_once(tmp_path: Path) -> None:
    async with world(folder=tmp_path) as bank:
        session = await bank.authenticated()
        prepared = await bank.perform(session, "transfers.prepare", payee="1", amount=Money(50_000, "CNY"))
        intent = str(prepared.answer["id"])
        await bank.perform(session, "transfers.authorise", intent=intent)
        await bank.bank.ledger.reverse(intent)  # booked back, and the process died before it wrote that down
        found = await reconcile(bank.bank.database)
        assert (found.differences, found.open[0].about) == ([], intent)
        with pytest.raises(BankError):
            await bank.bank.ledger.void(intent)
        await bank.bank.ledger.reverse(intent)
        account = await bank.bank.ledger.account(1, None)
        assert account.booked == BEFORE
        await bank.bank.ledger.check_books()
