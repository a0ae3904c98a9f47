"""What is wrong in a file that a person wrote.

LanguageError        a place, what is wrong, and the mend; its text shows the line with a caret
└── (subclasses)     each language names its own: FlowError, ConversationError, RuleError
ExpressionError      a place inside one expression; whoever knows the file makes a LanguageError of it
EvaluationError      an expression that was fine at load met a value that it cannot work on
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

MAX_SHOWN = 160  # characters of a source line in an error; one line of 200 KiB would drown the rest


class LanguageError(Exception):
    """Something is wrong at one place of one file. ``str()`` is what a person reads, caret included.

    ``rule`` names the rule that was broken, for whoever sorts or explains errors; empty: the general one of its level.
    """

    def __init__(
        self,
        file: str,
        line: int,
        column: int,
        message: str,
        hint: str = "",
        source_line: str = "",
        rule: str = "",
    ) -> None:
        super().__init__(file, line, column, message, hint, source_line)
        self.file = file
        self.line = line
        self.column = column
        self.message = message
        self.hint = hint
        self.source_line = source_line
        self.rule = rule

    def __str__(self) -> str:
        head = f"{self.file}:{self.line}:{self.column}: {self.message}"
        if self.hint:
            head = f"{head}{'' if head.endswith(('.', '?', '!')) else '.'} {self.hint}"
        return f"{head}\n{caret(self.source_line, self.column)}" if self.source_line.strip() else head


class ExpressionError(Exception):
    """An expression that cannot be understood. ``column`` counts from 0 inside its text.

    The nearest of many names takes long to find: a hint can be worked out when somebody asks for it.
    """

    def __init__(self, column: int, message: str, hint: str | Callable[[], str] = "") -> None:
        super().__init__(message)
        self.column = column
        self.message = message
        self._hint = hint

    @property
    def hint(self) -> str:
        """The mend, empty where there is none to tell."""
        return self._hint if isinstance(self._hint, str) else self._hint()


class EvaluationError(Exception):
    """An expression met a value that is missing or does not fit. Never holds the value itself."""


class NoValueError(EvaluationError):
    """A name, or a part of what it stands for, has no value: nobody was asked yet, or the number is withheld."""


def caret(source_line: str, column: int) -> str:
    """Answer the line and, under ``column`` (counted from 1), a caret; wide characters count twice."""
    start = max(0, column - 1 - MAX_SHOWN // 2) if column > MAX_SHOWN else 0
    shown = source_line[start : start + MAX_SHOWN]
    before = shown[: max(0, column - 1 - start)]
    pad = "".join("\t" if c == "\t" else "  " if unicodedata.east_asian_width(c) in "WF" else " " for c in before)
    clean = "".join(c if c == "\t" or c.isprintable() else "�" for c in shown)
    return f"    {clean}\n    {pad}^"
