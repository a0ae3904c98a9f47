"""What happened in a conversation, as lines that a person reads: no digit of a PIN or a code is ever among them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from rich.table import Table
from rich.text import Text

SIX_DIGITS = re.compile(r"(?<![\d.,])\d{6}(?![\d.,]*\d)")
SIX_MASK = "{six digits}"


class Kind(StrEnum):
    """What a line tells."""

    CALL = "calls"
    CALLED = "is called by the bank"
    HEARD = "hears"
    CUT = "hears, cut short"
    PRESSED = "presses"
    SILENT = "is silent"
    SPOKE = "speaks"
    HUNG_UP = "hangs up"
    ENDED = "call ended"
    TEXTED = "texts"
    READ = "reads"
    WAITED = "time passes"


_STYLES = {
    Kind.CALL: "bold cyan",
    Kind.HEARD: "green",
    Kind.CUT: "dim green",
    Kind.PRESSED: "bold yellow",
    Kind.SPOKE: "bold yellow",
    Kind.HUNG_UP: "bold yellow",
    Kind.ENDED: "bold cyan",
    Kind.TEXTED: "bold magenta",
    Kind.READ: "blue",
}


@dataclass(slots=True)
class Line:
    """One line of a transcript."""

    at_s: float
    party: str
    kind: Kind
    text: str


@dataclass(slots=True)
class Transcript:
    """The lines so far, in the order in which they happened."""

    lines: list[Line] = field(default_factory=list)

    def add(self, at_s: float, party: str, kind: Kind, text: str = "") -> None:
        """Add one line; times may come a little out of order, as a recording is told when it is over."""
        line = Line(at_s, party, kind, text)
        place = len(self.lines)
        while place and self.lines[place - 1].at_s > at_s:
            place -= 1
        self.lines.insert(place, line)

    def heard(self, at_s: float, party: str, text: str, *, joins: bool, cut: bool = False) -> None:
        """Add what was heard; a fragment (``joins``) goes on in the line of the words before it."""
        kind = Kind.CUT if cut else Kind.HEARD
        last = self.lines[-1] if self.lines else None
        if joins and last is not None and last.kind is kind is Kind.HEARD and last.party == party:
            last.text = joined(last.text, text)
            return
        self.add(at_s, party, kind, text)

    def plain(self) -> str:
        """Answer the lines as plain text."""
        return "\n".join(f"{_clock(line.at_s)}  {_who(line)}{line.kind}  {line.text}".rstrip() for line in self.lines)

    def table(self) -> Table:
        """Answer the lines for a terminal."""
        table = Table.grid(padding=(0, 2))
        table.add_column(justify="right", style="dim", no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for line in self.lines:
            style = _STYLES.get(line.kind, "dim")
            table.add_row(_clock(line.at_s), Text(f"{_who(line)}{line.kind}", style), Text(line.text, style))
        return table


def masked(body: str, captured: Mapping[str, str]) -> str:
    """Answer a text's body without its secrets: captured values by name, six digits alone never."""
    for name, value in captured.items():
        if value:
            body = body.replace(value, f"{{{name}}}")
    return SIX_DIGITS.sub(SIX_MASK, body)


def joined(before: str, after: str) -> str:
    """Answer two pieces of speech as one text: with a space, except between Chinese characters."""
    if not before or not after:
        return before + after
    return before + ("" if _is_han(before[-1:]) and _is_han(after[:1]) else " ") + after


def _is_han(letter: str) -> bool:
    return bool(letter) and "\u3000" <= letter <= "\u9fff"


def _clock(at_s: float) -> str:
    minutes, seconds = divmod(max(at_s, 0.0), 60)
    return f"{int(minutes):02d}:{seconds:04.1f}"


def _who(line: Line) -> str:
    return "" if line.party == "customer" else f"{line.party} "
