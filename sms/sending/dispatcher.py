"""Sends stored texts: asks people's rules, finds the way, cuts, paces, writes, hears the answers, tries again.

Nothing here waits: texts stand in lines, answers call back, and :meth:`Dispatcher.pump` writes whatever can be written.

- The more urgent purpose goes first. Texts of one purpose to one number go one after another: the next begins when the
  one before it is with the operator or given up. A more urgent one overtakes them.
- A text stands in the line of its route. All its parts go by one operator; as long as no operator has anything of it,
  it may change. A text of one part that may be repeated may change even when nobody knows whether it arrived.
- What may not be repeated is noted as sent, durably, before it is written, and never written twice.
- An operator that is too busy is tried again for as long as the text lives. Other refusals that may pass are tried a
  few times.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import structlog

from sms.errors import LinkClosed
from sms.messages import Change, Kept, Outgoing, Purpose, State
from sms.observing import Nobody, Observer
from sms.operators import Operator
from sms.people.verdicts import Refuse, Wait
from sms.sending.depths import Depth, by_purpose, depths_of
from sms.sending.judging import Benches
from sms.sending.lines import Lines
from sms.sending.ports import Handing, Keeper, Lives, Manners, SendingWay, Ways
from sms.sending.routing import Reason, Route, Routes
from sms.sending.texts import HAD, Text
from sms.sending.writing import Writer
from sms.smpp import LocalProtocolError, Status, WindowFull, status_name
from sms.text.segmentation import TooLongError, UnwritableError

MAX_TRIES = 8  # of a text that is refused with a status that may pass
OTHER_OPERATOR_AFTER = 2  # such refusals: another operator may take it
PAUSE_FIRST_S, PAUSE_MAX_S = 0.25, 30.0  # between such tries, doubled each time
ASK_AGAIN_S = 1.0  # when the rules, or the past, could not be asked
JUDGED_FOR_S = 60.0  # a text that still waits after that is judged anew: it may have become night
JUDGED_AHEAD = 64  # of one purpose at once
SWEEP_S = 1.0  # how often what is too old is looked for
SWEEP_TEXTS = 5_000  # texts a second that this looks at
WAKE_S = 60.0  # a wall clock that is set may make what waits due: it is looked at at least so often
DRAIN_LOOK_S = 0.2  # binds come and go while it is drained
THROTTLED = frozenset({Status.RTHROTTLED, Status.RMSGQFUL})
PASSING = frozenset({Status.RSYSERR, Status.RSUBMITFAIL, Status.RX_T_APPN, Status.RUNKNOWNERR})

_NEVER = float("inf")
_RANKS = len(Purpose)

_log = structlog.get_logger("sms.dispatcher")


class Dispatcher(Lines):
    """Sends what it is given until it is sent or given up."""

    def __init__(
        self,
        binds: Ways,
        operators: Sequence[Operator],
        outbox: Keeper,
        lives: Lives,
        manners: Manners | None = None,
        *,
        nodes: Handing | None = None,
        observer: Observer | None = None,
        wall_clock: Callable[[], float] = time.time,
        is_sure: Callable[[], bool] = lambda: True,
    ) -> None:
        """Make it; :meth:`running` begins to send.

        Args:
            is_sure: answers whether this node's texts are surely its own at this moment. Asked before anything is
                written: a process that was stopped for a while goes on here before anybody could tell it.
            manners: people's rules; without them everything may be sent.
            nodes: takes what only another node can send.
        """
        super().__init__(wall_clock)
        self._outbox = outbox
        self._lives = lives
        self._manners = manners
        self._nodes = nodes
        self._is_sure = is_sure
        self._observer = observer or Nobody()
        self._routes: Routes[SendingWay] = Routes(operators, binds.ways)
        self._writers = {operator.name: Writer(operator) for operator in operators}
        self._asked = [0] * _RANKS  # texts about which somebody is asked
        self._benches = Benches(self._consider)
        self._flying = 0
        self._running = self._pumping = self._again = False
        self._allowed = True
        self._moved = asyncio.Event()
        self._stamped = 0.0
        binds.on_change.append(self.pump)

    def __len__(self) -> int:
        return len(self._texts)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Dispatcher]:
        """Send inside the block. What is not sent at its end stays stored."""
        self._loop = asyncio.get_running_loop()
        self._running = True
        sweeping = asyncio.create_task(self._keep_sweeping(), name="dispatcher sweep")
        try:
            async with self._benches.running():
                self.pump()
                yield self
        finally:
            self._running = False
            sweeping.cancel()
            await asyncio.gather(sweeping, return_exceptions=True)
            if self._timer is not None:
                self._timer.cancel()
            for text in self._texts.values():
                if text.delayed is not None:
                    text.delayed.cancel()

    async def drain(self, deadline_s: float) -> int:
        """Send what can be sent now, at most for ``deadline_s``, then write no more; answer how many texts are left."""
        until = self._loop.time() + deadline_s
        while self._movable() and (rest := until - self._loop.time()) > 0:
            self._moved.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(rest, DRAIN_LOOK_S)):
                    await self._moved.wait()
        self._running = False
        return len(self._texts)

    def allow(self, allowed: bool) -> None:
        """Write, or write nothing: while it is not sure that this node's texts are its own."""
        self._allowed = allowed
        if allowed and self._running:
            self._wake()

    # --- taking ---

    def take(self, kept: Kept) -> None:
        """Send a stored text. One that is known already is left as it is."""
        if kept.entry in self._texts:
            return
        outgoing = kept.outgoing
        text = self._texts[kept.entry] = Text(kept, self._routes.of(outgoing))
        if outgoing.not_before and outgoing.not_before > self._wall_clock():
            self._park(text, outgoing.not_before)
        else:
            self._enter(text)

    # --- writing ---

    def pump(self) -> None:
        """Write whatever can be written now."""
        if not self._running or not self._allowed:
            return
        if self._pumping:
            self._again = True
            return
        if not self._is_sure():
            self._wake_at(self._loop.time() + ASK_AGAIN_S)
            return
        self._pumping = True
        try:
            soonest = _NEVER
            self._again = True
            while self._again:
                self._again = False
                now = self._loop.time()
                soonest = _NEVER
                for lines in self._lines:
                    if lines:
                        soonest = min(soonest, self._pump_lines(lines, now))
        finally:
            self._pumping = False
        if soonest < _NEVER:
            self._wake_at(soonest)

    def _pump_lines(self, lines: dict[Route[SendingWay], deque[Text]], now: float) -> float:
        soonest = _NEVER
        for route in list(lines):
            line = lines[route]
            soonest = min(soonest, self._pump_line(route, line, now))
            if not line:
                del lines[route]
        if len(lines) > 1:  # where there is not enough room for all, another one is the first next time
            route = next(iter(lines))
            lines[route] = lines.pop(route)
        return soonest

    def _pump_line(self, route: Route[SendingWay], line: deque[Text], now: float) -> float:
        """Write from one line; answer when to look at it again."""
        while line:
            text = line[0]
            if text.ended or text.doom is not None:
                line.popleft()
                text.lined = False
                continue
            if self._wall_clock() > text.outgoing.expires_at:
                line.popleft()
                text.lined = False
                self._expire(text)
                continue
            if self._must_be_judged(text, now):
                if self._asked[text.rank] >= JUDGED_AHEAD or not route.usable(now):
                    return self._stuck(route, line, now)
                line.popleft()
                text.lined = False
                self._ask(text)
                continue
            way, at = route.choose(now)
            if way is None:
                return at if at < _NEVER else self._stuck(route, line, now)
            line.popleft()
            text.lined = False
            try:
                self._write(text, way, now)
            except Exception as error:  # noqa: BLE001 - one text that trips us must not stop the others
                self._tripped(text, error)
        return _NEVER

    def _stuck(self, route: Route[SendingWay], line: deque[Text], now: float) -> float:
        """Nothing of a line can go before something changes, here at least."""
        if self._nodes is not None:
            self._hand_over(route, line, now)
        return _NEVER

    def _write_at_once(self, text: Text) -> bool:
        """Write a text before which none waits, without a line; answer whether that was possible."""
        if not self._running or not self._allowed or self._pumping or not text.resumed or any(self._lines):
            return False
        now = self._loop.time()
        if self._must_be_judged(text, now) or self._wall_clock() > text.outgoing.expires_at:
            return False
        way, _ = text.route.choose(now)
        if way is None or not self._is_sure():
            return False
        try:
            self._write(text, way, now)
        except Exception as error:  # noqa: BLE001 - likewise
            self._tripped(text, error)
        return True

    def _write(self, text: Text, way: SendingWay, now: float) -> None:
        """Write one part over ``way``, and the others as far as there is room."""
        operator = way.operator.name
        if text.operator != operator and not self._cut(text, operator):
            return
        if len(text.messages) > 1 and not text.begun:
            text.route = self._routes.only(operator, way.name)
        if text.repeatable:
            self._submit(text, text.left.pop(), way)
        else:
            self._note_first(text, way, now)
        while text.left and not text.ended and not text.lined:
            other, at = text.route.choose(now)
            if other is None or other.operator.name != operator:
                self._line_up(text, first=True)
                if at < _NEVER:
                    self._wake_at(at)
                return
            if text.repeatable:
                self._submit(text, text.left.pop(), other)
            else:
                self._note_first(text, other, now)

    def _tripped(self, text: Text, error: Exception) -> None:
        _log.error("sms.not_written", id=text.outgoing.id, error=type(error).__name__)
        self._give_up(text, State.REJECTED, "cannot be written")

    def _cut(self, text: Text, operator: str) -> bool:
        try:
            messages = self._writers[operator].messages(text.outgoing, self._wall_clock())
        except TooLongError:
            self._give_up(text, State.REJECTED, "too long")
            return False
        except UnwritableError:
            self._give_up(text, State.REJECTED, "not in the operator's alphabets")
            return False
        text.cut(operator, messages)
        return True

    def _submit(self, text: Text, index: int, way: SendingWay) -> None:
        """Write one part."""
        esme = way.esme
        now = self._loop.time()
        try:
            esme.submit_now(text.messages[index], partial(self._answered, text, index, way, esme.link_name))
        except (WindowFull, LinkClosed):
            self._unwritten(text, index)
            self._again_in(text, 0.0 if way.room <= 0 or not way.usable(now) else PAUSE_FIRST_S)
            return
        except LocalProtocolError:
            self._reject(text, index, way, "SMPP does not carry it")
            return
        text.states[index] = State.SENT
        text.flying += 1
        self._flying += 1
        if text.repeatable:
            way.pace.written(now)
            detail = "" if text.begun else text.route.passed_over(way, now)
            change = Change(self._stamp(), State.SENT, index + 1, way.name, "", detail)
            self._lives.soon(text.outgoing.id, change, len(text.messages))
        if not text.begun:
            text.begun = True
            self._observer.changed(text.outgoing.purpose, State.SENT)

    def _note_first(self, text: Text, way: SendingWay, now: float) -> None:
        """Note durably that a part is sent, then write it: after a crash nobody knows whether it was."""
        index = text.left.pop()
        way.reserved += 1
        way.pace.written(now)
        text.flying += 1
        self._flying += 1
        detail = "" if text.begun else text.route.passed_over(way, now)
        change = Change(self._stamp(), State.SENT, index + 1, way.name, "", detail)
        self._lives.tell(text.outgoing.id, change, len(text.messages), partial(self._noted, text, index, way))

    def _noted(self, text: Text, index: int, way: SendingWay, answer: Any) -> None:
        way.reserved -= 1
        text.flying -= 1
        self._flying -= 1
        failed = isinstance(answer, BaseException)
        now = self._loop.time()
        ours = self._allowed and self._is_sure()
        writable = ours and self._running and way.usable(now) and self._wall_clock() <= text.outgoing.expires_at
        if not failed and writable and text.doom is None:
            self._submit(text, index, way)
            return
        if not failed and ours:  # where it may be another's, that one tells of it
            self._note(text, State.QUEUED, index, way, "not written")
        self._unwritten(text, index)
        self._wake()  # its place in the window is free
        if text.left:
            self._again_in(text, PAUSE_FIRST_S if failed else 0.0)
        elif not text.flying:
            self._ended(text, text.state)

    def _unwritten(self, text: Text, index: int) -> None:
        """A part is not with the operator. Where nothing else of the text is, it is free to go by another."""
        text.states[index] = State.QUEUED
        if text.doom is not None:
            return
        text.left.append(index)
        text.begun = text.with_operator
        if not text.begun and not text.flying and not text.lined:
            route = self._routes.of(text.outgoing)
            text.route = self._routes.without(route, text.avoid) if text.avoid else route

    # --- answers ---

    def _answered(self, text: Text, index: int, way: SendingWay, link: str, submitted: Any) -> None:
        """Hear what became of a part, in the moment in which its answer is read."""
        text.flying -= 1
        self._flying -= 1
        now = self._loop.time()
        status = submitted.status
        if status == 0:
            way.pace.taken(now, now - submitted.seconds)
            way.trust.answered()
            text.states[index] = State.ACCEPTED
            text.taken_on(link)
            self._lives.tell_accepted(
                text.outgoing,
                index + 1,
                len(text.messages),
                way.operator,
                way.name,
                submitted.message_id,
                self._stamp(),
            )
        elif status is None:
            self._unanswered(text, index, way, now, submitted)
        else:
            way.trust.answered()
            self._refused(text, index, way, now, submitted)
        if not text.left and not text.flying and not text.ended:
            self._ended(text, text.state)

    def _unanswered(self, text: Text, index: int, way: SendingWay, now: float, submitted: Any) -> None:
        up = way.esme.bound
        if up:
            way.trust.unanswered(now)
        text.states[index] = State.UNKNOWN
        text.doubt(index)
        self._note(text, State.UNKNOWN, index, way, submitted.reason)
        if not text.repeatable or text.doom is not None:
            _log.warning("sms.unknown", id=text.outgoing.id, part=index + 1, bind=way.name, reason=submitted.reason)
            return
        text.left.append(index)
        text.silences += 1
        self._again_in(text, min(PAUSE_MAX_S, PAUSE_FIRST_S * 2**text.silences) if up else 0.0)

    def _refused(self, text: Text, index: int, way: SendingWay, now: float, submitted: Any) -> None:
        status = submitted.status
        name = status_name(status)
        if status in THROTTLED:
            if way.pace.throttled(now, now - submitted.seconds):
                _log.warning("bind.throttled", bind=way.name, status=name, pause_s=round(way.throttled_for(now), 2))
            self._note(text, State.QUEUED, index, way, name)
            self._unwritten(text, index)
            if text.left:
                self._again_in(text, 0.0)
            return
        text.tries += 1
        if status not in PASSING or text.tries >= MAX_TRIES:
            self._reject(text, index, way, name)
            return
        if text.tries % OTHER_OPERATOR_AFTER == 0:
            text.avoid = way.operator.name
        self._note(text, State.QUEUED, index, way, name)
        self._unwritten(text, index)
        if text.left:
            self._again_in(text, min(PAUSE_MAX_S, PAUSE_FIRST_S * 2 ** (text.tries - 1)))

    def _reject(self, text: Text, index: int, way: SendingWay, reason: str) -> None:
        """A part is refused for good: the others are not worth sending."""
        text.states[index] = State.REJECTED
        self._note(text, State.REJECTED, index, way, reason)
        _log.error("sms.rejected", id=text.outgoing.id, part=index + 1, bind=way.name, reason=reason)
        self._doom(text, State.REJECTED)

    def _note(self, text: Text, state: State, index: int, way: SendingWay, detail: str) -> None:
        change = Change(self._stamp(), state, index + 1, way.name, "", detail)
        self._lives.tell(text.outgoing.id, change, len(text.messages))

    def _stamp(self) -> float:
        """The time of a change: never before that of an earlier one, though the wall clock be set back."""
        now = self._wall_clock()
        if now > self._stamped:
            self._stamped = now
        return self._stamped

    # --- ends ---

    def _expire(self, text: Text) -> None:
        self._give_up(text, text.too_old, "too old")

    def _give_up(self, text: Text, state: State, detail: str) -> None:
        """Write no more of it, for a reason that is not an operator's."""
        change = Change(self._stamp(), state, 0, "", "", detail)
        self._lives.tell(text.outgoing.id, change, len(text.messages))
        _log.warning("sms.given_up", id=text.outgoing.id, state=state.value, reason=detail)
        self._doom(text, state)

    def _doom(self, text: Text, state: State) -> None:
        """It ends with its last answer that is under way."""
        text.left.clear()
        if text.doom is None:
            text.doom = state
        if not text.flying and not text.ended:
            self._ended(text, text.state)

    def _ended(self, text: Text, state: State) -> None:
        text.ended = True
        self._observer.changed(text.outgoing.purpose, state)
        self._texts.pop(text.kept.entry, None)
        self._outbox.finish(text.kept, proven=text.proven)
        self._leave(text)
        self._moved.set()

    # --- people's rules, and the past ---

    def _must_be_judged(self, text: Text, now: float) -> bool:
        if self._manners is None or text.outgoing.purpose is Purpose.ANSWER or text.begun:
            return False
        return now - text.judged_at > JUDGED_FOR_S

    def _ask(self, text: Text) -> None:
        text.asked = True
        self._asked[text.rank] += 1
        self._benches.put(text)

    async def _consider(self, text: Text) -> None:
        """Judge a text, find out what a former process did with it, or give it to another node."""
        try:
            if not text.resumed:
                await self._resume(text)
            elif text.handed_to:
                await self._hand_on(text)
            else:
                await self._ask_manners(text)
        except Exception as error:  # noqa: BLE001 - whatever is asked does not answer: nothing is sent unasked
            _log.error("sms.not_asked", id=text.outgoing.id, error=type(error).__name__)
            if text.handed_to:  # it may be another's already
                self._loop.call_later(ASK_AGAIN_S, self._benches.put, text)
                return
            self._again_in(text, ASK_AGAIN_S)  # others are asked about meanwhile
        text.asked = False
        self._asked[text.rank] -= 1
        self._wake()

    async def _ask_manners(self, text: Text) -> None:
        if self._manners is None:
            raise AssertionError("only asked where there are manners")
        verdict = await self._manners.judge(text.outgoing, self._wall_clock())
        if text.ended:
            return
        if isinstance(verdict, Wait):
            self._park(text, verdict.until)
            self._leave(text)
        elif isinstance(verdict, Refuse):
            self._give_up(text, State.REJECTED, verdict.reason)
        else:
            text.judged_at = self._loop.time()
            self._again_in(text, 0.0)

    async def _resume(self, text: Text) -> None:
        """Go on with a text that a former process began: by the operator that has parts of it."""
        life = await self._lives.life(text.outgoing.id)
        changes = () if life is None else life.changes
        # Times of changes tell their order: ours come after those of a process whose clock was ahead.
        self._stamped = max(self._stamped, max((change.at for change in changes), default=0.0))
        binds = [change.bind for change in changes if change.bind and change.state in HAD]
        operator = binds[-1].partition("/")[0] if binds else ""
        if operator not in self._writers:
            operator = text.route.first
        text.resumed = True
        if not operator:
            self._again_in(text, 0.0)  # nobody serves its number any more: it waits until it is too old
            return
        if not self._cut(text, operator):
            return
        text.resume(text.kept.parts)
        if text.begun and (len(text.messages) > 1 or not text.repeatable):
            text.route = self._routes.only(operator)
        for index, state in enumerate(text.states):
            if state is State.UNKNOWN and text.kept.parts.get(index + 1) is State.SENT:
                change = Change(self._stamp(), State.UNKNOWN, index + 1, "", "", "the node stopped")
                self._lives.tell(text.outgoing.id, change, len(text.messages))
        if text.left:
            self._again_in(text, 0.0)
        else:
            self._ended(text, text.state)

    # --- other nodes ---

    def _hand_over(self, route: Route[SendingWay], line: deque[Text], now: float) -> None:
        """Give what only another node can send to that node."""
        node = route.elsewhere(now)
        if not node:
            return
        staying = [text for text in line if text.flying]
        for text in line:
            if not text.flying and not text.ended:
                text.handed_to = node  # ``lined`` stays: it is in no line, and nothing puts it into one
                self._ask(text)
        line.clear()
        line.extend(staying)

    async def _hand_on(self, text: Text) -> None:
        if self._nodes is None:
            raise AssertionError("only handed over where there are nodes")
        gone = await self._nodes.hand_over(text.kept, text.handed_to)
        text.handed_to = ""
        text.lined = False
        if not gone:
            self._again_in(text, ASK_AGAIN_S)
            return
        text.ended = True
        self._texts.pop(text.kept.entry, None)
        self._leave(text)
        self._moved.set()

    # --- age ---

    async def _keep_sweeping(self) -> None:
        while True:
            try:
                self._unpark()
                self._sweep()
            except Exception as error:  # noqa: BLE001 - what waits is looked at again
                _log.error("sms.sweep_failed", error=type(error).__name__)
            wait_s = max(SWEEP_S, len(self._texts) / SWEEP_TEXTS)
            if self._parked:
                wait_s = min(wait_s, max(0.01, self._parked[0][0] - self._wall_clock()))
            await asyncio.sleep(min(wait_s, WAKE_S))

    def _sweep(self) -> None:
        """End what became too old while nothing could be sent."""
        now = self._wall_clock()
        old = [
            text
            for text in self._texts.values()
            if now > text.outgoing.expires_at and not text.ended and not text.flying and not text.asked
        ]
        for text in old:
            self._expire(text)
        if old:
            for lines in self._lines:
                for route, line in list(lines.items()):
                    lines[route] = deque(text for text in line if not text.ended)
            self.pump()

    def figures(self) -> tuple[Depth, ...]:
        """Answer what waits or is under way, by purpose and operator. What is to wait yet is not counted."""
        parked = {id(text) for _, _, text in self._parked}
        return depths_of((text for text in self._texts.values() if id(text) not in parked), self._wall_clock())

    def depths(self) -> dict[Purpose, tuple[int, float]]:
        """Answer how many texts of each purpose wait or are under way, and for how long the oldest has."""
        return by_purpose(self.figures())

    def reasons(self, outgoing: Outgoing) -> tuple[Reason, ...]:
        """Answer by whom a text would go now, and why, the best first."""
        return self._routes.of(outgoing).reasons(self._loop.time())

    def _movable(self) -> bool:
        """Whether anything is under way, or could be now."""
        if self._flying or any(self._asked):
            return True
        now = self._loop.time()
        return any(line and route.usable(now) for lines in self._lines for route, line in lines.items())
