"""What a person who runs Tellerline can be told.

TellerlineError
├── ConfigError         a setting is missing, wrong or unknown: ``key`` and ``fix`` say which and how
├── ConversationError   a conversation file does not load: file, line, column, caret, hint
└── ParleyError         a conversation cannot be run on this wire (no such customer, no Asterisk)
"""

from __future__ import annotations


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


class ConversationError(TellerlineError):
    """A conversation file that does not load. Its text is the whole report, caret included."""

    def __init__(self, file: str, line: int, column: int, message: str, hint: str = "", source_line: str = "") -> None:
        text = f"{file}:{line}:{column}: {message}"
        if hint:
            text += f" {hint}" if message.endswith((".", "?")) else f". {hint}"
        if source_line and column <= len(source_line) + 1:
            shown = source_line.rstrip("\n")
            text += f"\n  {shown}\n  {' ' * (column - 1)}^"
        super().__init__(text)
        self.file = file
        self.line = line
        self.column = column
        self.message = message
        self.hint = hint
        self.source_line = source_line


class ParleyError(TellerlineError):
    """A conversation that is well written and cannot be run: an unknown customer, a wire that is not there."""
