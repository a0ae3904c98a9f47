"""What is shipped is what was tested: the wheel, used outside the checkout."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.packaging.conftest import ROOT

PACKAGES = ("ivr", "sms", "flows", "core_client", "sounds", "tellerline")


def outside(installed: Path, cwd: Path, *arguments: str, timeout_s: float = 240) -> subprocess.CompletedProcess[str]:
    """Run Python outside the checkout, with the installed wheel before everything else."""
    environment = {**os.environ, "PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def test_nobody_else_owns_our_top_level_names() -> None:
    owners = importlib.metadata.packages_distributions()
    assert {name: set(owners[name]) for name in PACKAGES if name in owners} == {
        name: {"tellerline"} for name in PACKAGES if name in owners
    }


def test_the_wheel_holds_every_file_that_the_packages_track(wheel: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "--", *PACKAGES], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split("\n")
    shipped = set(zipfile.ZipFile(wheel).namelist())
    assert {path for path in tracked if path} - shipped == set()


def test_the_installed_packages_come_from_the_wheel_and_not_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    code = f"import {', '.join(PACKAGES)}; print(*[m.__file__ for m in ({', '.join(PACKAGES)})])"
    answer = outside(installed, tmp_path, "-c", code)
    assert answer.returncode == 0, answer.stderr
    assert all(Path(path).is_relative_to(installed) for path in answer.stdout.split())


def test_the_installed_command_tells_its_version(installed: Path, tmp_path: Path) -> None:
    answer = outside(installed, tmp_path, "-m", "tellerline", "--version")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.split()[-1] == importlib.metadata.version("tellerline")


# Flows and their schemas, catalogue and recordings, migrations, the GSMA specification, conversations, Asterisk files.
READS_DATA = (
    "tests/flows/test_golden_cases.py",
    "tests/unit/flows/test_flow_schema.py",
    "tests/unit/sounds",
    "tests/unit/core_client/gsma",
    "tests/unit/core_client/language",
    "tests/unit/core_client/test_core_client.py",
    "tests/unit/core_client/test_demo_world.py",
    "tests/unit/tellerline/test_command_line.py",
    "tests/unit/tellerline/test_conversation_loader.py",
    "tests/unit/tellerline/test_conversation_schema.py",
    "tests/unit/tellerline/test_running_node.py",
    "tests/unit/tellerline/test_written_conversations.py",
)


@pytest.mark.timeout(900)
def test_what_reads_the_data_of_packages_passes_against_the_wheel(installed: Path, tmp_path: Path) -> None:
    # The checkout is not there: only the tests and the pytest settings are copied beside the wheel.
    shutil.copytree(
        ROOT / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns("packaging", "docs", "__pycache__")
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    guard = "import ivr, pathlib, os; assert pathlib.Path(ivr.__file__).is_relative_to(os.environ['PYTHONPATH'])\n"
    (tmp_path / "conftest.py").write_text(guard)
    answer = outside(
        installed,
        tmp_path,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "-n",
        "2",
        *READS_DATA,
        timeout_s=800,
    )
    assert answer.returncode == 0, answer.stdout[-4000:]
