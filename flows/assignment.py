"""Which names surely have a value when a step is entered: found before anybody calls, not by a caller.

A forward analysis over everything that can happen: by each channel and from each place where dialogues begin, over
gates, sub-flows, what conditions prove, and secrets, which open once. Sets of names are bits of one number, since a
check runs at every keystroke of an editor.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from core_client.language.source import Place
from flows.dialogue import Channel
from flows.graph import ways
from flows.model import RETURN, Edge, Flow, Read, Step, Way
from flows.steps.ask import Ask
from flows.steps.call import Call


class Unset(NamedTuple):
    """A name that a step reads, and that nothing need have given a value before."""

    step: str
    name: str
    place: Place


def unset(flow: Flow) -> tuple[Unset, ...]:
    """Answer the reads that may come before a value, by place. The flow must have passed its graph's checks."""
    names = _Names(flow)
    found: dict[Unset, None] = {}
    for channel in Channel:
        analysis = _Analysis(flow, channel, names)
        found |= dict.fromkeys(analysis.unset())
    return tuple(sorted(found, key=lambda each: (each.place.file, each.place.line, each.place.column, each.name)))


def assigned(flow: Flow, channel: Channel) -> Mapping[str, frozenset[str]]:
    """Answer, for each step that is reached on ``channel``, the names that surely have a value when it is entered."""
    names = _Names(flow)
    return {name: names.of(mask) for name, mask in _Analysis(flow, channel, names).before.items()}


class _Names:
    """The names that steps give a value, each a bit."""

    def __init__(self, flow: Flow) -> None:
        self._bits = {name: 1 << n for n, name in enumerate((*flow.variables, *flow.saved))}
        self._steps: dict[str, _StepFacts] = {}

    def mask(self, names: Iterable[str]) -> int:
        found = 0
        for name in names:
            found |= self._bits.get(name, 0)
        return found

    def bit(self, name: str) -> int:
        return self._bits.get(name, 0)

    def of(self, mask: int) -> frozenset[str]:
        return frozenset(name for name, bit in self._bits.items() if mask & bit)

    def facts(self, step: Step) -> _StepFacts:
        """Answer what ``step`` reads and drops: the same by every channel."""
        found = self._steps.get(step.name)
        if found is None:
            reads = list(step.reads())
            for saying in step.sayings():
                reads += saying.reads
            if isinstance(step, Ask) and step.variable.check is not None:
                reads += step.variable.check.reads()
            known = [read for read in reads if read[0] in self._bits]
            found = _StepFacts(tuple(known), self.mask([name for name, _ in known]), self.mask(step.drops()))
            self._steps[step.name] = found
        return found


class _StepFacts(NamedTuple):
    """What a step reads, and what it drops."""

    reads: tuple[Read, ...]
    needs: int
    drops: int


class _Effect(NamedTuple):
    """What passing a gate or a sub-flow does: names that it surely sets, and those that it may drop."""

    sets: int
    drops: int


class _Analysis:
    """One channel of one flow."""

    def __init__(self, flow: Flow, channel: Channel, names: _Names) -> None:
        self._flow = flow
        self._channel = channel
        self._names = names
        self._edges: dict[str, tuple[tuple[Edge, int], ...]] = {}
        self._effects: dict[str, _Effect | None] = {}  # by first step; None: nothing comes back
        self._inside = {gate.voice.target: gate.steps for gate in flow.gates.values()}
        for step in flow.steps.values():
            if isinstance(step, Call):
                self._inside[step.begin.target] = flow.subflows[step.name]
        self._arriving: dict[str, int] = {}  # as ``before``, in front of the gates
        self.before = self._propagated(self._roots(), None)

    # --- what is found ---

    def unset(self) -> Iterator[Unset]:
        """Answer the reads that may come before a value."""
        for name, mask in self.before.items():
            facts = self._names.facts(self._flow.steps[name])
            if not facts.needs & ~mask:
                continue
            for read, place in facts.reads:
                if self._names.bit(read) & ~mask:
                    yield Unset(name, read, place)
        yield from self._unset_in_gates()
        if self._channel is Channel.SMS:
            yield from self._unset_in_slots()

    def _unset_in_gates(self) -> Iterator[Unset]:
        if self._channel is not Channel.VOICE:
            return
        for name, mask in self._arriving.items():
            for gate in self._flow.steps[name].needs.get(self._channel, ()):
                unless = self._flow.gates[gate].unless
                for read, place in unless.reads() if unless is not None else ():
                    if self._names.bit(read) & ~mask:
                        yield Unset(name, read, place)

    def _unset_in_slots(self) -> Iterator[Unset]:
        for pattern in self._flow.sms_patterns:
            slots = [part.name for part in pattern.parts if not isinstance(part, str)]
            filled = self._names.mask(slots)
            for slot in slots:
                check = self._flow.variables[slot].check
                for read, _ in check.reads() if check is not None else ():
                    if self._names.bit(read) & ~filled:
                        yield Unset(pattern.step, read, pattern.place)

    # --- the walk ---

    def _roots(self) -> Iterator[tuple[str, int]]:
        if self._channel is Channel.VOICE:
            yield self._flow.start, 0
            return
        for pattern in self._flow.sms_patterns:
            yield pattern.step, self._names.mask(part.name for part in pattern.parts if not isinstance(part, str))

    def _propagated(self, roots: Iterable[tuple[str, int]], inside: frozenset[str] | None) -> dict[str, int]:
        """Answer the names that have a value at each step, wherever one comes from.

        With ``inside`` only those steps are walked, and of the gates and sub-flows in them only what comes back
        counts; without, everything is walked into.
        """
        whole = inside is None
        arriving: dict[str, int] = {}
        before: dict[str, int] = {}
        queue = deque(roots)
        while queue:
            name, mask = queue.popleft()
            known = arriving.get(name)
            if (known is not None and known & mask == known) or (inside is not None and name not in inside):
                continue
            arriving[name] = mask if known is None else known & mask
            step = self._flow.steps.get(name)
            entered = self._through_gates(step, arriving[name], queue if whole else None) if step is not None else None
            if step is None or entered is None:
                continue
            before[name] = entered
            queue.extend(self._onward(step, entered, whole=whole))
        if whole:
            self._arriving = arriving
        return before

    def _onward(self, step: Step, mask: int, *, whole: bool) -> Iterable[tuple[str, int]]:
        """Answer where one goes from ``step``, and what has a value there."""
        # What was read had a value, or the dialogue is over.
        facts = self._names.facts(step)
        after = (mask | facts.needs) & ~facts.drops
        if isinstance(step, Call):
            return self._around(step, after, whole=whole)
        # At ``return``, whoever called goes on with what comes back.
        return [(edge.target, after | sets) for edge, sets in self._edges_of(step) if edge.target != RETURN]

    def _around(self, step: Call, mask: int, *, whole: bool) -> Iterator[tuple[str, int]]:
        """Answer the ways into a sub-flow, and on from it with what comes back."""
        for edge, _ in self._edges_of(step):
            if edge.way is Way.CALL:
                if whole:
                    yield edge.target, mask
            elif edge.target != RETURN:
                effect = self._effect(step.begin.target)
                if effect is not None:
                    yield edge.target, mask & ~effect.drops | effect.sets

    def _through_gates(self, step: Step, mask: int, queue: deque[tuple[str, int]] | None) -> int | None:
        """Answer what has a value behind the gates of ``step``; None when nobody gets through them."""
        if self._channel is not Channel.VOICE:
            return mask
        for name in step.needs.get(self._channel, ()):
            gate = self._flow.gates[name]
            first = gate.voice.target
            if queue is not None:
                queue.append((first, mask))
            effect = self._effect(first)
            if gate.unless is not None:
                proved = self._names.mask(gate.unless.proves(True))
                sets = effect.sets & proved if effect is not None else proved
                mask = mask & ~(effect.drops if effect is not None else 0) | sets
            elif effect is None:
                return None
            else:
                # One that was passed before is taken for passed now: what it sets stays, but for secrets, which a
                # gate opens itself.
                mask = mask & ~effect.drops | effect.sets
        return mask

    def _effect(self, first: str) -> _Effect | None:
        """Answer what the gate or sub-flow that begins at ``first`` does. The graph has none that is in itself."""
        if first not in self._effects:
            self._effects[first] = None
            before = self._propagated([(first, 0)], self._inside[first])
            sets: int | None = None
            drops = 0
            for name, mask in before.items():
                step = self._flow.steps[name]
                facts = self._names.facts(step)
                drops |= facts.drops
                for edge, own in self._edges_of(step):
                    if edge.target == RETURN and edge.way is not Way.CALL:
                        after = (mask | facts.needs) & ~facts.drops | own
                        if isinstance(step, Call):
                            effect = self._effect(step.begin.target)
                            if effect is None:
                                continue
                            after = after & ~effect.drops | effect.sets
                        sets = after if sets is None else sets & after
            if sets is not None:
                self._effects[first] = _Effect(sets, drops & ~sets)
        return self._effects[first]

    # --- one step ---

    def _edges_of(self, step: Step) -> tuple[tuple[Edge, int], ...]:
        found = self._edges.get(step.name)
        if found is None:
            found = tuple([(e, self._names.mask(step.sets(e))) for e in ways(self._flow, step, self._channel)])
            self._edges[step.name] = found
        return found
