"""Commands are listed without being loaded, and each one loads when it is used."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from tellerline.cli.lazy import Lazy, loaded

_GROUPS = (
    ("tellerline.cli.app", "Commands"),
    ("tellerline.cli.flows", "FlowCommands"),
    ("tellerline.cli.sms", "SmsCommands"),
)
ROWS = {
    f"{module} {name}": (name, row)
    for module, group in _GROUPS
    for name, row in getattr(importlib.import_module(module), group).lazy.items()
}


@pytest.mark.parametrize(("name", "row"), ROWS.values(), ids=ROWS)
def test_every_command_that_is_listed_loads_and_has_a_line_of_help(name: str, row: Lazy) -> None:
    assert loaded(name, row).name == name
    assert 10 < len(row.help) <= 110


def test_what_lists_commands_loads_no_library_of_theirs() -> None:
    program = """
import sys
from tellerline.cli import main
sys.argv = ["tellerline", "flows", "--help"]
try:
    main()
except SystemExit:
    pass
print(sorted({"sqlalchemy", "textual", "aiohttp", "alembic", "yaml"} & set(sys.modules)))
"""
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert answer.stdout.splitlines()[-1] == "[]"


def test_a_slip_in_a_command_is_answered_with_the_nearest_one() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "tellerline", "flows", "pubish"], capture_output=True, text=True, timeout=60, check=False
    )
    assert answer.returncode == 2
    assert "publish" in answer.stderr
