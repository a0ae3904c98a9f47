"""An operator's recordings: read in the forms that people save, refused with what would do, written for Asterisk."""

from __future__ import annotations

import array
import math
import struct
import wave
from pathlib import Path

import pytest

from sounds.errors import RecordingError
from sounds.recording import MAX_FILE_BYTES, Recording, read_recording, sha256_of, write_prompt


def save(file: Path, samples: list[float], rate_hz: int = 16_000, width: int = 2, channels: int = 1) -> Path:
    with wave.open(str(file), "wb") as target:
        target.setnchannels(channels)
        target.setsampwidth(width)
        target.setframerate(rate_hz)
        top = (1 << (8 * width - 1)) - 1
        numbers = [round(sample * top) for sample in samples]
        if width == 1:
            data = bytes(number + 128 for number in numbers)
        else:
            data = b"".join(number.to_bytes(width, "little", signed=True) for number in numbers)
        target.writeframes(data)
    return file


def voice(rate_hz: int = 16_000, seconds: float = 1.0, peak: float = 0.4) -> list[float]:
    return [peak * math.sin(2 * math.pi * 500 * place / rate_hz) for place in range(round(rate_hz * seconds))]


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_any_usual_width_of_samples_is_read(tmp_path: Path, width: int) -> None:
    said = voice()
    recording = read_recording(save(tmp_path / "a.wav", said, width=width))
    assert recording.rate_hz == 16_000
    assert recording.seconds == 1.0
    assert recording.samples == pytest.approx(said, abs=1.1 / (1 << (8 * width - 1)))


def test_two_channels_become_their_mean(tmp_path: Path) -> None:
    left_and_right = [sample for value in voice() for sample in (value, 0.0)]
    recording = read_recording(save(tmp_path / "a.wav", left_and_right, channels=2))
    assert recording.samples == pytest.approx([value / 2 for value in voice()], abs=0.001)


def test_peak_level_and_clipping_are_measured() -> None:
    assert Recording(voice(peak=0.5), 16_000).peak == pytest.approx(0.5, abs=0.001)
    assert Recording(voice(peak=1.0), 16_000).rms_db == pytest.approx(-3.01, abs=0.01)
    assert Recording(voice(peak=0.99), 16_000).clipped_runs() == 0
    shouted = [max(-1.0, min(1.0, 3 * sample)) for sample in voice(peak=1.0)]
    assert Recording(shouted, 16_000).clipped_runs() == 1_000
    assert Recording([], 8_000).peak == 0.0


def broken(file: Path, data: bytes) -> Path:
    file.write_bytes(data)
    return file


def test_what_is_no_wave_file_is_refused_with_what_would_do(tmp_path: Path) -> None:
    good = save(tmp_path / "good.wav", voice()).read_bytes()
    for data in (b"", b"RIFF", b"ID3\x03" + b"\0" * 100, good[:20], good.replace(b"data", b"dada")):
        with pytest.raises(RecordingError, match=r"is no PCM wave file .* export it as WAV, PCM 16-bit"):
            read_recording(broken(tmp_path / "a.wav", data))


def test_compressed_audio_in_a_wave_file_is_refused(tmp_path: Path) -> None:
    data = bytearray(save(tmp_path / "a.wav", voice()).read_bytes())
    struct.pack_into("<H", data, 20, 7)  # µ-law
    with pytest.raises(RecordingError, match=r"is no PCM wave file .*unknown format: 7"):
        read_recording(broken(tmp_path / "a.wav", bytes(data)))


def test_many_channels_and_low_rates_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="has 3 channels of 16 bits"):
        read_recording(save(tmp_path / "a.wav", voice() * 3, channels=3))
    with pytest.raises(RecordingError, match="has 6000 samples a second"):
        read_recording(save(tmp_path / "a.wav", voice(), rate_hz=6_000))


def test_an_empty_file_a_missing_one_and_a_speech_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="is empty"):
        read_recording(save(tmp_path / "a.wav", []))
    with pytest.raises(RecordingError, match="cannot be read"):
        read_recording(tmp_path / "none.wav")
    with pytest.raises(RecordingError, match="plays 121 s, more than 120 s"):
        read_recording(save(tmp_path / "a.wav", [0.0] * (8_000 * 121), rate_hz=8_000))
    with (tmp_path / "a.wav").open("wb") as big:
        big.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(RecordingError, match="bytes, more than"):
        read_recording(tmp_path / "a.wav")


def test_a_file_that_promises_more_than_it_holds_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    data = save(tmp_path / "a.wav", voice()).read_bytes()
    recording = read_recording(broken(tmp_path / "a.wav", data[: len(data) // 2 + 1]))
    assert 0.4 < recording.seconds < 0.6


def test_a_prompt_is_written_as_asterisk_plays_it(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "a.wav"
    digest = write_prompt(file, [0.0, 0.5, -0.5, 1.5, -1.5])
    assert digest == sha256_of(file)
    with wave.open(str(file), "rb") as source:
        assert (source.getnchannels(), source.getsampwidth(), source.getframerate()) == (1, 2, 8_000)
        assert array.array("h", source.readframes(5)).tolist() == [0, 16_384, -16_384, 32_767, -32_768]
    assert [path.name for path in file.parent.iterdir()] == ["a.wav"]
