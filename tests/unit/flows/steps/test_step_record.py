from __future__ import annotations

import pytest

from flows.dialogue import Channel, InputTimedOut, PartyLeft, Reconnected, Record, RecordingEnded
from flows.session import Waiting
from tests.unit.flows.steps.made import begun, flow_of, refused, slip, ways

STEPS = """\
  main:
    record: {prompt: leave_message, limit: 90s, silence: 4s, end: "*#"}
    save: m
    on: {ok: kept, empty: bye, failed: other}
  kept: {say: [{text: m.recording}, {number: m.seconds}], hangup: true}
"""


def test_a_message_is_asked_for_and_kept_under_its_name() -> None:
    driver = begun(STEPS)
    assert driver.played.said == ["leave_message"]
    assert driver.played.wait == Record(90.0, 4.0, "*#")
    assert driver.session.waiting is Waiting.RECORDING
    played = driver.resume(RecordingEnded("ok", "rec/abc", 7))
    assert played.said == ["text rec/abc", "number 7", "<end done>"]
    assert driver.session.variables == {"m": {"recording": "rec/abc", "seconds": 7}}


@pytest.mark.parametrize(("outcome", "said"), [("empty", "goodbye"), ("failed", "other"), ("what", "other")])
def test_what_is_no_message_is_not_kept(outcome: str, said: str) -> None:
    driver = begun(STEPS)
    assert driver.resume(RecordingEnded(outcome)).said[0] == said
    assert driver.session.variables == {}


def test_a_caller_who_left_without_speaking_has_ended_the_dialogue() -> None:
    assert begun(STEPS).resume(PartyLeft()).said == ["<end party_left>"]


def test_what_does_not_fit_asks_again() -> None:
    driver = begun(STEPS)
    for resume in (Reconnected(), InputTimedOut()):
        assert driver.resume(resume).said == ["leave_message"]
        assert isinstance(driver.played.wait, Record)


def test_defaults() -> None:
    flow = flow_of("  main: {record: {}, save: m, on: {ok: bye, empty: bye, failed: bye}}\n")
    step = flow.steps["main"]
    assert (step.channels, step.takes_input) == (frozenset({Channel.VOICE}), True)
    assert ways(step.edges(Channel.VOICE)) == ["outcome ok -> bye", "outcome empty -> bye", "outcome failed -> bye"]
    assert begun("  main: {record: {}, save: m, on: {ok: bye, empty: bye, failed: bye}}\n").played.wait == Record(
        60.0, 5.0
    )


def test_a_message_by_text_is_refused_where_the_text_gets_there() -> None:
    error = refused(
        "  main: {go: rec}\n  rec: {record: {}, save: m, on: {ok: bye, empty: bye, failed: bye}}\n",
        'sms: {en: {"TALK": rec}}\n',
    )
    assert "step 'rec' does not run by sms, but is reached from here by sms" in str(error)


ON = "save: m, on: {ok: bye, empty: bye, failed: bye}"


@pytest.mark.parametrize(
    ("step", "words", "at"),
    [
        (f"{{record: {{limit: 11m}}, {ON}}}", "a message is at most 10 minutes long", "11m"),
        (f"{{record: {{limit: 1500ms}}, {ON}}}", "'limit' takes whole seconds", "1500ms"),
        (f"{{record: {{silence: 500ms}}, {ON}}}", "'silence' takes whole seconds", "500ms"),
        (f"{{record: {{limit: 5s, silence: 5s}}, {ON}}}", "is as long as the message may be", "5s}"),
        (f"{{record: {{limit: 4s}}, {ON}}}", "is as long as the message may be", "4s}"),
        (f"{{record: {{limit: 60}}, {ON}}}", "a time is written with its unit", "60}"),
        (f"{{record: {{end: A}}, {ON}}}", "'A' cannot stand here", "A}"),
        (f"{{record: {{beep: true}}, {ON}}}", "unknown key 'beep'", "beep"),
        (f"{{record: leave_message, {ON}}}", "a mapping of keys is needed", "leave_message"),
        ("{record: {}, on: {ok: bye, empty: bye, failed: bye}}", "record 'main' needs 'save'", "{record"),
        ("{record: {}, save: m, on: {ok: bye}}", "a recording can end as 'empty'", "{ok"),
        ("{record: {}, save: m, on: {okay: bye}}", "a recording never ends as 'okay'", "okay"),
        (f"{{record: {{}}, {ON.replace('m,', 'party,')}}}", "'party' is already something else", "party"),
        (f"{{record: {{}}, {ON}, channels: [sms]}}", "a message is recorded by voice only", "[sms]"),
        (f"{{record: {{}}, {ON}, channels: [voice, sms]}}", "a message is recorded by voice only", "[voice"),
    ],
)  # fmt: skip
def test_a_slip_is_named_at_its_word(step: str, words: str, at: str) -> None:
    slip(f"  main: {step}\n", words, at)


def test_the_parts_of_a_message_are_known() -> None:
    told = "  told: {say: [{number: m.length}], next: bye}\n"
    slip(f"  main: {{record: {{}}, {ON}}}\n" + told, "'m' has no 'length'", "length")
