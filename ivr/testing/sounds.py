"""How long recordings last, read from their wav headers."""

from __future__ import annotations

import wave
from collections.abc import Mapping
from pathlib import Path

SAMPLE_RATE = 8000
ASTERISK_SAMPLES = {  # of its own English sounds: what the recorded answers were measured with
    "beep": 3404,
    "vm-intro": 45_235,
}
SPOKEN = {"digits": 0.5, "letters": 0.5, "phonetic": 0.7, "phrase": 2.0}  # seconds: what SAY commands say


class SoundLibrary:
    """Answers how many samples a recording has, or that there is none.

    Args:
        root: folder of ``<file>.wav``; None knows only ``samples``.
        samples: lengths by name, before any file.
        unknown_s: how long a recording lasts that is not there; None says that it is missing, as Asterisk would.
        prefix: what a server puts before a name ("/var/lib/tellerline/sounds"); it is cut off what is heard.
    """

    def __init__(
        self,
        root: Path | None = None,
        samples: Mapping[str, int] | None = None,
        unknown_s: float | None = None,
        prefix: str = "",
    ) -> None:
        self._root = root
        self._samples = dict(ASTERISK_SAMPLES if samples is None else samples)
        self._unknown_s = unknown_s
        self._prefix = prefix.rstrip("/") + "/" if prefix else ""

    def name(self, file: str) -> str:
        """Answer ``file`` without the server's prefix."""
        return file.removeprefix(self._prefix)

    def samples(self, file: str) -> int | None:
        """Answer the length of ``file`` in samples of 8 kHz; None when it is missing."""
        name = self.name(file)
        known = self._samples.get(name)
        if known is None:
            known = self._measure(name)
            if known is not None:
                self._samples[name] = known
        if known is None and (spoken := SPOKEN.get(name.partition("/")[0])) is not None:
            return round(spoken * SAMPLE_RATE)
        if known is None and self._unknown_s is not None:
            return round(self._unknown_s * SAMPLE_RATE)
        return known

    def _measure(self, name: str) -> int | None:
        if self._root is None or ".." in Path(name).parts:
            return None
        path = self._root / f"{name}.wav"
        if not path.is_file():
            return None
        with wave.open(str(path), "rb") as recording:
            return round(recording.getnframes() * SAMPLE_RATE / recording.getframerate())
