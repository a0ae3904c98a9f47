from __future__ import annotations

import pytest

from flows.dialogue import Channel
from tests.unit.flows.steps.made import facts, flow_of, said_at, slip, ways

TOP = """\
notices:
  outage: [notice_outage]
  scam: {attempt: [[notice_scam], [notice_scam_again]]}
"""
STEPS = "  main: {notice: [scam, outage], next: bye}\n"


@pytest.mark.parametrize(
    ("on", "said"),
    [
        ((), ["goodbye"]),
        (("outage",), ["notice_outage", "goodbye"]),
        (("outage", "scam"), ["notice_scam", "notice_outage", "goodbye"]),
        (("of_another_flow",), ["goodbye"]),
    ],
)
def test_those_that_are_on_are_said_in_the_order_of_the_step(on: tuple[str, ...], said: list[str]) -> None:
    now = facts("2026-03-02T10:15:00+08:00", *on)
    assert said_at(flow_of(STEPS, TOP), now) == [*said, "<end done>"]
    assert said_at(flow_of(STEPS, TOP), now, Channel.SMS, "main") == [*said, "<end done>"]


def test_one_notice_needs_no_list() -> None:
    flow = flow_of("  main: {notice: outage, next: bye}\n", TOP)
    assert ways(flow.steps["main"].edges(Channel.VOICE)) == ["next -> bye"]
    assert "notice_outage" in flow.prompts  # so that a version keeps its words, and a check looks for them


def test_a_notice_by_visit_is_counted_by_the_step_that_says_it() -> None:
    flow = flow_of("  main: {notice: scam, next: more}\n  more: {notice: scam, next: again}\n  again: {go: bye}\n", TOP)
    on = facts("2026-03-02T10:15:00+08:00", "scam")
    assert said_at(flow, on)[:2] == ["notice_scam", "notice_scam"]


@pytest.mark.parametrize(
    ("step", "words", "at"),
    [
        ("{notice: otage, next: bye}", "unknown notice 'otage'. Did you mean 'outage'?", "otage"),
        ("{notice: [outage, strike], next: bye}", "unknown notice 'strike'. Write it under 'notices'.", "strike"),
        ("{notice: [outage, outage], next: bye}", "notice 'outage' is named twice", "outage], next"),
        ("{notice: [], next: bye}", "names at least one notice", "[]"),
        ("{notice: outage}", "notice 'main' needs 'next'", "{notice"),
        ("{notice: {a: b}, next: bye}", "notice 'main'", "{a: b}"),
    ],
)
def test_a_slip_is_named_at_its_word(step: str, words: str, at: str) -> None:
    slip(f"  main: {step}\n", words, at, TOP)
