"""The telephone chain: any voice or recording in, 8 kHz 16-bit mono out, trimmed, band-limited and levelled.

The same chain for built voices and for operators' own recordings, in the standard library alone: `sounds add` works
on a server that has no build tools. A second of 48 kHz audio takes about a tenth of a second.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import mul

from sounds.errors import RecordingError

RATE_HZ = 8_000
LOW_HZ, HIGH_HZ = 200.0, 3_500.0  # what a telephone carries
TARGET_LUFS = -19.0
PEAK = 10 ** (-3 / 20)  # -3 dB of full scale: room for a codec's overshoot
MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 192_000

_STOP_DB = 60.0  # of what would fold back below 4 kHz
_FRAME = 40  # 5 ms
_GATE_DB = -70.0
_BLOCK = RATE_HZ * 4 // 10  # BS.1770: 400 ms, every 100 ms
_QUIETEST = 1e-12


@dataclass(frozen=True, slots=True)
class Margins:
    """The silence left around speech, in seconds: fragments are joined, prompts stand alone."""

    before_s: float
    after_s: float


PROMPT = Margins(0.06, 0.15)
FRAGMENT = Margins(0.02, 0.04)


def telephone(samples: Sequence[float], rate_hz: int, margins: Margins) -> list[float]:
    """Put ``samples`` (-1 to 1) through the whole chain.

    Raises:
        RecordingError: nothing is said in it, or the rate is out of range.
    """
    narrow = resample(samples, rate_hz)
    for section in _high_pass():
        narrow = _biquad(narrow, *section)
    return limit(level(trim(narrow, margins)))


def resample(samples: Sequence[float], rate_hz: int) -> list[float]:
    """Answer ``samples`` at 8 kHz, without anything above the telephone band.

    Raises:
        RecordingError: the rate is out of range.
    """
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise RecordingError(f"{rate_hz} Hz is no rate to make a prompt from: record at 16,000, 44,100 or 48,000 Hz")
    phases, step = _phases(rate_hz)
    width = len(phases[0])
    half = width // 2
    padded = [0.0] * half + list(samples) + [0.0] * (width + 1)
    count = len(phases)
    output = []
    for index in range(len(samples) * RATE_HZ // rate_hz):
        start, phase = divmod(index * step, count)
        output.append(sum(map(mul, phases[phase], padded[start : start + width])))
    return output


@lru_cache(8)
def _phases(rate_hz: int) -> tuple[tuple[tuple[float, ...], ...], int]:
    """Answer the low-pass filter's taps for each position between two input samples, and the step in positions."""
    divisor = math.gcd(rate_hz, RATE_HZ)
    count, step = RATE_HZ // divisor, rate_hz // divisor
    stop = RATE_HZ / 2
    cutoff = (HIGH_HZ + stop) / 2 / rate_hz
    width = math.ceil((_STOP_DB - 8) / (2.285 * 2 * math.pi * (stop - HIGH_HZ) / rate_hz)) | 1
    half = width // 2
    beta = 0.1102 * (_STOP_DB - 8.7)  # Kaiser's formula
    scale = _bessel(beta)
    phases = []
    for phase in range(count):
        taps = []
        for tap in range(width):
            place = tap - half - phase / count
            inside = max(0.0, 1 - (place / (half + 1)) ** 2)
            window = _bessel(beta * math.sqrt(inside)) / scale
            angle = 2 * math.pi * cutoff * place
            taps.append(2 * cutoff * window * (math.sin(angle) / angle if angle else 1.0))
        total = sum(taps)
        phases.append(tuple(tap / total for tap in taps))
    return tuple(phases), step


def _bessel(value: float) -> float:
    """The modified Bessel function of the first kind, order 0."""
    total = term = 1.0
    for step in range(1, 40):
        term *= (value / (2 * step)) ** 2
        total += term
    return total


def _high_pass() -> Iterator[tuple[float, ...]]:
    """Two sections of a fourth-order Butterworth high-pass at the band's low end."""
    omega = 2 * math.pi * LOW_HZ / RATE_HZ
    for quality in (0.54119610, 1.30656296):
        alpha = math.sin(omega) / (2 * quality)
        cosine = math.cos(omega)
        gain = (1 + cosine) / 2
        yield tuple(value / (1 + alpha) for value in (gain, -2 * gain, gain, -2 * cosine, 1 - alpha))


def _biquad(samples: Sequence[float], b0: float, b1: float, b2: float, a1: float, a2: float) -> list[float]:
    output = []
    first = second = 0.0  # transposed direct form II
    for sample in samples:
        value = b0 * sample + first
        first = b1 * sample - a1 * value + second
        second = b2 * sample - a2 * value
        output.append(value)
    return output


def trim(samples: Sequence[float], margins: Margins) -> list[float]:
    """Cut the silence around speech down to ``margins``, with 5 ms fades.

    Raises:
        RecordingError: there is no speech in it.
    """
    levels = [_power(samples[start : start + _FRAME]) for start in range(0, len(samples), _FRAME)]
    loudest = max(levels, default=0.0)
    if 10 * math.log10(loudest + _QUIETEST) < -50:
        raise RecordingError("nothing is said in it: the loudest moment is below -50 dB")
    noise = sorted(levels)[len(levels) // 10]
    # 48 dB below the loudest keeps a soft f or th; in a noisy room 6 dB above the noise, yet never above -25 dB.
    threshold = min(max(loudest * 10**-4.8, noise * 4), loudest * 10**-2.5)
    spoken = [place for place, power in enumerate(levels) if power > threshold]
    start = max(0, spoken[0] * _FRAME - round(margins.before_s * RATE_HZ))
    end = min(len(samples), (spoken[-1] + 1) * _FRAME + round(margins.after_s * RATE_HZ))
    cut = list(samples[start:end])
    for place in range(min(_FRAME, len(cut) // 2)):
        cut[place] *= place / _FRAME
        cut[-1 - place] *= place / _FRAME
    return cut


def _power(samples: Sequence[float]) -> float:
    return math.fsum(map(mul, samples, samples)) / max(1, len(samples))


def level(samples: Sequence[float], target_lufs: float = TARGET_LUFS) -> list[float]:
    """Bring ``samples`` to ``target_lufs``."""
    gain = 10 ** ((target_lufs - loudness(samples)) / 20)
    return [sample * gain for sample in samples]


def loudness(samples: Sequence[float]) -> float:
    """Answer the loudness in LUFS (ITU-R BS.1770-4, at 8 kHz); of a clip shorter than two blocks, ungated."""
    weighted: Sequence[float] = samples
    for section in _k_weighting():
        weighted = _biquad(weighted, *section)
    if len(weighted) < 2 * _BLOCK:
        # The silence around a short clip would count as much as the word: measure where it speaks.
        frames = [_power(weighted[start : start + _FRAME]) for start in range(0, len(weighted), _FRAME)]
        loudest = max(frames, default=0.0)
        kept = [power for power in frames if power > loudest / 1000]
        return _lufs(sum(kept) / len(kept) if kept else 0.0)
    blocks = [_power(weighted[start : start + _BLOCK]) for start in range(0, len(weighted) - _BLOCK + 1, _BLOCK // 4)]
    heard = [power for power in blocks if _lufs(power) > _GATE_DB]
    if not heard:
        return _GATE_DB
    relative = sum(heard) / len(heard) / 10  # 10 LU below the mean
    heard = [power for power in heard if power > relative]
    return _lufs(sum(heard) / len(heard))


def _lufs(power: float) -> float:
    return -0.691 + 10 * math.log10(power + _QUIETEST)


@lru_cache(1)
def _k_weighting() -> tuple[tuple[float, ...], ...]:
    """BS.1770's two filters, from their analogue form (De Man), since the standard's numbers are for 48 kHz."""
    gain, quality, centre = 3.999843853973347, 0.7071752369554196, 1681.974450955533
    warped = math.tan(math.pi * centre / RATE_HZ)
    high: float = 10 ** (gain / 20)
    band = high**0.4996667741545416
    total = 1 + warped / quality + warped**2
    shelf = tuple(
        value / total
        for value in (
            high + band * warped / quality + warped**2,
            2 * (warped**2 - high),
            high - band * warped / quality + warped**2,
            2 * (warped**2 - 1),
            1 - warped / quality + warped**2,
        )
    )
    quality, centre = 0.5003270373238773, 38.13547087602444
    warped = math.tan(math.pi * centre / RATE_HZ)
    total = 1 + warped / quality + warped**2
    high_pass = (1.0, -2.0, 1.0, 2 * (warped**2 - 1) / total, (1 - warped / quality + warped**2) / total)
    return shelf, high_pass


def limit(samples: Sequence[float], peak: float = PEAK) -> list[float]:
    """Keep every sample within ``peak``: the gain falls 5 ms before a peak and rises after it, without a click."""
    if max(map(abs, samples), default=0.0) <= peak:
        return list(samples)
    wanted = [min(1.0, peak / abs(sample)) if sample else 1.0 for sample in samples]
    lowest = _sliding_minimum(wanted, _FRAME)
    padded = [lowest[0]] * _FRAME + lowest + [lowest[-1]] * _FRAME
    window = 2 * _FRAME + 1
    total = sum(padded[:window])
    output = []
    for place, sample in enumerate(samples):
        output.append(max(-peak, min(peak, sample * total / window)))
        total += (padded[place + window] if place + window < len(padded) else 0.0) - padded[place]
    return output


def _sliding_minimum(values: Sequence[float], reach: int) -> list[float]:
    """Answer the least of each value and its ``reach`` neighbours on both sides."""
    lowest: list[float] = []
    kept: deque[int] = deque()
    for place in range(len(values) + reach):
        if place < len(values):
            while kept and values[kept[-1]] >= values[place]:
                kept.pop()
            kept.append(place)
        middle = place - reach
        if middle >= 0:
            while kept[0] < middle - reach:
                kept.popleft()
            lowest.append(values[kept[0]])
    return lowest
