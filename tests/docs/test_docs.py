"""The documentation points at things that are there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(#[^)\s]*)?\)")
HEADING = re.compile(r"^#+\s+(.*)$", re.MULTILINE)


def anchor(heading: str) -> str:
    """Answer the anchor that code hosts give a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target, fragment in LINK.findall(text):
        if "://" in target or target.startswith("mailto:"):
            continue
        there = (page.parent / target).resolve()
        assert there.exists(), f"{page.name} links to {target}, which is not there"
        if fragment and there.suffix == ".md":
            anchors = {anchor(found) for found in HEADING.findall(there.read_text(encoding="utf-8"))}
            assert fragment[1:] in anchors, f"{page.name} links to {target}{fragment}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`make ([a-z]+)`", page.read_text(encoding="utf-8")):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{page.name} names make {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_named_in_backticks_exists(page: Path) -> None:
    named = re.findall(
        r"`((?:ivr|sms|flows|core_client|sounds|tellerline|tests|deploy|docs|benchmarks)/[\w./-]+)`",
        page.read_text("utf-8"),
    )
    missing = [name for name in named if not (ROOT / name).exists()]
    assert missing == [], f"{page.name} names what is not there"


def test_the_change_log_begins_with_the_version_that_is_built() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    first = re.search(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert first is not None
    assert first[1].startswith(("Unreleased", version))


def test_no_committed_page_names_a_machine_path() -> None:
    for page in PAGES:
        assert not re.search(r"(?<![\w.])/(work|root)/", page.read_text("utf-8")), page.name
