"""What can go wrong with sounds.

SoundsError
 +-- CatalogueError   a catalogue file says something it must not (file, line and the mend)
 +-- SpeechError      no words or no clips for this value
 +-- ReadingError     a row of clips that says nothing the bank could have said
 +-- RecordingError   a wav that cannot be used as it is (and why)
 +-- ManifestError    the manifest and the audio disagree
 +-- BuildError       the voices are missing, or what they said is no use
"""

from __future__ import annotations

from pathlib import Path


class SoundsError(Exception):
    """Root of everything that this package raises on purpose."""


class CatalogueError(SoundsError):
    """A catalogue file says something it must not."""

    def __init__(self, file: Path, line: int, problem: str, mend: str) -> None:
        super().__init__(f"{file}:{line}: {problem}. {mend}")
        self.file = file
        self.line = line
        self.problem = problem
        self.mend = mend


class SpeechError(SoundsError):
    """There are no words, or no clips, for this value."""


class ReadingError(SoundsError):
    """A row of clips that says nothing the bank could have said."""


class RecordingError(SoundsError):
    """A recording that cannot be used as it is; the message says why and what would do."""


class ManifestError(SoundsError):
    """The manifest is missing or broken."""


class BuildError(SoundsError):
    """The voices are missing, or what they said is of no use."""
