"""Recordings are found on a line by their samples: whole, cut, one after the other, and never where they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tellerline.trying.voiceprints import (
    TAIL,
    Recognised,
    Recogniser,
    Recording,
    Voiceprints,
    as_heard,
    canonical,
)
from tests.peers.asterisk.made_sounds import LENGTHS_S, make_sounds, noise

SILENCE = b"\xff"


@pytest.fixture(scope="module")
def prints(tmp_path_factory: pytest.TempPathFactory) -> Voiceprints:
    return Voiceprints.of_folder(make_sounds(tmp_path_factory.mktemp("sounds")))


def sound(name: str) -> bytes:
    return as_heard(noise(name, LENGTHS_S[name]))


def recognise(prints: Voiceprints, line: bytes, piece: int = 160) -> list[Recognised]:
    recogniser = Recogniser(prints)
    found = [item for start in range(0, len(line), piece) for item in recogniser.feed(line[start : start + piece])]
    return found + list(recogniser.pause())


def told(found: list[Recognised]) -> list[tuple[str, bool]]:
    return [(item.recording.audio_ids[0], item.cut) for item in found]


@pytest.mark.parametrize("piece", [1, 7, 160, 100_000])
def test_recordings_one_after_the_other_are_found_whole_however_they_arrive(prints: Voiceprints, piece: int) -> None:
    line = sound("zh/short") + sound("zh/odd") + SILENCE * 4000 + sound("en/short")
    found = recognise(prints, line, piece)
    assert told(found) == [("zh/short", False), ("zh/odd", False), ("en/short", False)]
    assert [item.start for item in found] == [0, 3200, 3200 + len(sound("zh/odd")) + 4000]
    assert found[-1].end == len(line)


def test_a_packet_that_is_not_sent_at_a_recordings_end_does_not_cut_it(prints: Voiceprints) -> None:
    line = sound("zh/odd")[: -TAIL + 1] + sound("zh/short")
    assert told(recognise(prints, line)) == [("zh/odd", False), ("zh/short", False)]


def test_a_recording_that_was_stopped_is_cut_whether_silence_or_another_follows(prints: Voiceprints) -> None:
    begun = sound("zh/long")[:12_345]
    assert told(recognise(prints, begun)) == [("zh/long", True)]
    assert told(recognise(prints, begun + sound("zh/short"))) == [("zh/long", True), ("zh/short", False)]
    assert told(recognise(prints, begun + SILENCE * 8000 + sound("zh/short")))[0] == ("zh/long", True)


def test_a_recording_whose_beginning_was_not_heard_is_cut(prints: Voiceprints) -> None:
    assert told(recognise(prints, sound("zh/long")[20_000:])) == [("zh/long", True)]


def test_the_same_recording_twice_is_two(prints: Voiceprints) -> None:
    line = sound("zh/short") * 2
    assert told(recognise(prints, line)) == [("zh/short", False)] * 2
    stopped = sound("zh/long")[:6000] + sound("zh/long")
    assert told(recognise(prints, stopped)) == [("zh/long", True), ("zh/long", False)]


def test_a_lost_packet_does_not_break_a_recording_in_two(prints: Voiceprints) -> None:
    whole = sound("zh/long")
    for line in (
        whole[:10_000] + whole[10_160:],  # lost
        whole[:10_000] + b"\x12" * 160 + whole[10_160:],  # replaced
        whole[:10_000] + SILENCE * 160 + whole[10_000:],  # late
    ):
        assert told(recognise(prints, line)) == [("zh/long", False)]


def test_what_is_no_recording_is_not_recognised(prints: Voiceprints) -> None:
    foreign = as_heard(noise("somebody else", 4.0))
    assert recognise(prints, foreign) == []
    assert recognise(prints, SILENCE * 20_000) == []
    assert recognise(prints, bytes(range(256)) * 40) == []
    assert told(recognise(prints, foreign + sound("zh/short") + foreign)) == [("zh/short", False)]


def test_files_that_sound_alike_are_one_recording_with_all_their_names() -> None:
    prints = Voiceprints([Recording(("zh/d/2", "zh/n/2"), sound("zh/short"))])
    assert recognise(prints, sound("zh/short"))[0].recording.audio_ids == ("zh/d/2", "zh/n/2")


def test_files_that_sound_alike_are_put_together_when_read(tmp_path: Path) -> None:
    root = make_sounds(tmp_path)
    (root / "zh" / "copy.wav").write_bytes((root / "zh" / "short.wav").read_bytes())
    names = {recording.audio_ids for recording in Voiceprints.of_folder(root).recordings}
    assert ("zh/copy", "zh/short") in names
    assert len(names) == len(LENGTHS_S)


def test_a_long_line_is_not_kept_in_memory(prints: Voiceprints) -> None:
    recogniser = Recogniser(prints)
    for _ in range(30):
        list(recogniser.feed(sound("zh/long") + SILENCE * 8000))
    assert recogniser.samples == 30 * (48_000 + 8000)
    assert len(recogniser._line) < 80_000


def test_the_line_code_is_g711s_with_one_zero() -> None:
    # ITU-T G.711, table 2a: the ends, the smallest steps, and both zeros.
    samples = b"".join(
        value.to_bytes(2, "little", signed=True) for value in (32767, -32768, 0, 3, -1, -4, 4, 15996, 7932)
    )
    assert as_heard(samples) == bytes([0x80, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0x90, 0xA0])
    assert canonical(b"\x7f\xff\x00") == b"\xff\xff\x00"
