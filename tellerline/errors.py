"""What a person who runs Tellerline can be told.

TellerlineError
├── ConfigError         a setting is missing, wrong or unknown: ``key`` and ``fix`` say which and how
├── ConversationError   (also a LanguageError) a conversation file does not load: file, line, column, caret, hint
└── ParleyError         a conversation cannot be run on this wire (no such customer, no Asterisk)
"""

from __future__ import annotations

from core_client.language.errors import LanguageError


class TellerlineError(Exception):
    """Anything that is told to the person at the terminal without a traceback."""


class ConfigError(TellerlineError):
    """A setting that cannot be used."""

    def __init__(self, key: str, problem: str, fix: str, source: str = "") -> None:
        where = f"{source}: " if source else ""
        super().__init__(f"{where}{key}: {problem}\n  mend: {fix}")
        self.key = key
        self.problem = problem
        self.fix = fix
        self.source = source


class ConversationError(TellerlineError, LanguageError):
    """A conversation file that does not load. Its text is the whole report, caret included."""

    __str__ = LanguageError.__str__


class ParleyError(TellerlineError):
    """A conversation that is well written and cannot be run: an unknown customer, a wire that is not there."""
