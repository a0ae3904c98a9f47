"""What all steps that wait for keys share: asking again, helping, giving up, and the universal keys."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from core_client.language.source import Pairs
from flows import prompts
from flows.dialogue import GatherDigits, InputTimedOut, Prompt, What
from flows.engine.draft import Draft
from flows.model import BACK, REPEAT, Edge, Way
from flows.reading.build import Build
from flows.reading.shape import InputShape
from flows.saying import Saying

_gather = lru_cache(maxsize=4096)(GatherDigits)  # a flow asks in some dozens of ways, a thousand times a minute


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How a step asks, and what happens when the answer does not come or does not fit.

    ``no_input`` and ``no_match`` are said at the first failed attempt, the second, and so on; the last stays. With
    ``repeats`` the step's own question follows; a step's own words stand for themselves.
    """

    no_input: tuple[Saying, ...]
    no_match: tuple[Saying, ...]
    repeats_no_input: bool
    repeats_no_match: bool
    tries: int
    on_fail: Edge
    first_digit_timeout_s: float
    inter_digit_timeout_s: float
    barge_in: bool

    def keys(self, low: int, high: int, terminators: str = "", escapes: str = "", secret: bool = False) -> GatherDigits:
        """Wait for keys."""
        return _gather(low, high, terminators, escapes, self.first_digit_timeout_s, self.inter_digit_timeout_s, secret)

    def missed(self, draft: Draft, *, nothing: bool) -> bool | None:
        """Count a failed attempt and say so.

        Returns:
            Whether the step's own question follows; None when there were enough attempts.
        """
        if nothing:
            draft.no_inputs += 1
        else:
            draft.no_matches += 1
        draft.mark(What.NO_INPUT if nothing else What.NO_MATCH)
        if draft.no_inputs + draft.no_matches >= self.tries:
            return None
        sayings = self.no_input if nothing else self.no_match
        count = draft.no_inputs if nothing else draft.no_matches
        if sayings:
            draft.say(sayings[min(count, len(sayings)) - 1], barge_in=self.barge_in)
        else:
            draft.say_items(Prompt(prompts.NO_INPUT if nothing else prompts.NO_MATCH), barge_in=self.barge_in)
        return self.repeats_no_input if nothing else self.repeats_no_match

    def sayings(self) -> tuple[Saying, ...]:
        """Answer what it can say."""
        return (*self.no_input, *self.no_match)


def build_asking(build: Build, shape: InputShape, node: Pairs) -> Asking:
    """Take a step's own words, and the defaults where it has none."""
    defaults = build.defaults
    default_no_input, default_no_match = build.retries
    own_no_input, own_no_match = build.by_attempt(node.get("no_input")), build.by_attempt(node.get("no_match"))
    tries = shape.tries if shape.tries is not None else defaults.tries
    on_fail = node.get("on_fail") or build.on_fail
    return Asking(
        no_input=own_no_input or default_no_input,
        no_match=own_no_match or default_no_match,
        repeats_no_input=not own_no_input,
        repeats_no_match=not own_no_match,
        tries=tries,
        on_fail=build.edge(on_fail, Way.FAILED)
        if on_fail is not None
        else Edge(defaults.on_fail, node.place, Way.FAILED),
        first_digit_timeout_s=_either(shape.timeout, defaults.timeout),
        inter_digit_timeout_s=_either(shape.digit_timeout, defaults.digit_timeout),
        barge_in=defaults.barge_in if shape.barge_in is None else shape.barge_in,
    )


def _either(own: float | None, default: float) -> float:
    return default if own is None else own


def universal(draft: Draft, key: str) -> Edge | None:
    """Answer where a universal key leads, or None when it is none. ``repeat`` is the step itself."""
    edge = draft.flow.keys.get(key)
    if edge is None:
        return None
    if edge.target == BACK:
        return replace(edge, target=draft.back())
    return replace(edge, target=draft.step) if edge.target == REPEAT else edge


def nothing_keyed(resume: object) -> bool | None:
    """Answer whether a resume is a timeout without any key; None when it is no timeout at all."""
    return resume.digits == 0 if isinstance(resume, InputTimedOut) else None
