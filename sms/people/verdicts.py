"""What may become of a text that is to be sent."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from flows.prompts import REFUSED_PREFIX


class Reason(StrEnum):
    """Why a text is never sent."""

    STOPPED = "stopped"  # its number said STOP
    SENDER = "sender_not_allowed"
    SIM_FRESH = "sim_fresh"  # a one-time code, to a SIM that somebody may have just stolen
    TOO_MANY = "too_many"  # one-time codes, more than anybody needs; other texts wait instead
    GIVEN_UP = "given_up"  # staff ordered so

    @property
    def prompt(self) -> str:
        """The prompt that tells the customer, who waits for the text; empty where nobody waits for it."""
        return REFUSED_PREFIX + "sim_fresh" if self in (Reason.SIM_FRESH, Reason.TOO_MANY) else ""


@dataclass(frozen=True, slots=True)
class Send:
    """Send it now."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet: judge it again then."""

    until: float  # seconds since the epoch
    why: str = ""  # one word, for the trace


@dataclass(frozen=True, slots=True)
class Refuse:
    """Never."""

    reason: Reason
    detail: str = ""  # for who operates the gateway; never a whole number or words of the text


Verdict: TypeAlias = Send | Wait | Refuse
SEND = Send()
