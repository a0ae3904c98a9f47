"""Each import rule is proven by a planted violation: a rule that nothing can break guards nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.conftest import ROOT

PACKAGES = ("ivr", "sms", "flows", "core_client", "sounds", "tellerline")


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    """Run the import linter on a copy of the tree, with the project's own rules."""
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    assert command is not None
    return subprocess.run([command, "--no-cache"], cwd=tree, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the packages and their rules."""
    ignore = shutil.ignore_patterns("__pycache__", "*.wav")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("rule", "module", "line"),
    [
        ("1.", "sms/planted.py", "import ivr.agi"),
        ("1.", "flows/planted.py", "import sms.text.gsm0338"),
        ("1.", "sounds/planted.py", "import core_client.domain.money"),
        ("2.", "core_client/domain/planted.py", "import core_client.services"),
        ("3.", "ivr/agi/planted.py", "import asyncio"),
        ("3.", "flows/engine/planted.py", "import time"),
        ("3.", "core_client/domain/planted.py", "import random"),
        ("4.", "tellerline/planted.py", "import ivr.testing"),
        ("4.", "sms/planted.py", "import sms.testing"),
    ],
)
def test_a_planted_violation_breaks_its_rule(tree: Path, rule: str, module: str, line: str) -> None:
    (tree / module).write_text(f'"""Planted."""\n\n{line}\n')
    answer = lint(tree)
    assert answer.returncode != 0
    broken = [row for row in answer.stdout.splitlines() if row.startswith(rule) and row.endswith("BROKEN")]
    assert broken, answer.stdout[-3000:]


def test_the_tree_as_it_is_keeps_every_rule(tree: Path) -> None:
    answer = lint(tree)
    assert answer.returncode == 0, answer.stdout[-3000:]
