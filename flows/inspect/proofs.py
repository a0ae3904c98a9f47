"""What a caller has surely proved at each step: the ways on which nothing was proved are followed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

from flows.dialogue import Channel
from flows.inspect.look import Look
from flows.model import RETURN, Edge, Gate, Step, Way
from flows.steps.bank import Bank

# The operations whose ``ok`` is a proof of AUTHENTICATED by voice.
PROVING_OPERATIONS = frozenset({"auth.verify_pin"})


class Proofs:
    """Which gates prove who the caller is, and which steps are reached without such a gate."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._flow = look.flow
        self._proving: dict[str, bool] = {}

    def proves(self, name: str) -> bool:
        """Answer whether nobody passes gate ``name`` by voice without giving the PIN."""
        known = self._proving.get(name)
        if known is None:
            self._proving[name] = False  # while it is worked out: a gate that needs itself proves nothing
            known = self._proving[name] = self._worked_out(self._flow.gates[name])
        return known

    def _worked_out(self, gate: Gate) -> bool:
        if gate.unless is not None:
            return False
        seen: set[str] = set()
        queue = deque([gate.voice])
        while queue:
            edge = queue.popleft()
            if edge.target == RETURN:
                return False
            step = self._flow.steps.get(edge.target)
            if step is None or step.name in seen or step.name not in gate.steps:
                continue  # outside of the gate nothing passes it: a ``return`` there is of a sub-flow
            seen.add(step.name)
            if any(self.proves(need) for need in step.needs.get(Channel.VOICE, ())):
                continue
            proof = _is_proof(step)
            ways = self._look.voice.ways.get(step.name) or step.edges(Channel.VOICE)
            queue.extend(way for way in ways if not (proof and way.way is Way.OUTCOME and way.word == "ok"))
        return True

    def asks(self, name: str) -> bool:
        """Answer whether gate ``name`` asks for the PIN, though there may be a way around it."""
        gate = self._flow.gates[name]
        return gate.unless is None and any(_is_proof(self._flow.steps[step]) for step in gate.steps)

    @cached_property
    def unproved(self) -> Mapping[str, Edge]:
        """Answer the steps that run, by some way, for callers who have passed no proving gate, with that way."""
        return self._without(self.proves)

    @cached_property
    def unasked(self) -> Mapping[str, Edge]:
        """Answer the steps that run, by some way, for callers whom no gate asked for the PIN, with that way."""
        return self._without(lambda name: self.proves(name) or self.asks(name))

    def _without(self, enough: Callable[[str], bool]) -> Mapping[str, Edge]:
        found: dict[str, Edge] = {}
        look = self._look
        queue: deque[Edge] = deque([Edge(look.flow.start, look.start, Way.START)])
        while queue:
            edge = queue.popleft()
            if edge.target in found or edge.target not in look.voice.reached:
                continue
            passed = False
            for need in look.flow.steps[edge.target].needs.get(Channel.VOICE, ()):
                queue.append(look.flow.gates[need].voice)
                passed = enough(need)
                if passed:
                    break
            if not passed:
                found[edge.target] = edge
                queue.extend(look.voice.ways[edge.target])
        return found


def _is_proof(step: Step) -> bool:
    return isinstance(step, Bank) and step.operation.name in PROVING_OPERATIONS


def proofs_of(look: Look) -> Proofs:
    """Answer the proofs of a flow, worked out once for all lints."""
    return look.kept("proofs", lambda: Proofs(look))


def operations(look: Look) -> Iterator[Bank]:
    """Answer the steps that callers get to and that ask the bank for something."""
    return (step for step in look.voice.steps() if isinstance(step, Bank))
