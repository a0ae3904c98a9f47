"""Wave files: an operator's recording in, a prompt's file out, and what is measured of either."""

from __future__ import annotations

import array
import hashlib
import math
import sys
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sounds.chain import RATE_HZ
from sounds.errors import RecordingError

MAX_FILE_BYTES = 50_000_000  # four minutes of 48 kHz stereo; a prompt is seconds
MAX_SECONDS = 120.0
FULL_SCALE = 32_768
_MEND = "export it as WAV, PCM 16-bit, 8,000 to 48,000 Hz, mono or stereo"
_CLIPPED_AT = 0.999
_CLIPPED_RUN = 3  # one sample at full scale is a loud voice, three in a row are cut off


@dataclass(frozen=True, slots=True)
class Recording:
    """Samples between -1 and 1, in one channel."""

    samples: list[float]
    rate_hz: int

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return len(self.samples) / self.rate_hz

    @property
    def peak(self) -> float:
        """The largest sample."""
        return max(map(abs, self.samples), default=0.0)

    @property
    def rms_db(self) -> float:
        """The mean level, in dB of full scale."""
        power = math.fsum(sample * sample for sample in self.samples) / max(1, len(self.samples))
        return 10 * math.log10(power + 1e-12)

    def clipped_runs(self) -> int:
        """Count the places where the recording ran into full scale and stayed there."""
        runs = length = 0
        for sample in self.samples:
            length = length + 1 if abs(sample) >= _CLIPPED_AT else 0
            runs += length == _CLIPPED_RUN
        return runs


def read_recording(file: Path) -> Recording:
    """Read a PCM wave file; two channels become their mean.

    Raises:
        RecordingError: not such a file, or longer than a prompt can be.
    """
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise RecordingError(f"{file} has {file.stat().st_size} bytes, more than {MAX_FILE_BYTES}: cut it")
        with wave.open(str(file), "rb") as source:
            channels, width, rate = source.getnchannels(), source.getsampwidth(), source.getframerate()
            frames = source.getnframes()
            data = source.readframes(frames)
    except OSError as problem:
        raise RecordingError(f"{file} cannot be read ({problem.strerror})") from None
    except (wave.Error, EOFError) as problem:
        raise RecordingError(f"{file} is no PCM wave file ({problem}): {_MEND}") from None
    if channels not in (1, 2) or width not in (1, 2, 3, 4):
        raise RecordingError(f"{file} has {channels} channels of {8 * width} bits: {_MEND}")
    if rate < RATE_HZ:
        raise RecordingError(f"{file} has {rate} samples a second, less than a telephone carries: {_MEND}")
    values = _decoded(data[: len(data) - len(data) % (width * channels)], width)
    if channels == 2:
        values = [(left + right) / 2 for left, right in zip(values[::2], values[1::2], strict=True)]
    if not values:
        raise RecordingError(f"{file} is empty: record it again")
    if len(values) > MAX_SECONDS * rate:
        raise RecordingError(f"{file} plays {len(values) / rate:.0f} s, more than {MAX_SECONDS:.0f} s: cut it")
    return Recording(values, rate)


def _decoded(data: bytes, width: int) -> list[float]:
    if width == 1:  # unsigned, unlike all others
        return [(byte - 128) / 128 for byte in data]
    if width == 3:  # no array type of three bytes: put a zero below each, and read four
        four = bytearray(len(data) // 3 * 4)
        for place in range(3):
            four[place + 1 :: 4] = data[place::3]
        data, width = bytes(four), 4
    numbers = array.array("h" if width == 2 else "i", data)
    if sys.byteorder == "big":
        numbers.byteswap()
    scale = 1 << (8 * width - 1)
    return [number / scale for number in numbers]


def write_prompt(file: Path, samples: Sequence[float]) -> str:
    """Write 8 kHz 16-bit mono ``samples`` whole or not at all, and answer the file's SHA-256."""
    numbers = array.array(
        "h", (max(-FULL_SCALE, min(FULL_SCALE - 1, round(sample * FULL_SCALE))) for sample in samples)
    )
    if sys.byteorder == "big":
        numbers.byteswap()
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    with wave.open(str(part), "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(RATE_HZ)
        target.writeframes(numbers.tobytes())
    part.replace(file)
    return sha256_of(file)


def sha256_of(file: Path) -> str:
    """Answer the SHA-256 of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
