"""Reports of books are not made where the books are elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tellerline.cli.app import app


@pytest.mark.parametrize("command", [["reconcile"], ["statements", "2026-11-23"]])
def test_a_report_of_books_that_are_elsewhere_is_refused(tmp_path: Path, command: list[str]) -> None:
    settings = tmp_path / "bank.toml"
    settings.write_text(
        f'[server]\nstate_dir = "{tmp_path / "state"}"\n'
        '[core]\nkind = "http"\nurl = "https://core.bank.example"\nclient_id = "phone"\n'
    )
    ended = CliRunner().invoke(app, ["bank", *command, "-c", str(settings)])
    assert ended.exit_code != 0
    assert "another bank" in ended.output + str(ended.exception)
