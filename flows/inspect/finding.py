"""One thing that was found, and where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from core_client.language.errors import caret
from core_client.language.source import Place
from flows.errors import FlowError
from flows.model import Flow


class Severity(StrEnum):
    """An error fails the check; a warning is for a person to judge."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, where, and the mend. ``str()`` shows the line with a caret."""

    file: str
    line: int
    column: int
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR
    source_line: str = ""

    @classmethod
    def of_error(cls, error: FlowError) -> Finding:
        """Make a finding of a flow that does not load."""
        return cls(error.file, error.line, error.column, error.message, error.hint, source_line=error.source_line)

    def __str__(self) -> str:
        head = f"{self.file}:{self.line}:{self.column}: {self.severity}: {self.message}"
        if self.hint:
            head = f"{head}{'' if head.endswith(('.', '?', '!')) else '.'} {self.hint}"
        return f"{head}\n{caret(self.source_line, self.column)}" if self.source_line.strip() else head


class Prompts(Protocol):
    """What lints ask of the catalogue: :class:`sounds.catalogue.Catalogue`."""

    def has_prompt(self, prompt: str, lang: str) -> bool:
        """Say whether there is a text."""
        ...

    def keys(self, prompt: str, lang: str) -> str:
        """Answer the keys that a prompt announces."""
        ...

    def has_audio(self, audio_id: str) -> bool:
        """Say whether there is a recording."""
        ...


def finding(flow: Flow, place: Place, message: str, hint: str = "", severity: Severity = Severity.ERROR) -> Finding:
    """Make a finding at a place of ``flow``."""
    lines = flow.source_text.splitlines()
    line = lines[place.line - 1] if 0 < place.line <= len(lines) else ""
    return Finding(flow.file, place.line, place.column, message, hint, severity, line)
