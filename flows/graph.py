"""The graph of a flow: every target is there, and nothing asks by text what a text may not carry."""

from __future__ import annotations

import hashlib
import itertools
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from core_client.language.source import Place, Source
from core_client.language.suggest import did_you_mean
from core_client.operations import Type
from flows import prompts
from flows.dialogue import Channel
from flows.errors import MAX_ERRORS, FlowError
from flows.masking import masked_of
from flows.model import BACK, BY_CODE, REPEAT, RETURN, Edge, Flow, Step, Way
from flows.nesting import begins_itself, count_regions, region, subflows, targets_of
from flows.steps.ask import Ask
from flows.steps.bank import Bank
from flows.steps.confirm import Confirm
from flows.steps.say import SayStep, ends_a_text

VERSION_LENGTH = 16  # hex digits: enough that no two versions of one bank's flows meet


def check(flow: Flow, source: Source) -> None:
    """Check the graph.

    Raises:
        FlowError: the first error by place, with the others in ``more``.
    """
    errors = list(itertools.islice(missing_targets(flow, source), MAX_ERRORS))
    if not errors:
        there = {channel: reached(flow, channel) for channel in Channel}
        errors = [*return_outside_a_gate(flow, source), *not_by_text(flow, source, there[Channel.SMS])]
        errors = errors or list(not_on_channel(source, there))
    errors = errors or list(begins_itself(flow, source))
    if errors:
        errors.sort(key=lambda error: (error.file != source.name, error.file, error.line, error.column))
        errors[0].more = tuple(errors[1:MAX_ERRORS])
        raise errors[0]


def nested(flow: Flow, source: Source) -> Flow:
    """Answer the flow with the ways of its steps, and the steps inside of each gate and sub-flow.

    Raises:
        FlowError: there are too many of them.
    """
    count_regions(flow, source)
    led = {channel: {name: _ways(flow, step, channel) for name, step in flow.steps.items()} for channel in Channel}
    flow = replace(flow, ways=led)
    targets = targets_of(flow)
    gates = {name: replace(gate, steps=region(targets, gate.voice.target)) for name, gate in flow.gates.items()}
    return replace(flow, gates=gates, subflows=subflows(flow, targets))


def completed(flow: Flow, texts: Mapping[str, str]) -> Flow:
    """Answer the flow with what follows from its steps: its prompts, who asks for what, its version."""
    used: dict[str, Place] = {}
    for step in flow.steps.values():
        for saying in step.sayings():
            for id_, place, _ in saying.prompts:
                used.setdefault(id_, place)
    digest = hashlib.sha256(flow.source_text.encode())
    for name in sorted(flow.included):
        digest.update(f"\0{name}\0{flow.included[name]}".encode())
    for id_ in sorted({*used, *prompts.SYSTEM_PROMPTS}):
        digest.update(f"\0{id_}\0{texts.get(id_, '')}".encode())
    return replace(
        flow,
        version=digest.hexdigest()[:VERSION_LENGTH],
        prompts=used,
        masked=masked_of(flow),
        asked_by={
            step.variable.name: step.name for step in reversed(tuple(flow.steps.values())) if isinstance(step, Ask)
        },
    )


# --- walking -----------------------------------------------------------------------------------------------------


def ways(flow: Flow, step: Step, channel: Channel) -> tuple[Edge, ...]:
    """Answer where ``step`` goes on ``channel``; a text ends where a call would go back to its menu."""
    return flow.ways[channel][step.name]


def _ways(flow: Flow, step: Step, channel: Channel) -> tuple[Edge, ...]:
    edges = step.edges(channel)
    if channel is Channel.SMS and isinstance(step, SayStep):
        return tuple(e for e in edges if e.target == RETURN or not _ends_a_text(flow, e.target))
    return edges


def _ends_a_text(flow: Flow, name: str) -> bool:
    return name not in flow.steps or ends_a_text(flow.steps[name])


class Reached(NamedTuple):
    """A step that is reached, and the edge that first did."""

    step: Step
    by: Edge


def reached(flow: Flow, channel: Channel) -> dict[str, Reached]:
    """Answer the steps that a party on ``channel`` can get to, gates included."""
    found: dict[str, Reached] = {}
    led = flow.ways[channel]
    queue: deque[Edge] = deque(roots(flow, channel))
    while queue:
        edge = queue.popleft()
        step = flow.steps.get(edge.target) if edge.target not in found else None
        if step is None:
            continue
        found[edge.target] = Reached(step, edge)
        queue.extend(led[edge.target])
        if channel is Channel.VOICE and step.needs:
            queue.extend(flow.gates[name].voice for name in step.needs.get(channel, ()))
    return found


def roots(flow: Flow, channel: Channel) -> Iterator[Edge]:
    """Answer where dialogues begin."""
    if channel is Channel.SMS:
        yield from (Edge(pattern.step, pattern.place, Way.SMS, pattern.text) for pattern in flow.sms_patterns)
        return
    yield Edge(flow.start, flow.start_place, Way.START)


# --- checks ------------------------------------------------------------------------------------------------------


def missing_targets(flow: Flow, source: Source) -> Iterator[FlowError]:
    """Find targets that are no steps."""
    seen: set[tuple[str, Place]] = set()
    for edge, words in _all_edges(flow):
        if edge.target in flow.steps or edge.target in words or (edge.target, edge.place) in seen:
            continue
        seen.add((edge.target, edge.place))
        hint = did_you_mean(edge.target, (*flow.steps, *words)) or "Every target is a step of this flow."
        yield _flow_error(source, edge.place, f"there is no step '{edge.target}'", hint, "missing-target")


def _all_edges(flow: Flow) -> Iterator[tuple[Edge, tuple[str, ...]]]:
    yield Edge(flow.start, flow.start_place, Way.START), ()
    for step in flow.steps.values():
        for edge in step.branches():
            yield edge, () if edge.way is Way.CALL else (RETURN,)
    for gate in flow.gates.values():
        yield gate.voice, ()
    for edge in flow.keys.values():
        yield edge, (BACK, REPEAT)
    for pattern in flow.sms_patterns:
        yield Edge(pattern.step, pattern.place, Way.SMS, pattern.text), ()


def return_outside_a_gate(flow: Flow, source: Source) -> Iterator[FlowError]:
    """Find ``return`` where no gate was entered and no sub-flow called."""
    outside: set[tuple[str, Channel]] = set()
    queue = deque((edge.target, channel) for channel in Channel for edge in roots(flow, channel))
    while queue:
        name, channel = queue.popleft()
        if (name, channel) in outside or name not in flow.steps:
            continue
        outside.add((name, channel))
        for edge in ways(flow, flow.steps[name], channel):
            if edge.way is Way.CALL:
                continue  # what is inside of it returns to the call
            if edge.target == RETURN:
                message = f"step '{name}' is reached without a gate or a call: there is nothing to return to"
                yield _flow_error(source, edge.place, message, "Name the step that follows.", "nothing-to-return-to")
            else:
                queue.append((edge.target, channel))


def not_by_text(flow: Flow, source: Source, found: Mapping[str, Reached]) -> Iterator[FlowError]:
    """Find secrets that a text would be asked for, and codes without a confirmation."""
    for step in flow.steps.values():
        if isinstance(step, Ask) and step.secret and step.channels == {Channel.SMS}:
            yield _secret_by_text(source, step)
    confirmed = {at.step.yes.target for at in found.values() if isinstance(at.step, Confirm)}
    for name, at in found.items():
        step = at.step
        if isinstance(step, Ask) and step.secret and Channel.SMS in step.channels:
            yield _secret_by_text(source, step, at.by)
        codes = [gate for gate in step.needs.get(Channel.SMS, ()) if flow.gates[gate].sms == BY_CODE]
        if codes and not (name in confirmed and _only_by_yes(flow, found, name)):
            message = f"by text, step '{name}' needs '{codes[0]}' by a code, which only a confirmation asks for"
            hint = "Lead here by the 'yes' of a confirm step."
            yield _flow_error(source, at.by.place, message, hint, "code-unconfirmed")
        elif codes and not (isinstance(step, Bank) and _has_intent(step)):
            message = f"step '{name}' needs a code by text, but no bank operation on an intent stands there"
            hint = "A code is bound to an intent: transfers.authorise has one."
            yield _flow_error(source, step.place, message, hint, "code-unconfirmed")


def _secret_by_text(source: Source, step: Ask, by: Edge | None = None) -> FlowError:
    reached_by = f" (reached by text from line {by.place.line})" if by is not None else ""
    message = f"step '{step.name}' asks for the secret '{step.variable.name}' by text{reached_by}"
    hint = "A text is not private: ask by voice, confirm a text by a code."
    return _flow_error(source, step.place, message, hint, "secret-by-text")


def _only_by_yes(flow: Flow, found: Mapping[str, Reached], name: str) -> bool:
    for at in found.values():
        for edge in ways(flow, at.step, Channel.SMS):
            if edge.target == name and not (isinstance(at.step, Confirm) and edge == at.step.yes):
                return False
    return all(pattern.step != name for pattern in flow.sms_patterns)


def _has_intent(step: Bank) -> bool:
    return any(field.type is Type.INTENT for field in step.operation.parameters.values())


def not_on_channel(source: Source, there: Mapping[Channel, Mapping[str, Reached]]) -> Iterator[FlowError]:
    """Find steps and operations that are reached on a channel they do not run on."""
    for channel, found in there.items():
        for at in found.values():
            step = at.step
            if channel not in step.channels:
                message = f"step '{step.name}' does not run by {channel}, but is reached from here by {channel}"
                hint = f"Its channels: {', '.join(sorted(step.channels))}."
                yield _flow_error(source, at.by.place, message, hint, "wrong-channel")
            elif isinstance(step, Bank):
                allowed = step.operation.voice if channel is Channel.VOICE else step.operation.sms
                if not allowed:
                    message = f"'{step.operation.name}' is no operation for {channel}, and {channel} gets here"
                    hint = f"From line {at.by.place.line}. Keep {channel} away, or take another operation."
                    yield _flow_error(source, step.place, message, hint, "wrong-channel")


def _flow_error(source: Source, place: Place, message: str, hint: str, rule: str) -> FlowError:
    at = source.family.get(place.file, source)
    return FlowError(at.name, place.line, place.column, message, hint, at.line(place.line), rule)
