"""What an operator types by accident or on purpose: told in words, kept whole, and never a command to the terminal."""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.releases.register import MAX_MESSAGE
from tellerline.cli import telling
from tellerline.config import load_config
from tellerline.office import open_office
from tests.scenario.publishing.conftest import Line

ESCAPES = "\x1b[2J\x1b]0;owned\x07 [red]x[/red] [/] 中文 \u202e \x9b31m"
OBEYED = ("\x1b", "\x07", "\x9b", "\u202e")


def test_a_message_that_the_log_would_cut_is_refused(staffed: Line) -> None:
    told = staffed.publish("anna", "why " * MAX_MESSAGE)
    assert told.returncode == 2
    assert f"the log keeps {MAX_MESSAGE}" in " ".join(told.stderr.replace("│", " ").split())
    assert staffed.publish("anna", "w" * MAX_MESSAGE).returncode == 0


@pytest.mark.parametrize("message", [ESCAPES, "a\x00b", "line\rover it"])
def test_a_message_with_controls_is_refused(staffed: Line, message: str) -> None:
    told = staffed.publish("anna", message)
    assert told.returncode == 2
    assert "control characters" in told.stderr
    assert staffed.live() is None


def test_a_message_may_have_lines_markup_and_any_language(staffed: Line) -> None:
    message = "老人需要更多时间 [red]x[/red] [/] :x:\nand a second line"
    assert staffed.publish("anna", message).returncode == 0
    assert staffed.run("flows", "log", "--format", "json").data["entries"][0]["message"] == " ".join(message.split())
    assert "老人需要更多时间 [red]x[/red] [/] :x: and" in staffed.run("flows", "status").stdout


def test_bytes_that_are_no_utf_8_are_told_before_anything_is_done(staffed: Line) -> None:
    for arguments in (
        ("flows", "publish", "--by", "anna", "-m", "\udc9b31m"),
        ("people", "rotate", "\udc80"),
        ("flows", "log", "--flow", "\udc80"),
    ):
        told = staffed.run(*arguments, token=staffed.tokens["anna"])
        assert told.returncode == 2
        assert "is not UTF-8" in told.stderr
    assert "the token is not valid" in staffed.run("flows", "withdraw", "--by", "anna", token="\udc80").stderr


def test_what_is_told_never_commands_the_terminal(staffed: Line) -> None:
    assert staffed.publish().returncode == 0
    told = staffed.run("flows", "notice", "on", ESCAPES, "--by", "olga", token=staffed.tokens["olga"])
    assert told.returncode == 1
    assert not any(sign in told.said for sign in OBEYED)
    assert "[red]x[/red] [/] 中文" in told.stderr


def test_what_another_tool_wrote_into_the_log_never_commands_the_terminal(staffed: Line) -> None:
    assert staffed.publish().returncode == 0
    staffed.edit("timeout: 6s", "timeout: 7s")
    assert staffed.publish().returncode == 0

    async def go_back() -> None:
        async with open_office(load_config(None)) as office:
            before = (await office.releases.log("retail", 2))[1].version
            now = datetime.datetime.now(datetime.UTC)
            await office.releases.rollback("retail", before, by="olga", message=ESCAPES, at=now)

    asyncio.run(go_back())
    for command in ("log", "status"):
        shown = staffed.run("flows", command).stdout
        assert "[red]x[/red] [/]" in shown
        assert not any(sign in shown for sign in OBEYED)


def test_data_for_machines_hides_nothing_and_commands_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    telling.tell_json({"message": ESCAPES + "\udc80"})
    printed = capsys.readouterr().out
    assert not any(sign in printed for sign in OBEYED)
    assert json.loads(printed)["message"] == ESCAPES + "\udc80"


@pytest.mark.timeout(20)
def test_a_token_file_that_is_a_pipe_is_not_waited_for(staffed: Line, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "token", 0o600)
    told = staffed.run("flows", "withdraw", "--by", "anna", "--token-file", tmp_path / "token")
    assert told.returncode == 2
    assert "is no file" in told.stderr


def test_a_narrow_terminal_still_shows_who_did_what_and_why(staffed: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    assert staffed.publish("anna", "Because of the elderly").returncode == 0
    monkeypatch.setattr(telling.out, "_width", 40)
    shown = staffed.run("flows", "log").stdout
    assert str(staffed.live()) in shown
    assert "by anna" in shown
    assert "Because of the elderly" in shown


def test_a_flow_with_another_name_is_refused_because_no_caller_would_get_it(staffed: Line) -> None:
    staffed.edit("flow: retail", "flow: detail")
    told = staffed.publish()
    assert told.returncode == 1
    assert "no call and no text begins in flow 'detail': the settings name retail" in told.stderr
    assert staffed.run("flows", "log", "--flow", "detail").stdout.startswith("nothing of flow 'detail'")


def test_what_is_to_be_typed_names_the_flow_where_it_is_not_that_of_the_calls(staffed: Line) -> None:
    staffed.set(sms_flow="texts", flows_four_eyes="always")
    staffed.edit("flow: retail", "flow: texts")
    told = staffed.publish()
    assert told.returncode == 0, told.said
    version = staffed.run("flows", "log", "--flow", "texts", "--format", "json").data["entries"][0]["version"]
    typed = f"tellerline flows approve {version} --flow texts --by NAME"
    assert typed in told.stdout
    assert typed in staffed.run("flows", "status").stdout
    assert staffed.as_("ben", "approve", version, "--flow", "texts").returncode == 0


@pytest.mark.parametrize("arguments", [("flows", "graph"), ("config", "reference"), ("check", "--rules")])
def test_a_full_disk_is_told_without_a_traceback(arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "tellerline", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert ended.returncode == 2
    assert ended.stderr.startswith(b"tellerline: No space left on device")


def test_a_terminal_without_chinese_shows_which_signs_it_has_not() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tellerline", "sounds", "say", "welcome", "--lang", "zh"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert b"Traceback" not in ended.stderr
    assert b"\\u6b22" in ended.stdout


def test_who_publishes_over_what_waits_is_told_whose_it_was(staffed: Line) -> None:
    staffed.set(flows_four_eyes="always")
    staffed.publish("anna", "Hers")
    hers = staffed.standing()["pending"]["version"]
    staffed.edit("timeout: 6s", "timeout: 7s")
    assert f"void  {hers} by anna, which waited: Hers" in staffed.publish("ben", "His").stdout
    staffed.edit("timeout: 7s", "timeout: 8s")
    data = staffed.publish("ben", "His second", "--format", "json").data
    assert data["replaced"]["message"] == "His"
