"""A telephone without a wire: the line that the runner speaks on and the leg that a customer holds, in one.

It behaves as ivr.call does over Asterisk: recordings last as long as their files, a key during a prompt that allows
it is the first key of this turn's answer, keys that nobody waits for are lost, and the rest of a burst is too.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from core_client.domain.secret import Secret
from flows.dialogue import (
    Channel,
    DigitsReceived,
    GatherDigits,
    InputTimedOut,
    PartyLeft,
    Record,
    RecordingEnded,
    Say,
    TransferEnded,
    TransferToAgent,
)
from flows.vault import Vault
from sounds.catalogue import Catalogue
from tellerline.trying.conversation import Agents
from tellerline.trying.driver import CallEnded, EndedBy, Heard

REACTION_S = 0.6  # a person presses this long after hearing what to press
KEY_GAP_S = 0.2
BURST_GAP_S = 0.35  # as ivr.call.CallSettings
TALK_S = 10.0  # with an agent
UNLIMITED_S = 300.0  # in a queue that nobody answers, where the flow sets no limit: the dialplan's own


class Telephone:
    """One call on no wire. Time is the loop's."""

    def __init__(
        self,
        files_for: Callable[[Say, Catalogue | None], Sequence[str]],
        seconds_of: Callable[[str], float],
        vault: Vault,
        now_s: Callable[[], float],
        agents: Callable[[str], Agents] = lambda queue: Agents.ANSWER,
        *,
        recorder: bool = True,
    ) -> None:
        self._agents = agents
        self._recorder = recorder
        self._files_for = files_for
        self._catalogue: Catalogue | None = None
        self._seconds_of = seconds_of
        self._vault = vault
        self._now_s = now_s
        self._heard: deque[Heard] = deque()
        self._news = asyncio.Event()
        self._key = asyncio.Event()
        self._keys: deque[str] = deque()
        self._listening = False
        self._asks: GatherDigits | Record | None = None
        self._carried = ""
        self._deaf_until_s = 0.0
        self._speaks_until_s = -1.0  # the last that the customer said ends then
        self._spoke = asyncio.Event()
        self._messages = 0
        self._gone = asyncio.Event()
        self._queue: str | None = None
        self._over = asyncio.Event()
        self._ended: CallEnded | None = None

    # --- the line, for the runner --------------------------------------------------------------------------------

    @property
    def channel(self) -> Channel:
        """Voice."""
        return Channel.VOICE

    def speak_from(self, catalogue: Catalogue) -> None:
        """See :class:`flows.line.Line`."""
        self._catalogue = catalogue

    async def say(self, say: Say) -> PartyLeft | None:
        """See :class:`flows.line.Line`."""
        for file in self._files_for(say, self._catalogue):
            if self._carried and say.barge_in:
                return None
            key = await self._play(file, say.barge_in)
            if self._gone.is_set():
                return PartyLeft()
            if key:
                self._carried = key
                return None
        return None

    async def gather(self, wait: GatherDigits) -> DigitsReceived | InputTimedOut | PartyLeft:
        """See :class:`flows.line.Line`."""
        with self._asking(wait):
            return await self._gather(wait)

    async def _gather(self, wait: GatherDigits) -> DigitsReceived | InputTimedOut | PartyLeft:
        keys: list[str] = []
        key, self._carried = self._carried, ""
        while True:
            if not key:
                key = await self._wait_key(wait.inter_digit_timeout_s if keys else wait.first_digit_timeout_s)
                if self._gone.is_set():
                    return PartyLeft()
            if not key:
                done = len(keys) >= max(1, wait.min_digits)
                return self._answer(wait, keys, "") if done else InputTimedOut(len(keys))
            if not keys and key in wait.escapes:
                return DigitsReceived(key)
            if key in wait.terminators:
                return self._answer(wait, keys, key)
            keys.append(key)
            key = ""
            if len(keys) >= wait.max_digits:
                return self._answer(wait, keys, "")

    async def left(self) -> None:
        """See :class:`flows.line.Line`."""
        await self._gone.wait()

    async def record(self, wait: Record) -> RecordingEnded | PartyLeft:
        """See :class:`flows.line.Line`. Ends as Asterisk's RECORD FILE does: a key, silence, the limit, a hangup."""
        if not self._recorder:
            return RecordingEnded("failed")
        with self._asking(wait):
            return await self._record(wait)

    async def _record(self, wait: Record) -> RecordingEnded | PartyLeft:
        began_s = self._now_s()
        ends_s = began_s + wait.max_s
        self._carried = ""
        key = ""
        while not key and not self._gone.is_set():
            quiet_s = max(began_s, self._speaks_until_s) + wait.silence_s
            left_s = min(ends_s, quiet_s) - self._now_s()
            if left_s <= 0:
                break
            pressed = await self._wait_key(left_s, self._spoke)
            key = pressed if pressed in wait.terminators else ""
        if self._speaks_until_s <= began_s:
            return PartyLeft() if self._gone.is_set() else RecordingEnded("empty")
        self._messages += 1
        seconds = max(1, round(self._now_s() - began_s))
        return RecordingEnded("ok", f"message-{self._messages}", seconds)

    async def transfer(self, wait: TransferToAgent) -> TransferEnded | PartyLeft:
        """Hand over to an agent who answers and talks for a while, or to whatever the conversation says."""
        agents = self._agents(wait.queue)
        match agents:
            case Agents.ANSWER:
                self._queue = wait.queue
                outcome, seconds = "answered", TALK_S
            case Agents.NONE:
                outcome, seconds = "timeout", wait.limit_s or UNLIMITED_S
            case _:
                outcome, seconds = agents.value, 0.0
        await self._pause(seconds)
        return PartyLeft() if self._gone.is_set() else TransferEnded(outcome)

    async def end(self, reason: str) -> None:
        """See :class:`flows.line.Line`."""
        self.over(CallEnded(EndedBy.TRANSFER if self._queue else EndedBy.BANK, self._queue))

    def over(self, how: CallEnded) -> None:
        """The dialogue has ended."""
        if self._ended is None:
            self._ended = how
        self._over.set()
        self._news.set()

    def _answer(self, wait: GatherDigits, keys: list[str], ended_by: str) -> DigitsReceived:
        self._deaf_until_s = self._now_s() + BURST_GAP_S
        digits = "".join(keys)
        if not wait.secret:
            return DigitsReceived(digits, ended_by=ended_by)
        if len(digits) < max(1, wait.min_digits):
            return DigitsReceived("", ended_by=ended_by)
        return DigitsReceived("", self._vault.keep(Secret(digits)), ended_by)

    async def _play(self, file: str, interruptible: bool) -> str:
        """Play one recording; answer the key that cut it."""
        began_s = self._now_s()
        seconds = self._seconds_of(file)
        key = await self._wait_key(seconds) if interruptible else await self._pause(seconds)
        self._heard.append(Heard(file, began_s, cut=bool(key) or self._gone.is_set()))
        self._news.set()
        return key

    async def _wait_key(self, seconds: float, also: asyncio.Event | None = None) -> str:
        """Wait for a key; answer nothing when none came in time, the customer left, or ``also`` happened."""
        until_s = self._now_s() + seconds
        self._keys.clear()
        self._listening = True
        try:
            while not self._keys and not self._gone.is_set() and (left_s := until_s - self._now_s()) > 0:
                self._key.clear()
                try:
                    async with asyncio.timeout(left_s):
                        await self._key.wait()
                except TimeoutError:
                    break
                if also is not None and also.is_set():
                    also.clear()
                    break
        finally:
            self._listening = False
        return self._keys.popleft() if self._keys else ""

    async def _pause(self, seconds: float) -> str:
        try:
            async with asyncio.timeout(seconds):
                await self._gone.wait()
        except TimeoutError:
            pass
        return ""

    @contextlib.contextmanager
    def _asking(self, wait: GatherDigits | Record) -> Iterator[None]:
        self._asks = wait
        self._news.set()
        try:
            yield
        finally:
            self._asks = None

    # --- for who plays it by hand ---------------------------------------------------------------------------------

    @property
    def asks(self) -> GatherDigits | Record | None:
        """What the bank waits for now, with every key that was pressed taken."""
        return self._asks if self._listening and not self._keys else None

    async def quiet(self) -> None:
        """Let time pass until the bank waits for the customer, or the call is over."""
        while not self._over.is_set() and self.asks is None:
            self._news.clear()
            if self._keys or self._asks is not None:
                await asyncio.sleep(0)  # a key is on its way
            else:
                await self._news.wait()

    # --- the leg, for the customer -------------------------------------------------------------------------------

    async def heard(self, timeout_s: float) -> Heard | None:
        """See :class:`~tellerline.trying.driver.Leg`."""
        until_s = self._now_s() + timeout_s
        while not self._heard and not self._over.is_set() and (left_s := until_s - self._now_s()) > 0:
            self._news.clear()
            try:
                async with asyncio.timeout(left_s):
                    await self._news.wait()
            except TimeoutError:
                break
        return self._heard.popleft() if self._heard else None

    async def press(self, keys: str) -> None:
        """See :class:`~tellerline.trying.driver.Leg`."""
        pause_s = REACTION_S
        for key in keys:
            await asyncio.sleep(pause_s)
            pause_s = KEY_GAP_S
            if self._over.is_set() or self._gone.is_set():
                return
            if self._now_s() < self._deaf_until_s:
                self._deaf_until_s = self._now_s() + BURST_GAP_S
                continue
            if self._listening:
                self._keys.append(key)
                self._key.set()
                await asyncio.sleep(0)

    async def speak(self, seconds: float) -> None:
        """See :class:`~tellerline.trying.driver.Leg`."""
        await asyncio.sleep(REACTION_S)
        if not self._over.is_set() and not self._gone.is_set():
            self._speaks_until_s = self._now_s() + seconds
            self._spoke.set()
            self._key.set()
            await self.silence(seconds)

    async def silence(self, seconds: float) -> None:
        """See :class:`~tellerline.trying.driver.Leg`."""
        try:
            async with asyncio.timeout(seconds):
                await self._over.wait()
        except TimeoutError:
            pass

    async def hang_up(self) -> None:
        """See :class:`~tellerline.trying.driver.Leg`."""
        if not self._over.is_set():
            self._ended = CallEnded(EndedBy.CUSTOMER, self._queue)
            self._gone.set()
            self._key.set()

    async def ended(self, timeout_s: float) -> CallEnded | None:
        """See :class:`~tellerline.trying.driver.Leg`."""
        if not self._over.is_set() and self._ended is None:
            await self.silence(timeout_s)
        return self._ended

    async def complaints(self) -> tuple[str, ...]:
        """There is no wire, and no witness."""
        return ()
