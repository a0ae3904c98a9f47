"""The telephone chain, measured: what passes, what does not, how loud it comes out."""

from __future__ import annotations

import itertools
import math
import random

import pytest

from sounds.chain import (
    FRAGMENT,
    HIGH_HZ,
    PEAK,
    PROMPT,
    RATE_HZ,
    TARGET_LUFS,
    level,
    limit,
    loudness,
    resample,
    telephone,
    trim,
)
from sounds.errors import RecordingError


def tone(hz: float, rate_hz: int, seconds: float = 0.5, peak: float = 0.5) -> list[float]:
    return [peak * math.sin(2 * math.pi * hz * place / rate_hz) for place in range(round(rate_hz * seconds))]


def rms_db(samples: list[float]) -> float:
    middle = samples[len(samples) // 4 : -len(samples) // 4]
    return 10 * math.log10(math.fsum(sample * sample for sample in middle) / len(middle) + 1e-12)


def speech(rate_hz: int, seconds: float = 2.0, peak: float = 0.3) -> list[float]:
    """Answer something with a voice's ups and downs, and silence at both ends."""
    said = [
        peak * math.sin(2 * math.pi * 4 * place / rate_hz) ** 2 * math.sin(2 * math.pi * 600 * place / rate_hz)
        for place in range(round(rate_hz * seconds))
    ]
    quiet = [0.0] * rate_hz
    return quiet + said + quiet


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000])
def test_the_telephone_band_passes_at_any_rate(rate_hz: int) -> None:
    for hz in (300.0, 1_000.0, 3_400.0):
        heard = resample(tone(hz, rate_hz), rate_hz)
        assert len(heard) == RATE_HZ // 2
        assert rms_db(heard) == pytest.approx(rms_db(tone(hz, rate_hz)), abs=0.1), hz


@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 44_100, 48_000])
def test_nothing_folds_back_from_above_the_band(rate_hz: int) -> None:
    for hz in (4_100.0, 5_000.0, 7_300.0):
        assert rms_db(resample(tone(hz, rate_hz), rate_hz)) < rms_db(tone(hz, rate_hz)) - 50, hz


def test_samples_stay_where_they_were_in_time() -> None:
    heard = resample(tone(440, 44_100, peak=1.0), 44_100)
    ideal = tone(440, RATE_HZ, peak=1.0)
    assert max(abs(a - b) for a, b in zip(heard[500:3_500], ideal[500:3_500], strict=True)) < 0.001


def test_below_the_band_a_rumble_is_taken_out() -> None:
    rumble = tone(50, 16_000, seconds=2.0, peak=0.5)
    voice = speech(16_000, seconds=2.0, peak=0.5)[16_000:48_000]
    heard = telephone([a + b for a, b in zip(rumble, voice, strict=True)], 16_000, PROMPT)
    alone = telephone(voice, 16_000, PROMPT)
    assert rms_db(heard) == pytest.approx(rms_db(alone), abs=0.5)


@pytest.mark.parametrize("rate_hz", [0, 7_999, 192_001])
def test_a_rate_that_carries_no_voice_is_refused(rate_hz: int) -> None:
    with pytest.raises(RecordingError, match="is no rate to make a prompt from"):
        resample([0.1] * 100, rate_hz)


def test_a_full_scale_sine_measures_as_the_standard_says() -> None:
    assert loudness(tone(997, RATE_HZ, seconds=3.0, peak=1.0)) == pytest.approx(-3.01, abs=0.05)
    assert loudness(tone(997, RATE_HZ, seconds=0.3, peak=0.1)) == pytest.approx(-23.01, abs=0.1)


def test_silence_around_speech_does_not_make_it_louder() -> None:
    said = tone(997, RATE_HZ, seconds=4.0)
    quiet = [0.0] * RATE_HZ
    assert loudness(quiet + said + quiet) == pytest.approx(loudness(said), abs=0.6)
    assert loudness([0.0] * (3 * RATE_HZ)) == -70.0


@pytest.mark.parametrize("peak", [0.02, 0.3, 0.95])
def test_quiet_and_loud_recordings_come_out_alike(peak: float) -> None:
    heard = telephone(speech(48_000, peak=peak), 48_000, PROMPT)
    assert loudness(heard) == pytest.approx(TARGET_LUFS, abs=1.0)
    assert max(map(abs, heard)) <= PEAK + 1e-9


def test_silence_is_cut_to_the_margins() -> None:
    for margins in (PROMPT, FRAGMENT):
        heard = telephone(speech(16_000, seconds=2.0), 16_000, margins)
        spoken = 2.0 + margins.before_s + margins.after_s
        assert spoken - 0.1 <= len(heard) / RATE_HZ <= spoken + 0.01
        assert heard[0] == 0.0
        assert abs(heard[-1]) < 1e-6


def test_a_soft_beginning_is_kept_in_a_quiet_room_and_the_rooms_noise_is_not_speech() -> None:
    dice = random.Random(3)
    soft = [sample * 10 ** (-40 / 20) for sample in tone(2_500, RATE_HZ, seconds=0.2)]
    loud = tone(700, RATE_HZ, seconds=0.5)
    quiet = [0.0] * 4_000
    assert len(trim(quiet + soft + loud + quiet, FRAGMENT)) / RATE_HZ == pytest.approx(0.76, abs=0.02)
    noisy = [sample + dice.gauss(0, 0.002) for sample in quiet + loud + quiet]
    assert len(trim(noisy, FRAGMENT)) / RATE_HZ == pytest.approx(0.56, abs=0.02)


@pytest.mark.parametrize("samples", [[], [0.0] * 8_000, [0.0005] * 8_000])
def test_a_recording_of_nothing_is_refused(samples: list[float]) -> None:
    with pytest.raises(RecordingError, match="nothing is said in it"):
        trim(samples, PROMPT)


def test_a_peak_is_held_down_without_touching_what_is_far_from_it() -> None:
    samples = tone(500, RATE_HZ, seconds=1.0, peak=0.3)
    samples[4_000] = 1.5
    held = limit(samples)
    assert max(map(abs, held)) <= PEAK + 1e-12
    assert held[:3_900] == pytest.approx(samples[:3_900])
    assert held[4_100:] == pytest.approx(samples[4_100:])
    steps = [abs(b - a) for a, b in itertools.pairwise(held[3_800:3_990])]
    assert max(steps) < 0.15, "a gain that jumps is a click"


def test_what_is_below_the_peak_is_left_as_it_is() -> None:
    samples = tone(500, RATE_HZ, seconds=0.1)
    assert limit(samples) == samples
    assert limit([]) == []


def test_levelling_is_exact() -> None:
    assert loudness(level(tone(800, RATE_HZ, seconds=1.0, peak=0.01), -23.0)) == pytest.approx(-23.0, abs=0.01)


def test_the_band_ends_where_a_telephones_does() -> None:
    assert HIGH_HZ < RATE_HZ / 2
