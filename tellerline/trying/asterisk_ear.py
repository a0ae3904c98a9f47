"""Listens at a caller's own end of the line: Asterisk's AudioSocket brings what the caller hears, as it arrives.

The dialplan of the caller's leg (``test-ear`` in :mod:`tellerline.trying.asterisk_config`) runs
``AudioSocket(id,address)`` after the call has gone through SIP and RTP like any other. Nothing of it comes from the
bank's side: what is reported here was on the line.
"""

from __future__ import annotations

import array
import asyncio
import bisect
import math
import sys
import uuid
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tellerline.trying.voiceprints import RATE_HZ, Recognised, Recogniser, Voiceprints, as_heard

# AudioSocket: one byte of kind, two of length, payload (Asterisk: res/res_audiosocket.c)
_KIND_HANGUP, _KIND_ID, _KIND_AUDIO = 0x00, 0x01, 0x10
_MAX_IDLE_S = 0.6  # Asterisk sends nothing between recordings; packets of one come every 20 ms
_CONNECT_WITHIN_S = 5.0
# A caller who says nothing still sends: a line that is silent both ways for 2 s is ended by AudioSocket, and Answer()
# waits for a caller's first packet.
_PACKET_S = 0.02
_PACKET_SAMPLES = int(RATE_HZ * _PACKET_S)
_BREATH = bytes([_KIND_AUDIO]) + (2 * _PACKET_SAMPLES).to_bytes(2, "big") + bytes(2 * _PACKET_SAMPLES)  # of silence
_VOICE_HZ, _VOICE_LEVEL = (200, 450), 6000  # a hum of two notes, no two of a key's: DTMF begins at 697 Hz


def _voice_packet() -> bytes:
    """Answer 20 ms of a voice: both notes come round in it, so that packet follows packet without a crack."""
    samples = array.array(
        "h",
        (
            round(sum(_VOICE_LEVEL * math.sin(math.tau * hz * index / RATE_HZ) for hz in _VOICE_HZ))
            for index in range(_PACKET_SAMPLES)
        ),
    )
    if sys.byteorder == "big":
        samples.byteswap()
    return _BREATH[:3] + samples.tobytes()


_VOICE = _voice_packet()


@dataclass(frozen=True, slots=True)
class HeardRecording:
    """One recording that was on the line. ``at_s`` is when it began, by the event loop's clock."""

    audio_ids: tuple[str, ...]  # more than one where files sound exactly alike
    at_s: float
    ended_s: float
    cut: bool


class Timeline:
    """When each sample of a line arrived."""

    def __init__(self) -> None:
        self._samples: list[int] = []
        self._times: list[float] = []

    def mark(self, first_sample: int, at_s: float) -> None:
        """Note that the samples from ``first_sample`` on arrived at ``at_s``."""
        self._samples.append(first_sample)
        self._times.append(at_s)

    def at(self, sample: int) -> float:
        """Answer when ``sample`` arrived."""
        index = max(0, bisect.bisect_right(self._samples, sample) - 1)
        return self._times[index] if self._times else 0.0


class Ear:
    """One caller's hearing."""

    def __init__(self, prints: Voiceprints, clock: Callable[[], float]) -> None:
        self.id = str(uuid.uuid4())
        self.heard: list[HeardRecording] = []
        self.changed = asyncio.Condition()
        self.connected = asyncio.Event()
        self.closed = asyncio.Event()
        self._recogniser = Recogniser(prints)
        self._timeline = Timeline()
        self._clock = clock
        self._samples = bytearray()
        self._says_until_s = 0.0

    @property
    def says(self) -> bool:
        """Whether the caller is saying something."""
        return self._clock() < self._says_until_s

    async def say(self, seconds: float) -> None:
        """Say something for ``seconds``, or until the line ends."""
        self._says_until_s = self._clock() + seconds
        try:
            async with asyncio.timeout(seconds):
                await self.closed.wait()
        except TimeoutError:
            pass

    async def listen(self, reader: asyncio.StreamReader) -> None:
        """Hear until the line ends."""
        self.connected.set()
        try:
            while True:
                try:
                    async with asyncio.timeout(_MAX_IDLE_S):
                        head = await reader.readexactly(3)
                except TimeoutError:
                    await self._note(list(self._recogniser.pause()))
                    head = await reader.readexactly(3)
                payload = await reader.readexactly(int.from_bytes(head[1:], "big"))
                if head[0] == _KIND_HANGUP:
                    break
                if head[0] == _KIND_AUDIO:
                    self._timeline.mark(self._recogniser.samples, self._clock())
                    self._samples += payload
                    await self._note(list(self._recogniser.feed(as_heard(payload))))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.closed.set()
            await self._note(list(self._recogniser.pause()), over=True)

    def save(self, path: Path) -> None:
        """Write down what was heard, for a person to listen to."""
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE_HZ)
            file.writeframes(bytes(self._samples))

    async def _note(self, ended: list[Recognised], *, over: bool = False) -> None:
        if not ended and not over:
            return
        async with self.changed:
            for item in ended:
                at_s, ended_s = self._timeline.at(item.start), self._timeline.at(max(item.start, item.end - 1))
                self.heard.append(HeardRecording(item.recording.audio_ids, at_s, ended_s, item.cut))
            self.changed.notify_all()


class Ears:
    """Where Asterisk brings the audio of callers' legs."""

    def __init__(self, prints: Voiceprints) -> None:
        self._prints = prints
        self._ears: dict[str, Ear] = {}
        self._server: asyncio.Server | None = None
        self._address = ""
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def address(self) -> str:
        """What a leg's ``EAR_ADDRESS`` is."""
        return self._address

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self._address = f"{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
            for writer in tuple(self._writers):
                writer.transport.abort()
            await self._server.wait_closed()

    def new(self) -> Ear:
        """Answer an ear for the next call; its ``id`` is what the leg's ``EAR_ID`` is."""
        ear = Ear(self._prints, asyncio.get_running_loop().time)
        self._ears[ear.id] = ear
        return ear

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            async with asyncio.timeout(_CONNECT_WITHIN_S):
                head = await reader.readexactly(3)
                payload = await reader.readexactly(int.from_bytes(head[1:], "big"))
            ear = self._ears.pop(str(uuid.UUID(bytes=payload)), None) if head[0] == _KIND_ID else None
            if ear is not None:
                async with asyncio.TaskGroup() as group:
                    breathing = group.create_task(_breathe(writer, ear), name="ear.breath")
                    await ear.listen(reader)
                    breathing.cancel()
        except (TimeoutError, ValueError, asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.transport.abort()


async def _breathe(writer: asyncio.StreamWriter, ear: Ear) -> None:
    """Send a packet every 20 ms, as a telephone does: by them Asterisk counts how long a caller is silent."""
    clock = asyncio.get_running_loop().time
    due_s = clock()
    while not writer.is_closing():
        writer.write(_VOICE if ear.says else _BREATH)
        due_s += _PACKET_S
        await asyncio.sleep(max(0.0, due_s - clock()))
