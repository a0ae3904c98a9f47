from __future__ import annotations

import pytest

from flows.dialogue import Channel, OperationAnswered, TransferEnded, TransferToAgent
from tests.unit.flows.steps.made import begun, flow_of, slip, ways

STEPS = """\
  main:
    transfer: {queue: retail, prompt: please_wait, position: 30s, callback_after: 2m}
    on: {answered: bye, closed: other, failed: other, timeout: later}
  later: {callback: {queue: retail}, on: {ok: bye, refused: other, down: other}}
"""


def test_the_queue_is_told_when_to_tell_the_place_and_when_to_give_up() -> None:
    assert begun(STEPS).played.wait == TransferToAgent("retail", {}, 30.0, 120.0)


def test_a_queue_that_nobody_answers_comes_back_and_the_flow_offers_a_callback() -> None:
    driver = begun(STEPS)
    driver.resume(TransferEnded("timeout"))
    assert driver.operation().operation == "service.request_callback"
    assert driver.resume(OperationAnswered("ok")).said[0] == "goodbye"


def test_without_them_a_queue_has_no_limit() -> None:
    on = "on: {answered: bye, closed: bye, failed: bye, timeout: bye}"
    assert begun(f"  main: {{transfer: {{queue: q}}, {on}}}\n").played.wait == TransferToAgent("q", {}, None, None)
    step = flow_of(STEPS).steps["main"]
    assert ways(step.edges(Channel.SMS)) == []
    assert ways(step.edges(Channel.VOICE))[-1] == "outcome timeout -> later"


@pytest.mark.parametrize(
    ("part", "words", "at"),
    [
        ("position: 30", "a time is written with its unit", "30"),
        ("position: 500ms", "'position' takes whole seconds", "500ms"),
        ("callback_after: 1500ms", "'callback_after' takes whole seconds", "1500ms"),
        ("callback_afer: 90s", "unknown key 'callback_afer'", "callback_afer"),
    ],
)
def test_a_slip_is_named_at_its_word(part: str, words: str, at: str) -> None:
    on = "on: {answered: bye, closed: bye, failed: bye, timeout: bye}"
    slip(f"  main: {{transfer: {{queue: q, {part}}}, {on}}}\n", words, at)
