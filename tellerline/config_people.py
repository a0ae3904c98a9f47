"""The settings of people's rules about texts, ``[sms.people]``: when not, how many, and from whom."""

from __future__ import annotations

import datetime
import re
from types import MappingProxyType
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from flows.zones import DEFAULT_ZONE, zone_of
from sms.messages import Purpose
from sms.people.quiet import Hours, QuietHours
from sms.people.settings import MannersSettings, Rate
from tellerline.config_operators import check_sender, over_default
from tellerline.config_section import Seconds, Section

_RATE = re.compile(r"([1-9][0-9]{0,6}) */ *([1-9][0-9]{0,4}) *(s|m|h|d)")
_UNITS = MappingProxyType({"s": 1, "m": 60, "h": 3600, "d": 86_400})
_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9]) *- *([01][0-9]|2[0-3]):([0-5][0-9])")

Rates = dict[Purpose, tuple[str, ...]]


class People(Section):
    """What people are owed: quiet nights, no floods, known senders. Answers are always sent."""

    quiet: str = Field(default="21:00-08:00", description="Hours in which a text that nobody waits for is kept.")
    quiet_zone: str = Field(default=DEFAULT_ZONE, description="Time zone of these hours, by its IANA name.")
    quiet_of: dict[Purpose, str] = Field(
        default={}, description='Other hours by purpose, as {campaign = "20:00-09:00"}; "" is never quiet.'
    )
    to_number: Rates = Field(
        default={
            Purpose.CODE: ("5/10m", "20/1d"),
            Purpose.RESULT: ("60/1h",),
            Purpose.ALERT: ("20/1h", "100/1d"),
            Purpose.CAMPAIGN: ("1/1d", "4/30d"),
        },
        description="Most texts to one number over all nodes, by purpose, as 5/10m: five in ten minutes.",
    )
    from_sender: Rates = Field(default={}, description="Most texts of one sender over all nodes, by purpose.")
    senders: tuple[str, ...] = Field(
        default=(), description="Senders that may be used beside those of the operators and the short code."
    )
    answers: str = Field(default="30/10m", description="Texts of one number that are answered; then one warning.")
    silence_s: Seconds = Field(default=600, description="After the warning, that number is not answered for so long.")
    stop_cache_s: Seconds = Field(default=3, description="An answer about who said STOP is believed for so long.")
    retry_s: Seconds = Field(default=5, description="After a bank that did not answer, a text is judged again so late.")

    @field_validator("to_number", "from_sender", mode="before")
    @classmethod
    def _several(cls, value: Any, info: Any) -> Any:
        if isinstance(value, dict):
            value = {key: (rates,) if isinstance(rates, str) else rates for key, rates in value.items()}
        return over_default(cls, info.field_name, value)

    @field_validator("to_number", "from_sender")
    @classmethod
    def _rates(cls, value: Rates) -> Rates:
        for purpose, rates in value.items():
            if purpose is Purpose.ANSWER and rates:
                raise ValueError("answers are not counted here: see the key answers")
            for rate in rates:
                rate_of(rate)
        return value

    @field_validator("answers")
    @classmethod
    def _rate(cls, value: str) -> str:
        rate_of(value)
        return value

    @field_validator("quiet")
    @classmethod
    def _hours(cls, value: str) -> str:
        hours_of(value)
        return value

    @field_validator("quiet_of")
    @classmethod
    def _each_hours(cls, value: dict[Purpose, str]) -> dict[Purpose, str]:
        for purpose, hours in value.items():
            if not purpose.heeds_quiet_hours:
                raise ValueError(f"a text of the kind {purpose} is waited for: it is sent at once, night or day")
            hours_of(hours)
        return value

    @field_validator("quiet_zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            zone_of(value)
        except KeyError:
            raise ValueError(f"there is no time zone '{value}'; write one as Europe/Madrid") from None
        return value

    @field_validator("senders")
    @classmethod
    def _senders(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for sender in value:
            check_sender(sender)
        return value

    @model_validator(mode="after")
    def _campaigns_are_counted(self) -> Self:
        if not self.to_number.get(Purpose.CAMPAIGN):
            raise ValueError("campaigns to one number have to have a limit: to_number.campaign")
        return self


def rate_of(text: str) -> Rate:
    """Answer the rate that is written as ``5/10m``.

    Raises:
        ValueError: it is none.
    """
    found = _RATE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"'{text}' is no rate: write 5/10m for five in ten minutes (s, m, h or d)")
    return Rate(int(found[1]), float(int(found[2]) * _UNITS[found[3]]))


def hours_of(text: str) -> Hours:
    """Answer the hours that are written as ``21:00-08:00``; none for an empty text.

    Raises:
        ValueError: they are none.
    """
    if not text.strip():
        return Hours(datetime.time(), datetime.time())
    found = _HOURS.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"'{text}' are no hours: write 21:00-08:00")
    begin, end = (datetime.time(int(found[place]), int(found[place + 1])) for place in (1, 3))
    return Hours(begin, end)


def manners_of(people: People, short_code: str) -> MannersSettings:
    """Answer the settings of people's rules, as the gateway wants them."""
    return MannersSettings(
        quiet=QuietHours(
            hours_of(people.quiet),
            people.quiet_zone,
            MappingProxyType({purpose: hours_of(hours) for purpose, hours in people.quiet_of.items()}),
        ),
        to_number=_rates(people.to_number),
        from_sender=_rates(people.from_sender),
        senders=(short_code, *people.senders),
        answers=rate_of(people.answers),
        silence_s=people.silence_s,
        stop_cache_s=people.stop_cache_s,
        retry_s=people.retry_s,
    )


def _rates(rates: Rates) -> MappingProxyType[Purpose, tuple[Rate, ...]]:
    return MappingProxyType({purpose: tuple(map(rate_of, some)) for purpose, some in rates.items() if some})
