"""The shipped example of two operators is right as it stands."""

from __future__ import annotations

from pathlib import Path

from flows.inspect import Severity
from tellerline.checking import check_paths
from tellerline.config import Config, load_config
from tellerline.texts.advice import advice_on

EXAMPLE = Path(__file__).resolve().parents[3] / "deploy" / "tellerline-sms.example.toml"
BANK = {"TELLERLINE_SMS_PASSWORD_NORTH": "hunter2", "TELLERLINE_SMS_PASSWORD_SOUTH": "hunter3"}


def test_the_example_for_two_operators_is_without_fault_and_without_advice(tmp_path: Path) -> None:
    assert list(advice_on(load_config(EXAMPLE, BANK))) == []
    assert list(check_paths([EXAMPLE], Config())) == []  # no secret is needed to check a file


def test_check_names_the_line_that_its_advice_is_about(tmp_path: Path) -> None:
    file = tmp_path / "tellerline.toml"
    file.write_text(EXAMPLE.read_text("utf-8").replace('senders = ["95500", "TELLERLINE"]', 'senders = ["OTHER"]', 1))
    (finding,) = check_paths([file], Config())
    assert (finding.severity, finding.rule) == (Severity.WARNING, "sms-settings")
    assert file.read_text().splitlines()[finding.line - 1] == 'senders = ["OTHER"]'
