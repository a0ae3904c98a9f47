"""What the page on the language shows is a flow that loads, and names every kind of step and every key."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from flows.inspect import Severity, check_flow
from flows.reading.loader import load_flow_text
from flows.reading.shape import FlowShape
from flows.steps import KINDS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "flows" / "language.md").read_text(encoding="utf-8")
WHOLE = re.search(r"^```yaml\n(flow: .*?)^```", PAGE, re.MULTILINE | re.DOTALL)
STEPS = re.findall(r"^```yaml steps\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
AROUND = """
flow: page
languages: [zh, en]
start: list
defaults: {on_fail: other}
vars: {amount: {type: money}, customer: {type: digits}}
schedules:
  hours: {open: {mon-fri: 09:00-17:30}}
notices:
  outage: [try_later]
steps:
  list: {bank: accounts.list, save: mine, on: {ok: pick, refused: other, down: other}}
  pick:
    choose: {from: mine.accounts, as: one, prompt: [which_account], item: [{digits: one.last4}]}
    save: chosen
    next: asked
    none: other
  asked: {ask: {prompt: [enter_amount], digits: 1..9}, save: amount, next: shown}
  sub: {say: [welcome], next: return}
  into: {call: sub, next: other}
  other: {say: [goodbye], hangup: true}
  shown:
"""


def test_the_whole_flow_of_the_page_loads_without_an_error() -> None:
    assert WHOLE is not None
    flow = load_flow_text(WHOLE[1], "language.md")
    assert [str(found) for found in check_flow(flow) if found.severity is Severity.ERROR] == []


@pytest.mark.parametrize("step", STEPS, ids=[step.split(":")[0] for step in STEPS])
def test_every_step_of_the_page_loads(step: str) -> None:
    assert "shown" in load_flow_text(AROUND + textwrap.indent(step, "    "), "language.md").steps


def test_every_kind_of_step_is_explained() -> None:
    assert [kind for kind in KINDS if f"**{kind}**" not in PAGE and kind != "hangup"] == []


def test_every_key_at_the_top_is_explained() -> None:
    missing = [name.rstrip("_") for name in FlowShape.model_fields if f"`{name.rstrip('_')}`" not in PAGE]
    assert missing == []
