"""What staff do with callbacks in a terminal: masked in lists, whole for who calls, closed with what came of it."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from core_client.adapters.sql.personal import key_of_pepper
from core_client.domain.values import Value
from core_client.testing.world import PEPPER, world
from tellerline.cli import main
from tellerline.state import open_state

STRANGER = "+8613912345678"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Run]:
    """Runs the command line over a bank whose callers asked for two calls."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    state = tmp_path / "state"
    open_state(state)
    asyncio.run(_asked(state))
    monkeypatch.setenv("TELLERLINE_SERVER_STATE_DIR", str(state))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "160")

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tellerline", "bank", "callbacks", *arguments])
        try:
            main()
            code: object = 0
        except SystemExit as ended:
            code = ended.code or 0
        printed = capsys.readouterr()
        return int(str(code)), printed.out, printed.err

    yield command
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


async def _asked(state: Path) -> None:
    open_state(state)
    (state / "keys" / "personal").write_bytes(key_of_pepper(PEPPER))  # as the world seals
    async with world(folder=state) as bank:
        loan: dict[str, Value] = {"queue": "retail", "about": "[a loan]", "recording": "vm/1.wav", "seconds": 12}
        card: dict[str, Value] = {"queue": "cards"}
        for line, given in (("+8613900000001", loan), (STRANGER, card)):
            arrival = await bank.core.arrive("voice", line)
            await bank.perform(arrival.auth_session_id, "service.request_callback", "voice", None, **given)


def _rows(run: Run, *more: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads(run("list", "--format", "json", *more)[1])["callbacks"]
    return rows


def test_a_list_masks_every_number_and_says_what_is_overdue(run: Run) -> None:
    code, told, _ = run("list")
    assert code == 0
    assert "+86139****5678" in told
    assert STRANGER not in told
    assert "overdue" in told  # the demo bank's day is long ago
    assert "[a loan], recording" in told
    assert {row["number"] for row in _rows(run)} == {"+86139****0001", "+86139****5678"}
    assert [row["queue"] for row in _rows(run, "--queue", "cards")] == ["cards"]


def test_one_is_shown_with_its_number_taken_and_closed(run: Run) -> None:
    reference = str(_rows(run, "--queue", "cards")[0]["reference"])
    assert STRANGER in run("show", reference)[1]
    assert json.loads(run("show", reference, "--format", "json")[1])["number"] == STRANGER
    assert "is yours" in run("take", reference)[1]
    assert _rows(run, "--queue", "cards")[0]["state"] == "taken"
    assert run("close", reference, "--outcome", "solved")[0] == 0
    assert _rows(run, "--queue", "cards") == []
    assert _rows(run, "--closed")[0]["outcome"] == "solved"
    assert "nothing" not in run("list", "--closed")[1]
    code, _, told = run("close", reference)
    assert code == 1
    assert "nothing is left to do" in told


def test_a_reference_that_is_none_is_told_with_where_to_look(run: Run) -> None:
    for command in ("show", "take", "close"):
        code, _, told = run(command, "99")
        assert code == 1
        assert "there is no callback '99': `tellerline bank callbacks list`" in told
        assert "the bank refused" not in told
