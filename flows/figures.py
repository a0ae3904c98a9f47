"""What callers do in a flow, counted by version, day and step: visits, answers, silence, hangups, time, ways taken.

The counts of one version add up: every visit of a step is left by a way, ends there (hung up, done, expired, cut…),
is begun again (a proof that had to be given anew), or still stands there::

    visits == left + ended + again + standing

:class:`Figures` counts in memory, where nothing waits for it, and hands on to the shared store once a second. A
hand-over that may or may not have happened is asked again and counted once. What a node counted in its last second
is lost when it is killed; a normal stop loses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import structlog
from redis.asyncio import Redis

from core_client.adapters.together import raise_if_cancelled
from flows.dialogue import End, InputTimedOut, Mark, Reconnected, Resume, Turn, What
from flows.model import Way
from flows.session import Session

PREFIX = "tellerline:flows"
KEPT_S = 400 * 24 * 3600  # over a year: this spring can be held against the last
REMEMBERED_S = 24 * 3600  # how long a node's last hand-over is remembered, so that it is not counted twice
EVERY_S = 1.0
ANSWER_S = 5.0  # a store that takes longer is asked again
MAX_TRAILS = 4096  # whose counts' names are remembered
MAX_COUNTS = 100_000  # different counts kept while the store is away: a day of one flow has some thousands
DIALOGUES = "*"  # stands for the step where dialogues themselves are counted: no step has such a name

VISITS, LEFT, WAY, ENDED, AGAIN = "visits", "left", "way", "ended", "again"
ANSWERS, NO_INPUT, NO_MATCH, WAITS, MILLISECONDS = "answers", "no_input", "no_match", "waits", "ms"
BEGUN = "begun"
PARTY_LEFT = "party_left"

Version: TypeAlias = tuple[str, str, str]  # flow, version, day on which the dialogue began in the flow's time zone
Counts: TypeAlias = dict[str, int]  # "step what [word]" -> how often

# A hand-over of one flow, all of it or nothing. KEYS: the versions that were counted, the number of this node's last
# hand-over, then for every version and day the version's counts and its counts of that day. ARGV: the number of this
# one, two expiries, then for every version and day the version, how many counts, and the names and counts.
_ADD = """
if tonumber(ARGV[1]) <= tonumber(redis.call('GET', KEYS[2]) or '0') then return 0 end
local now = tonumber(redis.call('TIME')[1])
local at = 4
for k = 3, #KEYS, 2 do
  redis.call('ZADD', KEYS[1], now, ARGV[at])
  for i = at + 2, at + 2 * ARGV[at + 1], 2 do
    redis.call('HINCRBY', KEYS[k], ARGV[i], ARGV[i + 1])
    redis.call('HINCRBY', KEYS[k + 1], ARGV[i], ARGV[i + 1])
  end
  redis.call('EXPIRE', KEYS[k], ARGV[2])
  redis.call('EXPIRE', KEYS[k + 1], ARGV[2])
  at = at + 2 + 2 * ARGV[at + 1]
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[3])
return 1
"""

_log = structlog.get_logger("flows.figures")


@dataclass(frozen=True, slots=True)
class _HandOver:
    """What was counted of one flow, numbered, so that the store adds it once."""

    flow: str
    number: int
    counts: Mapping[tuple[str, str], Counts]  # (version, day)


@dataclass(slots=True)
class _Whole:
    """Dialogues that went the same way from their beginning to their end."""

    first: Session  # the first of them
    turn: Turn
    last: Turn
    count: int = 0
    milliseconds: int = 0


class Figures:
    """Counts what the runner tells (:class:`flows.runner.Observer`), and hands it to the store every second."""

    def __init__(self, redis: Redis, *, every_s: float = EVERY_S) -> None:
        """``redis`` has retries off and explicit timeouts."""
        self._redis = redis
        self._every_s = every_s
        self._me = uuid.uuid4().hex
        self._number = 0
        self._counts: dict[Version, Counts] = {}
        self._whole: dict[tuple[str, str, str, int, int], _Whole] = {}  # dialogues, by version, day and turns
        self._kept = 0
        self._names: dict[tuple[int, str, str | None], tuple[tuple[Mark, ...], Sequence[str]]] = {}
        self._sent: list[_HandOver] = []  # handed over, and not confirmed
        self._dropped = 0
        self._away = False

    # --- hearing: never waits, never asks ---

    def turned(self, session: Session, turn: Turn, before: Session | None) -> None:
        """See :class:`flows.runner.Observer`."""
        counts = self._of(session)
        at = "" if before is None or before.ended else before.step
        if before is None:
            self._count(counts, f"{DIALOGUES} {BEGUN} {session.channel}")
        for name in self._names_of(turn, at):
            self._count(counts, name)

    def enquired(self, first: Session, turn: Turn, day: str, last: Turn, seconds: float) -> None:
        """See :class:`flows.runner.Tally`."""
        key = first.flow, first.version, day, id(turn), id(last)
        known = self._whole.get(key)
        if known is None or known.turn is not turn or known.last is not last:
            self._unfold()
            known = self._whole[key] = _Whole(first, turn, last)
        known.count += 1
        known.milliseconds += round(max(0.0, seconds) * 1000)

    def _unfold(self) -> None:
        """Count what was heard of whole dialogues by its names."""
        whole, self._whole = self._whole, {}
        for (flow, version, day, _, _), each in whole.items():
            counts = self._counts.setdefault((flow, version, day), {})
            step = each.first.step
            names = (
                f"{DIALOGUES} {BEGUN} {each.first.channel}",
                *_names(each.turn, ""),
                f"{step} {WAITS}",
                f"{step} {ANSWERS}",
                *_names(each.last, step),
                *(f"{DIALOGUES} {ENDED} {effect.reason}" for effect in each.last.effects if isinstance(effect, End)),
            )
            for name in names:
                self._count(counts, name, each.count)
            self._count(counts, f"{step} {MILLISECONDS}", each.milliseconds)

    def _names_of(self, turn: Turn, at: str) -> Sequence[str]:
        """Answer what a turn counts. A trail is known by its identity: the engine keeps them."""
        end = turn.effects[-1] if turn.wait is None and turn.effects else None
        key = id(turn.trail), at, end.reason if isinstance(end, End) else None
        known = self._names.get(key)
        if known is None or known[0] is not turn.trail:
            if len(self._names) >= MAX_TRAILS:
                self._names.clear()
            known = self._names[key] = turn.trail, list(_names(turn, at))
        return known[1]

    def answered(self, session: Session, resume: Resume, seconds: float) -> None:
        """See :class:`flows.runner.Observer`."""
        counts = self._of(session)
        self._count(counts, f"{session.step} {WAITS}")
        self._count(counts, f"{session.step} {MILLISECONDS}", round(max(0.0, seconds) * 1000))
        if not isinstance(resume, InputTimedOut | Reconnected):
            self._count(counts, f"{session.step} {ANSWERS}")

    def left(self, session: Session) -> None:
        """See :class:`flows.runner.Observer`. Who leaves while the last words are said has not left early."""
        self._ended_at(session, PARTY_LEFT)

    def ended(self, session: Session, reason: str) -> None:
        """See :class:`flows.runner.Observer`."""
        self._count(self._of(session), f"{DIALOGUES} {ENDED} {reason}")
        self._ended_at(session, reason)  # cut off in the middle: otherwise it is over, or was counted as it left

    def _ended_at(self, session: Session, reason: str) -> None:
        if not session.ended:
            self._count(self._of(session), f"{session.step} {ENDED} {reason}")

    def _of(self, session: Session) -> Counts:
        version = (session.flow, session.version, session.today)
        counts = self._counts.get(version)
        if counts is None:
            counts = self._counts[version] = {}
        return counts

    def _count(self, counts: Counts, name: str, more: int = 1) -> None:
        known = counts.get(name)
        if known is not None:
            counts[name] = known + more
        elif self._kept < MAX_COUNTS:
            counts[name] = more
            self._kept += 1
        else:
            self._dropped += more

    # --- handing on ---

    @contextlib.asynccontextmanager
    async def counting(self) -> AsyncIterator[Figures]:
        """Hand on once a second inside the block, and what is left at its end."""
        task = asyncio.create_task(self._run(), name="flow figures")
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.wait((task,))
            if not await self.flush():
                _log.warning("figures.lost", counts=self.waiting)

    @property
    def waiting(self) -> int:
        """How many different counts the store does not have yet."""
        self._unfold()
        sent = sum(len(counts) for each in self._sent for counts in each.counts.values())
        return sent + sum(map(len, self._counts.values()))

    async def flush(self) -> bool:
        """Hand on all that was counted; answer whether the store has it. What it has not is kept for the next time."""
        if self._sent and not await self._hand_on():
            return False
        self._unfold()
        if not self._counts:
            return True
        self._sent = list(self._by_flow())
        self._counts, self._kept = {}, 0
        return await self._hand_on()

    async def _run(self) -> None:
        while True:
            raise_if_cancelled()
            await asyncio.sleep(self._every_s)
            await self.flush()

    def _by_flow(self) -> Iterator[_HandOver]:
        flows: dict[str, dict[tuple[str, str], Counts]] = {}
        for (flow, version, day), counts in self._counts.items():
            if counts:
                flows.setdefault(flow, {})[version, day] = counts
        for flow, found in flows.items():
            self._number += 1
            yield _HandOver(flow, self._number, found)

    async def _hand_on(self) -> bool:
        try:
            async with asyncio.timeout(ANSWER_S):
                pipeline = self._redis.pipeline(transaction=False)
                for each in self._sent:
                    keys, told = self._arguments(each)
                    pipeline.eval(_ADD, len(keys), *keys, *told)
                await pipeline.execute()
        except Exception as error:  # noqa: BLE001 - no call pays for a figure, and the next second may go well
            if not self._away:
                _log.warning("figures.kept_back", counts=self.waiting, error=type(error).__name__)
            self._away = True
            return False
        self._sent = []
        if self._away or self._dropped:
            _log.info("figures.handed_on", dropped=self._dropped)
        self._away, self._dropped = False, 0
        return True

    def _arguments(self, each: _HandOver) -> tuple[list[str], list[str]]:
        keys = [versions_key(each.flow), f"{versions_key(each.flow)}:by:{self._me}"]
        told = [str(each.number), str(KEPT_S), str(REMEMBERED_S)]
        for (version, day), counts in each.counts.items():
            key = key_of(each.flow, version)
            keys += (key, f"{key}:{day}")
            told += (version, str(len(counts)))
            for name, count in counts.items():
                told += (name, str(count))
        return keys, told


def _names(turn: Turn, at: str) -> Iterator[str]:
    """Answer what a turn counts, beginning in step ``at``, or in none."""
    for mark in turn.trail:
        match mark.what:
            case What.ENTERED:
                if at:
                    yield f"{at} {AGAIN}"
                at = mark.step
                yield f"{at} {VISITS}"
            case What.LEFT:
                yield f"{mark.step} {WAY} {mark.way} {mark.word}".rstrip()
                if mark.way != Way.GATE and at:  # a gate lies on the way to a step: nothing is left
                    yield f"{at} {LEFT}"
                    at = ""
            case _:
                yield f"{mark.step} {mark.what}"
    if turn.wait is None and at:
        reason = next((effect.reason for effect in turn.effects if isinstance(effect, End)), "done")
        yield f"{at} {ENDED} {reason}"


def key_of(flow: str, version: str) -> str:
    """Answer the key of a version's counts; with ``:DAY`` behind it, those of one day."""
    return f"{versions_key(flow)}:{version}"


def versions_key(flow: str) -> str:
    """Answer the key of the versions that were counted, the last counted last. One hash tag a flow."""
    return f"{PREFIX}:{{{flow}}}:figures"


# --- reading ---


@dataclass(frozen=True, slots=True)
class StepFigures:
    """What happened in one step."""

    visits: int = 0
    left: int = 0
    again: int = 0
    answers: int = 0
    no_input: int = 0
    no_match: int = 0
    waits: int = 0
    seconds: float = 0.0  # between a question and what came back, of all waits together
    ended: Mapping[str, int] = field(default_factory=dict)  # by reason
    ways: Mapping[tuple[str, str], int] = field(default_factory=dict)  # (way, word) -> how often it was taken

    @property
    def hangups(self) -> int:
        """How many parties left here."""
        return self.ended.get(PARTY_LEFT, 0)

    @property
    def failed(self) -> int:
        """How many were given up here: too many attempts, our trouble, or cut off."""
        ways = sum(count for (way, _), count in self.ways.items() if way == Way.FAILED)
        return ways + sum(self.ended.get(reason, 0) for reason in ("trouble", "too_long", "cut", "bad_slot"))

    @property
    def standing(self) -> int:
        """How many visits are not over: parties that are here now, texts that were never answered, killed nodes."""
        return self.visits - self.left - self.again - sum(self.ended.values())

    @property
    def hangup_share(self) -> float:
        """The share of visits in which the party hung up, 0 to 1."""
        return self.hangups / self.visits if self.visits else 0.0

    @property
    def failed_share(self) -> float:
        """The share of visits that were given up, 0 to 1."""
        return self.failed / self.visits if self.visits else 0.0

    @property
    def average_s(self) -> float:
        """Seconds between a question and what came back."""
        return self.seconds / self.waits if self.waits else 0.0


@dataclass(frozen=True, slots=True)
class VersionFigures:
    """What happened in one version of a flow."""

    flow: str
    version: str
    begun: Mapping[str, int]  # by channel
    ended: Mapping[str, int]  # by reason
    steps: Mapping[str, StepFigures]

    @property
    def dialogues(self) -> int:
        """How many dialogues began."""
        return sum(self.begun.values())


class FiguresRead:
    """Reads what nodes have handed on."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def versions(self, flow: str) -> list[str]:
        """Answer the versions that were counted, the last counted first."""
        found = await self._redis.zrevrange(versions_key(flow), 0, -1)
        return [version.decode() for version in found if isinstance(version, bytes)]

    async def of(self, flow: str, version: str, days: Iterable[str] | None = None) -> VersionFigures:
        """Answer the figures of a version, or only those of dialogues that began on ``days`` (ISO)."""
        key = key_of(flow, version)
        keys = [key] if days is None else [f"{key}:{day}" for day in days]
        pipeline = self._redis.pipeline(transaction=False)
        for each in keys:
            pipeline.hgetall(each)
        counts: Counts = {}
        for found in await pipeline.execute():
            for name, count in found.items():
                text = name.decode()
                counts[text] = counts.get(text, 0) + int(count)
        return read(flow, version, counts)


def read(flow: str, version: str, counts: Mapping[str, int]) -> VersionFigures:
    """Make figures of counts by name."""
    by_step: dict[str, dict[str, int]] = {}
    for name, count in counts.items():
        step, _, what = name.partition(" ")
        by_step.setdefault(step, {})[what] = count
    dialogues = by_step.pop(DIALOGUES, {})
    return VersionFigures(
        flow,
        version,
        begun=_words(dialogues, BEGUN),
        ended=_words(dialogues, ENDED),
        steps={step: _step(found) for step, found in sorted(by_step.items())},
    )


def _step(found: Mapping[str, int]) -> StepFigures:
    ways = {_way(words): count for words, count in _words(found, WAY).items()}
    return StepFigures(
        **{name: found.get(name, 0) for name in (VISITS, LEFT, AGAIN, ANSWERS, NO_INPUT, NO_MATCH, WAITS)},
        seconds=found.get(MILLISECONDS, 0) / 1000,
        ended=_words(found, ENDED),
        ways=ways,
    )


def _way(words: str) -> tuple[str, str]:
    way, _, word = words.partition(" ")
    return way, word


def _words(found: Mapping[str, int], what: str) -> dict[str, int]:
    begins = f"{what} "
    return {name.removeprefix(begins): count for name, count in sorted(found.items()) if name.startswith(begins)}
