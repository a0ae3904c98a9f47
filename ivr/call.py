"""A dialogue's turns on a telephone: the :class:`~flows.line.Line` of the voice channel.

Digits are collected with ``WAIT FOR DIGIT`` and, from a prompt that a key interrupts, with ``STREAM FILE``: neither
leaves a trace in Asterisk's logs, variables or AMI events, and no digit is ever sent back in a command.

A key that ends a prompt is the first key of the gather of the same turn. No other key crosses from one question to
the next: Asterisk drops what is pressed while no command runs, and what follows an answer faster than a person
answers the next question (:attr:`CallSettings.burst_gap_s` after the last key) is the rest of a burst (a seventh
digit of a PIN, a ``#`` out of habit). It is dropped, and the prompt that it interrupted goes on where it was. The
time between two keys is measured by what Asterisk says it played (``endpos``) and by the clock, whichever is more:
a busy server sees keys late, never early.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import structlog

from core_client.domain.secret import Secret
from core_client.domain.values import SecretHandle, Value
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
from ivr.agi import DEAD_CHANNEL, OK, Reply
from ivr.errors import CommandRefused
from ivr.session import AgiSession, Gone, Why
from sounds.catalogue import Catalogue

ANY_KEY = "0123456789*#"
MAX_DROPPED_KEYS = 40  # of one burst; a key that never stops (a stuck button, a fax) must not hold the line for ever
MAX_CONTEXT_CHARS = 1000  # of what an agent is told
KEPT_SILENCE_S = 1.0  # of the silence that ends a message, Asterisk keeps a second
BEEP_S = 2.0  # more than any beep lasts
TRANSFER_OUTCOMES = frozenset({"answered", "closed", "failed", "timeout"})

FilesFor: TypeAlias = Callable[[Say, "Catalogue | None"], Sequence[str]]

_log = structlog.get_logger("ivr.call")


@dataclass(frozen=True, slots=True)
class CallSettings:
    """How a call behaves.

    Attributes:
        sound_prefix: put before every recording's name: its folder as Asterisk sees it.
        burst_gap_s: a key that follows the last one of an answer by less is the rest of a burst.
        head_s: likewise a key in the first moment of the first prompt after an answer: nobody answers what he has
            not begun to hear, and a channel without media hands out late what was pressed before.
        sample_rate: of the recordings; ``endpos`` counts its samples.
        longest_prompt_s: a recording that plays longer is a stalled exchange.
        longest_transfer_s: the longest conversation with an agent.
        agent_context: the dialplan's context that hands a caller to people.
        record_prefix: put before every message's name: its folder as Asterisk sees it. Asterisk must be able to write
            there, and makes no folder by itself.
        shortest_message_s: what is shorter is a click or a breath, and no message.
    """

    sound_prefix: str = ""
    burst_gap_s: float = 0.35
    head_s: float = 0.1
    sample_rate: int = 8000
    longest_prompt_s: float = 180.0
    longest_transfer_s: float = 7200.0
    agent_context: str = "tellerline-agent"
    record_prefix: str = "/var/spool/asterisk/tellerline"
    shortest_message_s: float = 1.0


class Call:
    """One call, for the runner. Methods are called one at a time; see :class:`flows.line.Line`."""

    def __init__(
        self, session: AgiSession, files_for: FilesFor, vault: Vault, settings: CallSettings | None = None
    ) -> None:
        """``vault`` keeps the keyed secrets.

        ``files_for`` answers the recordings that say a :class:`Say`, from the catalogue of the dialogue's version.
        """
        self._catalogue: Catalogue | None = None
        self._session = session
        self._files_for = files_for
        self._vault = vault
        self._settings = settings or CallSettings()
        prefix = self._settings.sound_prefix.rstrip("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self._loop = asyncio.get_running_loop()
        self._carried = ""
        self._lapsing: asyncio.Handle | None = None
        self._burst = _Burst(self._settings, self._loop.time)

    @property
    def channel(self) -> Channel:
        """Voice."""
        return Channel.VOICE

    @property
    def session(self) -> AgiSession:
        """The connection to the exchange."""
        return self._session

    # --- Line ----------------------------------------------------------------------------------------------------

    def speak_from(self, catalogue: Catalogue) -> None:
        """See :class:`flows.line.Line`."""
        self._catalogue = catalogue

    async def say(self, say: Say) -> PartyLeft | None:
        """Play it; return at its end or, where it may be interrupted, at the first key.

        The key is kept for the gather of this turn, which follows without anything awaited in between; when none
        follows, the key lapses.
        """
        carried = self._take_carried()
        if carried and say.barge_in:
            self._carry(carried)
            return None
        for file in self._files_for(say, self._catalogue):
            key = await self._play(file, ANY_KEY if say.barge_in else "")
            if isinstance(key, PartyLeft):
                return key
            if key:
                carried = key
                break
        if carried:
            self._carry(carried)
        return None

    async def gather(self, wait: GatherDigits) -> DigitsReceived | InputTimedOut | PartyLeft:
        """Collect keys."""
        key = self._take_carried()
        if not key and self._burst.open:
            quiet = await self._wait_quiet()
            if quiet is not None:
                return quiet
        keys: list[str] = []
        while True:
            if not key:
                pressed = await self._wait_key(wait.inter_digit_timeout_s if keys else wait.first_digit_timeout_s)
                if isinstance(pressed, PartyLeft):
                    return pressed
                key = pressed
            if not key:
                return self._timed_out(wait, keys)
            self._burst.begin()
            if not keys and key in wait.escapes:
                return DigitsReceived(key)
            if key in wait.terminators:
                return self._answer(wait, keys, key)
            keys.append(key)
            key = ""
            if len(keys) >= wait.max_digits:
                return self._answer(wait, keys, "")

    async def left(self) -> None:
        """Return when the caller has left."""
        self._take_carried()
        await self._session.left()

    async def transfer(self, wait: TransferToAgent) -> TransferEnded | PartyLeft:
        """Hand the caller to people through the dialplan's subroutine, and answer how that ended.

        ``TELLERLINE_QUEUE``, ``TELLERLINE_CONTEXT``, ``TELLERLINE_POSITION`` and ``TELLERLINE_LIMIT`` (seconds, empty
        for none) are set for it; it sets ``TELLERLINE_TRANSFER``. A dialplan without the subroutine fails the transfer.
        """
        self._take_carried()
        settings = (
            ("TELLERLINE_CONTEXT", context_text(wait.context)),
            ("TELLERLINE_POSITION", _whole(wait.position_s)),
            ("TELLERLINE_LIMIT", _whole(wait.limit_s)),
            ("TELLERLINE_QUEUE", wait.queue),
        )
        for name, value in settings:
            await self._session.command("SET VARIABLE", name, value)
        if self._session.hung_up:
            return PartyLeft()
        arguments = (self._settings.agent_context, "s", "1")
        reply = await self._session.command("GOSUB", *arguments, within_s=self._settings.longest_transfer_s)
        if isinstance(reply, Gone) or reply.code == DEAD_CHANNEL or self._session.hung_up:
            self._session.conclude(Why.TRANSFERRED)
            return PartyLeft()
        reply = await self._session.command("GET VARIABLE", "TELLERLINE_TRANSFER")
        if isinstance(reply, Gone):
            return PartyLeft()
        outcome = reply.note if reply.note in TRANSFER_OUTCOMES else "failed"
        if outcome != "answered":
            await self._session.command("SET VARIABLE", "TELLERLINE_QUEUE", "")
        else:
            self._session.conclude(Why.TRANSFERRED)
        return TransferEnded(outcome)

    async def record(self, wait: Record) -> RecordingEnded | PartyLeft:
        """Record a message. A caller who hangs up after speaking has left one: the answer is not PartyLeft.

        Its name cannot be guessed, for who hears a message knows what a customer told the bank.
        """
        if self._take_carried():
            self._burst.begin()  # whoever skips the prompt by a key may press more of them
        if self._burst.open and (gone := await self._wait_quiet()) is not None:
            return gone
        prefix = self._settings.record_prefix.rstrip("/")
        name = f"{prefix}/{secrets.token_hex(16)}" if prefix else secrets.token_hex(16)
        reply = await self._record_file(name, wait, beep=wait.beep)
        if isinstance(reply, Reply) and wait.beep and _cut_short(reply) and await self._is_up():
            _log.warning("sound.missing", call_id=self._session.call_id, file="beep")
            reply = await self._record_file(name, wait, beep=False)
        if isinstance(reply, Gone) or reply.code == DEAD_CHANNEL:
            return self._party_left()
        result, length_s = self._result("RECORD FILE", reply), max(0, reply.endpos or 0) / self._settings.sample_rate
        if reply.note == "dtmf":
            self._burst.begin()  # a second # out of habit answers nothing
        spoken_s = length_s
        if reply.note == "timeout" and result > 0:  # the time that was left: silence ended it
            spoken_s -= KEPT_SILENCE_S
        if spoken_s >= self._settings.shortest_message_s:
            return RecordingEnded("ok", name, max(1, round(length_s)))
        if result >= 0:
            return RecordingEnded("empty")
        if not await self._is_up():
            return self._party_left()
        _log.warning("recording.failed", call_id=self._session.call_id, file=name, why=reply.note)
        return RecordingEnded("failed")

    async def end(self, reason: str) -> None:
        """Tell the dialplan that the call came to its proper end; the server closes when its handler returns."""
        self._take_carried()
        self._session.facts["reason"] = reason
        reply = await self._session.command("SET VARIABLE", "TELLERLINE_COMPLETED", "1")
        if not isinstance(reply, Gone) and not self._session.hung_up:
            self._session.conclude(Why.COMPLETED)

    async def answer(self) -> PartyLeft | None:
        """Answer the call, where the dialplan has not; without the half second that ANSWER waits for media."""
        reply = await self._session.command("EXEC", "Answer", "0", within_s=1.0)
        return PartyLeft() if isinstance(reply, Gone) or self._session.hung_up else None

    async def _record_file(self, name: str, wait: Record, *, beep: bool) -> Reply | Gone:
        """Run RECORD FILE: a wav, ended by a key, by the longest time, or by a silence in whole seconds."""
        options = (("BEEP",) if beep else ()) + ((f"s={max(1, round(wait.silence_s))}",) if wait.silence_s else ())
        arguments = (name, "wav", wait.terminators, str(round(wait.max_s * 1000)), *options)
        return await self._session.command("RECORD FILE", *arguments, within_s=wait.max_s + BEEP_S)

    # --- playing -------------------------------------------------------------------------------------------------

    async def _play(self, file: str, escapes: str) -> str | PartyLeft:
        """Play ``file``; answer the key that ended it, or nothing at its end."""
        name = self._prefix + file
        offset = 0
        for _ in range(MAX_DROPPED_KEYS):
            more = (str(offset),) if offset else ()
            reply = await self._session.command(
                "STREAM FILE", name, escapes, *more, within_s=self._settings.longest_prompt_s
            )
            if isinstance(reply, Gone) or reply.code == DEAD_CHANNEL:
                return self._party_left()
            result = self._result("STREAM FILE", reply)
            endpos = max(0, reply.endpos or 0)
            if result < 0 and endpos > 0:
                return self._party_left()
            if endpos == 0 and result <= 0:
                return await self._missing(file)
            played_s = (endpos - offset) / self._settings.sample_rate
            if result == 0:
                self._burst.pass_time(played_s)
                return ""
            if not self._burst.takes(played_s):
                return chr(result)
            offset = endpos
        return ""

    async def _missing(self, file: str) -> str | PartyLeft:
        """Tell a recording that is not there from a caller who is not: both answer -1 and position 0."""
        if not await self._is_up():
            return self._party_left()
        _log.warning("sound.missing", call_id=self._session.call_id, file=file)
        return ""

    async def _is_up(self) -> bool:
        status = await self._session.command("CHANNEL STATUS")
        return isinstance(status, Reply) and status.code == OK and (status.number or 0) >= 0

    def _party_left(self) -> PartyLeft:
        """Note that the caller left: a command's own answer says so before the HANGUP line does."""
        gone = self._session.gone
        self._session.conclude(Why.HUNG_UP if gone is None else gone.why)
        return PartyLeft()

    # --- keys ----------------------------------------------------------------------------------------------------

    async def _wait_key(self, timeout_s: float) -> str | PartyLeft:
        """Wait for one key; answer nothing when none came in time."""
        milliseconds = max(1, round(timeout_s * 1000))
        reply = await self._session.command("WAIT FOR DIGIT", str(milliseconds), within_s=timeout_s)
        if isinstance(reply, Gone) or reply.code == DEAD_CHANNEL:
            return self._party_left()
        result = self._result("WAIT FOR DIGIT", reply)
        if result < 0:
            return "" if await self._is_up() else self._party_left()
        if result == 0:
            self._burst.pass_time(timeout_s)
            return ""
        return chr(result)

    async def _wait_quiet(self) -> PartyLeft | None:
        """Let the rest of a burst go by, when no prompt has covered it."""
        for _ in range(MAX_DROPPED_KEYS):
            wait_s = self._burst.rest_s
            if wait_s <= 0:
                break
            key = await self._wait_key(wait_s)
            if isinstance(key, PartyLeft):
                return key
            if not key:
                break
            self._burst.begin()
        self._burst.end()
        return None

    def _carry(self, key: str) -> None:
        """Keep ``key`` until the loop turns: the gather of the same turn follows before, another question does not."""
        self._carried = key
        self._lapsing = self._loop.call_soon(self._take_carried)

    def _take_carried(self) -> str:
        key, self._carried = self._carried, ""
        if self._lapsing is not None:
            self._lapsing.cancel()
            self._lapsing = None
        return key

    def _answer(self, wait: GatherDigits, keys: list[str], ended_by: str) -> DigitsReceived:
        digits = "".join(keys)
        if not wait.secret:
            return DigitsReceived(digits, ended_by=ended_by)
        if len(digits) < max(1, wait.min_digits):
            return DigitsReceived("", ended_by=ended_by)
        return DigitsReceived("", self._vault.keep(Secret(digits)), ended_by)

    def _timed_out(self, wait: GatherDigits, keys: list[str]) -> DigitsReceived | InputTimedOut:
        if keys and len(keys) >= wait.min_digits:
            return self._answer(wait, keys, "")
        return InputTimedOut(len(keys))

    @staticmethod
    def _result(verb: str, reply: Reply) -> int:
        number = reply.number
        if reply.code != OK or number is None:
            raise CommandRefused(verb, reply.code)
        return number


def _cut_short(reply: Reply) -> bool:
    """Answer whether RECORD FILE ended before it began: the beep is missing, or the caller left during it."""
    return reply.code == OK and reply.note == "randomerror" and (reply.number or 0) < 0


class _Burst:
    """How long ago the last key of an answer was, and so whether the next one belongs to it."""

    __slots__ = ("_at_s", "_clock", "_gap_s", "_head", "_head_s", "_played_s", "open")

    def __init__(self, settings: CallSettings, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._gap_s = settings.burst_gap_s
        self._head_s = settings.head_s
        self._at_s = 0.0
        self._played_s = 0.0
        self._head = False
        self.open = False

    @property
    def rest_s(self) -> float:
        """How long the line must still be quiet."""
        return self._gap_s - max(self._played_s, self._clock() - self._at_s)

    def begin(self) -> None:
        """A key came that was part of an answer, or of its burst."""
        self.open = self._head = True
        self._at_s = self._clock()
        self._played_s = 0.0

    def end(self) -> None:
        """It was quiet for long enough."""
        self.open = False

    def pass_time(self, seconds: float) -> None:
        """Nothing was pressed for ``seconds`` of Asterisk's time."""
        if not self.open:
            return
        self._played_s += seconds
        if self._played_s >= self._gap_s:
            self.end()

    def takes(self, after_s: float) -> bool:
        """Answer whether a key ``after_s`` into a prompt is the rest of the burst, and note it if so."""
        if not self.open:
            return False
        head, self._head = self._head, False
        quiet_s = max(self._played_s + after_s, self._clock() - self._at_s)
        if quiet_s < self._gap_s or (head and after_s < self._head_s):
            self.begin()
            return True
        self.end()
        return False


def context_text(context: Mapping[str, Value]) -> str:
    """Answer what an agent is told, in one line without secrets: ``last_step=balance; party.name=Wang``."""
    return "; ".join(_flat("", context))[:MAX_CONTEXT_CHARS]


def _whole(seconds: float | None) -> str:
    return "" if seconds is None else str(max(1, round(seconds)))


def _flat(name: str, value: Value) -> Iterable[str]:
    match value:
        case Mapping():
            for key, item in value.items():
                yield from _flat(f"{name}.{key}" if name else str(key), item)
        case None | SecretHandle():
            return
        case tuple():
            for index, item in enumerate(value, 1):
                yield from _flat(f"{name}.{index}", item)
        case _:
            yield f"{name}={' '.join(str(value).replace(chr(0), ' ').split())}"
