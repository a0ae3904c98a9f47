"""Backup, restore, reconcile, statements and the audit chain in a terminal: good use, and a plain word on bad use."""

from __future__ import annotations

import asyncio
import datetime
import json
import logging
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from core_client.adapters.seeding import seed
from tellerline.bootstrap import open_bank_only
from tellerline.cli import main
from tellerline.config import Bank, Config, Server
from tellerline.state import open_state

Run = Callable[..., tuple[int, str, str]]
WANG = "王伟"


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder with the demo bank, its keys, and one anchor."""
    state = tmp_path_factory.mktemp("books") / "state"

    async def fill() -> None:
        async with open_bank_only(Config(server=Server(state_dir=state), bank=Bank(demo=True)), make=True) as bank:
            await seed(bank)

    asyncio.run(fill())
    return state


@pytest.fixture
def state(seeded: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    shutil.copytree(seeded, folder)
    return folder


@pytest.fixture
def run(state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Runs ``tellerline bank ...`` over that bank, or another one by ``on=``; answers code, output and errors."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")

    def command(*arguments: object, on: Path = state) -> tuple[int, str, str]:
        monkeypatch.setenv("TELLERLINE_SERVER_STATE_DIR", str(on))
        monkeypatch.setattr(sys, "argv", ["tellerline", "bank", *map(str, arguments)])
        try:
            main()
            code: object = 0
        except SystemExit as ended:
            code = ended.code or 0
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return int(str(code)), printed.out, printed.err

    yield command
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def customers(state: Path) -> int:
    with sqlite3.connect(state / "bank.db") as connection:
        count = connection.execute("SELECT count(*) FROM customers").fetchone()[0]
    connection.close()
    return int(count)


def test_a_bank_is_backed_up_lost_and_put_back_and_the_audit_knows_of_it(run: Run, state: Path, tmp_path: Path) -> None:
    file = tmp_path / "bank.tlb"
    before = customers(state)
    assert run("audit", "anchor")[0] == 0
    code, out, _ = run("backup", file)
    assert (code, "read again" in out, file.stat().st_mode & 0o777) == (0, True, 0o600)
    assert WANG.encode() not in file.read_bytes()
    assert run("audit", "anchor")[0] == 0
    for lost in state.glob("bank.db*"):
        lost.unlink()
    code, out, err = run("restore", file)
    assert (code, "restored" in out) == (0, True), err
    assert customers(state) == before
    code, out, _ = run("audit", "verify")
    assert (code, "restored" in out, "whole" in out) == (0, True, True), out
    code, out, _ = run("reconcile", "--drained", "--format", "json")
    assert (code, json.loads(out)["empty"], json.loads(out)["differences"]) == (0, True, [])


def test_the_drill_tries_a_backup_and_changes_nothing(run: Run, state: Path, tmp_path: Path) -> None:
    file = tmp_path / "bank.tlb"
    run("backup", file)
    with sqlite3.connect(state / "bank.db") as connection:
        audit = connection.execute("SELECT count(*) FROM audit").fetchone()
    connection.close()
    code, out, _ = run("restore", file, "--check")
    assert (code, "it can be put back; nothing was changed" in out) == (0, True)
    with sqlite3.connect(state / "bank.db") as connection:
        assert connection.execute("SELECT count(*) FROM audit").fetchone() == audit
    connection.close()
    assert not list(state.glob("restore-*"))


def test_a_bank_with_customers_is_replaced_only_when_it_is_said_and_stays_beside(
    run: Run, state: Path, tmp_path: Path
) -> None:
    file = tmp_path / "bank.tlb"
    run("backup", file)
    code, _, err = run("restore", file)
    assert (code, "--replace" in err) == (1, True)
    assert not list(state.glob("bank.db.before-*"))
    assert run("restore", file, "--replace")[0] == 0
    assert len(list(state.glob("bank.db.before-*"))) == 1


def test_a_bank_that_somebody_works_on_is_not_replaced(run: Run, state: Path, tmp_path: Path) -> None:
    file = tmp_path / "bank.tlb"
    run("backup", file)
    somebody = sqlite3.connect(state / "bank.db", isolation_level=None)
    somebody.execute("BEGIN")
    somebody.execute("SELECT count(*) FROM audit").fetchone()
    code, _, err = run("restore", file, "--replace")
    somebody.close()
    assert (code, "stop the server" in err) == (1, True)


@pytest.mark.parametrize("damage", ["flipped", "cut", "longer", "empty", "another file"])
def test_a_backup_that_is_not_as_it_was_written_is_refused(damage: str, run: Run, state: Path, tmp_path: Path) -> None:
    file = tmp_path / "bank.tlb"
    run("backup", file)
    whole = bytearray(file.read_bytes())
    flipped = whole[:]
    flipped[len(flipped) // 2] ^= 1
    damaged: dict[str, bytes | bytearray] = {
        "flipped": flipped,
        "cut": whole[:-40],
        "longer": whole + b"x",
        "empty": b"",
        "another file": b"PK" * 99,
    }
    file.write_bytes(bytes(damaged[damage]))
    before = (state / "bank.db").read_bytes()
    for how in ("--check", "--replace"):
        code, _, err = run("restore", file, how)
        assert (code, bool(err.strip())) == (1, True)
    assert (state / "bank.db").read_bytes() == before


def test_keys_that_are_not_the_backup_s_are_told_of(run: Run, state: Path, tmp_path: Path) -> None:
    file, elsewhere = tmp_path / "bank.tlb", tmp_path / "elsewhere"
    run("backup", file)
    open_state(elsewhere)
    code, _, err = run("restore", file, on=elsewhere)  # another backup key
    assert (code, bool(err.strip())) == (1, True)
    code, _, err = run("restore", file, "--key", state / "keys" / "backup", on=elsewhere)
    assert (code, "--other-keys" in err) == (1, True)
    assert not (elsewhere / "bank.db").exists()
    assert run("restore", file, "--key", tmp_path / "no key", on=elsewhere)[0] == 1
    wrong = tmp_path / "short"
    wrong.write_bytes(b"short")
    code, _, err = run("restore", file, "--key", wrong, on=elsewhere)
    assert (code, bool(err.strip())) != (0, False)
    code, _, err = run("restore", file, "--key", state / "keys" / "backup", "--other-keys", on=elsewhere)
    assert (code != 0, "put it back once more" in err, "keys/personal" in err) == (True, True, True)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("backup", "{tmp}/no/folder/bank.tlb"), "No such file"),
        (("restore", "{tmp}/nothing.tlb"), "nothing.tlb"),
        (("restore", "{tmp}"), "irectory"),
        (("statements", "yesterday"), "2026-11-23"),
        (("statements", "2026-02-30"), "2026-11-23"),
        (("statements", "9999-12-31"), "nothing is booked"),
        (("statements", "0001-01-01"), "nothing is booked"),
        (("statements", "2999-01-01"), "not over"),
        (("statements", "2026-01-05", "--to", "{tmp}/no/folder"), "No such file"),
        (("audit", "verify", "--log", "{tmp}/no.log"), "no.log"),
        (("audit", "verify", "--log", "{tmp}"), "irectory"),
        (("audit", "verify", "--log", "{tmp}/state/keys/pepper"), "no lines of text"),
        (("reconcile", "--format", "xml"), "xml"),
    ],
)
def test_what_cannot_be_done_is_told_plainly(command: tuple[str, ...], told: str, run: Run, tmp_path: Path) -> None:
    code, _, err = run(*(one.format(tmp=tmp_path) for one in command))
    assert code in (1, 2)
    assert told in err


@pytest.mark.parametrize("command", [("backup", "x.tlb"), ("reconcile",), ("statements", "2026-01-05"),
                                     ("audit", "verify"), ("audit", "anchor")])  # fmt: skip
def test_where_there_is_no_bank_none_is_made(command: tuple[str, ...], run: Run, tmp_path: Path) -> None:
    code, _, err = run(*command, on=tmp_path / "nowhere")
    assert code in (1, 2)
    assert "there is no bank" in err
    assert not (tmp_path / "nowhere" / "bank.db").exists()


def test_a_backup_is_never_overwritten(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "bank.tlb"
    file.write_bytes(b"the only copy")
    code, _, err = run("backup", file)
    assert (code, "never overwritten" in err) == (1, True)
    assert file.read_bytes() == b"the only copy"


def test_a_journal_that_was_changed_by_hand_is_a_difference(run: Run, state: Path) -> None:
    assert run("reconcile")[0] == 0
    with sqlite3.connect(state / "bank.db") as connection:
        connection.execute("UPDATE accounts SET booked_minor = booked_minor + 1 WHERE id = 1")
    connection.close()
    code, out, _ = run("reconcile", "--format", "json")
    assert (code, json.loads(out)["empty"]) == (1, False)


def test_an_edited_audit_row_and_a_database_that_was_turned_back_are_found(run: Run, state: Path) -> None:
    assert run("audit", "anchor")[0] == 0
    kept = (state / "bank.db").read_bytes()
    with sqlite3.connect(state / "bank.db") as connection:
        connection.execute("UPDATE audit SET body = replace(body, 'customer', 'Customer') WHERE seq = 2")
    connection.close()
    code, out, _ = run("audit", "verify", "--format", "json")
    assert (code, json.loads(out)["whole"]) == (1, False)
    (state / "bank.db").write_bytes(kept)
    with sqlite3.connect(state / "bank.db") as connection:
        connection.execute("DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)")
    connection.close()
    code, out, _ = run("audit", "verify")
    assert (code, "whole" not in out.splitlines()[-1]) == (1, True)


def test_statements_of_a_day_are_written_for_the_owner_s_eyes_and_alike_each_time(run: Run, state: Path) -> None:
    to = state.parent / "statements"
    to.mkdir()
    with sqlite3.connect(state / "bank.db") as connection:
        ((us,),) = connection.execute(
            "SELECT min(booked_us) FROM journals WHERE id IN (SELECT journal_id FROM entries)"
        )
    connection.close()
    day = datetime.datetime.fromtimestamp(us / 1e6, datetime.timezone(datetime.timedelta(hours=8))).date()
    code, _, err = run("statements", day, "--to", to)
    assert code == 0, err
    files = sorted(to.iterdir())
    assert [file.suffix for file in files] == [".xml", ".csv"]
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)
    (table,) = (file.read_text(encoding="utf-8") for file in files if file.suffix == ".csv")
    assert len(table.splitlines()) > 1
    assert run("statements", day, "--to", to)[0] == 0
    assert table == next(file for file in files if file.suffix == ".csv").read_text(encoding="utf-8")
