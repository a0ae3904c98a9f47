"""The audit chain against its anchors: whatever was done to the whole database, or to the anchors, shows."""

from __future__ import annotations

import asyncio
import datetime
from pathlib import Path

import pytest

from core_client.adapters.anchor_logs import AnchorFile, anchors_in, anchors_in_log
from core_client.domain.anchors import FIRST, Anchor, AnchorError, AnchorKind, Doubt, read_anchor
from core_client.domain.audit import GENESIS, AuditRecord, chain
from core_client.errors import Unavailable
from core_client.ports.audit import Audit
from core_client.services.anchoring import Anchoring
from core_client.testing.world import World
from tests.contract.conftest import OpenWorld
from tests.contract.test_audit_contract import damage

KEY = b"a" * 32


class Copy:
    """A log in memory; ``down`` has it not answer."""

    place = "a copy"

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.down = False

    async def read(self) -> tuple[list[Anchor], int]:
        if self.down:
            raise Unavailable("told to be down")
        return anchors_in(self.lines)

    async def append(self, anchor: Anchor) -> None:
        if self.down:
            raise Unavailable("told to be down")
        self.lines.append(anchor.line())


def anchoring(bank: World, file: Path, *copies: Copy, audit: Audit | None = None) -> Anchoring:
    ports = bank.bank.ports
    return Anchoring(audit or ports.audit, KEY, bank.clock, ports.randomness, AnchorFile(file), copies)


async def work_on(bank: World, records: int = 3) -> None:
    for n in range(records):
        await bank.bank.ports.audit.append(AuditRecord(bank.clock.now(), "test", "thing.done", f"thing:{n}"))
    bank.clock.advance(60)


async def doubts(one: Anchoring) -> set[Doubt]:
    return {finding.doubt for finding in (await one.verify()).findings}


async def write_anew(bank: World, upto: int) -> None:
    """Forge as who can write the database, and knows how: every hash is right, and so is the head."""
    rows: list[tuple[int, str]] = []

    def read(tx: object) -> None:
        cursor = tx.connection.connection.cursor()  # type: ignore[attr-defined]  # the driver's own
        cursor.execute("SELECT seq, body FROM audit ORDER BY seq")
        rows.extend(cursor.fetchall())

    await bank.bank.database.read(read)
    previous, statements = GENESIS, [f"DELETE FROM audit WHERE seq > {upto}"]
    for seq, body in rows[:upto]:
        forged = body.replace("thing.done", "thing.left") if seq == upto else body
        previous = chain(previous, seq, forged)
        if seq == upto:
            statements.append(f"UPDATE audit SET body = replace(body, 'thing.done', 'thing.left') WHERE seq = {seq}")
        statements.append(f"UPDATE audit SET hash = '{previous}' WHERE seq = {seq}")
    statements.append(f"UPDATE audit_head SET seq = {upto}, hash = '{previous}'")
    await damage(bank, *statements)
    assert (await bank.bank.admin.check_audit()).broken_at is None  # the chain by itself shows nothing


async def test_an_untouched_bank_raises_no_doubt_and_is_anchored_only_when_it_moved(
    open_world: OpenWorld, tmp_path: Path
) -> None:
    async with open_world() as bank:
        one = anchoring(bank, tmp_path / "a")
        assert await one.anchor() is not None
        assert await one.anchor() is None
        await work_on(bank)
        again = anchoring(bank, tmp_path / "a")  # after a restart: the log goes on
        second = await again.anchor()
        assert second is not None
        assert second.number == 2
        verdict = await again.verify()
        assert (verdict.findings, verdict.anchors) == ([], 2)


async def test_a_chain_written_anew_shows(open_world: OpenWorld, tmp_path: Path) -> None:
    async with open_world() as bank:
        one = anchoring(bank, tmp_path / "a")
        await work_on(bank)
        anchor = await one.anchor()
        assert anchor is not None
        await write_anew(bank, anchor.seq)
        assert await doubts(one) == {Doubt.REWRITTEN}


async def test_a_database_that_was_turned_back_shows(open_world: OpenWorld, tmp_path: Path) -> None:
    async with open_world() as bank:
        one = anchoring(bank, tmp_path / "a")
        first = await one.anchor()
        await work_on(bank)
        await one.anchor()
        assert first is not None
        # Yesterday's database: its chain is whole, and it knows nothing of the second anchor.
        await damage(
            bank, f"DELETE FROM audit WHERE seq > {first.seq}",
            f"UPDATE audit_head SET seq = {first.seq}, hash = '{first.hash}'",
            "DELETE FROM audit_anchors WHERE number > 1",
        )  # fmt: skip
        assert (await bank.bank.admin.check_audit()).broken_at is None
        assert await doubts(one) == {Doubt.ROLLED_BACK}
        await work_on(bank, 9)  # and goes on beyond it
        assert await doubts(one) == {Doubt.REWRITTEN}


async def test_a_restored_backup_is_told_and_is_no_doubt(open_world: OpenWorld, tmp_path: Path) -> None:
    async with open_world() as bank:
        one = anchoring(bank, tmp_path / "a")
        first = await one.anchor()
        await work_on(bank)
        await one.anchor()
        assert first is not None
        await damage(
            bank, f"DELETE FROM audit WHERE seq > {first.seq}",
            f"UPDATE audit_head SET seq = {first.seq}, hash = '{first.hash}'", "DELETE FROM audit_anchors",
        )  # fmt: skip
        await work_on(bank, 1)
        await one.restored(first.seq)
        verdict = await one.verify()
        assert verdict.findings == []
        assert [anchor.back_to for anchor in verdict.restored] == [first.seq]


@pytest.mark.parametrize("what", ["the last line", "a line in between", "the file", "a byte"])
async def test_anchors_that_were_touched_show(what: str, open_world: OpenWorld, tmp_path: Path) -> None:
    file = tmp_path / "a"
    async with open_world() as bank:
        one = anchoring(bank, file)
        for _ in range(3):
            await work_on(bank)
            await one.anchor()
        lines = (await asyncio.to_thread(file.read_text)).splitlines()
        if what == "the last line":
            lines.pop()
        elif what == "a line in between":
            lines.pop(1)
        elif what == "the file":
            lines.clear()
        else:
            lines[1] = lines[1].replace('"seq":', '"seq":1')
        await asyncio.to_thread(file.write_text, "".join(f"{line}\n" for line in lines))
        found = await doubts(one)
        assert found
        assert found <= {Doubt.ANCHORS_CUT, Doubt.ANCHORS_CHANGED}


async def test_a_copy_tells_what_the_file_and_the_database_have_lost(open_world: OpenWorld, tmp_path: Path) -> None:
    file, copy = tmp_path / "a", Copy()
    async with open_world() as bank:
        one = anchoring(bank, file, copy)
        await one.anchor()
        await work_on(bank)
        await one.anchor()
        lines = (await asyncio.to_thread(file.read_text)).splitlines()
        await asyncio.to_thread(file.write_text, lines[0] + "\n")
        await damage(bank, "DELETE FROM audit_anchors WHERE number > 1")
        assert await doubts(one) == {Doubt.ANCHORS_CUT}
        copy.down = True
        assert (await one.verify()).unread == ["a copy"]


async def test_a_copy_that_is_down_keeps_nothing_from_the_file(open_world: OpenWorld, tmp_path: Path) -> None:
    copy = Copy()
    copy.down = True
    async with open_world() as bank:
        one = anchoring(bank, tmp_path / "a", copy)
        assert await one.anchor() is not None
        assert (await one.verify()).anchors == 1


async def test_a_line_that_a_crash_cut_off_raises_no_doubt(open_world: OpenWorld, tmp_path: Path) -> None:
    file = tmp_path / "a"
    async with open_world() as bank:
        one = anchoring(bank, file)
        await one.anchor()
        whole = await asyncio.to_thread(file.read_text)
        await asyncio.to_thread(file.write_text, whole + whole[:40])
        await work_on(bank)
        await one.anchor()
        verdict = await one.verify()
        assert (verdict.findings, verdict.anchors) == ([], 2)


def test_an_anchor_comes_back_from_a_log_system_whole() -> None:
    at = datetime.datetime(2026, 3, 2, tzinfo=datetime.UTC)
    anchor = Anchor("log", 1, AnchorKind.HEAD, at, 7, "9" * 64, 7, FIRST).signed(KEY)
    assert read_anchor(anchor.line()) == anchor
    letters = anchor.in_letters()
    assert letters.isalpha()
    line = f'{{"event": "audit.anchored", "seq": 7, "anchor": "{letters}"}}'
    assert anchors_in_log(["not json", '{"event": "other"}', line]) == [anchor]
    assert anchor.is_ours(KEY)
    assert not anchor.is_ours(b"b" * 32)
    for wrong in ("", "{}", "abc", "[]", '{"anchor": 2}'):
        with pytest.raises(AnchorError):
            read_anchor(wrong)
