"""What an operator says of a message, and what comes of that."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sms.messages import Purpose, State


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receipt says, whatever its form on the wire."""

    message_id: str  # the operator's, as it writes it here
    word: str  # as the operator says it: DELIVRD, UNDELIV ...
    error: str = ""  # of the network, as it writes it
    state: State = State.ACCEPTED  # what it comes to; an intermediate word leaves a text accepted
    done: str = ""  # when, as digits of the operator's own clock

    @property
    def detail(self) -> str:
        """What is kept of it."""
        parts = (self.word, f"err {self.error}" if self.error else "", f"at {self.done}" if self.done else "")
        return " ".join(part for part in parts if part)


class Became(StrEnum):
    """What came of a receipt."""

    MATCHED = "matched"  # its text is known, and it says something new
    REPEATED = "repeated"  # it was said before
    PARKED = "parked"  # its text may come yet
    AMBIGUOUS = "ambiguous"  # it fits several texts; nobody guesses
    UNMATCHED = "unmatched"  # no text came for it


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one receipt, at once or after it had waited."""

    became: Became
    operator: str
    id: str = ""  # of the text
    purpose: Purpose | None = None
    before: State | None = None  # of the text
    after: State | None = None
