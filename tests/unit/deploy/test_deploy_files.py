"""What deploy/ promises, checked without any of its peers; the dialplan itself runs in tests/peers/asterisk."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tellerline.config import Config, load_config

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
CARRY_KEYS = {"dtmf", "agi", "dialplan", "cdr", "all", "verbose", "log", "command"}


def settings_of(file: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in file.read_text().splitlines():
        text = line.split(";", 1)[0].strip()
        if "=" in text and not text.startswith("#"):
            key, _, value = text.partition("=")
            found.setdefault(key.strip(), []).append(value.strip(" >"))
    return found


def test_the_manager_user_reads_no_class_that_carries_keys_and_writes_none() -> None:
    manager = settings_of(DEPLOY / "asterisk" / "manager.conf")
    granted = {name.strip() for name in manager["read"][0].split(",")}
    assert granted == {"system", "call"}
    assert not granted & CARRY_KEYS
    assert manager["write"] == [""]
    assert manager["deny"] == ["0.0.0.0/0.0.0.0"]


def test_no_log_of_asterisk_has_the_levels_that_show_keys() -> None:
    logger = settings_of(DEPLOY / "asterisk" / "logger.conf")
    for name in ("messages", "console"):
        assert not {"dtmf", "debug", "verbose"} & set(re.split(r"\W+", logger[name][0]))


def test_the_dialplan_collects_no_digits_itself() -> None:
    dialplan = (DEPLOY / "asterisk" / "extensions.conf").read_text()
    code = "\n".join(line.split(";", 1)[0] for line in dialplan.splitlines())
    assert not re.search(r"\b(Read|ReadExten|WaitExten|Background|Authenticate|Record|MixMonitor|Monitor)\(", code)


def test_no_secret_is_shipped() -> None:
    assert not (DEPLOY / "asterisk" / "manager_secret.conf").exists()
    for file in DEPLOY.rglob("*"):
        if file.is_file() and file.suffix != ".md":
            assert not re.search(r"^\s*secret\s*=\s*(?!CHANGE-ME)\S", file.read_text(), re.MULTILINE), file


def test_the_settings_load_and_systemd_waits_longer_than_the_drain() -> None:
    config = load_config(DEPLOY / "tellerline.toml", {})
    assert isinstance(config, Config)
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign] # systemd's keys have case
    unit.read(DEPLOY / "systemd" / "tellerline.service")
    service = unit["Service"]
    assert float(service["TimeoutStopSec"]) > max(config.server.drain_s, Config().server.drain_s)
    assert service["KillSignal"] == "SIGTERM"
    assert service["NoNewPrivileges"] == "yes"
    assert service["LimitCORE"] == "0"


def test_systemd_understands_every_line_of_the_unit() -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not on this machine")
    unit = DEPLOY / "systemd" / "tellerline.service"
    told = subprocess.run([program, "verify", unit], capture_output=True, text=True, timeout=30, check=False)
    complaints = [line for line in told.stderr.splitlines() if "tellerline.service" in line]
    assert [line for line in complaints if "is not executable" not in line] == []
