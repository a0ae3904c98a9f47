# ruff: noqa: E501 - a table of slips reads best as one row a slip
from __future__ import annotations

import pytest

from flows.dialogue import Channel, DigitsReceived, Mark, Prompt, Say, TextReceived, What
from flows.errors import FlowError
from flows.graph import reached
from flows.reading.loader import load_flow_text
from flows.session import Frame, Session
from flows.testing.driver import Driver

TEXT = """\
flow: calls
languages: [en]
start: main
defaults: {on_fail: bye}
keys: {"*": back, "0": agent}
vars:
  rating: {type: digits}
  note: {type: digits}
  pin: {type: secret}
gates:
  auth: {voice: pin, sms: by_number}
sms:
  en:
    "RATE": text_rate
steps:
  main: {menu: [main_menu], choices: {"1": rate, "2": rate_twice, "3": proved}}
  rate: {call: ask_rating, next: thanks}
  rate_twice: {call: both, next: thanks}
  both: {call: ask_rating, next: ask_note}
  ask_note: {ask: {prompt: enter_note, digits: 1}, save: note, next: return}
  ask_rating: {ask: {prompt: enter_rating, digits: 1}, save: rating, next: after_rating}
  after_rating: {if: rating == "9", then: agent, else: return}
  proved: {call: secured, next: thanks}
  secured: {needs: auth, say: [secured], next: return}
  pin: {ask: {prompt: enter_pin, digits: 6}, save: pin, next: pin_check}
  pin_check:
    bank: auth.verify_pin
    with: {pin: pin}
    on: {ok: return, refused: pin, wait: bye, locked: bye, down: bye}
  thanks: {say: [thanks], next: main}
  text_rate: {call: ask_rating, next: thanks_by_text}
  thanks_by_text: {say: [thanks], hangup: true}
  agent: {say: [agent], hangup: true}
  bye: {say: [goodbye], hangup: true}
"""


def driver(text: str = TEXT, channel: Channel = Channel.VOICE) -> Driver:
    return Driver(load_flow_text(text, "calls.yaml"), channel)


def keyed(played: Driver, *keys: str) -> Driver:
    for key in keys:
        played.resume(DigitsReceived(key))
    return played


def refused(text: str) -> FlowError:
    with pytest.raises(FlowError) as caught:
        load_flow_text(text, "calls.yaml")
    return caught.value


def test_a_sub_flow_returns_to_the_step_after_its_call() -> None:
    call = driver()
    call.start()
    keyed(call, "1")
    assert list(call.session.frames) == [Frame("", "thanks", "rate")]
    keyed(call, "5")
    assert call.played.said == ["thanks", "main_menu"]
    assert list(call.session.frames) == []


def test_a_return_tells_that_the_call_goes_on() -> None:
    call = driver()
    call.start()
    keyed(call, "1", "5")
    assert Mark("rate", What.LEFT, "next") in call.played.turn.trail
    assert call.played.turn.trail[-2:] == (Mark("thanks", What.LEFT, "next"), Mark("main", What.ENTERED))


def test_sub_flows_nest_and_come_back_one_after_another() -> None:
    call = driver()
    call.start()
    keyed(call, "2")
    assert [frame.call for frame in call.session.frames] == ["rate_twice", "both"]
    keyed(call, "5")
    assert call.session.step == "ask_note"
    assert [frame.call for frame in call.session.frames] == ["rate_twice"]
    keyed(call, "1")
    assert call.session.frames == ()
    assert call.session.step == "main"


def test_whoever_leaves_a_sub_flow_does_not_come_back_to_it() -> None:
    call = driver()
    call.start()
    keyed(call, "1", "9")
    assert call.played.said == ["agent", "<end done>"]
    assert call.session.frames == ()


def test_back_from_the_first_question_of_a_sub_flow_leaves_it() -> None:
    call = driver()
    call.start()
    keyed(call, "1", "*")
    assert (call.session.step, call.session.frames) == ("main", ())


def test_back_never_goes_into_a_sub_flow_that_is_over() -> None:
    text = TEXT.replace("next: thanks}", "next: after}", 1).replace(
        "  thanks: {say", "  after: {menu: [after_menu], choices: {'1': main}}\n  thanks: {say"
    )
    call = driver(text)
    call.start()
    keyed(call, "1", "5")
    assert (call.session.step, call.session.history) == ("after", ("main", "after"))
    keyed(call, "*")
    assert call.session.step == "main"


MENU_INSIDE = (
    TEXT.replace('"0": agent}', '"0": other}')
    .replace("{ask: {prompt: enter_rating, digits: 1}, save: rating, next: after_rating}", "{menu: [rate], choices: {'5': after_rating}}")
    .replace('{if: rating == "9", then: agent, else: return}', "{menu: [sure], choices: {'1': return}}")
    .replace("  thanks: {say", "  other: {menu: [other], choices: {'1': thanks}}\n  thanks: {say")
)  # fmt: skip


@pytest.mark.parametrize("way_in", ["1", "2"])
def test_back_never_goes_into_a_sub_flow_that_was_left(way_in: str) -> None:
    call = driver(MENU_INSIDE)
    call.start()
    keyed(call, way_in, "5", "0")
    assert (call.session.step, call.session.frames, call.session.history) == ("other", (), ("main", "other"))
    keyed(call, "*")
    assert call.session.step == "main", "inside of it, a return would lead nowhere: the call ended as our trouble"


def test_back_never_goes_into_a_gate_that_was_left() -> None:
    ask = "pin: {ask: {prompt: enter_pin, digits: 6}, save: pin, next: pin_check}"
    ready = "ready: {menu: [ready], choices: {'1': pin}}"
    call = driver(MENU_INSIDE.replace("voice: pin", "voice: ready").replace(ask, f"{ready}\n  {ask}"))
    call.start()
    keyed(call, "3", "0")
    assert (call.session.frames, call.session.history) == ((), ("main", "other"))


def test_gates_and_sub_flows_live_on_one_stack() -> None:
    call = driver()
    call.start()
    keyed(call, "3")
    assert call.session.frames == (Frame("", "thanks", "proved"), Frame("auth", "secured"))
    assert Session.from_json(call.session.to_json()) == call.session
    assert '"frames":[["","thanks","proved"],["auth","secured"]]' in call.session.to_json()


def test_a_text_is_answered_through_a_sub_flow() -> None:
    chat = driver(channel=Channel.SMS)
    chat.start("text_rate")
    chat.resume(TextReceived("5"))
    assert chat.played.turn.effects[0] == Say((Prompt("thanks"),), "en")


def test_every_step_of_a_sub_flow_is_reached() -> None:
    flow = load_flow_text(TEXT, "calls.yaml")
    assert set(reached(flow, Channel.VOICE)) == set(flow.steps) - {"text_rate", "thanks_by_text"}
    assert flow.subflows["rate"] == {"ask_rating", "after_rating"}
    assert flow.subflows["rate_twice"] == {"both", "ask_note"}


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("else: return}", "else: rate_again}\n  rate_again: {call: ask_rating, next: return}", 23, "the sub-flow 'ask_rating' calls itself"),
        ("else: return}", "else: x}\n  x: {call: both, next: return}", 19, "the sub-flow 'ask_rating' calls itself, by way of both"),
        ("{call: both, next: thanks}", "{call: return, next: thanks}", 18, "there is no step 'return'"),
        ("{call: both, next: thanks}", "{call: bothe, next: thanks}", 18, "there is no step 'bothe'. Did you mean 'both'?"),
        ("thanks: {say: [thanks], next: main}", "thanks: {say: [thanks], next: return}", 30, "reached without a gate or a call"),
        ("next: pin_check}", "next: pin_check, needs: auth}", 25, "step 'pin' is inside gate 'auth' and needs it"),
        ("{call: both, next: thanks}", "{call: both}", 18, "call 'rate_twice' needs 'next'"),
    ],
)  # fmt: skip
def test_a_sub_flow_that_cannot_work_does_not_load(old: str, new: str, line: int, message: str) -> None:
    error = refused(TEXT.replace(old, new, 1))
    assert message in str(error)
    assert error.line == line, str(error)


def chain(length: int) -> str:
    links = "".join(f"  s{n}: {{call: s{n + 1}, next: return}}\n" for n in range(length - 1))
    return TEXT.replace("{call: both, next: thanks}", "{call: s0, next: thanks}").replace(
        "  both:", f"{links}  s{length - 1}: {{say: [deep], next: return}}\n  unused:"
    )


def test_eight_sub_flows_one_in_another_are_as_deep_as_it_goes() -> None:
    call = driver(chain(8))
    call.start()
    keyed(call, "2")
    assert call.played.said == ["deep", "thanks", "main_menu"]
    assert "deeper than 8" in str(refused(chain(9)))
    assert "deeper than 8" in str(refused(chain(150)))


def test_a_sub_flow_called_again_and_again_by_going_out_of_it_gathers_no_frames() -> None:
    call = driver(TEXT.replace("then: agent", "then: rate"))
    call.start()
    keyed(call, "1")
    for _ in range(20):
        keyed(call, "9")
    assert call.session.frames == (Frame("", "thanks", "rate"),)
