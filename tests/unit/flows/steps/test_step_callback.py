from __future__ import annotations

import datetime

import pytest

from flows.dialogue import Channel, DigitsReceived, OperationAnswered, Perform, Reconnected, RecordingEnded
from tests.unit.flows.steps.made import begun, flow_of, slip, ways

TOP = "vars: {number: {type: phone}, topic: {type: text}, amount: {type: money}}\n"
ON = "on: {ok: told, refused: bye, down: other}"
TOLD = "  told: {say: [{digits: c.reference}, {date: c.due}], hangup: true}\n"
ANSWER = OperationAnswered("ok", {"reference": "483920", "due": datetime.date(2026, 3, 3)})


def operation(steps: str, **driver: object) -> Perform:
    wait = begun(steps, TOP, **driver).played.wait
    assert isinstance(wait, Perform)
    assert wait.operation == "service.request_callback"
    return wait


@pytest.mark.parametrize("channel", list(Channel))
def test_it_is_asked_for_and_its_reference_told_on_both_channels(channel: Channel) -> None:
    driver = begun(f"  main: {{callback: {{queue: retail}}, save: c, {ON}}}\n" + TOLD, TOP, channel=channel)
    assert driver.operation().arguments == {"queue": "retail"}
    assert driver.resume(ANSWER).said == ["digits 483920", "date 2026-03-03", "<end done>"]


def test_all_that_is_known_is_told() -> None:
    driver = begun(
        "  main: {ask: {prompt: enter_number, digits: 3..15, end: '#'}, save: number, next: rec}\n"
        "  rec: {record: {}, save: m, on: {ok: cb, empty: cb, failed: cb}}\n"
        "  cb:\n"
        "    callback: {number: number, queue: loans, about: last_step, recording: m.recording, seconds: m.seconds}\n"
        f"    {ON}\n"
        "  told: {say: [done], hangup: true}\n",
        TOP,
    )
    driver.resume(DigitsReceived("01062345678", ended_by="#"))
    driver.resume(RecordingEnded("ok", "rec/1", 12))
    first = driver.operation()
    assert first.arguments == {
        "number": "+861062345678", "queue": "loans", "about": "rec", "recording": "rec/1", "seconds": 12,
    }  # fmt: skip
    driver.resume(Reconnected())
    assert driver.operation() == first  # by the same request: the bank is asked once


def test_what_has_no_value_is_left_out() -> None:
    steps = "  main: {callback: {number: party.number, about: topic}, " + ON.replace("told", "bye") + "}\n"
    assert operation(steps).arguments == {"number": "+8613900000001"}
    assert operation(steps, number=None).arguments == {}
    assert operation("  main: {callback: {}, " + ON.replace("told", "bye") + "}\n").arguments == {}


@pytest.mark.parametrize(("outcome", "said"), [("refused", "goodbye"), ("down", "other")])
def test_every_outcome_has_its_way(outcome: str, said: str) -> None:
    steps = f"  main: {{callback: {{}}, save: c, {ON}}}\n" + TOLD
    driver = begun(steps, TOP)
    assert driver.resume(OperationAnswered(outcome)).said[0] == said
    edges = flow_of(steps, TOP).steps["main"].edges(Channel.SMS)
    assert ways(edges) == ["outcome ok -> told", "outcome refused -> bye", "outcome down -> other"]


@pytest.mark.parametrize(
    ("part", "words", "at"),
    [
        ("number: topic", "'number' takes phone; this is text", "topic"),
        ("about: amount", "'about' takes text; this is money", "amount"),
        ("seconds: topic", "'seconds' takes number; this is text", "topic"),
        ("about: tpoic", "unknown name 'tpoic'. Did you mean 'topic'?", "tpoic"),
        ("queue: Loans", "'Loans' cannot stand here", "Loans"),
        ("when: tomorrow", "unknown key 'when' in callback 'main'", "when"),
    ],
)
def test_a_slip_is_named_at_its_word(part: str, words: str, at: str) -> None:
    slip(f"  main: {{callback: {{{part}}}, save: c, {ON}}}\n" + TOLD, words, at, TOP)


def test_its_answer_is_known_and_its_outcomes_are_handled() -> None:
    slip(
        f"  main: {{callback: {{}}, save: c, {ON}}}\n  told: {{say: [{{money: c.due}}], next: bye}}\n",
        "this is date",
        "c.due",
        TOP,
    )
    slip("  main: {callback: {}, on: {ok: bye, refused: bye}}\n", "can answer 'down'", "{ok", TOP)
    slip(
        "  main: {callback: {}, on: {ok: bye, refused: bye, down: bye, busy: bye}}\n",
        "never answers 'busy'",
        "busy",
        TOP,
    )


def test_a_name_of_a_queue_is_no_expression() -> None:
    assert operation("  main: {callback: {queue: amount}, " + ON.replace("told", "bye") + "}\n").arguments == {
        "queue": "amount"
    }
