"""Carries turns out: says, waits, performs, and keeps the session at every turn.

The engine decides; this module awaits. A session is stored before its turn is spoken, so that nothing is spoken that
another node would not know of. A text dialogue ends up :class:`Suspended` until the next text; a call runs to its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ParamSpec, Protocol, runtime_checkable

import structlog

from core_client.domain.values import SecretHandle
from core_client.errors import Unavailable
from core_client.operations import REGISTRY, Kind
from core_client.ports.clock import Clock
from flows.dialogue import (
    AwaitText,
    Channel,
    End,
    Facts,
    GatherDigits,
    OperationAnswered,
    PartyLeft,
    Perform,
    Record,
    RecordingEnded,
    Resume,
    Say,
    SessionExpired,
    TransferToAgent,
    Trigger,
    Turn,
)
from flows.engine import Begun, Engine
from flows.errors import SessionGone, SessionStoreDown
from flows.line import Line
from flows.model import Flow
from flows.performing import Core, Operations
from flows.session import Session
from flows.sessions import SessionStore
from flows.steps.confirm import CODE_EXPIRES_S
from flows.vault import Vault

CALL_TTL_S = 3600  # how long a call's session outlives its last turn
MAX_ENGINES = 64  # one for each flow version that dialogues still run on
LATE_S = 3600  # after a wait for a text ended, its session stays this long, so that a late answer is told so

CUT = "cut"  # how a dialogue ended that the node itself broke off

P = ParamSpec("P")

_log = structlog.get_logger("flows.runner")


@dataclass(frozen=True, slots=True)
class Ended:
    """The dialogue is over. ``session`` is its last state, ``reason`` why it ended."""

    session: Session
    reason: str


@dataclass(frozen=True, slots=True)
class Suspended:
    """The dialogue waits for a text, kept in the store under ``session.id``."""

    session: Session
    wait: AwaitText


class Flows(Protocol):
    """Where flows come from: :class:`flows.releases.library.Library`, or a folder's :class:`flows.store.FlowStore`."""

    def current(self, name: str) -> Flow:
        """Answer the flow that new dialogues begin with."""
        ...

    async def version(self, name: str, version: str) -> Flow:
        """Answer the version that a session began with.

        Raises:
            KeyError: nobody keeps it any more.
            SessionStoreDown: it lies in the store, which does not answer.
        """
        ...


class Observer(Protocol):
    """Hears what becomes of dialogues, at once and in order: :class:`flows.figures.Figures` counts it.

    It answers at once and never waits; what it raises is logged and touches no dialogue.
    """

    def turned(self, session: Session, turn: Turn, before: Session | None) -> None:
        """Hear of a turn that is decided. ``before`` is the session that it follows, None at the beginning."""
        ...

    def answered(self, session: Session, resume: Resume, seconds: float) -> None:
        """Hear what came back to ``session``, so many seconds after it began to wait."""
        ...

    def left(self, session: Session) -> None:
        """Hear that the party left while ``session`` spoke or waited."""
        ...

    def ended(self, session: Session, reason: str) -> None:
        """Hear that the dialogue is over: ``party_left``, ``cut`` (our own fault), or the reason of its end."""
        ...


@runtime_checkable
class Tally(Observer, Protocol):
    """An observer that only counts, and needs no session for it where a dialogue is one enquiry and its answer."""

    def enquired(self, first: Session, turn: Turn, day: str, last: Turn, seconds: float) -> None:
        """Hear of a whole dialogue at once: what it would have heard singly.

        ``first`` is the session after a first turn like this one's, of another dialogue; ``day`` is the day on which
        this one began. It was answered after ``seconds``, and ``last`` ended it.
        """
        ...


class _Nobody:
    """An observer that does not look."""

    def turned(self, session: Session, turn: Turn, before: Session | None) -> None:
        """See :class:`Observer`."""

    def answered(self, session: Session, resume: Resume, seconds: float) -> None:
        """See :class:`Observer`."""

    def left(self, session: Session) -> None:
        """See :class:`Observer`."""

    def ended(self, session: Session, reason: str) -> None:
        """See :class:`Observer`."""


class Runner:
    """Runs dialogues of all channels on one node."""

    def __init__(
        self,
        flows: Flows,
        sessions: SessionStore,
        core: Core,
        vault: Vault,
        clock: Clock,
        *,
        observer: Observer | None = None,
        notices: Callable[[str], frozenset[str]] = lambda flow: frozenset(),
    ) -> None:
        """Make one.

        Args:
            observer: hears what becomes of every dialogue: for figures, coverage and transcripts.
            notices: answers the names of a flow's notices that are switched on now.
        """
        self._notices = notices
        self._flows = flows
        self._sessions = sessions
        self._core = core
        self._vault = vault
        self._clock = clock
        self._observer: Observer = observer or _Nobody()
        self._tally: Tally | None = self._observer if isinstance(self._observer, Tally) else None
        self._operations = Operations(core, vault)
        self._engines: dict[tuple[str, str], Engine] = {}

    @property
    def operations_in_flight(self) -> int:
        """How many bank operations run now, also those whose party has left."""
        return self._operations.in_flight

    async def start(self, trigger: Trigger, line: Line) -> Ended | Suspended:
        """Begin a dialogue and run it until it ends or waits for a text."""
        engine = self._engine(await self._flow_of(trigger))
        session, turn = engine.start(trigger, self._facts(trigger.flow))
        return await self._run(engine, session, turn, None, line, stored=trigger.again)

    async def enquire(self, trigger: Trigger, line: Line) -> str | None:
        """Run a dialogue by text that only enquires and ends, and answer why; None when it wants more than that.

        Nothing is changed, nothing is stored and nobody hears of it unless it is answered, so that whoever gets None,
        or gives it up, can begin again with :meth:`start`. What it says is said on ``line`` at the end, and ``line``
        is left open. It waits for the bank without a limit of its own: whoever asks cancels it.
        """
        engine = self._engine(self._flows.current(trigger.flow))
        loop = asyncio.get_running_loop()
        asked_at = 0.0
        answer: OperationAnswered | None = None
        tally = self._tally
        begun = None if tally is None or trigger.again else engine.begun(trigger)
        if tally is not None and begun is not None and _only_asks(begun):
            asked_at = loop.time()
            answer = await self._operations.enquire_anew(begun.session, begun.turn, trigger)
            secret = any(isinstance(value, SecretHandle) for value in answer.answer.values())
            straight = None if secret else engine.straight(begun, trigger, answer, partial(self._facts, trigger.flow))
            if straight is not None:
                says, last = straight
                await _say_all(engine.flow, says, line)
                day = engine.today(trigger)
                self._tell(tally.enquired, begun.session, begun.turn, day, last, loop.time() - asked_at)
                return _reason(last)
        heard: list[tuple[Callable[..., None], tuple[object, ...]]] = []
        said: list[Say] = []
        before: Session | None = None
        session, turn = engine.start(trigger, self._facts(trigger.flow))
        while True:
            heard.append((self._observer.turned, (session, turn, before)))
            said += [effect for effect in turn.effects if isinstance(effect, Say)]
            if turn.wait is None:
                break
            if not isinstance(turn.wait, Perform) or not _need_not_be_kept(session, turn, stored=trigger.again):
                return None
            if answer is None:
                asked_at = loop.time()
                answer = await self._operations.enquire(session, turn.wait)
            before = session
            session, turn = engine.resume(session, answer, self._facts(trigger.flow))
            heard.append((self._observer.answered, (before, answer, loop.time() - asked_at)))
            answer = None
        if any(isinstance(value, SecretHandle) for value in session.variables.values()):
            return None
        await _say_all(engine.flow, said, line)
        reason = _reason(turn)
        for hear, told in heard:
            self._tell(hear, *told)
        self._tell(self._observer.ended, session, reason)
        return reason

    async def resume(self, session_id: str, resume: Resume, line: Line) -> Ended | Suspended:
        """Go on with a dialogue that waits in the store.

        Raises:
            SessionGone: it is over.
        """
        session = await self._sessions.get(session_id)
        if session is None:
            raise SessionGone(session_id)
        before = session
        if session.expires_at and self._clock.now().timestamp() > session.expires_at:
            self._forget(resume)
            resume = SessionExpired()
        try:
            engine = self._engine(await self._flows.version(session.flow, session.version))
        except KeyError:
            # The version it began with is gone with the process that held it. What was asked can no longer be
            # answered by the rules that it was asked by: say so, and let the party begin anew.
            engine = self._engine(self._flows.current(session.flow))
            session, turn = engine.give_up(session)
        else:
            session, turn = engine.resume(session, resume, self._facts(session.flow))
            if not isinstance(resume, SessionExpired):
                waited_s = self._since_asked(engine.flow, before)
                self._tell(self._observer.answered, before, resume, waited_s)
        return await self._run(engine, session, turn, before, line, stored=True)

    async def drain(self, deadline_s: float) -> int:
        """Wait for bank operations in flight, at most ``deadline_s``; answer how many still run."""
        return await self._operations.drain(deadline_s)

    async def _flow_of(self, trigger: Trigger) -> Flow:
        if trigger.version is not None:
            try:
                return await self._flows.version(trigger.flow, trigger.version)
            except (KeyError, SessionStoreDown):
                _log.warning("flow.trial_not_there", flow=trigger.flow, version=trigger.version)
        return self._flows.current(trigger.flow)

    def _facts(self, flow: str) -> Facts:
        return Facts(self._clock.now(), self._notices(flow))

    def _engine(self, flow: Flow) -> Engine:
        key = (flow.name, flow.version)
        engine = self._engines.get(key)
        if engine is None or engine.flow is not flow:
            if len(self._engines) >= MAX_ENGINES:
                self._engines.clear()  # they hold no state: only the flows of long ago would stay in memory
            engine = self._engines[key] = Engine(flow)
        return engine

    async def _run(
        self, engine: Engine, session: Session, turn: Turn, before: Session | None, line: Line, *, stored: bool
    ) -> Ended | Suspended:
        """Run to the end or to a wait for a text. ``stored``: the store may have a session of this id."""
        if engine.flow.catalogue is not None:
            line.speak_from(engine.flow.catalogue)
        loop = asyncio.get_running_loop()
        recorded = False
        try:
            while True:
                self._tell(self._observer.turned, session, turn, before)
                if isinstance(turn.wait, AwaitText):
                    session = replace(session, expires_at=int(self._clock.now().timestamp() + turn.wait.expires_s))
                elif session.expires_at:
                    session = replace(session, expires_at=0)
                if turn.wait is not None and not _need_not_be_kept(session, turn, stored):
                    await self._keep(session, turn)
                    stored = True
                left = await self._speak(turn, line)
                if recorded and _hands_over(turn):
                    left = None  # the message is the bank's to have, whether or not its caller is still there
                if left is None and turn.wait is None:
                    return await self._end(session, turn, line, stored=stored)
                if left is None and isinstance(turn.wait, AwaitText):
                    return Suspended(session, turn.wait)
                asked_at = loop.time()
                resume = left or await self._wait(session, turn, line)
                before = session
                recorded = isinstance(resume, RecordingEnded) and resume.outcome == "ok"
                session, turn = engine.resume(session, resume, self._facts(session.flow))
                if isinstance(resume, PartyLeft):
                    self._tell(self._observer.left, before)
                    return await self._gone(session, stored=stored)
                self._tell(self._observer.answered, before, resume, loop.time() - asked_at)
        except BaseException:
            self._tell(self._observer.ended, session, CUT)
            raise

    async def _keep(self, session: Session, turn: Turn) -> None:
        ttl_s = CALL_TTL_S
        if isinstance(turn.wait, AwaitText):
            ttl_s = int(turn.wait.expires_s) + LATE_S
            try:
                await self._core.keep(session.auth_session_id)
            except Unavailable as error:
                raise SessionStoreDown("the store of auth sessions does not answer") from error
        try:
            await self._sessions.put(session, ttl_s)
        except SessionStoreDown:
            if session.channel is not Channel.VOICE:
                raise  # a text that is answered from memory only would leave its confirmation unanswerable
            _log.warning("session.not_kept", session_id=session.id)  # the call goes on; another node could not

    async def _speak(self, turn: Turn, line: Line) -> PartyLeft | None:
        for effect in turn.effects:
            if isinstance(effect, Say) and await line.say(effect) is not None:
                return PartyLeft()
        return None

    async def _wait(self, session: Session, turn: Turn, line: Line) -> Resume:
        answer: Resume
        match turn.wait:
            case GatherDigits() as gather:
                answer = await line.gather(gather)
            case Perform() as perform:
                answer = await self._operations.perform(session, perform, line)
            case TransferToAgent() as transfer:
                answer = await line.transfer(transfer)
            case Record() as record:
                answer = await line.record(record)
            case _:
                raise AssertionError(f"nothing waits for {turn.wait}")
        return answer

    async def _end(self, session: Session, turn: Turn, line: Line, *, stored: bool) -> Ended:
        reason = _reason(turn)
        await line.end(reason)
        await self._close(session, stored=stored)
        self._tell(self._observer.ended, session, reason)
        return Ended(session, reason)

    async def _gone(self, session: Session, *, stored: bool) -> Ended:
        await self._close(session, stored=stored)
        self._tell(self._observer.ended, session, "party_left")
        return Ended(session, "party_left")

    async def _close(self, session: Session, *, stored: bool) -> None:
        for value in session.variables.values():
            if isinstance(value, SecretHandle):
                self._vault.forget(value)
        if not stored:
            return
        try:
            await self._sessions.delete(session)
        except SessionStoreDown:
            _log.warning("session.not_deleted", session_id=session.id)  # it expires by itself

    def _tell(self, hear: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            hear(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - no caller pays for a figure; and its text could hold anything
            _log.error("observer.raised", heard=getattr(hear, "__name__", "?"), error=type(error).__name__)

    def _since_asked(self, flow: Flow, session: Session) -> float:
        """Answer how long a text was waited for: the session remembers when the wait ends."""
        wait_s = CODE_EXPIRES_S if session.waits_for_code else flow.text_timeout_s
        asked_at = session.expires_at - wait_s
        return max(0.0, self._clock.now().timestamp() - asked_at) if session.expires_at else 0.0

    def _forget(self, resume: Resume) -> None:
        secret = getattr(resume, "secret", None)
        if isinstance(secret, SecretHandle):
            self._vault.forget(secret)


def _reason(turn: Turn) -> str:
    return next((effect.reason for effect in turn.effects if isinstance(effect, End)), "done")


async def _say_all(flow: Flow, says: Sequence[Say], line: Line) -> None:
    if flow.catalogue is not None:
        line.speak_from(flow.catalogue)
    for say in says:
        await line.say(say)


def _only_asks(begun: Begun) -> bool:
    """Answer whether a first turn asks the bank for something that changes nothing and is no secret."""
    wait = begun.turn.wait
    return isinstance(wait, Perform) and REGISTRY[wait.operation].kind is Kind.ENQUIRY


def _need_not_be_kept(session: Session, turn: Turn, stored: bool) -> bool:
    """Answer whether what is kept already leads to this turn again, with nothing done twice.

    So it is with an enquiry on a call, before which nothing was said: another node asks the last question again. It
    saves two of six writes of a balance call. And with an enquiry that a text begins with: the text itself is kept
    until it is answered, and begins the same dialogue under the same request ids.
    """
    wait = turn.wait
    if not isinstance(wait, Perform) or REGISTRY[wait.operation].kind is not Kind.ENQUIRY:
        return False
    if session.channel is Channel.VOICE:
        return not turn.effects and session.turns > 1
    return not stored


def _hands_over(turn: Turn) -> bool:
    """Answer whether a turn hands something to the bank; money is moved for nobody who has left."""
    return isinstance(turn.wait, Perform) and REGISTRY[turn.wait.operation].kind is not Kind.MONEY


__all__ = ["CUT", "Core", "Ended", "Line", "Observer", "Runner", "SessionGone", "Suspended"]
