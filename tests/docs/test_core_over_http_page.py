"""The page on the core bank over HTTP lists what the face leaves out, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from tellerline.bank_face.left_out import left_out
from tests.unit.bank_face.implemented import IMPLEMENTED

PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "core-over-http.md"


def test_the_page_lists_every_path_that_is_left_out_with_its_reason() -> None:
    listed = re.findall(r"^\| `([A-Z]+ /[^`]*)` \| (.*) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert dict(listed) == left_out(IMPLEMENTED)


def test_the_page_tells_how_many_operations_there_are() -> None:
    told = re.search(r"implemented=(\d+) left_out=(\d+)", PAGE.read_text("utf-8"))
    assert told is not None
    assert (int(told[1]), int(told[2])) == (len(IMPLEMENTED), len(left_out(IMPLEMENTED)))
