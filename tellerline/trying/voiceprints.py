"""Which recordings a telephone line carried: found by their own samples, not by what anybody says was played.

A telephone line of G.711 carries a recording's samples unchanged but for their rounding to eight bits, so that a
short run of them names the recording and the place in it. This needs no correlation over the whole of it and no
numpy (a dependency that a server has no use for): a dictionary of runs of 24 samples, a look-up at each sample of the
line while nothing is recognised, plain comparison of bytes while something is. A caller's second costs some
milliseconds. What a line without errors cannot do (fade, distort, mix) is not recognised, and is reported as nothing.
"""

from __future__ import annotations

import array
import functools
import sys
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

RATE_HZ = 8000
RUN = 24  # samples that name a place: 3 ms, well over 50 bits of speech
STRIDE = 80  # a run is kept every 10 ms
MIN_VARIETY = 9  # different samples in a run; fewer is silence, which every recording has
AGREE = 400  # samples (50 ms) that must agree before a place is believed, fewer at a recording's end
TAIL = 480  # samples (60 ms) at the end that may be missing: the last packet of a recording is not always sent whole
HEAD = 4000  # what is recognised only after half a second was not heard from its beginning
LOST_SAMPLES = 4000  # a recording that goes on within half a second of noise or loss was one recording


def _ulaw_code(sample: int) -> int:
    """Answer ITU-T G.711's 8-bit code for a 14-bit sample, as Asterisk's table has it (main/ulaw.c)."""
    bias, clip = 0x84, 32635
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), clip) + bias
    exponent = max(0, magnitude.bit_length() - 8)
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    return ~(sign | (exponent << 4) | mantissa) & 0xFF


_SILENCE = 0xFF
_MINUS_ZERO = bytes(_SILENCE if code == 0x7F else code for code in range(256))


@functools.cache
def _ulaw_table() -> bytes:
    """Answer the code of each 16-bit sample, indexed by its unsigned value.

    Asterisk looks up by the upper 14 bits, and filled its table with the last sample of each four.
    """
    signed = (value - 0x10000 if value >= 0x8000 else value for value in (index | 3 for index in range(0x10000)))
    return bytes(_ulaw_code(sample) for sample in signed).translate(_MINUS_ZERO)


def as_heard(samples: bytes) -> bytes:
    """Answer 16-bit little-endian samples as a G.711 µ-law line carries them, one byte each."""
    words = array.array("H", samples[: len(samples) // 2 * 2])
    if sys.byteorder == "big":
        words.byteswap()
    return bytes(map(_ulaw_table().__getitem__, words))


def canonical(ulaw: bytes) -> bytes:
    """Answer µ-law bytes from the wire with one zero instead of two."""
    return ulaw.translate(_MINUS_ZERO)


@dataclass(frozen=True, slots=True)
class Recording:
    """One sound, as the line carries it. ``audio_ids`` are all the files that sound exactly so, sorted."""

    audio_ids: tuple[str, ...]
    sound: bytes


@dataclass(frozen=True, slots=True)
class Recognised:
    """A recording on the line, from sample ``start`` to before ``end``. ``cut``: not all of it."""

    recording: Recording
    start: int
    end: int
    cut: bool


class Voiceprints:
    """Every recording below a folder of sounds, with its runs."""

    def __init__(self, recordings: list[Recording]) -> None:
        self.recordings = tuple(recordings)
        self._places: dict[bytes, list[tuple[Recording, int]]] = {}
        for recording in recordings:
            for offset in range(0, max(1, len(recording.sound) - RUN), STRIDE):
                run = recording.sound[offset : offset + RUN]
                if len(set(run)) >= MIN_VARIETY:
                    self._places.setdefault(run, []).append((recording, offset))

    @classmethod
    def of_folder(cls, root: Path) -> Voiceprints:
        """Read every 8 kHz 16-bit mono wav below ``root``; its path without suffix is its audio id."""
        by_sound: dict[bytes, list[str]] = {}
        for path in sorted(root.rglob("*.wav")):
            with wave.open(str(path)) as file:
                if (file.getframerate(), file.getsampwidth(), file.getnchannels()) != (RATE_HZ, 2, 1):
                    continue
                sound = as_heard(file.readframes(file.getnframes()))
            by_sound.setdefault(sound, []).append(path.relative_to(root).with_suffix("").as_posix())
        return cls([Recording(tuple(ids), sound) for sound, ids in by_sound.items()])

    def at(self, line: bytes | bytearray, index: int) -> list[tuple[Recording, int]]:
        """Answer the recordings, with the place in each, whose run stands in ``line`` at ``index``."""
        return self._places.get(bytes(line[index : index + RUN]), [])


class Recogniser:
    """Follows one line. Feed it what was heard; it answers recordings as they end."""

    def __init__(self, prints: Voiceprints) -> None:
        self._prints = prints
        self._line = bytearray()
        self._dropped = 0  # samples of the line that are behind us and gone
        self._scanned = 0  # index into _line: up to here everything is accounted for
        self._now: Recording | None = None
        self._start = 0  # where _now's first sample is or would be, absolute
        self._from = 0  # where in _now it was first heard
        self._reached = 0  # how much of _now agrees

    @property
    def samples(self) -> int:
        """How many samples were heard so far."""
        return self._dropped + len(self._line)

    def feed(self, line: bytes) -> Iterator[Recognised]:
        """Take the next samples, as :func:`as_heard` or :func:`canonical` answers them; answer what has ended."""
        self._line += line
        yield from self._read(at_end=False)
        if self._scanned > 2 * RATE_HZ:  # keep a little behind us, for places that begin before they are recognised
            gone = self._scanned - RATE_HZ
            del self._line[:gone]
            self._dropped += gone
            self._scanned -= gone

    def pause(self) -> Iterator[Recognised]:
        """Say that nothing comes for now: what is under way has been stopped, and goes on no more."""
        yield from self._read(at_end=True)
        yield from self._end()

    def _read(self, *, at_end: bool) -> Iterator[Recognised]:
        while True:
            if self._now is not None and self._follow(self._now):
                if self._reached >= len(self._now.sound):
                    yield from self._end()
                    continue
                return  # it agrees as far as it was heard
            found = self._find(at_end=at_end)
            if found is None:
                if self._now is not None and self._here() - self._start - self._reached > LOST_SAMPLES:
                    yield from self._end()
                return
            recording, place, at = found
            if self._goes_on(recording, place, at):
                self._start, self._reached = at - place, place
            else:
                yield from self._end()
                self._now, self._start, self._from, self._reached = recording, at - place, place, place

    def _here(self) -> int:
        return self._dropped + self._scanned

    def _goes_on(self, recording: Recording, place: int, at: int) -> bool:
        """Whether a place found after a loss is the same playing, not a second one from the beginning."""
        return recording is self._now and place >= self._reached and abs(at - place - self._start) <= LOST_SAMPLES

    def _follow(self, now: Recording) -> bool:
        """Compare what was heard with what the recording has there; answer False where they part."""
        begin = self._start + self._reached - self._dropped
        heard = self._line[begin : begin + len(now.sound) - self._reached]
        expected = now.sound[self._reached : self._reached + len(heard)]
        agreed = len(heard) if heard == expected else _agreement(heard, expected)
        self._reached += agreed
        self._scanned = max(self._scanned, begin + agreed)
        return agreed == len(heard)

    def _find(self, *, at_end: bool) -> tuple[Recording, int, int] | None:
        """Look for the next place that is believed; answer its recording, the place in it, where on the line."""
        line = self._line
        for index in range(self._scanned, len(line) - RUN + 1):
            for recording, place in self._prints.at(line, index):
                wanted = min(AGREE, len(recording.sound) - place)
                heard = line[index : index + wanted]
                if len(heard) < wanted and not at_end:
                    self._scanned = index
                    return None  # more is to come: judge then
                if len(heard) == wanted and heard == recording.sound[place : place + wanted]:
                    self._scanned = index
                    return recording, place, self._dropped + index
        self._scanned = max(self._scanned, len(line) - RUN + 1)
        return None

    def _end(self) -> Iterator[Recognised]:
        now, self._now = self._now, None
        if now is None:
            return
        complete = self._reached >= len(now.sound) - TAIL and self._from <= HEAD
        yield Recognised(now, self._start + (0 if complete else self._from), self._start + self._reached, not complete)


def _agreement(heard: bytes | bytearray, expected: bytes) -> int:
    """Answer how many samples agree from the beginning: by halving, since comparing bytes is fast."""
    low, high = 0, min(len(heard), len(expected))
    while low < high:
        middle = (low + high + 1) // 2
        if heard[:middle] == expected[:middle]:
            low = middle
        else:
            high = middle - 1
    return low
