"""One call of the test exchange: what a tester, a script or a person at the terminal phone does with it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from typing import cast

from ivr.agi import AgiClientConnection, CommandReceived, Reply
from ivr.errors import LocalProtocolError, RemoteProtocolError
from ivr.testing.channel import FakeChannel, Message
from ivr.testing.errors import CallWentElsewhere
from ivr.testing.events import CallEnded, CallEvent, CommandSeen, EndedBy, HeardFile
from ivr.testing.sounds import SoundLibrary
from ivr.testing.verbs import VERBS

REACTION_S = 0.6  # a person presses this long after hearing what to press
KEY_GAP_S = 0.2  # between two keys of a person who knows the number
SAME_MOMENT_S = 1e-5  # clocks round: two moments this near are one
COMPLETED = "TELLERLINE_COMPLETED"
TRANSFER = "TELLERLINE_TRANSFER"
QUEUE = "TELLERLINE_QUEUE"


class FakeCall(asyncio.Protocol):
    """A call. Made by :meth:`FakePbx.dial`; times are seconds of the call, ``timeout_s`` included."""

    def __init__(
        self,
        *,
        sounds: SoundLibrary,
        header: Mapping[str, str],
        variables: Mapping[str, str],
        media: bool,
        answered: bool,
        agents: Callable[[str], tuple[str, float]],
        speed: float,
        patience_s: float,
    ) -> None:
        self.header = dict(header)
        self.commands: list[str] = []
        self.replies: list[Reply | None] = []  # None stands for the bare line HANGUP
        self.ended: CallEnded | None = None
        self.observers: list[Callable[[CallEvent], None]] = []
        self.channel = FakeChannel(
            VERBS, sounds, variables, media=media, answered=answered, agents=agents, observe=self._note
        )
        self._codec = AgiClientConnection()
        self._speed = speed
        self._patience_s = patience_s
        self._now = 0.0
        self._wall = 0.0
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self._matched = 0  # how much of `heard` was waited for already
        self._reported = 0  # how much of `heard` next_heard has answered

    # --- what can be seen ----------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Seconds since the call began, on the exchange's clock."""
        if self._speed == math.inf:
            return self._now
        return self._now + (self._loop.time() - self._wall) * self._speed

    @property
    def heard(self) -> list[HeardFile]:
        """What played, in order; the last may still play."""
        return self.channel.heard

    @property
    def heard_files(self) -> list[str]:
        """The names of what played, in order."""
        return [heard.file for heard in self.channel.heard]

    @property
    def variables(self) -> dict[str, str]:
        """The channel variables, as the dialplan will find them."""
        return self.channel.variables

    @property
    def messages(self) -> list[Message]:
        """The messages that were recorded, in order."""
        return self.channel.messages

    @property
    def transferred(self) -> str | None:
        """The queue of people that the caller was handed to, if any."""
        return self.channel.transferred

    @property
    def waiting_for_key(self) -> bool:
        """Whether the server waits for a key, and nothing plays."""
        return self.channel.busy and bool(self.commands) and self.commands[-1].upper().startswith("WAIT FOR DIGIT")

    def transcript(self) -> str:
        """What was heard and how the call ended, for a person."""
        lines = [f"{heard.started_s:8.2f}s {heard.file}{' (cut)' if heard.cut else ''}" for heard in self.heard]
        if self.ended is not None:
            lines.append(f"{self.ended.at_s:8.2f}s ended by {self.ended.by}")
        return "\n".join(lines) or "nothing was heard"

    # --- what a caller does --------------------------------------------------------------------------------------

    async def hear(self, file: str, timeout_s: float = 30.0) -> HeardFile:
        """Wait until ``file`` begins to play, after what was waited for before; others are passed over.

        Raises:
            CallWentElsewhere: it did not, within ``timeout_s`` or before the end of the call.
        """
        await self._until(lambda: self._find(file) is not None, timeout_s)
        index = self._find(file)
        if index is None:
            raise CallWentElsewhere(
                f"{file!r} was not heard within {timeout_s:g} s; heard so far:\n{self.transcript()}"
            )
        self._matched = index + 1
        return self.heard[index]

    def _find(self, file: str) -> int | None:
        return next((index for index in range(self._matched, len(self.heard)) if self.heard[index].file == file), None)

    async def next_heard(self, timeout_s: float = 30.0) -> HeardFile | None:
        """Answer the next recording whose playing is over, in order, each once; None when there is none in time."""
        await self._until(self._has_news, timeout_s)
        if not self._has_news():
            return None
        self._reported += 1
        return self.heard[self._reported - 1]

    def _has_news(self) -> bool:
        return len(self.heard) > self._reported and not self.heard[self._reported].playing

    async def press(self, keys: str, *, reaction_s: float = REACTION_S, gap_s: float = KEY_GAP_S) -> None:
        """Press ``keys`` one after another, as a person does: after ``reaction_s``, ``gap_s`` apart.

        On a call that has ended this does nothing.
        """
        pause_s = reaction_s
        for key in keys:
            if pause_s:
                await self.silence(pause_s)
            if self.ended is not None or self.channel.hung_up:
                return
            self._send(self.channel.press(key, self.now))
            await self._settle()
            pause_s = gap_s

    async def speak(self, seconds: float) -> None:
        """Speak for ``seconds``: what a message is made of."""
        if self.ended is None:
            self._send(self.channel.speak(seconds, self.now))
            await self.silence(seconds)

    async def burst(self, keys: str) -> None:
        """Press ``keys`` at once, faster than any person: a dialler's memory key."""
        await self.press(keys, reaction_s=0.0, gap_s=0.0)

    async def silence(self, seconds: float) -> None:
        """Do nothing for ``seconds``, or until the call has ended."""
        await self._until(lambda: False, seconds)

    async def wait_for_prompt(self, timeout_s: float = 60.0) -> None:
        """Wait until the server waits for a key and nothing plays.

        Raises:
            CallWentElsewhere: it does not.
        """
        await self._until(lambda: self.waiting_for_key, timeout_s)
        if not self.waiting_for_key:
            raise CallWentElsewhere(f"the server waits for no key; heard so far:\n{self.transcript()}")

    async def wait_transferred(self, timeout_s: float = 60.0) -> str:
        """Wait until the caller is handed to people, and answer the queue.

        Raises:
            CallWentElsewhere: it does not happen.
        """
        await self._until(lambda: self.transferred is not None, timeout_s)
        queue = self.transferred or (self.ended.queue if self.ended is not None else None)
        if queue is None:
            raise CallWentElsewhere(f"the caller was not handed to people; heard so far:\n{self.transcript()}")
        return queue

    async def wait_ended(self, timeout_s: float = 300.0) -> CallEnded:
        """Wait for the end of the call.

        Raises:
            CallWentElsewhere: it goes on.
        """
        await self._until(lambda: self.ended is not None, timeout_s)
        if self.ended is None:
            raise CallWentElsewhere(f"the call still goes on after {timeout_s:g} s; heard:\n{self.transcript()}")
        return self.ended

    async def hang_up(self) -> None:
        """Put the receiver down. The connection stays until the server closes it, as Asterisk's does."""
        if self.ended is None:
            self._send(self.channel.hang_up(self.now))
            await self._settle()

    async def close(self) -> None:
        """Drop the connection, as an exchange does that dies."""
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()
        await self._settle()

    # --- time ----------------------------------------------------------------------------------------------------

    async def _until(self, goal: Callable[[], bool], seconds: float) -> None:
        """Let the call go on until ``goal``, for ``seconds`` of it at most, or until its end."""
        until = self.now + seconds
        while not goal() and self.ended is None and self.now < until - SAME_MOMENT_S:
            if self._speed == math.inf and self.channel.busy:
                due = self.channel.next_timer
                self._now = until if due is None else min(due, until)
                self._send(self.channel.advance(self._now))
                await self._settle()
            else:
                await self._wait_for_server(until)

    async def _wait_for_server(self, until: float) -> None:
        """Let wall-clock time pass until something changes."""
        leaps = self._speed == math.inf
        due = self.channel.next_timer if leaps else None
        target = until if due is None else min(due, until)
        limit_s = (target - self.now) / (1.0 if leaps else self._speed)
        patience_s = self._patience_s if leaps else math.inf
        began = self._loop.time()
        self._changed.clear()
        try:
            async with asyncio.timeout(min(limit_s, patience_s)):
                await self._changed.wait()
        except TimeoutError:
            if limit_s > patience_s:
                raise CallWentElsewhere(
                    f"the server sent no command for {patience_s:g} s; heard so far:\n{self.transcript()}"
                ) from None
            if leaps:
                self._now = target
        else:
            if leaps:
                self._now = min(self._now + self._loop.time() - began, target)
        self._send(self.channel.advance(self.now))

    async def _settle(self) -> None:
        """Let what was just sent be written, and the transport's callbacks run."""
        await asyncio.sleep(0)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.channel.next_timer
        if self._speed != math.inf and due is not None:
            self._timer = self._loop.call_later(max(0.0, due - self.now) / self._speed, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._send(self.channel.advance(max(self.now, self.channel.next_timer or 0.0)))

    # --- the wire ------------------------------------------------------------------------------------------------

    async def connect(self, host: str, port: int) -> None:
        """Open the connection and send the header block.

        Raises:
            OSError: nobody accepts.
        """
        await self._loop.create_connection(lambda: self, host, port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the header block."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        self._wall = self._loop.time()
        self._transport.write(self._codec.send_header(self.header))

    def data_received(self, data: bytes) -> None:
        """Run the commands that came."""
        try:
            events = self._codec.receive_data(data)
        except RemoteProtocolError:
            if self._transport is not None:
                self._transport.abort()
            return
        for event in events:
            if isinstance(event, CommandReceived):
                self.commands.append(event.line)
                self._send(self.channel.command(event.line, event.words, self.now))

    def connection_lost(self, error: Exception | None) -> None:
        """Go on in the dialplan."""
        if self._timer is not None:
            self._timer.cancel()
        if self.ended is None:
            self.ended = CallEnded(self._ended_by(), self.now, self.variables.get(QUEUE))
            self._note(self.ended)
        self._changed.set()

    def _ended_by(self) -> EndedBy:
        if self.channel.hung_up:
            return EndedBy.CALLER
        if self.variables.get(QUEUE) and self.variables.get(TRANSFER, "") in ("", "answered"):
            return EndedBy.TRANSFER
        if self.variables.get(COMPLETED) == "1":
            return EndedBy.SERVER
        return EndedBy.DROPPED if self.commands else EndedBy.REFUSED

    def _send(self, replies: list[Reply | None]) -> None:
        self.replies += replies
        if replies and self._transport is not None and not self._transport.is_closing():
            try:
                self._transport.write(
                    b"".join(
                        self._codec.send_hangup() if reply is None else self._codec.send_reply(reply)
                        for reply in replies
                    )
                )
            except LocalProtocolError:  # a value that AGI cannot carry: Asterisk would send it and confuse everybody
                self._transport.abort()
        self._changed.set()
        self._set_timer()

    def _note(self, event: CallEvent) -> None:
        for observe in self.observers:
            observe(event)
        if not isinstance(event, CommandSeen):
            self._changed.set()
