"""What staff do in a terminal with billers, cash machines' questions, a customer's freeze and a blocked card."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from core_client.adapters.sql.personal import key_of_pepper
from core_client.testing.world import PEPPER, world
from tellerline.cli import main
from tellerline.state import open_state

WANG, WHO = "+8613900000001", "10000001"
Run = Callable[..., tuple[int, str]]


async def _stopped(state: Path) -> None:
    async with world(folder=state) as bank:
        session = (await bank.core.arrive("sms", WANG)).auth_session_id
        assert (await bank.perform(session, "accounts.freeze", "sms")).outcome == "ok"
        assert (await bank.perform(session, "cards.block", "sms", last4="4821")).outcome == "ok"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Run]:
    """Runs ``tellerline bank ...`` over a bank whose customer froze an account and blocked a card."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    state = tmp_path / "state"
    open_state(state)
    (state / "keys" / "personal").write_bytes(key_of_pepper(PEPPER))  # as the world sealed it
    asyncio.run(_stopped(state))
    monkeypatch.setenv("TELLERLINE_SERVER_STATE_DIR", str(state))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "160")

    def command(*arguments: str, typed: str = "") -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["tellerline", "bank", *arguments])
        monkeypatch.setattr("getpass.getpass", lambda *_: typed)
        try:
            main()
            code: object = 0
        except SystemExit as ended:
            code = ended.code or 0
        printed = capsys.readouterr()
        return int(str(code)), printed.out + printed.err

    yield command
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_freeze_is_lifted_once_and_a_card_pays_again_once(run: Run) -> None:
    assert run("customer", "unfreeze", WHO) == (0, f"the freeze of {WHO} is lifted\n")
    assert run("customer", "unfreeze", WHO) == (0, f"{WHO} has frozen nothing\n")
    assert run("customer", "unblock-card", WHO, "4821") == (0, "the card ending in 4821 pays again\n")
    code, told = run("customer", "unblock-card", WHO, "4821")
    assert (code, told) == (1, f"{WHO} has no blocked card ending in 4821\n")


def test_a_biller_is_added_closed_opened_and_refused_when_it_cannot_be_one(run: Run) -> None:
    new = ("--name", "City Heat", "--account", "990300000104", "--digits", "8-10")
    assert run("billers", "add", "104", *new)[0] == 0
    assert "City Heat" in run("billers", "list")[1]
    assert run("billers", "close", "104") == (0, "104 City Heat is closed\n")
    assert run("billers", "open", "104") == (0, "104 City Heat is open\n")
    assert run("billers", "add", "heat", *new)[0] != 0
    assert run("billers", "close", "999")[0] != 0
    assert run("billers", "paid", "104", "yesterday")[0] != 0


def test_a_cash_machine_is_refused_without_an_order_and_nothing_is_booked_back(run: Run) -> None:
    asked = (WANG, "--terminal", "ATM-7", "--request", "m1")
    code, told = run("cash", "collect", *asked, typed="730184")
    assert code == 1
    assert "refused" in told
    assert "730184" not in told
    assert run("cash", "not-paid-out", *asked)[0] == 1
