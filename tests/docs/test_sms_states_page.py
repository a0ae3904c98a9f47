"""The page about the life of a text tells every state, what is last, and what becomes of receipts."""

from __future__ import annotations

import re
from pathlib import Path

from sms.messages import State
from sms.operators import ReceiptIds
from sms.sending.receipts import UNREADABLE
from sms.store.heard import Became

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "sms-states.md").read_text(encoding="utf-8")
PICTURE = PAGE[PAGE.index("```mermaid") : PAGE.index("```\n", PAGE.index("```mermaid"))]


def rows(heading: str) -> dict[str, list[str]]:
    """Answer the table under a heading: its rows by what their first cell names."""
    part = PAGE[PAGE.index(f"## {heading}") :].split("\n## ", 1)[0]
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("| `")
    ]
    return {row[0].strip("`"): row[1:] for row in cells}


def test_every_state_is_told_with_whether_it_is_the_last() -> None:
    told = rows("What each state means")
    assert set(told) == {state.value for state in State}
    for state in State:
        assert (told[state.value][1] != "no") == state.last, state


def test_the_picture_has_every_state_and_leads_from_the_beginning_to_every_end() -> None:
    drawn = re.findall(r"^  (\S+) --> (\w+|\[\*\])", PICTURE, re.MULTILINE)
    assert {name for pair in drawn for name in pair} == {"[*]"} | {state.value for state in State}
    reached = {"[*]"}
    for _ in drawn:
        reached |= {there for here, there in drawn if here in reached}
    assert reached >= {state.value for state in State}
    ends = {here for here, there in drawn if there == "[*]"}
    assert ends == {state.value for state in State if state.last and state is not State.UNKNOWN}


def test_everything_that_becomes_of_a_receipt_is_told_and_every_way_of_ids() -> None:
    assert set(rows("Receipts")) == {became.value for became in Became} | {UNREADABLE}
    for way in ReceiptIds:
        assert f"`{way.value}`" in PAGE
