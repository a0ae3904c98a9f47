# ruff: noqa: E501 - a table of cases reads best as one row a case
from __future__ import annotations

import pytest

from flows.assignment import assigned, unset
from flows.dialogue import Channel
from flows.model import Flow
from flows.reading.loader import load_flow_text
from flows.store import FlowStore
from tests.unit.flows.flow_texts import SMALL, changed
from tests.unit.flows.test_sub_flows import TEXT as CALLS

HEAD = """\
flow: reads
languages: [en]
start: main
defaults: {on_fail: bye}
vars:
  a: {type: digits}
  b: {type: digits}
  pin: {type: secret}
gates:
  auth: {voice: g_pin, sms: by_number}
  held: {voice: g_held, sms: by_number}
  maybe: {unless: known(a), voice: g_a, sms: by_number}
  named: {unless: party.identified, voice: g_a, sms: by_number}
sms:
  en:
    "TELL {a}": tell
    "NONE": text_none
steps:
  bye: {say: [goodbye], hangup: true}
  text_none: {say: [none], hangup: true}
  tell: {say: [{digits: a}], hangup: true}
  ask_a: {ask: {prompt: q, digits: 1}, save: a, next: tell}
  g_pin: {ask: {prompt: q, digits: 6}, save: pin, next: g_check}
  g_check: {bank: auth.verify_pin, with: {pin: pin}, on: {ok: g_b, refused: g_pin, wait: bye, locked: bye, down: bye}}
  g_b: {ask: {prompt: q, digits: 1}, save: b, next: return}
  g_held: {ask: {prompt: q, digits: 6}, save: pin, next: return}
  g_a: {ask: {prompt: q, digits: 1}, save: a, next: return}
"""


def flow(steps: str) -> Flow:
    return load_flow_text(HEAD + steps, "reads.yaml")


def found(steps: str) -> list[tuple[str, str]]:
    return [(each.step, each.name) for each in unset(flow(steps))]


CASES = {
    "asked before": ("main: {go: ask_a}", []),
    "never asked": ("main: {go: tell}", [("tell", "a")]),
    "asked on one way of two": ("main: {menu: [m], choices: {'1': tell, '2': ask_a}}", [("tell", "a")]),
    "the way that fails to ask": ("main: {ask: {prompt: q, digits: 1}, save: a, next: bye, on_fail: tell}", [("tell", "a")]),
    "known is asked first": ("main: {if: known(a), then: tell, else: ask_a}", []),
    "not known is asked first": ("main: {if: not known(a), then: ask_a, else: tell}", []),
    "known and compared": ('main: {if: known(a) and a == "1", then: tell, else: ask_a}', []),
    "known or compared": ('main: {if: known(a) or a == "1", then: bye, else: bye}', [("main", "a")]),
    "not known or compared": ('main: {if: not known(a) or a == "1", then: bye, else: tell}', []),
    "known of another": ("main: {if: known(b), then: tell, else: bye}", [("tell", "a")]),
    "read once is told once": ("main: {say: [{digits: a}], next: next}\n  next: {say: [{digits: a}], next: bye}", [("main", "a")]),
    "said only when known": ("main: {say: [{if: known(a), say: [{digits: a}]}], next: bye}", []),
    "said when not known": ("main: {say: [{if: known(a), say: [x], else: [{digits: a}]}], next: bye}", [("main", "a")]),
    "set": ('main: {set: {c: "1"}, next: more}\n  more: {say: [{digits: d}], next: bye}\n  x: {set: {d: a}, next: bye}', [("more", "d")]),
    "set out of one that is not there": ("main: {set: {c: a}, next: more}\n  more: {say: [{digits: c}], next: bye}", [("main", "a")]),
    "set one after another": ('main: {set: {c: \'"1"\', d: c}, next: bye}', []),
    "a switch with else": ("main: {switch: a, cases: {'1': tell}, else: bye}", []),
    "a switch with else, on that way": ("main: {switch: a, cases: {'1': bye}, else: tell}", [("tell", "a")]),
    "saved by ok only": ("main: {bank: service.request_callback, save: r, on: {ok: bye, refused: told, down: told}}\n  told: {say: [{digits: r.reference}], next: bye}", [("told", "r")]),
    "saved by ok": ("main: {bank: service.request_callback, save: r, on: {ok: told, refused: bye, down: bye}}\n  told: {say: [{digits: r.reference}], next: bye}", []),
    "an optional parameter": ("main: {bank: cards.block, with: {last4: a}, on: {ok: bye, refused: bye, down: bye}}", []),
    "a required parameter": ("main: {bank: identity.claim, with: {customer: a}, on: {ok: bye, down: bye}}", [("main", "a")]),
    "the context of a transfer": ("main: {transfer: {queue: q, context: [a]}, on: {answered: bye, closed: bye, failed: bye, timeout: bye}}", []),
    "a callback": ("main: {callback: {about: a}, on: {ok: bye, refused: bye, down: bye}}", []),
    "a recording": ("main: {record: {prompt: p}, save: r, on: {ok: told, empty: bye, failed: told}}\n  told: {say: [{number: r.seconds}], next: bye}", [("told", "r")]),
    "behind a gate": ("main: {needs: auth, say: [{digits: b}], next: bye}", []),
    "a secret that was opened": ("main: {needs: auth, bank: auth.verify_pin, with: {pin: pin}, on: {ok: bye, refused: bye, wait: bye, locked: bye, down: bye}}", [("main", "pin")]),
    "a secret that a gate opens before the step": ("main: {ask: {prompt: q, digits: 6}, save: pin, next: again}\n  again: {needs: auth, bank: auth.verify_pin, with: {pin: pin}, on: {ok: bye, refused: bye, wait: bye, locked: bye, down: bye}}", [("again", "pin")]),
    "a secret that a gate asks for": ("main: {needs: held, bank: auth.verify_pin, with: {pin: pin}, on: {ok: bye, refused: bye, wait: bye, locked: bye, down: bye}}", []),
    "behind a gate that known opens": ("main: {needs: maybe, say: [{digits: a}], next: bye}", []),
    "behind a gate that something else opens": ("main: {needs: named, say: [{digits: a}], next: bye}", [("main", "a")]),
    "a sub-flow that sets it": ("main: {call: g_a, next: tell}", []),
    "a sub-flow that sets it on one way": ("main: {call: s, next: tell}\n  s: {menu: [m], choices: {'1': g_a, '2': t}}\n  t: {say: [x], next: return}", [("tell", "a")]),
    "a sub-flow of two": ("main: {call: s, next: tell}\n  s: {call: g_a, next: return}", []),
    "a sub-flow that is left": ("main: {call: s, next: bye}\n  s: {menu: [m], choices: {'1': tell, '2': g_a}}", [("tell", "a")]),
    "a sub-flow that reads": ("main: {call: s, next: bye}\n  s: {say: [{digits: a}], next: return}", [("s", "a")]),
    "a sub-flow that reads, called well": ("main: {call: g_a, next: again}\n  again: {call: s, next: bye}\n  s: {say: [{digits: a}], next: return}", []),
    "a round": ("main: {menu: [m, {if: known(a), say: [{digits: a}]}], choices: {'1': get, '2': bye}}\n  get: {ask: {prompt: q, digits: 1}, save: a, next: main}", []),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_read_is_found_when_it_may_come_before_a_value(case: str) -> None:
    steps, wanted = CASES[case]
    assert found(f"  {steps}\n") == wanted


def test_a_read_is_told_at_its_very_place() -> None:
    (read,) = unset(flow('  main: {if: channel == "voice" and a == "1", then: bye, else: bye}\n'))
    line = HEAD.count("\n") + 1
    assert (read.place.line, read.place.column) == (line, 37)


def test_a_command_gives_its_slots_a_value_and_no_others() -> None:
    assert found("  main: {go: bye}\n") == []
    text = HEAD.replace("tell: {say: [{digits: a}]", "tell: {say: [{digits: b}]") + "  main: {go: bye}\n"
    assert [(each.step, each.name) for each in unset(load_flow_text(text, "x"))] == [("tell", "b")]


def test_a_check_that_reads_what_is_not_there_is_found_by_voice_and_at_the_command() -> None:
    text = HEAD.replace("a: {type: digits}", "a: {type: digits, check: value != b}") + "  main: {go: ask_a}\n"
    reads = unset(load_flow_text(text, "x"))
    assert [(each.step, each.name, each.place.line) for each in reads] == [("ask_a", "b", 6), ("tell", "b", 16)]


def test_the_flows_that_ship_and_those_of_the_tests_read_nothing_too_early() -> None:
    store = FlowStore()
    for name in store.names:
        assert unset(store.current(name)) == ()
    assert unset(load_flow_text(SMALL, "small")) == ()
    assert unset(load_flow_text(CALLS, "calls")) == ()


def test_what_has_a_value_at_a_step_is_known_by_channel() -> None:
    small = load_flow_text(SMALL, "small")
    assert assigned(small, Channel.SMS)["prepare"] == {"amount", "payee"}
    assert assigned(small, Channel.VOICE)["done"] == {"amount", "payee", "intent", "receipt"}
    assert assigned(small, Channel.VOICE)["told"] == {"bal"}  # the PIN opened once, and is gone
    assert assigned(small, Channel.VOICE)["pin_check"] == {"pin"}


def test_a_step_that_nobody_gets_to_is_not_looked_at() -> None:
    assert (
        unset(load_flow_text(changed(("  told_no:", "  lost: {say: [{name: payee}], next: main}\n  told_no:")), "x"))
        == ()
    )
