"""The command line as a person uses it: a process, its output, its exit code. No traceback, whatever is given."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from tellerline.cli import main
from tellerline.cli.telling import config_of
from tellerline.config import Config
from tellerline.demo import BUILT_IN, CONVERSATIONS

COMMANDS = (
    ["demo"], ["phone"], ["serve"], ["try"], ["check"], ["doctor"], ["fake-pbx"], ["fake-smsc"],
    ["text"], ["sms"], ["sms", "send"], ["sms", "trace"], ["sms", "binds"], ["sms", "outbox"], ["sms", "replay"],
    ["sms", "outbox", "hold"], ["sms", "outbox", "release"], ["sms", "outbox", "give-up"],
    ["config"], ["config", "show"], ["config", "reference"],
    ["bank"], ["bank", "customer"], ["bank", "customer", "show"], ["bank", "customer", "unlock"],
    ["bank", "customer", "set-language"], ["bank", "unknown", "list"], ["bank", "unknown", "resolve"],
    ["bank", "callbacks"], ["bank", "callbacks", "list"], ["bank", "callbacks", "show"], ["bank", "callbacks", "take"],
    ["bank", "callbacks", "close"],
    ["people"], ["people", "add"], ["people", "list"], ["people", "rotate"], ["people", "revoke"],
    ["flows"], ["flows", "init"], ["flows", "publish"], ["flows", "approve"], ["flows", "withdraw"],
    ["flows", "rollback"], ["flows", "log"], ["flows", "status"], ["flows", "graph"], ["flows", "diff"],
    ["flows", "stats"],
    ["flows", "notice"], ["flows", "notice", "list"], ["flows", "notice", "on"], ["flows", "notice", "off"],
    ["sounds"], ["sounds", "build"], ["sounds", "add"], ["sounds", "sync"], ["sounds", "say"],
)  # fmt: skip


@dataclass(frozen=True)
class Ended:
    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Ended]


@pytest.fixture(name="run")
def run_(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Runs the command line in this process, which takes a tenth of the time of a process of its own."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")

    def run(*arguments: str, cwd: Path | None = None, **environ: str) -> Ended:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        if cwd is not None:
            monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", ["tellerline", *arguments])
        try:
            main()
            code: object = 0
        except SystemExit as ended:
            code = ended.code or 0
        printed = capsys.readouterr()
        return Ended(int(str(code)), printed.out, printed.err)

    yield run
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_it_is_a_command_of_its_own() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tellerline", "--version"], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0
    assert ended.stdout.startswith("tellerline ")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_with_an_example(run: Run, command: list[str]) -> None:
    shown = run(*command, "--help")
    assert shown.returncode == 0, shown.stderr
    assert "Usage:" in shown.stdout
    if command not in (["config"], ["bank"], ["bank", "callbacks"], ["bank", "customer"], ["flows"], ["sounds"]):
        assert re.search(r"Examples?:", shown.stdout), shown.stdout


def test_a_wrong_setting_ends_with_code_2_its_place_and_no_traceback(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text("[agi]\nprot = 1\n")
    for command in (["serve"], ["config", "show"], ["doctor"], ["check"], ["bank", "unknown", "list"]):
        ended = run(*command, "-c", str(tmp_path / "t.toml"))
        assert ended.returncode == 2, command
        assert "t.toml:2: agi.prot: no such setting" in ended.stderr
        assert "Did you mean 'port'?" in ended.stderr
        assert "Traceback" not in ended.stderr + ended.stdout


def test_a_conversation_that_does_not_load_ends_with_code_2_and_a_caret(run: Run, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("conversation: x\nsteps:\n- haer: welcome\n")
    ended = run("try", "c.yaml", cwd=tmp_path)
    assert ended.returncode == 2
    assert "c.yaml:3:3: unknown step 'haer'. Did you mean 'hear'?" in ended.stderr
    assert "^" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_try_prints_the_transcript_and_the_line_of_a_mismatch_and_writes_junit(run: Run, tmp_path: Path) -> None:
    text = (CONVERSATIONS / "balance" / "balance_en.yaml").read_text().replace("8000.00", "8000.01")
    (tmp_path / "c.yaml").write_text(text)
    ended = run("try", "c.yaml", "--through", "engine", "--junit", "out/junit.xml", cwd=tmp_path)
    assert ended.returncode == 1, ended.stderr
    assert "c.yaml:9: expected to hear" in ended.stdout
    assert "8000.01 CNY" in ended.stdout
    assert "Welcome to Tellerline" in ended.stdout
    assert 'failures="1"' in (tmp_path / "out" / "junit.xml").read_text()


def test_the_demo_without_a_terminal_plays_its_conversation_and_exits_0(run: Run) -> None:
    ended = run("demo", "--speed", "20")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "一万两千三百四十五元六角七分" in ended.stdout
    assert "11,845.67 CNY" in ended.stdout
    assert "739154" not in ended.stdout + ended.stderr


def test_the_demo_plays_a_given_conversation_and_fails_with_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(BUILT_IN.read_text().replace("12345.67", "1.00"))
    ended = run("demo", "--script", str(tmp_path / "c.yaml"))
    assert ended.returncode == 1
    assert "c.yaml:9" in ended.stdout


def test_check_finds_nothing_wrong_in_what_ships(run: Run) -> None:
    ended = run("check")
    assert ended.returncode == 0, ended.stdout


def test_check_names_files_lines_and_mends_for_people_and_machines(run: Run, tmp_path: Path) -> None:
    flow = (Path(CONVERSATIONS).parents[1] / "flows" / "definitions" / "retail.yaml").read_text()
    (tmp_path / "retail.yaml").write_text(flow.replace("no_match: [", "no_mach: [", 1))
    (tmp_path / "c.yaml").write_text("conversation: x\nsteps: []\n")
    (tmp_path / "t.toml").write_text("[agi]\nprot = 1\n")
    ended = run("check", str(tmp_path), "--format", "json")
    assert ended.returncode == 1
    findings = json.loads(ended.stdout)["findings"]
    assert {Path(finding["file"]).name for finding in findings} == {"retail.yaml", "c.yaml", "t.toml"}
    assert run("check", str(tmp_path / "none.yaml")).returncode == 2
    text = run("check", str(tmp_path))
    assert "c.yaml:2:" in text.stdout
    assert "Traceback" not in text.stdout + text.stderr


def test_the_bank_is_not_made_by_looking_at_it(run: Run, tmp_path: Path) -> None:
    ended = run("bank", "customer", "show", "10000001", TELLERLINE_SERVER_STATE_DIR=str(tmp_path / "state"))
    assert ended.returncode == 2
    assert "there is no bank at" in ended.stderr
    assert not (tmp_path / "state").exists()


def test_the_reference_names_every_setting_and_its_variable(run: Run) -> None:
    ended = run("config", "reference", COLUMNS="200")
    assert ended.returncode == 0
    for name in ("TELLERLINE_AGI_PORT", "TELLERLINE_SMS_PASSWORD", "drain_s", "duplicate_window_s"):
        assert name in ended.stdout


def test_the_settings_of_the_folder_one_stands_in_are_taken_when_none_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TELLERLINE_CONFIG", raising=False)
    assert config_of(None).agi.port == Config().agi.port
    (tmp_path / "tellerline.toml").write_text("[agi]\nport = 4999\n")
    assert config_of(None).agi.port == 4999
    other = tmp_path / "other.toml"
    other.write_text("[agi]\nport = 4998\n")
    assert config_of(other).agi.port == 4998
    monkeypatch.setenv("TELLERLINE_CONFIG", str(other))
    assert config_of(None).agi.port == 4998
