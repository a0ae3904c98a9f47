"""A flow as large and as twisted as its limits allow is loaded, or refused, in bounded time."""

from __future__ import annotations

import contextlib
import random
import time

import pytest

from flows.assignment import unset
from flows.errors import MAX_ERRORS, FlowError
from flows.nesting import MAX_REGIONS
from flows.reading.loader import load_flow_text

LONGEST_S = 5.0  # of the processor, on a machine that is busy with others; none takes a fifth of it
MANY = 1500
HEAD = """\
flow: hostile
languages: [en]
start: s0
defaults: {on_fail: bye}
steps:
  bye: {say: [goodbye], hangup: true}
"""


def steps(template: str, numbers: list[int] | None = None) -> str:
    numbers = list(range(MANY)) if numbers is None else numbers
    return "".join(f"  {template.replace('$$', str(n + 1)).replace('$', str(n))}\n" for n in numbers)


def shuffled() -> list[int]:
    numbers = list(range(MANY))
    random.Random(1).shuffle(numbers)
    return numbers


LAST = f"  s{MANY}: {{go: bye}}\n"
COUNTED = f"  s{MANY}: {{set: {{v{MANY}: 1}}, next: bye}}\n"
SLOW = {
    "a chain": steps("s$: {go: s$$}") + LAST,
    "unknown targets": steps("s$: {go: some_step_like_this_$}"),
    "unknown names": steps("s$: {say: [{money: some_name_like_this_$}], next: bye}"),
    "unknown kinds": steps("s$: {sya: [x], next: bye}"),
    "names in the order of their use": steps("s$: {set: {v$: v$$}, next: s$$}") + COUNTED,
    "names in any order": steps("s$: {set: {v$: v$$}, next: s$$}", shuffled()) + COUNTED,
    "names in a round": steps("s$: {set: {v$: v$$}, next: s$$}") + f"  s{MANY}: {{set: {{v{MANY}: v0}}, next: bye}}\n",
    "sub-flows one in another": steps("s$: {call: s$$, next: return}") + f"  s{MANY}: {{go: return}}\n",
    "one sub-flow from everywhere": steps("s$: {call: r, next: s$$}") + LAST + "  r: {say: [x], next: return}\n",
    "many sub-flows": steps("s$: {call: q$, next: s$$}", list(range(700))) + steps("q$: {go: return}", list(range(700)))
    + "  s700: {go: bye}\n",
    "branches": steps("s$: {switch: channel, cases: {voice: s$$, sms: bye}}") + LAST,
    "every step to every other": "".join(
        f"  s{n}: {{menu: [m], choices: {{{', '.join(f'{key}: s{(n * 7 + key) % 400}' for key in range(10))}}}}}\n"
        for n in range(400)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SLOW)
def test_a_large_flow_is_loaded_or_refused_in_time(name: str) -> None:
    began = time.process_time()
    with contextlib.suppress(FlowError):
        unset(load_flow_text(HEAD + SLOW[name], "hostile.yaml"))
    assert time.process_time() - began < LONGEST_S


def test_names_are_learned_in_whatever_order_they_stand() -> None:
    load_flow_text(HEAD + SLOW["names in the order of their use"], "hostile.yaml")


def test_of_a_flood_of_errors_so_many_are_told() -> None:
    with pytest.raises(FlowError) as caught:
        load_flow_text(HEAD + SLOW["unknown targets"], "hostile.yaml")
    assert len(caught.value.more) == MAX_ERRORS - 1
    assert caught.value.line == HEAD.count("\n") + 1


def test_a_flow_has_so_many_gates_and_sub_flows_and_no_more() -> None:
    def with_calls(count: int) -> str:
        numbers = list(range(count))
        return (
            HEAD
            + steps("s$: {call: q$, next: s$$}", numbers)
            + steps("q$: {say: [x], next: return}", numbers)
            + f"  s{count}: {{go: bye}}\n"
        )

    load_flow_text(with_calls(MAX_REGIONS), "hostile.yaml")
    with pytest.raises(FlowError, match=f"more than {MAX_REGIONS} gates and sub-flows"):
        load_flow_text(with_calls(MAX_REGIONS + 1), "hostile.yaml")
