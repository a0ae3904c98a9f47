"""What a person who runs Tellerline can be told.

TellerlineError
├── ConfigError         a setting is missing, wrong or unknown: ``key`` and ``fix`` say which and how
├── UnfitFlowError      a flow has errors and must not be published: ``findings`` are they
├── ConversationError   (also a LanguageError) a conversation file does not load: file, line, column, caret, hint
└── ParleyError         a conversation cannot be run on this wire (no such customer, no Asterisk)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core_client.language.errors import LanguageError

if TYPE_CHECKING:
    from flows.inspect import Finding  # many commands never check anything


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


class UnfitFlowError(TellerlineError):
    """A flow that no caller may meet: it loads, and the check finds errors in it."""

    def __init__(self, name: str, findings: Sequence[Finding]) -> None:
        told = "\n".join(map(str, findings))
        super().__init__(
            f"flow '{name}' is not published: the check finds errors in it\n{told}\n"
            "  mend: Mend them (tellerline check shows them too), and start again."
        )
        self.findings = tuple(findings)


class ConversationError(TellerlineError, LanguageError):
    """A conversation file that does not load. Its text is the whole report, caret included."""

    __str__ = LanguageError.__str__


class ParleyError(TellerlineError):
    """A conversation that is well written and cannot be run: an unknown customer, a wire that is not there."""
