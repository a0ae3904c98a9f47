"""Sounds made of seeded noise: different in every sample, and of the lengths that tests need."""

from __future__ import annotations

import random
import wave
from pathlib import Path

from sounds.catalogue import Catalogue

LENGTHS_S = {
    "zh/short": 0.4,
    "zh/long": 6.0,
    "zh/digits": 1.0,
    "en/short": 0.4,
    "zh/try_later": 0.8,
    "en/try_later": 0.7,
    "zh/odd": 0.5137,  # no whole number of 20 ms packets
}


def noise(seed: str, length_s: float) -> bytes:
    """Answer white noise, the same for the same seed."""
    return random.Random(seed).randbytes(2 * round(length_s * 8000))


def make_sounds(folder: Path) -> Path:
    for name, length_s in LENGTHS_S.items():
        write_wav(folder / f"{name}.wav", noise(name, length_s))
    return folder


def write_wav(path: Path, samples: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(samples)


def stand_ins(folder: Path, catalogue: Catalogue, length_s: float = 0.5) -> Path:
    """Give everything that the catalogue can say a sound of its own: half a second of noise instead of words.

    The line then says in seconds what it takes minutes to say in words, and every clip is still told from every other.
    """
    for language in catalogue.languages:
        for name in catalogue.texts(language):
            write_wav(folder / f"{name}.wav", noise(name, length_s))
    return folder
