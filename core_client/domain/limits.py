"""How much may be moved: per transfer, per day, by text; and to whom how soon. Values come from a profile."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from core_client.domain.money import Money
from core_client.errors import Declined


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The ceilings of one currency, in its minor units."""

    per_transaction_minor: int
    per_day_minor: int
    sms_per_day_minor: int  # a text proves possession of the number only: less than the PIN does


# No rule of a country: a sane start for the demo bank. A currency that is missing here is not moved at all.
DEFAULT_CEILINGS: Mapping[str, Ceiling] = MappingProxyType(
    {
        "CNY": Ceiling(5_000_000, 10_000_000, 500_000),
        "USD": Ceiling(700_000, 1_400_000, 70_000),
    }
)


@dataclass(frozen=True, slots=True)
class Spent:
    """What a customer already moved, or has under way, today in one currency."""

    today_minor: int = 0
    today_by_sms_minor: int = 0


@dataclass(frozen=True, slots=True)
class LimitProfile:
    """The limits of one country or bank. ``utc_offset_minutes`` says when its day begins."""

    ceilings: Mapping[str, Ceiling] = field(default_factory=lambda: DEFAULT_CEILINGS)
    payee_cooling: datetime.timedelta = datetime.timedelta(hours=24)
    utc_offset_minutes: int = 480

    def check(self, amount: Money, spent: Spent, *, by_sms: bool) -> None:
        """Check one transfer against the ceilings of its currency.

        Raises:
            Declined: the first ceiling that it breaks.
        """
        if amount.amount_minor <= 0:
            raise Declined("amount_invalid")
        ceiling = self.ceilings.get(amount.currency)
        if ceiling is None:
            raise Declined("not_permitted")
        if by_sms and spent.today_by_sms_minor + amount.amount_minor > ceiling.sms_per_day_minor:
            raise Declined("over_sms_limit")
        if amount.amount_minor > ceiling.per_transaction_minor:
            raise Declined("over_transaction_limit")
        if spent.today_minor + amount.amount_minor > ceiling.per_day_minor:
            raise Declined("over_daily_limit")

    def local_date(self, at: datetime.datetime) -> datetime.date:
        """Answer the bank's calendar date of a moment."""
        return at.astimezone(self._zone()).date()

    def local(self, at: datetime.datetime) -> datetime.datetime:
        """Answer a moment in the bank's own time."""
        return at.astimezone(self._zone())

    def day_began(self, at: datetime.datetime) -> datetime.datetime:
        """Answer the moment at which the bank's day of ``at`` began."""
        local = at.astimezone(self._zone())
        return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(datetime.UTC)

    def _zone(self) -> datetime.timezone:
        return datetime.timezone(datetime.timedelta(minutes=self.utc_offset_minutes))
