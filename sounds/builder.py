"""Builds the audio of a catalogue: only what is missing or says something else by now. Build time only.

Needs the extra ``tellerline[voices]`` and the voice files of an npm package; what comes out is committed, so that
nobody who runs a server needs either.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sounds.catalogue import Catalogue
from sounds.chain import FRAGMENT, PROMPT, RATE_HZ, telephone
from sounds.errors import BuildError, RecordingError
from sounds.inventory import PAUSE
from sounds.manifest import RECORDED, Clip, read_manifest, write_manifest
from sounds.recording import sha256_of, write_prompt
from sounds.voices import SAMPLE_RATE_HZ, VOICES, Voices, fetch_voices

PAUSE_S = 0.3
SILENCE = "silence"  # the voice of a pause
# Seconds a letter of English, a character of Chinese: a clip cut short, or one that babbles, falls outside.
PACE_S = {"en": (0.035, 0.20), "zh": (0.12, 0.50)}
SLOW_START_S = 0.6  # a lone word is drawn out, and has silence around it


class Voice(Protocol):
    """Who speaks: 24 kHz samples of a text in a language."""

    def say(self, text: str, lang: str) -> Sequence[float]:
        """Answer ``text`` spoken."""
        ...


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did, by audio id."""

    built: tuple[str, ...]
    kept: int
    removed: tuple[str, ...]


Progress = Callable[[int, int, str], None]  # done, of how many, which audio id


def build(
    catalogue: Catalogue,
    audio: Path,
    voice: Voice,
    *,
    languages: Iterable[str] | None = None,
    only: Iterable[str] | None = None,
    prune: bool = False,
    progress: Progress | None = None,
) -> BuildReport:
    """Make every clip of ``catalogue`` that ``audio`` lacks or that says something else by now.

    An operator's own recording is never replaced, even when the prompt's text changed: `tellerline check` tells.

    Args:
        catalogue: what there is to say.
        audio: the folder of audio, with its manifest.
        voice: who speaks.
        languages: all of the catalogue's when None.
        only: audio ids; everything when None.
        prune: remove audio that nothing says any more.
        progress: called before each clip is made, and once at the end.

    Raises:
        BuildError: a voice's answer cannot be used, or ``only`` names what nobody says.
    """
    wanted = {}
    for lang in catalogue.languages if languages is None else tuple(languages):
        wanted.update(catalogue.texts(lang))
    chosen = wanted if only is None else _chosen(wanted, only)
    clips = read_manifest(audio)
    made = [(root, read_manifest(root)) for root in catalogue.audio_roots() if root != audio]
    stale = [
        audio_id
        for audio_id, text in chosen.items()
        if not any(
            _is_made(root, audio_id, text, catalogue.pronunciation(audio_id) or "", known)
            for root, known in ((audio, clips), *made)
        )
    ]
    try:
        for done, audio_id in enumerate(stale):
            if progress is not None:
                progress(done, len(stale), audio_id)
            said = catalogue.pronunciation(audio_id) or ""
            clips[audio_id] = _make(audio, audio_id, chosen[audio_id], said, voice)
        removed = _prune(audio, clips, set(wanted)) if prune and only is None and languages is None else ()
    finally:
        write_manifest(audio, clips)  # an interrupted build goes on where it was
    if progress is not None:
        progress(len(stale), len(stale), "")
    return BuildReport(tuple(stale), len(chosen) - len(stale), tuple(removed))


def load_voices(cache_dir: Path, voices_dir: Path | None = None) -> Voices:
    """Load model and voices; without ``voices_dir`` the voice files are fetched with npm into ``cache_dir``, once.

    Raises:
        BuildError: what is missing, and how to get it.
    """
    if voices_dir is None:
        npm = shutil.which("npm")
        if npm is None:
            raise BuildError("npm is needed to get the voice files (or point --voices at a folder that has them)")
        voices_dir = fetch_voices(cache_dir, Path(npm))
    return Voices(voices_dir, cache_dir / "spoken")


def _chosen(wanted: Mapping[str, str], only: Iterable[str]) -> dict[str, str]:
    chosen = {}
    for audio_id in only:
        if audio_id not in wanted:
            raise BuildError(
                f"'{audio_id}' is nothing that is said in the languages to build: an id is like zh/welcome"
            )
        chosen[audio_id] = wanted[audio_id]
    return chosen


def _is_made(audio: Path, audio_id: str, text: str, said: str, clips: dict[str, Clip]) -> bool:
    clip, file = clips.get(audio_id), audio / f"{audio_id}.wav"
    if clip is None or not file.is_file():
        return False
    return clip.voice == RECORDED or ((clip.text, clip.said) == (text, said) and clip.sha256 == sha256_of(file))


def _make(audio: Path, audio_id: str, text: str, said: str, voice: Voice) -> Clip:
    lang, _, name = audio_id.partition("/")
    file = audio / f"{audio_id}.wav"
    if name == PAUSE:
        return Clip("", SILENCE, write_prompt(file, [0.0] * round(PAUSE_S * RATE_HZ)), PAUSE_S)
    margins = FRAGMENT if "/" in name else PROMPT
    try:
        samples = telephone(voice.say(said or text, lang), SAMPLE_RATE_HZ, margins)
    except RecordingError as problem:
        raise BuildError(f"{audio_id} ('{text}') came out unusable: {problem}") from problem
    seconds = len(samples) / RATE_HZ
    least, most = PACE_S[lang]
    if not least * len(text) <= seconds <= SLOW_START_S + most * len(text):
        raise BuildError(f"{audio_id} ('{text}') came out {seconds:.2f} s long, which it cannot be")
    return Clip(text, VOICES[lang], write_prompt(file, samples), round(seconds, 3), said)


def _prune(audio: Path, clips: dict[str, Clip], wanted: set[str]) -> list[str]:
    removed = sorted(audio_id for audio_id in clips if audio_id not in wanted)
    for audio_id in removed:
        (audio / f"{audio_id}.wav").unlink(missing_ok=True)
        del clips[audio_id]
    return removed
