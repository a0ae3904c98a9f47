"""kill -9 at every labelled point, on SQLite and PostgreSQL: who comes back, and who does not, is told the truth.

What was heard before the kill is heard again under the same request ids, money moves once or not at all, everything
reconciles, and nothing stays under way.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from core_client.adapters.sql.reconciling import reconcile
from core_client.domain.checkpoints import CHECKPOINTS, COPY_CHECKPOINTS
from core_client.domain.money import Money
from core_client.testing.world import world
from tests.scenario.bank.aftermath import BEFORE, KILLS, Kill, assert_settled, assert_sound, assert_spoken
from tests.scenario.bank.dying_stories import profile_of
from tests.scenario.bank.killing import Killer
from tests.scenario.bank.test_kill_with_a_text_in_hand import TEXT_LABELS
from tests.unit.sms.test_crash import POINTS

PROOF = os.environ.get("TELLERLINE_PROOF") == "1"
_ROOT = Path(__file__).parents[3]


def test_every_label_in_the_code_is_one_that_processes_are_killed_at() -> None:
    found: set[str] = set()
    for package in ("core_client", "ivr", "sms", "tellerline"):
        for file in (_ROOT / package).rglob("*.py"):
            if file.name != "checkpoints.py":  # the list, and how it is used
                found |= set(re.findall(r'(?:\b|_)checkpoint\(\s*"([^"]+)"', file.read_text(encoding="utf-8")))
    assert found == {*CHECKPOINTS, *POINTS}
    assert found == {*(one.label for one in KILLS), *TEXT_LABELS, *COPY_CHECKPOINTS, *POINTS}


@pytest.mark.proof
@pytest.mark.parametrize("one", KILLS, ids=str)
async def test_who_was_cut_off_and_asks_again_hears_the_same_and_it_is_true(
    one: Kill, bank_url: str, kill: Killer
) -> None:
    heard = kill.tell(bank_url, one.story, one.label)
    again = kill.tell(bank_url, one.story)
    assert again[: len(heard)] == heard
    if PROOF:
        assert kill.tell(bank_url, one.story) == again
    async with world(database_url=bank_url, profile=profile_of(one.story)) as bank:
        await assert_sound(bank, one.again, 5)
    assert_spoken(one.again, again[-1])


@pytest.mark.proof
@pytest.mark.parametrize("one", KILLS, ids=str)
async def test_who_was_cut_off_and_never_asks_again_is_texted_what_is_true(
    one: Kill, bank_url: str, kill: Killer
) -> None:
    if not PROOF and bank_url.startswith("postgresql") and KILLS.index(one) % 2:
        return  # on this database every second one, but for the proof
    kill.tell(bank_url, one.story, one.label)
    await assert_settled(bank_url, one.story, one.never, 5)


@pytest.mark.parametrize("label", COPY_CHECKPOINTS)
async def test_a_copy_that_is_cut_off_leaves_the_bank_whole_and_can_be_made_again(
    label: str, bank_url: str, kill: Killer, tmp_path: Path
) -> None:
    file = tmp_path / "bank.tlb"
    kill.tell(bank_url, "transfer")
    if label == "backup.written":
        kill.copy(bank_url, "backup", file, label)
        assert not file.exists()  # whatever lies there has no name that anybody would take for a backup
    kill.copy(bank_url, "backup", file, "")
    kill.tell(bank_url, "order_cash", "cash.ordered")  # it is newer than the backup
    if label != "backup.written":
        kill.copy(bank_url, "restore", file, label)
        async with world(database_url=bank_url) as bank:
            assert (await bank.bank.ledger.account(1, None)).booked == BEFORE - Money(50_000, "CNY")
            waits = await bank.bank.ports.cash_orders.waiting_of(1) is not None
            assert waits == (label == "restore.filled")  # the old bank whole, or the new one whole
            await bank.bank.ledger.check_books()
            assert (await bank.bank.admin.check_audit()).broken_at is None
            assert (await reconcile(bank.bank.database)).differences == []
    kill.copy(bank_url, "restore", file, "")
    await assert_settled(bank_url, "transfer", "posted", 5)
