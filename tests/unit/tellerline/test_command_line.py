"""The command line as a person uses it: a process, its output, its exit code. No traceback, whatever is given."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tellerline.demo import BUILT_IN, CONVERSATIONS

COMMANDS = (
    ["demo"], ["phone"], ["serve"], ["try"], ["check"], ["doctor"], ["fake-pbx"], ["fake-smsc"],
    ["sms"], ["sms", "send"], ["config"], ["config", "show"], ["config", "reference"],
    ["bank"], ["bank", "customer"], ["bank", "customer", "show"], ["bank", "customer", "unlock"],
    ["bank", "customer", "set-language"], ["bank", "unknown", "list"], ["bank", "unknown", "resolve"],
    ["sounds"], ["sounds", "build"], ["sounds", "add"], ["sounds", "sync"], ["sounds", "say"],
)  # fmt: skip


def _run(*arguments: str, cwd: Path | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "120", "NO_COLOR": "1", "TERM": "dumb", **environ}
    return subprocess.run(
        [sys.executable, "-m", "tellerline", *arguments],
        capture_output=True, text=True, timeout=90, cwd=cwd, env=environment, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_with_an_example(command: list[str]) -> None:
    shown = _run(*command, "--help")
    assert shown.returncode == 0, shown.stderr
    assert "Usage:" in shown.stdout
    if command not in (["config"], ["bank"], ["bank", "customer"], ["sounds"]):
        assert re.search(r"Examples?:", shown.stdout), shown.stdout


def test_a_wrong_setting_ends_with_code_2_its_place_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text("[agi]\nprot = 1\n")
    for command in (["serve"], ["config", "show"], ["doctor"], ["check"], ["bank", "unknown", "list"]):
        ended = _run(*command, "-c", str(tmp_path / "t.toml"))
        assert ended.returncode == 2, command
        assert "t.toml:2: agi.prot: no such setting" in ended.stderr
        assert "Did you mean 'port'?" in ended.stderr
        assert "Traceback" not in ended.stderr + ended.stdout


def test_a_conversation_that_does_not_load_ends_with_code_2_and_a_caret(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("conversation: x\nsteps:\n- haer: welcome\n")
    ended = _run("try", "c.yaml", cwd=tmp_path)
    assert ended.returncode == 2
    assert "c.yaml:3:3: unknown step 'haer'. Did you mean 'hear'?" in ended.stderr
    assert "^" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_try_prints_the_transcript_and_the_line_of_a_mismatch_and_writes_junit(tmp_path: Path) -> None:
    text = (CONVERSATIONS / "balance_en.yaml").read_text().replace("8000.00", "8000.01")
    (tmp_path / "c.yaml").write_text(text)
    ended = _run("try", "c.yaml", "--through", "engine", "--junit", "out/junit.xml", cwd=tmp_path)
    assert ended.returncode == 1, ended.stderr
    assert "c.yaml:9: expected to hear" in ended.stdout
    assert "8000.01 CNY" in ended.stdout
    assert "Welcome to Tellerline" in ended.stdout
    assert 'failures="1"' in (tmp_path / "out" / "junit.xml").read_text()


def test_the_demo_without_a_terminal_plays_its_conversation_and_exits_0() -> None:
    ended = _run("demo", "--speed", "20")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "一万两千三百四十五元六角七分" in ended.stdout
    assert "11,845.67 CNY" in ended.stdout
    assert "739154" not in ended.stdout + ended.stderr


def test_the_demo_plays_a_given_conversation_and_fails_with_it(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(BUILT_IN.read_text().replace("12345.67", "1.00"))
    ended = _run("demo", "--script", str(tmp_path / "c.yaml"))
    assert ended.returncode == 1
    assert "c.yaml:9" in ended.stdout


def test_check_finds_nothing_wrong_in_what_ships() -> None:
    ended = _run("check")
    assert ended.returncode == 0, ended.stdout


def test_check_names_files_lines_and_mends_for_people_and_machines(tmp_path: Path) -> None:
    flow = (Path(CONVERSATIONS).parents[1] / "flows" / "definitions" / "retail.yaml").read_text()
    (tmp_path / "retail.yaml").write_text(flow.replace("no_match: [", "no_mach: [", 1))
    (tmp_path / "c.yaml").write_text("conversation: x\nsteps: []\n")
    (tmp_path / "t.toml").write_text("[agi]\nprot = 1\n")
    ended = _run("check", str(tmp_path), "--format", "json")
    assert ended.returncode == 1
    findings = json.loads(ended.stdout)["findings"]
    assert {Path(finding["file"]).name for finding in findings} == {"retail.yaml", "c.yaml", "t.toml"}
    assert _run("check", str(tmp_path / "none.yaml")).returncode == 2
    text = _run("check", str(tmp_path))
    assert "c.yaml:2:" in text.stdout
    assert "Traceback" not in text.stdout + text.stderr


def test_the_bank_is_not_made_by_looking_at_it(tmp_path: Path) -> None:
    ended = _run("bank", "customer", "show", "10000001", TELLERLINE_SERVER_STATE_DIR=str(tmp_path / "state"))
    assert ended.returncode == 2
    assert "there is no bank at" in ended.stderr
    assert not (tmp_path / "state").exists()


def test_the_reference_names_every_setting_and_its_variable() -> None:
    ended = _run("config", "reference", COLUMNS="200")
    assert ended.returncode == 0
    for name in ("TELLERLINE_AGI_PORT", "TELLERLINE_SMS_PASSWORD", "drain_s", "duplicate_window_s"):
        assert name in ended.stdout
