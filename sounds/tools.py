"""What is done with sounds besides building: add a recording, check, copy to an Asterisk host, show what is said."""

from __future__ import annotations

import datetime
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sounds.catalogue import Catalogue
from sounds.chain import FRAGMENT, PROMPT, RATE_HZ, loudness, telephone
from sounds.currency import exponent_of
from sounds.errors import RecordingError, SpeechError
from sounds.inventory import fragments
from sounds.manifest import RECORDED, Clip, problems, read_manifest, write_manifest
from sounds.recording import read_recording, sha256_of, write_prompt
from sounds.speech import (
    date_fragments,
    date_words,
    digits_fragments,
    digits_words,
    money_fragments,
    money_words,
    number_fragments,
    number_words,
)

MIN_SPEECH_S = 0.12  # the shortest word; less is a click or a cough
_CLIPPED_SHARE = 3  # places a second that ran into full scale; more is audible
_QUIET_DB = -45.0  # a voice below that brings the room's noise up with it when levelled
_MONEY = re.compile(r"(-?)(\d{1,15})(?:\.(\d{1,3}))?\s+([A-Z]{3})")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class Added:
    """A recording that became a prompt's audio."""

    audio_id: str
    file: Path
    text: str
    seconds: float
    lufs: float
    replaced: bool


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a copy to an Asterisk host did. ``extra`` is there and says nothing of ours; it is left alone."""

    copied: tuple[str, ...]
    kept: int
    extra: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Spoken:
    """What is said: the words, and each clip with its file (None: missing) and length."""

    words: str
    clips: tuple[tuple[str, Path | None, float], ...]


def add(file: Path, prompt: str, lang: str, root: Path, catalogue: Catalogue) -> Added:
    """Check, convert and level an operator's recording, and keep it as ``prompt``'s audio under ``root``/audio.

    Args:
        file: PCM wave, 8 to 48 kHz, mono or stereo.
        prompt: a prompt id, a fragment (``n/23``) or a name's clip (``name/li_lei``) of the catalogue.
        lang: its language.
        root: the operator's own folder, or the shipped one.
        catalogue: knows what the recording is supposed to say.

    Raises:
        RecordingError: the recording cannot be used; the message says why and what would do.
    """
    audio_id = f"{lang}/{prompt}"
    texts = catalogue.texts(lang) if lang in catalogue.languages else {}
    if audio_id not in texts:
        raise RecordingError(
            f"'{prompt}' is no prompt, fragment or name in '{lang}': write it into the catalogue first"
        )
    recording = read_recording(file)
    if recording.clipped_runs() > _CLIPPED_SHARE * max(1.0, recording.seconds):
        raise RecordingError(
            f"{file} is cut off at full scale in many places: record it again, further from the microphone"
        )
    if recording.rms_db < _QUIET_DB:
        raise RecordingError(
            f"{file} is too quiet ({recording.rms_db:.0f} dB): record it again, nearer to the microphone"
        )
    margins = FRAGMENT if "/" in prompt else PROMPT
    samples = telephone(recording.samples, recording.rate_hz, margins)
    seconds = len(samples) / RATE_HZ
    if (speech_s := seconds - margins.before_s - margins.after_s) < MIN_SPEECH_S:
        raise RecordingError(f"{file} has only {speech_s:.2f} s of speech: record '{texts[audio_id]}' whole")
    target = root / "audio" / f"{audio_id}.wav"
    replaced = target.exists()
    clips = read_manifest(root / "audio")
    clips[audio_id] = Clip(texts[audio_id], RECORDED, write_prompt(target, samples), round(seconds, 3))
    write_manifest(root / "audio", clips)
    return Added(audio_id, target, texts[audio_id], seconds, round(loudness(samples), 1), replaced)


def check(catalogue: Catalogue) -> list[str]:
    """Answer what is wrong with the audio, each with its mend: missing, saying something else, not what was made.

    Raises:
        ManifestError: a manifest is broken.
    """
    roots = catalogue.audio_roots()
    return [told for lang in catalogue.languages for told in problems(catalogue.texts(lang), roots)]


def sync(directory: Path, catalogue: Catalogue, progress: Callable[[int, int, str], None] | None = None) -> SyncReport:
    """Copy every clip into ``directory`` as ``{lang}/{prompt}.wav``, each whole or not at all.

    Recordings put aside for versions that are published go along, first: a call on an older version plays those once
    its prompt sounds otherwise. What is already there and equal is kept; what is there and not ours is left: calls in
    progress may play it.

    Raises:
        OSError: the folder cannot be written.
    """
    wanted = [audio_id for lang in catalogue.languages for audio_id in catalogue.texts(lang)]
    present = [*catalogue.kept_ids(), *(audio_id for audio_id in wanted if catalogue.has_audio(audio_id))]
    copied = []
    for done, audio_id in enumerate(present):
        if progress is not None:
            progress(done, len(present), audio_id)
        source, target = catalogue.audio_path(audio_id), directory / f"{audio_id}.wav"
        if target.is_file() and sha256_of(target) == sha256_of(source):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(".part")
        shutil.copyfile(source, part)
        part.chmod(0o644)  # Asterisk runs as its own user
        part.replace(target)
        copied.append(audio_id)
    if progress is not None:
        progress(len(present), len(present), "")
    ours = {f"{audio_id}.wav" for audio_id in present}
    extra = sorted(
        str(path.relative_to(directory))
        for lang in catalogue.languages
        for path in (directory / lang).rglob("*.wav")
        if path.relative_to(directory).as_posix() not in ours
    )
    return SyncReport(tuple(copied), len(present) - len(copied), tuple(extra))


def say(what: str, lang: str, catalogue: Catalogue) -> Spoken:
    """Answer what is said for ``what``, by words and by files.

    Args:
        what: ``12345.67 CNY``, ``2026-03-05``, ``12345`` (a number), ``#12345`` (digits), a prompt id, or a name.
        lang: the language.
        catalogue: knows the prompts, the names and the files.

    Raises:
        SpeechError: it is none of these, or there are no words for it.
    """
    if lang not in catalogue.languages:
        raise SpeechError(f"nobody speaks '{lang}' here: the languages are {', '.join(catalogue.languages)}")
    words, audio_ids = _spoken(what.strip(), lang, catalogue)
    clips = []
    for audio_id in audio_ids:
        path = catalogue.audio_path(audio_id) if catalogue.has_audio(audio_id) else None
        clips.append((audio_id, path, read_recording(path).seconds if path else 0.0))
    return Spoken(words, tuple(clips))


def _spoken(what: str, lang: str, catalogue: Catalogue) -> tuple[str, list[str]]:
    if money := _MONEY.fullmatch(what):
        sign, whole, part, currency = money.groups(default="")
        digits = exponent_of(currency)
        if len(part) > digits:
            raise SpeechError(f"'{what}' has more decimals than {currency} has ({digits})")
        amount = int(f"{sign}{whole}{part.ljust(digits, '0')}")
        return money_words(amount, currency, lang), money_fragments(amount, currency, lang)
    if _DATE.fullmatch(what):
        try:
            date = datetime.date.fromisoformat(what)
        except ValueError:
            raise SpeechError(f"'{what}' is no day of the calendar") from None
        return date_words(date, lang), date_fragments(date, lang)
    if re.fullmatch(r"-?\d{1,18}", what, re.ASCII):
        return number_words(int(what), lang), number_fragments(int(what), lang)
    if re.fullmatch(r"#\d{1,40}", what, re.ASCII):
        return digits_words(what[1:], lang), digits_fragments(what[1:], lang)
    if catalogue.has_prompt(what, lang):
        return catalogue.prompt(what, lang), [catalogue.audio_id(what, lang)]
    if name := catalogue.name_audio(what, lang):
        return what, [name]
    if what in fragments(lang):
        return fragments(lang)[what], [f"{lang}/{what}"]
    mend = "write 12345.67 CNY, 2026-03-05, 12345, #12345 (digits), a prompt id, or a name that has a clip"
    raise SpeechError(f"'{what}' is nothing that can be said in '{lang}': {mend}")
