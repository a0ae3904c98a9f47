"""What is inside of what: gates and sub-flows, the steps of each, and that none of them begins itself again.

A step is inside when it can be come to from the first one and ``return`` can be come to from it. Whoever goes to
another step has left: such a way neither returns nor nests.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from core_client.language.errors import LanguageError
from core_client.language.source import Place, Source
from flows.dialogue import Channel
from flows.errors import FlowError
from flows.model import RETURN, Flow, Way
from flows.steps.call import MAX_FRAMES, MAX_NESTING, Call

RULE = "begins-itself"
MAX_REGIONS = 200  # gates and sub-flows of one flow; a bank's largest line has twenty

Region = tuple[str, str]  # ("gate", its name) or ("call", the first step of the sub-flow)


def targets_of(flow: Flow) -> dict[str, set[str]]:
    """Answer where each step goes on any channel. What it calls is inside of it: those are no targets."""
    voice, sms = flow.ways[Channel.VOICE], flow.ways[Channel.SMS]
    return {
        name: {edge.target for edge in (*voice[name], *sms[name]) if edge.way is not Way.CALL} for name in flow.steps
    }


def region(targets: Mapping[str, set[str]], first: str) -> frozenset[str]:
    """Answer the steps inside a gate or sub-flow that begins at step ``first``, by the ``targets`` of all steps."""
    after: set[str] = set()
    before: dict[str, list[str]] = {}
    able: deque[str] = deque()
    queue = deque([first])
    while queue:
        name = queue.popleft()
        if name in after or name not in targets:
            continue
        after.add(name)
        if RETURN in targets[name]:
            able.append(name)
        for target in targets[name]:
            before.setdefault(target, []).append(name)
        queue.extend(targets[name])
    found: set[str] = set()
    while able:
        name = able.popleft()
        if name not in found:
            found.add(name)
            able.extend(before.get(name, ()))
    return frozenset(found)


def count_regions(flow: Flow, source: Source) -> None:
    """Refuse a flow with more gates and sub-flows than anybody writes: each is walked on its own.

    Raises:
        FlowError: there are more than ``MAX_REGIONS``, told at the one that is too many.
    """
    begins = {gate.name: gate.place for gate in flow.gates.values()}
    begins |= {step.begin.target: step.begin.place for step in flow.steps.values() if isinstance(step, Call)}
    if len(begins) > MAX_REGIONS:
        place = list(begins.values())[MAX_REGIONS]
        message = f"more than {MAX_REGIONS} gates and sub-flows in one flow"
        raise source.error(place, message, "Make several flows of it.", RULE)


def subflows(flow: Flow, targets: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    """Answer the steps inside every sub-flow, by the steps that call it."""
    calls = {step.name: step.begin.target for step in flow.steps.values() if isinstance(step, Call)}
    inside = {first: region(targets, first) for first in calls.values()}
    return {name: inside[first] for name, first in calls.items()}


@dataclass(frozen=True, slots=True)
class _Nested:
    """A gate or sub-flow that begins inside another one, and where the flow says so."""

    region: Region
    place: Place
    step: str


def begins_itself(flow: Flow, source: Source) -> Iterator[FlowError]:
    """Find the first gate or sub-flow that begins itself again, directly or around, or that nests too deep.

    ``flow`` is complete: the steps of its gates and sub-flows are known.
    """
    inside: dict[Region, frozenset[str]] = {
        ("call", step.begin.target): flow.subflows[step.name] for step in flow.steps.values() if isinstance(step, Call)
    }
    inside |= {("gate", gate.name): gate.steps for gate in flow.gates.values()}
    nested = {outer: tuple(_nested(flow, steps)) for outer, steps in inside.items()}
    heights: dict[Region, int] = {}
    try:
        for outer in nested:
            _height(outer, (outer,), nested, heights, source)
    except FlowError as error:
        yield error


def _nested(flow: Flow, steps: frozenset[str]) -> Iterator[_Nested]:
    for name in sorted(steps, key=lambda name: flow.steps[name].place):
        step = flow.steps[name]
        if isinstance(step, Call):
            yield _Nested(("call", step.begin.target), step.begin.place, name)
        for gate in step.needs.get(Channel.VOICE, ()):
            yield _Nested(("gate", gate), step.place, name)


def _height(
    outer: Region,
    way: tuple[Region, ...],
    nested: Mapping[Region, tuple[_Nested, ...]],
    heights: dict[Region, int],
    source: Source,
) -> int:
    """Answer how many sub-flows are one inside another, ``outer`` included.

    Raises:
        FlowError: one of them is ``outer`` again, or there are too many.
    """
    if outer in heights:
        return heights[outer]
    own = 1 if outer[0] == "call" else 0
    height = own
    for each in nested[outer]:
        if each.region in way:
            raise _round(way, each, source)
        if each.region not in nested:
            continue  # it begins at no step: that is told already
        if len(way) < MAX_FRAMES:
            height = max(height, own + _height(each.region, (*way, each.region), nested, heights, source))
        if height > MAX_NESTING or len(way) >= MAX_FRAMES:
            message = f"sub-flows that call sub-flows, deeper than {MAX_NESTING}"
            raise source.error(each.place, message, "Let one of them go on with 'go', or put two together.", RULE)
    heights[outer] = height
    return height


def _round(way: tuple[Region, ...], each: _Nested, source: Source) -> LanguageError:
    kind, name = each.region
    around = [region[1] for region in way[way.index(each.region) :]]
    through = f", by way of {' and '.join(around[1:])}" if len(around) > 1 else ""
    if kind == "gate":
        message = f"step '{each.step}' is inside gate '{name}' and needs it{through}"
        return source.error(each.place, message, "Take the need out: there it is not proved yet.", RULE)
    message = f"the sub-flow '{name}' calls itself{through}"
    return source.error(each.place, message, "Go there with 'go', or return first.", RULE)
