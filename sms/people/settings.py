"""What a bank sets about the texts that it sends: how many, from whom, and when not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from sms.messages import Purpose
from sms.people.quiet import QuietHours

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``most`` in any ``within_s`` seconds."""

    most: int
    within_s: float

    def __post_init__(self) -> None:
        if self.most < 1 or self.within_s <= 0:
            raise ValueError("a rate lets at least one through in a time that is longer than nothing")


Rates = Mapping[Purpose, tuple[Rate, ...]]

# No rule of a country: what a customer would still call reasonable.
_TO_ONE_NUMBER: Rates = MappingProxyType(
    {
        Purpose.CODE: (Rate(5, 600), Rate(20, DAY_S)),
        Purpose.RESULT: (Rate(60, HOUR_S),),
        Purpose.ALERT: (Rate(20, HOUR_S), Rate(100, DAY_S)),
        Purpose.CAMPAIGN: (Rate(1, DAY_S), Rate(4, 30 * DAY_S)),
    }
)
_FROM_ONE_SENDER: Rates = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class MannersSettings:
    """How the bank behaves.

    Attributes:
        quiet: when a text that nobody waits for is kept for the morning.
        to_number: rates of what is sent unasked to one number, over all nodes.
        from_sender: rates of what one sender id sends unasked, over all nodes.
        senders: sender ids that may be used beside those that the operators declare: the bank's short code.
        answers: texts of one number that are answered; beyond it one warning, then silence.
        silence_s: how long the silence lasts.
        stop_cache_s: how long an answer about STOP is believed.
        retry_s: after a bank or a store that did not answer, a text is judged again so much later.
    """

    quiet: QuietHours = field(default_factory=QuietHours)
    to_number: Rates = field(default_factory=lambda: _TO_ONE_NUMBER)
    from_sender: Rates = field(default_factory=lambda: _FROM_ONE_SENDER)
    senders: tuple[str, ...] = ()
    answers: Rate = Rate(30, 600)
    silence_s: float = 600.0
    stop_cache_s: float = 3.0
    retry_s: float = 5.0
