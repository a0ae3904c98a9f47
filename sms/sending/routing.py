"""Which operator and which bind carry a text. Pure: ``now`` comes in.

Candidates are the operator that must carry it, or all that serve its number: the longest prefix first, then the
cheapest. Of these the first that is well carries it. One that comes up again after it went down is only as good as it
was before when it has been up for a while, longer each time: until then it is used where nothing else is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from sms.messages import Outgoing
from sms.operators import Operator

HOLD_FIRST_S, HOLD_MAX_S = 5.0, 300.0  # how long a bind that came back must be up before it is preferred again
STEADY = 10.0  # times its hold that a bind is up: what it did before is forgotten
SILENT_AFTER = 3  # PDUs in a row that were not answered: as bad as being down
PATIENCE_S = 5.0  # an operator that is too busy for longer is passed over
MAX_ROUTES = 4096  # kept; they are made anew when a number comes that is not among them

_NEVER = float("inf")


class Why(StrEnum):
    """Why an operator is where it is among the candidates, and why it carries a text or does not."""

    PINNED = "pinned"  # the text must go by it
    QUESTION = "question"  # the question came by it
    PREFIX = "prefix"  # it serves the longest prefix of the number
    CHEAPER = "cheaper"  # of those with this prefix
    OTHER = "other"  # serves the number as well
    WELL = "well"
    BUSY = "busy"  # its windows are full, or its pace is
    THROTTLED = "throttled"  # it says that it is too busy, for longer than a moment
    RETURNED = "returned"  # up again, and not trusted yet
    ELSEWHERE = "elsewhere"  # another node holds its bind
    DOWN = "down"


class Trust:
    """How far one bind is trusted, by what it did."""

    __slots__ = ("_bound", "_down_at", "_hold_s", "_silent", "_trusted_at", "_up_at", "downs")

    def __init__(self) -> None:
        self._bound = False
        self._hold_s = 0.0
        self._trusted_at = self._up_at = self._down_at = float("-inf")
        self._silent = 0
        self.downs = 0

    def up(self, now: float) -> None:
        """The bind came up."""
        self._bound = True
        self._up_at = now
        self._silent = 0
        self._trusted_at = now + self._hold_s

    def down(self, now: float) -> None:
        """The bind went down."""
        if not self._bound:
            return
        self._bound = False
        self.downs += 1
        self._worse(now)

    def answered(self) -> None:
        """A PDU was answered, whatever with."""
        self._silent = 0

    def unanswered(self, now: float) -> None:
        """A PDU was not answered in time."""
        self._silent += 1
        if self._silent >= SILENT_AFTER:
            self._silent = 0
            self._worse(now)
            self._up_at = now
            self._trusted_at = now + self._hold_s

    def trusted(self, now: float) -> bool:
        """Whether it may be preferred."""
        return now >= self._trusted_at

    def trusted_in(self, now: float) -> float:
        """Answer in how many seconds it is trusted if it stays up."""
        return max(0.0, self._trusted_at - now)

    def _worse(self, now: float) -> None:
        steady = now - self._up_at >= STEADY * max(self._hold_s, HOLD_FIRST_S)
        self._hold_s = HOLD_FIRST_S if steady or not self._hold_s else min(HOLD_MAX_S, self._hold_s * 2)


class Way(Protocol):
    """What a route needs to know of a bind that sends."""

    @property
    def operator(self) -> Operator:
        """Whose bind it is."""
        ...

    @property
    def name(self) -> str:
        """``operator/bind``."""
        ...

    @property
    def room(self) -> int:
        """How many PDUs its window takes now."""
        ...

    @property
    def held_by(self) -> str:
        """The other node that holds it, where it may exist once."""
        ...

    def usable(self, now: float) -> bool:
        """Whether it is bound, and ours to use."""
        ...

    def trusted(self, now: float) -> bool:
        """See :meth:`Trust.trusted`."""
        ...

    def ready_at(self, now: float) -> float:
        """See :meth:`sms.binds.pacing.Pace.ready_at`."""
        ...

    def throttled_for(self, now: float) -> float:
        """See :meth:`sms.binds.pacing.Pace.throttled_for`."""
        ...


W = TypeVar("W", bound=Way)


@dataclass(frozen=True, slots=True)
class Candidate(Generic[W]):
    """An operator that could carry a text."""

    operator: Operator
    ways: tuple[W, ...]
    why: Why
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """How one candidate stands, for people."""

    operator: str
    why: Why  # it is a candidate at its place
    state: Why  # it would carry a text now, or would not
    detail: str = ""


class Route(Generic[W]):
    """The candidates of texts that are alike in what decides about their way, the best first."""

    __slots__ = ("_own", "_single", "candidates", "key")

    def __init__(self, key: tuple[object, ...], candidates: Sequence[Candidate[W]], own: W | None = None) -> None:
        """``own`` is the bind that brought the question: it is taken while it is well."""
        self.key = key
        self.candidates = tuple(candidates)
        self._own = own
        ways = [way for candidate in candidates for way in candidate.ways]
        self._single = ways[0] if len(ways) == 1 else None

    @property
    def first(self) -> str:
        """The operator that carries it when all is well; empty: none can."""
        return self.candidates[0].operator.name if self.candidates else ""

    def choose(self, now: float) -> tuple[W | None, float]:
        """Answer the bind that takes a PDU now, or None and when to ask again; infinite: when something changes."""
        only = self._single
        if only is not None:
            if not only.usable(now):
                return None, _NEVER
            at = only.ready_at(now)
            return (None, at) if at > now else (only if only.room > 0 else None, _NEVER)
        own = self._own
        if own is not None and own.usable(now) and own.trusted(now) and own.throttled_for(now) <= PATIENCE_S:
            at = own.ready_at(now)
            return (None, at) if at > now else (own if own.room > 0 else None, _NEVER)
        return self._search(now)

    def _search(self, now: float) -> tuple[W | None, float]:
        soonest = _NEVER
        for trusted in (True, False):
            for candidate in self.candidates:
                way, at, well = _best(candidate.ways, now, trusted=trusted)
                if way is not None:
                    return way, now
                soonest = min(soonest, at)
                if well:
                    return None, soonest  # it has its window full, or a moment's pause: it is not left for that
        return None, soonest

    def usable(self, now: float) -> bool:
        """Whether any bind of it is up here."""
        return any(way.usable(now) for candidate in self.candidates for way in candidate.ways)

    def elsewhere(self, now: float) -> str:
        """Answer the node that can send where this one cannot; empty: none is known, or this one can."""
        if self.usable(now):
            return ""
        return next((way.held_by for candidate in self.candidates for way in candidate.ways if way.held_by), "")

    def reasons(self, now: float) -> tuple[Reason, ...]:
        """Answer how each candidate stands now."""
        return tuple(
            Reason(candidate.operator.name, candidate.why, *standing(candidate.ways, now))
            for candidate in self.candidates
        )

    def passed_over(self, way: Way, now: float) -> str:
        """Answer why a text goes by ``way`` and not by an operator that stands before it; empty: none does."""
        first = self.candidates[0]
        if first.operator is way.operator:
            return ""
        return f"{first.operator.name} is {standing(first.ways, now)[0]}"


def standing(ways: Sequence[Way], now: float) -> tuple[Why, str]:
    """Answer how an operator stands by its ways, and the detail that a person wants to know."""
    usable = [way for way in ways if way.usable(now)]
    if not usable:
        node = next((way.held_by for way in ways if way.held_by), "")
        return (Why.ELSEWHERE, f"held by {node}") if node else (Why.DOWN, "")
    pause_s = min(way.throttled_for(now) for way in usable)
    if pause_s > PATIENCE_S:
        return Why.THROTTLED, f"for {pause_s:.0f} s"
    if not any(way.trusted(now) for way in usable):
        return Why.RETURNED, "came back not long ago"
    ready = any(way.room > 0 and way.ready_at(now) <= now for way in usable)
    return (Why.WELL, "") if ready else (Why.BUSY, "")


def _best(ways: tuple[W, ...], now: float, *, trusted: bool) -> tuple[W | None, float, bool]:
    """Answer the way with the most room, else when one is ready, and whether one is well and only busy."""
    best: W | None = None
    most, soonest, well = 0, _NEVER, False
    for way in ways:
        if not way.usable(now) or way.trusted(now) is not trusted:
            continue
        at = way.ready_at(now)
        if at > now:
            soonest = min(soonest, at)
            well = well or way.throttled_for(now) <= PATIENCE_S
            continue
        well = True
        room = way.room
        if room > most:
            best, most = way, room
    return best, soonest, well


class Routes(Generic[W]):
    """Answers the route of every text."""

    def __init__(self, operators: Sequence[Operator], ways: Mapping[str, Sequence[W]]) -> None:
        """``ways`` are the binds that send, by operator."""
        self._operators = tuple(operators)
        self._ways = {name: tuple(some) for name, some in ways.items()}
        self._by_name = {operator.name: operator for operator in operators}
        self._by_bind = {way.name: way for some in self._ways.values() for way in some}
        self._widest = max((len(prefix) for operator in operators for prefix in operator.prefixes), default=0)
        self._kept: dict[tuple[str, str, str, str], Route[W]] = {}
        self._pinned: dict[tuple[str, str], Route[W]] = {}
        self._without: dict[tuple[object, ...], Route[W]] = {}

    def of(self, outgoing: Outgoing) -> Route[W]:
        """Answer the route of a text that nothing was written of."""
        link = outgoing.link
        bind = link[: link.find("/", link.find("/") + 1)] if link else ""  # operator/bind/...
        key = (outgoing.destination[: self._widest], outgoing.source, outgoing.operator, bind)
        route = self._kept.get(key)
        if route is None:
            if len(self._kept) >= MAX_ROUTES:
                self._kept.clear()
            route = self._kept[key] = self._make(key)
        return route

    def only(self, operator: str, bind: str = "") -> Route[W]:
        """Answer the route of a text that parts were written of: by no other operator, by ``bind`` while it is well."""
        key = (operator, bind)
        route = self._pinned.get(key)
        if route is None:
            found = self._by_name.get(operator)
            some = [] if found is None else [self._candidate(found, Why.PINNED, "")]
            route = self._pinned[key] = Route(("only", *key), some, self._own(bind, some))
        return route

    def without(self, route: Route[W], operator: str) -> Route[W]:
        """Answer ``route`` with ``operator`` as the last of its candidates: it refused a text that others may take."""
        key = ("without", route.key, operator)
        found = self._without.get(key)
        if found is None:
            kept = [one for one in route.candidates if one.operator.name != operator]
            last = [one for one in route.candidates if one.operator.name == operator]
            if len(self._without) >= MAX_ROUTES:
                self._without.clear()
            found = self._without[key] = Route(key, kept + last)
        return found

    def _make(self, key: tuple[str, str, str, str]) -> Route[W]:
        number, source, pinned, bind = key
        if pinned:
            operator = self._by_name.get(pinned)
            some = [] if operator is None else [self._candidate(operator, Why.PINNED, "")]
            return Route(key, some, self._own(bind, some))
        came_by = bind.partition("/")[0]
        ranked = sorted(self._serving(number, source, came_by), key=lambda one: one[0])
        candidates = []
        for index, (rank, operator, prefix) in enumerate(ranked):
            why = Why.OTHER
            if operator.name == came_by:
                why = Why.QUESTION
            elif index == 0:
                cheapest = len(ranked) > 1 and ranked[1][0][:2] == rank[:2]
                why = Why.CHEAPER if cheapest else Why.PREFIX
            candidates.append(self._candidate(operator, why, prefix))
        return Route(key, candidates, self._own(bind, candidates))

    def _own(self, bind: str, candidates: Sequence[Candidate[W]]) -> W | None:
        own = self._by_bind.get(bind)
        return own if any(own in candidate.ways for candidate in candidates) else None

    def _serving(
        self, number: str, source: str, came_by: str
    ) -> Iterable[tuple[tuple[bool, int, int, int], Operator, str]]:
        for place, operator in enumerate(self._operators):
            if not self._ways.get(operator.name) or (source and operator.senders and source not in operator.senders):
                continue
            fitting = [prefix for prefix in operator.prefixes if number.startswith(prefix)]
            if not fitting and operator.name != came_by:
                continue
            prefix = max(fitting, key=len, default="")
            yield (operator.name != came_by, -len(prefix), operator.cost, place), operator, prefix

    def _candidate(self, operator: Operator, why: Why, prefix: str) -> Candidate[W]:
        return Candidate(operator, self._ways.get(operator.name, ()), why, prefix)
