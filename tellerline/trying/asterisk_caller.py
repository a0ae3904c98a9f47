"""Callers on a real Asterisk: legs that dial the bank by SIP over loopback, press RFC 4733 keys, and hear.

The caller's leg and the bank's leg are two channels of one Asterisk with SIP and RTP between them. How the caller's
leg is driven is seen by the bank's side only as any caller would be.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from core_client.domain.secret import Secret
from ivr.ami import AmiClient, AmiError, AmiMessage, AmiSettings
from tellerline.errors import ParleyError
from tellerline.trying.asterisk_config import WATCH_USER
from tellerline.trying.asterisk_ear import Ear, Ears, HeardRecording
from tellerline.trying.asterisk_host import AsteriskHost
from tellerline.trying.driver import CallEnded, EndedBy, Heard
from tellerline.trying.telephone import REACTION_S
from tellerline.trying.voiceprints import Voiceprints

AMI_READY_S = 10.0
RING_S = 10.0
PAIRED_WITHIN_S = 5.0
KEY_MS = 80  # RFC 4733 events of 80 ms with as long a gap: a quick finger, and twice what Q.24 asks for
KEY_GAP_S = 0.08
_LAST_SOUND_S = 1.0  # after a hangup: what is on its way still arrives


@dataclass(slots=True)
class BankLeg:
    """The bank's end of a call, as Asterisk's events tell it."""

    channel: str
    uniqueid: str
    commands: list[str] = field(default_factory=list)  # AGI commands in order, as Asterisk understood them
    told: list[str] = field(default_factory=list)  # files that AGI was told to play, in order
    played: list[tuple[str, float]] = field(default_factory=list)  # those that are over, with how long each took
    variables: dict[str, str] = field(default_factory=dict)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    cause: str = ""


class Callers:
    """Everybody who calls one Asterisk.

    Args:
        host: the Asterisk.
        prints: the recordings that callers may hear.
        sound_prefix: what stands before an audio id where Asterisk is told to play it.
    """

    def __init__(self, host: AsteriskHost, prints: Voiceprints, sound_prefix: str = "tellerline") -> None:
        self.prints = prints
        self._ears = Ears(prints)
        self._prefix = f"{sound_prefix}/"
        settings = AmiSettings(
            WATCH_USER, Secret(host.site.watch_secret), port=host.ami_port, action_timeout_s=RING_S, ping_interval_s=60
        )
        self._watcher = AmiClient(settings)
        self._keys = AmiClient(settings)  # PlayDTMF holds its connection up for as long as the key is down
        self._bank_legs: dict[str, BankLeg] = {}  # by channel
        self._new_bank_legs: asyncio.Queue[BankLeg] = asyncio.Queue()
        self._callers: dict[str, Caller] = {}  # by the caller's own uniqueid
        self._dialling = asyncio.Lock()
        self._keying = asyncio.Lock()
        self._stack = contextlib.AsyncExitStack()
        self._started: dict[str, float] = {}  # AGI command id -> when it began

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            for part in (self._ears, self._watcher, self._keys):
                await stack.enter_async_context(part)
            stack.push_async_callback(self._hang_all_up)
            self._watcher.on("Newchannel", self._new_channel)
            self._watcher.on("AGIExec*", self._agi)
            self._watcher.on("Hangup", self._hangup)
            await self._watcher.ready(AMI_READY_S)
            await self._keys.ready(AMI_READY_S)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _hang_all_up(self) -> None:
        for caller in tuple(self._callers.values()):
            with contextlib.suppress(AmiError):  # an Asterisk that has died has no calls left
                await caller.hang_up()

    async def call(self, from_: str | None, to: str) -> Caller:
        """Dial ``to`` from ``from_`` (None: withheld) and answer the caller once the bank has answered.

        Raises:
            ParleyError: nobody answered.
        """
        ear = self._ears.new()
        identity = {"CallerID": f'"" <{from_}>'} if from_ else {}
        async with self._dialling:  # one at a time, so that the next new leg of the bank is this caller's
            while not self._new_bank_legs.empty():
                self._new_bank_legs.get_nowait()
            placed = await self._watcher.originate(
                f"PJSIP/{to}@{'caller' if from_ else 'withheld'}",
                {
                    "Context": "test-ear",
                    "Exten": "s",
                    "Priority": "1",
                    "Variable": [f"EAR_ID={ear.id}", f"EAR_ADDRESS={self._ears.address}"],
                    **identity,
                },
                ring_s=RING_S,
            )
            if not placed.answered:
                raise ParleyError(f"Asterisk could not put the call to {to} through (reason {placed.reason})")
            try:
                async with asyncio.timeout(PAIRED_WITHIN_S):
                    bank = await self._new_bank_legs.get()
                    await ear.connected.wait()
            except TimeoutError:
                raise ParleyError(f"the call to {to} did not come through to the line") from None
        caller = Caller(self, ear, bank, placed.channel, placed.channel_id)
        self._callers[placed.channel_id] = caller
        return caller

    async def press(self, channel: str, keys: str) -> None:
        """Press ``keys`` on a caller's own leg; they travel as RTP events."""
        for key in keys:
            async with self._keying:
                await self._keys.perform(
                    "PlayDTMF", {"Channel": channel, "Digit": key, "Duration": str(KEY_MS)}, timeout_s=RING_S
                )
            await asyncio.sleep(KEY_GAP_S)

    async def drop(self, channel: str) -> None:
        """Hang a caller's own leg up."""
        await self._keys.perform("Hangup", {"Channel": channel, "Cause": "16"}, timeout_s=RING_S)

    def left(self, caller: Caller) -> None:
        """Forget a caller who has gone."""
        self._callers.pop(caller.uniqueid, None)

    def _new_channel(self, event: AmiMessage) -> None:
        if event["Channel"].startswith("PJSIP/carrier-"):
            leg = BankLeg(event["Channel"], event["Uniqueid"])
            self._bank_legs[leg.channel] = leg
            self._new_bank_legs.put_nowait(leg)

    def _agi(self, event: AmiMessage) -> None:
        leg = self._bank_legs.get(event.get("Channel", ""))
        if leg is None:
            return
        command, ident = event.get("Command", ""), event.get("CommandId", "")
        file = self._file_of(command)
        now_s = asyncio.get_running_loop().time()
        if event.name == "AGIExecStart":
            leg.commands.append(command)
            self._started[ident] = now_s
            if file is not None:
                leg.told.append(file)
            return
        took_s = now_s - self._started.pop(ident, now_s)
        words = command.split()
        if file is not None:
            leg.played.append((file, took_s))
        elif words[:2] == ["SET", "VARIABLE"] and len(words) > 3:
            leg.variables[words[2].strip('"')] = " ".join(words[3:]).strip('"')

    def _file_of(self, command: str) -> str | None:
        """Answer the audio id that a command plays."""
        words = command.split()
        place = {"STREAM": 2, "GET": 2, "CONTROL": 3}.get(words[0] if words else "", 0)
        if not place or words[1:2] not in (["FILE"], ["DATA"], ["STREAM"]) or len(words) <= place:
            return None
        return words[place].strip('"').removeprefix(self._prefix)

    def _hangup(self, event: AmiMessage) -> None:
        leg = self._bank_legs.pop(event["Channel"], None)
        if leg is not None:
            leg.cause = event.get("Cause", "")
            leg.ended.set()
        caller = self._callers.get(event["Uniqueid"])
        if caller is not None:
            caller.gone.set()


class Caller:
    """One caller, as :class:`~tellerline.trying.driver.Leg` has it."""

    def __init__(self, callers: Callers, ear: Ear, bank: BankLeg, channel: str, uniqueid: str) -> None:
        self.uniqueid = uniqueid
        self.bank = bank
        self.ear = ear
        self.gone = asyncio.Event()
        self._callers = callers
        self._channel = channel
        self._reported = 0
        self._named = 0  # how far through the bank leg's files the names have come
        self._hung_up = False
        self._began_s = 0.0
        self._reaches: Callable[[str], bool] = lambda queue: True

    def reaches(self, reaches: Callable[[str], bool]) -> None:
        """Tell in which queues somebody answers: a call that went on after another one ended by itself."""
        self._reaches = reaches

    def begin_at(self, began_s: float) -> None:
        """Count :attr:`Heard.at_s` from ``began_s`` of the event loop's clock."""
        self._began_s = began_s

    async def heard(self, timeout_s: float) -> Heard | None:
        """Answer the next recording that was on the line; None: none within ``timeout_s``, or none will come."""
        try:
            async with asyncio.timeout(timeout_s), self.ear.changed:
                await self.ear.changed.wait_for(
                    lambda: len(self.ear.heard) > self._reported or self.ear.closed.is_set()
                )
        except TimeoutError:
            return None
        if len(self.ear.heard) <= self._reported:
            return None
        item = self.ear.heard[self._reported]
        self._reported += 1
        return Heard(self._name(item), item.at_s - self._began_s, item.cut)

    async def press(self, keys: str) -> None:
        """Press ``keys``; on a call that has ended, do nothing."""
        if not self._over():
            try:
                await self._callers.press(self._channel, keys)
            except AmiError:
                if not self._over():
                    raise

    async def silence(self, seconds: float) -> None:
        """Do nothing for ``seconds``."""
        await asyncio.sleep(seconds)

    async def speak(self, seconds: float) -> None:
        """Say something for ``seconds``; it travels as RTP, like any caller's voice."""
        await asyncio.sleep(REACTION_S)
        if not self._over():
            await self.ear.say(seconds)

    async def hang_up(self) -> None:
        """Hang up; when it returns the bank's leg is gone too, and the server has been told."""
        if self._over():
            return
        self._hung_up = True
        try:
            await self._callers.drop(self._channel)
        except AmiError:
            if not self.gone.is_set():
                raise
        await self._await_end(RING_S)

    async def ended(self, timeout_s: float) -> CallEnded | None:
        """Answer how the call ended; None: it goes on after ``timeout_s``."""
        if not await self._await_end(timeout_s):
            return None
        queue = self.bank.variables.get("TELLERLINE_QUEUE") or None
        if self._hung_up:
            return CallEnded(EndedBy.CUSTOMER)
        if queue is not None and self._reaches(queue):
            return CallEnded(EndedBy.TRANSFER, queue)
        if self.bank.variables.get("TELLERLINE_COMPLETED") == "1":
            return CallEnded(EndedBy.BANK)
        return CallEnded(EndedBy.FAILURE, detail=f"the dialplan ended with cause {self.bank.cause or 'unknown'}")

    async def complaints(self) -> tuple[str, ...]:
        """Answer where the line and Asterisk's own events disagree."""
        on_line = {name for item in self.ear.heard for name in item.audio_ids}
        played = {file for file, _ in self.bank.played}
        return (
            *(
                f"Asterisk played {file} for {took_s:.1f} s, and it was not on the caller's line"
                for file, took_s in self.bank.played
                if took_s > _LAST_SOUND_S and file not in on_line
            ),
            *(
                f"{item.audio_ids[0]} was on the caller's line, and no AGI command played it"
                for item in self.ear.heard
                if not played.intersection(item.audio_ids)
            ),
        )

    def _over(self) -> bool:
        return self._hung_up or self.gone.is_set()

    async def _await_end(self, timeout_s: float) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                await self.gone.wait()
                await self.ear.closed.wait()
                await self.bank.ended.wait()
        except TimeoutError:
            return False
        self._callers.left(self)
        return True

    def _name(self, item: HeardRecording) -> str:
        """Answer one id: where files sound alike, the one that Asterisk was told to play next."""
        if len(item.audio_ids) == 1:
            return item.audio_ids[0]
        for index in range(self._named, len(self.bank.told)):
            if self.bank.told[index] in item.audio_ids:
                self._named = index + 1
                return self.bank.told[index]
        return item.audio_ids[0]
