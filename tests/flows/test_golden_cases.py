"""The demo bank's line, turn by turn; the session is serialised and read again between every two turns."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.store import FlowStore
from flows.testing.golden import GoldenError, play

CASES = sorted((Path(__file__).parent / "golden").glob("*.yaml"))


@pytest.fixture(scope="module")
def store() -> FlowStore:
    return FlowStore()


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_golden_case(path: Path, store: FlowStore) -> None:
    play(path, store.current)


def test_there_are_golden_cases() -> None:
    assert len(CASES) >= 11


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("said: [gave_up, goodbye]", "said: [goodbye]", 8),
        ("wait: end", "wait: keys 1", 8),
        ("no_input,", "no_match,", 6),
    ],
)
def test_a_case_that_is_not_so_fails_at_its_line(
    old: str, new: str, line: int, store: FlowStore, tmp_path: Path
) -> None:
    text = (CASES[0].parent / "nobody_presses_anything.yaml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "case.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(GoldenError) as caught:
        play(path, store.current)
    assert caught.value.line == line
