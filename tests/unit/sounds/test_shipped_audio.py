"""The audio that is shipped: every prompt and fragment, in every language, as the catalogue says it and as Asterisk
plays it."""

from __future__ import annotations

import math
from operator import mul
from pathlib import Path

import pytest

import flows
from core_client.adapters.demo_world import CUSTOMERS
from flows.inspect.inspection import check as check_flows
from flows.prompts import SYSTEM_PROMPTS
from sounds.builder import PACE_S, SLOW_START_S
from sounds.catalogue import SHIPPED_ROOT, Catalogue
from sounds.chain import PEAK, TARGET_LUFS, loudness
from sounds.inventory import PAUSE
from sounds.manifest import FILE_NAME, read_manifest
from sounds.recording import Recording, read_recording
from sounds.tools import check
from sounds.voices import VOICES

LANGUAGES = ("en", "zh")
AUDIO = SHIPPED_ROOT / "audio"
LEAST_DB, MOST_DB = -27.0, -15.0  # mean level of a whole file, pauses of a long prompt included
MOST_BYTES = 55_000_000
HEADER_BYTES = 44


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.load()


@pytest.fixture(scope="module")
def heard(catalogue: Catalogue) -> dict[str, Recording]:
    return {
        audio_id: read_recording(catalogue.audio_path(audio_id))
        for lang in LANGUAGES
        for audio_id in catalogue.texts(lang)
        if catalogue.has_audio(audio_id)
    }


def test_everything_that_is_said_has_audio_that_says_it(catalogue: Catalogue) -> None:
    assert catalogue.languages == LANGUAGES
    assert check(catalogue) == []


def test_the_banks_flows_find_every_prompt_and_its_audio(catalogue: Catalogue) -> None:
    definitions = Path(flows.__file__).parent / "definitions"
    assert [finding for finding in check_flows([definitions], catalogue) if "prompt" in str(finding)] == []
    for prompt in SYSTEM_PROMPTS:
        for lang in LANGUAGES:
            assert catalogue.has_audio(catalogue.audio_id(prompt, lang)), (prompt, lang)


def test_every_customer_and_payee_of_the_demo_bank_is_called_by_name(catalogue: Catalogue) -> None:
    names = {customer.name for customer in CUSTOMERS} | {payee.name for one in CUSTOMERS for payee in one.payees}
    unheard = [(name, lang) for name in sorted(names) for lang in LANGUAGES if catalogue.name_audio(name, lang) is None]
    assert unheard == []


def test_there_is_no_audio_that_nothing_says(catalogue: Catalogue) -> None:
    wanted = {audio_id for lang in LANGUAGES for audio_id in catalogue.texts(lang)}
    assert set(read_manifest(AUDIO)) == wanted
    files = {path.relative_to(AUDIO).as_posix() for path in AUDIO.rglob("*") if path.is_file()}
    assert files == {f"{audio_id}.wav" for audio_id in wanted} | {FILE_NAME}


def test_no_two_clips_of_a_language_sound_exactly_alike_unless_they_say_the_same() -> None:
    said: dict[tuple[str, str], set[str]] = {}
    for audio_id, clip in read_manifest(AUDIO).items():
        said.setdefault((audio_id.partition("/")[0], clip.sha256), set()).add(clip.text)
    assert [texts for texts in said.values() if len(texts) > 1] == []


def test_every_file_is_what_asterisk_plays_without_converting(catalogue: Catalogue) -> None:
    for lang in LANGUAGES:
        for audio_id in catalogue.texts(lang):
            head = catalogue.audio_path(audio_id).read_bytes()[:HEADER_BYTES]
            channels, rate, width = head[22], int.from_bytes(head[24:28], "little"), head[34]
            assert (head[:4], head[8:12], head[20], channels, rate, width) == (b"RIFF", b"WAVE", 1, 1, 8_000, 16), (
                audio_id
            )


def test_the_manifest_knows_how_long_each_plays_and_who_speaks(heard: dict[str, Recording]) -> None:
    clips = read_manifest(AUDIO)
    for audio_id, recording in heard.items():
        clip = clips[audio_id]
        assert recording.seconds == pytest.approx(clip.seconds, abs=0.001), audio_id
        if not audio_id.endswith(PAUSE):
            assert clip.voice == VOICES[audio_id.partition("/")[0]], audio_id


def test_no_clip_is_silent_clipped_or_out_of_level(heard: dict[str, Recording]) -> None:
    wrong = []
    for audio_id, recording in heard.items():
        if audio_id.endswith(f"/{PAUSE}"):
            assert recording.peak == 0.0
            continue
        power = math.fsum(map(mul, recording.samples, recording.samples)) / len(recording.samples)
        level = 10 * math.log10(power + 1e-12)
        if not (LEAST_DB <= level <= MOST_DB and 0.2 < recording.peak <= PEAK + 0.001):
            wrong.append((audio_id, round(level, 1), round(recording.peak, 3)))
    assert wrong == []


def test_clips_that_are_joined_are_equally_loud(heard: dict[str, Recording]) -> None:
    sample = [audio_id for audio_id in sorted(heard) if not audio_id.endswith(f"/{PAUSE}")][::23]
    loud = {audio_id: round(loudness(heard[audio_id].samples), 2) for audio_id in sample}
    assert {audio_id: lufs for audio_id, lufs in loud.items() if abs(lufs - TARGET_LUFS) > 1.5} == {}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_clip_is_as_long_as_its_text_takes(catalogue: Catalogue, heard: dict[str, Recording], lang: str) -> None:
    least, most = PACE_S[lang]
    wrong = []
    for audio_id, text in catalogue.texts(lang).items():
        if (
            audio_id in heard
            and text
            and not least * len(text) <= heard[audio_id].seconds <= SLOW_START_S + most * len(text)
        ):
            wrong.append((audio_id, text, heard[audio_id].seconds))
    assert wrong == []


def test_the_audio_stays_small_enough_to_be_committed() -> None:
    assert sum(path.stat().st_size for path in Path(AUDIO).rglob("*.wav")) < MOST_BYTES
