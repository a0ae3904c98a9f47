"""One thing that was found, and where."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from core_client.language.errors import LanguageError, caret
from flows.inspect.rule import Severity

_WORD = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s,:{}\[\]#]+""")
DEFAULT_RULE = "syntax"  # of an error that names none: the file could not even be read


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, where, and the mend. ``str()`` shows the line with a caret.

    ``end_column`` is the column behind the word that it is about; 0 where that is not known.
    """

    file: str
    line: int
    column: int
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR
    source_line: str = ""
    rule: str = ""
    end_column: int = 0

    @classmethod
    def of_error(cls, error: LanguageError, rule: str = DEFAULT_RULE) -> Finding:
        """Make a finding of a file that does not load; ``rule`` is for an error that names none."""
        return cls(
            error.file,
            error.line,
            error.column,
            error.message,
            error.hint,
            source_line=error.source_line,
            rule=error.rule or rule,
            end_column=end_of_word(error.source_line, error.column),
        )

    def __str__(self) -> str:
        head = f"{self.file}:{self.line}:{self.column}: {self.severity}: {self.message}"
        if self.hint:
            head = f"{head}{'' if head.endswith(('.', '?', '!')) else '.'} {self.hint}"
        if self.rule:
            head = f"{head} [{self.rule}]"
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


def end_of_word(line: str, column: int) -> int:
    """Answer the column behind the word at ``column`` of ``line``; both count from 1. 0: no word stands there."""
    word = _WORD.match(line, column - 1) if 0 < column <= len(line) else None
    return word.end() + 1 if word else 0
