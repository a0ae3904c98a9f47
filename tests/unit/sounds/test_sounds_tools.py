"""What `tellerline sounds` does: add a recording, copy to an Asterisk host, show what is said."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest

from sounds.catalogue import Catalogue
from sounds.chain import PEAK, TARGET_LUFS, loudness
from sounds.errors import ManifestError, RecordingError, SpeechError
from sounds.manifest import RECORDED, Clip, problems, read_manifest, write_manifest
from sounds.recording import read_recording, sha256_of
from sounds.tools import add, say, sync
from tests.unit.sounds.test_recordings import save


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "catalogue").mkdir(parents=True)
    (folder / "catalogue" / "en.yaml").write_text('welcome: {say: "Welcome."}\nbye: {say: "Bye."}', encoding="utf-8")
    (folder / "catalogue" / "names.yaml").write_text("li_lei: {en: Li Lei}", encoding="utf-8")
    return folder


def spoken(rate_hz: int, peak: float = 0.4, noise: float = 0.001) -> list[float]:
    dice = random.Random(1)
    said = [
        peak * math.sin(2 * math.pi * 3 * place / rate_hz) ** 2 * math.sin(2 * math.pi * 400 * place / rate_hz)
        for place in range(rate_hz)
    ]
    quiet = [0.0] * (rate_hz // 2)
    return [sample + dice.uniform(-noise, noise) for sample in quiet + said + quiet]


@pytest.mark.parametrize(("rate_hz", "channels"), [(8_000, 1), (16_000, 2), (44_100, 1), (48_000, 1)])
def test_a_recording_becomes_the_prompts_audio(tmp_path: Path, root: Path, rate_hz: int, channels: int) -> None:
    samples = [sample for sample in spoken(rate_hz) for _ in range(channels)]
    file = save(tmp_path / "mine.wav", samples, rate_hz, channels=channels)
    catalogue = Catalogue.load(root)
    added = add(file, "welcome", "en", root, catalogue)
    assert (added.audio_id, added.text, added.replaced) == ("en/welcome", "Welcome.", False)
    assert catalogue.audio_path("en/welcome") == added.file
    heard = read_recording(added.file)
    assert heard.rate_hz == 8_000
    assert heard.seconds == pytest.approx(added.seconds)
    assert 0.9 < heard.seconds < 1.3, "the silence around it is cut"
    assert heard.peak <= PEAK + 0.001
    assert loudness(heard.samples) == pytest.approx(TARGET_LUFS, abs=0.6)
    clip = read_manifest(root / "audio")["en/welcome"]
    assert clip == Clip("Welcome.", RECORDED, sha256_of(added.file), round(added.seconds, 3))
    assert problems({"en/welcome": "Welcome."}, [root / "audio"]) == []
    assert add(file, "welcome", "en", root, catalogue).replaced


def test_fragments_and_names_can_be_recorded_too(tmp_path: Path, root: Path) -> None:
    file = save(tmp_path / "mine.wav", spoken(8_000), 8_000)
    catalogue = Catalogue.load(root)
    assert add(file, "y/45", "en", root, catalogue).text == "forty-five yuan"
    assert add(file, "name/li_lei", "en", root, catalogue).text == "Li Lei"
    assert catalogue.name_audio("LILEI", "en") == "en/name/li_lei"


@pytest.mark.parametrize(
    ("prompt", "lang"), [("welcom", "en"), ("welcome", "zh"), ("../x", "en"), ("name/nobody", "en")]
)
def test_a_recording_for_nothing_is_refused(tmp_path: Path, root: Path, prompt: str, lang: str) -> None:
    file = save(tmp_path / "mine.wav", spoken(8_000), 8_000)
    with pytest.raises(RecordingError, match="is no prompt, fragment or name"):
        add(file, prompt, lang, root, Catalogue.load(root))
    assert not (root / "audio").exists()


def test_a_recording_that_is_no_use_is_refused_with_what_would_do(tmp_path: Path, root: Path) -> None:
    catalogue = Catalogue.load(root)
    shouted = [max(-1.0, min(1.0, 4 * sample)) for sample in spoken(8_000, peak=1.0)]
    with pytest.raises(RecordingError, match="cut off at full scale in many places: record it again, further"):
        add(save(tmp_path / "a.wav", shouted, 8_000), "welcome", "en", root, catalogue)
    with pytest.raises(RecordingError, match=r"is too quiet \(-\d\d dB\): record it again, nearer"):
        add(save(tmp_path / "a.wav", spoken(8_000, peak=0.005), 8_000), "welcome", "en", root, catalogue)
    cough = [0.0] * 8_000 + [0.9 * math.sin(place) for place in range(500)] + [0.0] * 4_000
    for prompt, text in (("y/1", "one yuan"), ("bye", r"Bye\.")):
        with pytest.raises(RecordingError, match=rf"has only 0\.\d\d s of speech: record '{text}' whole"):
            add(save(tmp_path / "a.wav", cough, 8_000), prompt, "en", root, catalogue)
    assert not (root / "audio").exists()


def test_stale_changed_unknown_and_missing_audio_is_told_apart(tmp_path: Path, root: Path) -> None:
    catalogue = Catalogue.load(root)
    file = save(tmp_path / "mine.wav", spoken(8_000), 8_000)
    added = add(file, "welcome", "en", root, catalogue)
    add(file, "bye", "en", root, catalogue)
    audio = [root / "audio"]
    assert problems({"en/welcome": "Welcome.", "en/bye": "Bye."}, audio) == []
    (told,) = problems({"en/welcome": "Good day."}, audio)
    assert told.startswith("en/welcome: the audio says 'Welcome.', the catalogue 'Good day.'")
    added.file.write_bytes(added.file.read_bytes() + b"\0")
    (told,) = problems({"en/welcome": "Welcome."}, audio)
    assert "is not the file that was made" in told
    clips = read_manifest(root / "audio")
    del clips["en/welcome"]
    write_manifest(root / "audio", clips)
    (told,) = problems({"en/welcome": "Welcome."}, audio)
    assert "is in no manifest" in told
    (told,) = problems({"en/menu": "Press one."}, audio)
    assert told.startswith("en/menu: no audio says 'Press one.': run `tellerline sounds build`")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 2, "audio": {}}', '{"format": 1, "audio": {"a": {}}}', "\xff"]
)
def test_a_broken_manifest_is_refused_with_its_mend(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ManifestError, match=r"manifest\.json .*build the sounds again"):
        read_manifest(tmp_path)


def test_a_manifest_is_sorted_with_one_clip_a_line(tmp_path: Path) -> None:
    clips = {"zh/b": Clip("乙", "v", "2", 0.5), "en/a": Clip("A", "v", "1", 1.25, "/eɪ/")}
    write_manifest(tmp_path, clips)
    text = (tmp_path / "manifest.json").read_text(encoding="utf-8")
    assert read_manifest(tmp_path) == clips
    assert [line.strip()[:7] for line in text.splitlines()[2:4]] == ['"en/a":', '"zh/b":']
    assert "乙" in text
    assert json.loads(text)["audio"]["zh/b"] == {"text": "乙", "voice": "v", "sha256": "2", "seconds": 0.5}


def test_a_host_gets_what_it_lacks_and_keeps_what_it_has(tmp_path: Path, root: Path) -> None:
    catalogue = Catalogue.load(root)
    file = save(tmp_path / "mine.wav", spoken(8_000), 8_000)
    add(file, "welcome", "en", root, catalogue)
    add(file, "y/45", "en", root, catalogue)
    host = tmp_path / "host"
    (host / "en").mkdir(parents=True)
    (host / "en" / "old.wav").write_bytes(b"a call may still play it")
    (host / "other.wav").write_bytes(b"somebody else's")
    seen: list[tuple[int, int, str]] = []
    report = sync(host, catalogue, lambda *step: seen.append(step))
    assert sorted(report.copied) == ["en/welcome", "en/y/45"]
    assert (report.kept, report.extra) == (0, ("en/old.wav",))
    assert (host / "en" / "y" / "45.wav").read_bytes() == catalogue.audio_path("en/y/45").read_bytes()
    assert (host / "en" / "welcome.wav").stat().st_mode & 0o777 == 0o644
    assert seen[-1] == (2, 2, "")
    (host / "en" / "welcome.wav").write_bytes(b"damaged")
    again = sync(host, catalogue)
    assert (again.copied, again.kept) == (("en/welcome",), 1)
    assert (host / "en" / "old.wav").exists()
    assert not list(host.rglob("*.part"))


def test_what_is_said_is_shown_by_words_and_files() -> None:
    catalogue = Catalogue.load()
    shown = say("12345.67 CNY", "zh", catalogue)
    assert shown.words == "一万两千三百四十五元六角七分"
    assert [clip for clip, _, _ in shown.clips] == ["zh/w/1", "zh/k/2", "zh/h/3", "zh/y/45", "zh/c/67"]
    for clip, path, seconds in shown.clips:
        assert path == catalogue.audio_path(clip)
        assert 0.2 < seconds < 2.0


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("500 JPY", "five hundred yen"),
        ("-0.5 CNY", "minus fifty fen"),
        ("2026-03-05", "the fifth of March twenty twenty-six"),
        ("-12", "minus twelve"),
        ("#0042", "zero zero four two"),
        ("welcome", "Welcome."),
        ("y/45", "forty-five yuan"),
    ],
)
def test_each_form_of_a_value_is_understood(root: Path, what: str, words: str) -> None:
    assert say(f" {what} ", "en", Catalogue.load(root)).words == words


def test_a_missing_file_is_shown_as_missing(root: Path) -> None:
    assert say("welcome", "en", Catalogue.load(root)).clips == (("en/welcome", None, 0.0),)


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("twelve", "is nothing that can be said in 'en': write 12345.67 CNY"),
        ("1.5 JPY", "has more decimals than JPY has"),
        ("5 KRW", "KRW cannot be spoken"),
        ("2026-02-30", "is no day of the calendar"),
        ("9" * 18, "beyond any number"),
    ],
)
def test_what_cannot_be_said_is_told_with_what_can(root: Path, what: str, told: str) -> None:
    with pytest.raises(SpeechError, match=told):
        say(what, "en", Catalogue.load(root))
    with pytest.raises(SpeechError, match="nobody speaks 'zh' here"):
        say(what, "zh", Catalogue.load(root))
