"""What comes off the wire, as frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

TRYING = 100  # the answer follows
OK = 200
UNKNOWN_COMMAND = 510
DEAD_CHANNEL = 511
WRONG_USAGE = 520


@dataclass(frozen=True, slots=True)
class HeaderReceived:
    """The block that opens a call: ``agi_uniqueid``, ``agi_callerid`` and the rest, as sent."""

    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one command.

    ``200 result=50 (dtmf) endpos=4160`` is ``Reply(200, "50", "dtmf", 4160)``; what follows in plain words
    (``200 result=0 Gosub complete``, ``510 Invalid or unknown command``, a usage) is ``text``. The repr shows
    neither result nor note: they can be the digits of a PIN.
    """

    code: int
    result: str = field(default="", repr=False)
    note: str | None = field(default=None, repr=False)
    endpos: int | None = None
    text: str = field(default="", repr=False)

    @property
    def number(self) -> int | None:
        """The result as a whole number: an ASCII code, a status; None where it is none."""
        text = self.result
        return int(text) if text.lstrip("-").isdecimal() and text.isascii() and not text.startswith("--") else None


@dataclass(frozen=True, slots=True)
class HungUp:
    """The caller has left: the bare line ``HANGUP``. Commands that need no channel still work."""


@dataclass(frozen=True, slots=True)
class CommandReceived:
    """One command line: as written, and its words as Asterisk unquotes them."""

    line: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConnectionClosed:
    """The other side closed the connection, between two lines."""


ServerEvent: TypeAlias = HeaderReceived | Reply | HungUp | ConnectionClosed
ClientEvent: TypeAlias = CommandReceived | ConnectionClosed
