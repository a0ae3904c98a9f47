"""How much may be moved, at what fee, and how long it can be called off. Every figure comes from a profile.

A ceiling holds for all transfers of a customer class together, over all channels. A :class:`Limit` narrows it for some
of them: by channel, purpose, the payee's age. A refusal says what is still possible under all of them.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from core_client.domain.money import Money
from core_client.domain.transfers import Purpose
from core_client.errors import Declined

STANDARD = "standard"  # the class of a customer whom nobody gave another one
UNREGISTERED = frozenset({Purpose.THIRD_PARTY, Purpose.INTERBANK})


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
class Movement:
    """What limits, fees and times to cancel look at in a transfer."""

    amount: Money
    channel: str
    purpose: Purpose = Purpose.PAYEE
    payee_age: datetime.timedelta | None = None  # since the payee was registered; None: is no registered payee
    customer_class: str = STANDARD


@dataclass(frozen=True, slots=True)
class Moved:
    """A part of what a customer moved today, or has under way, in one currency."""

    amount_minor: int
    channel: str
    purpose: Purpose = Purpose.PAYEE
    registered_at: datetime.datetime | None = None  # when its payee was registered


@dataclass(frozen=True, slots=True)
class Spent:
    """What a customer moved, or has under way, since the day began, in one currency."""

    moved: tuple[Moved, ...] = ()
    customer_class: str = STANDARD

    def sum_minor(self, fits: Callable[[Moved], bool]) -> int:
        """Add up what ``fits``."""
        return sum(part.amount_minor for part in self.moved if fits(part))


@dataclass(frozen=True, slots=True)
class Which:
    """Which transfers a row of a profile is about: an empty condition fits all."""

    purposes: frozenset[Purpose] = frozenset()
    channel: str | None = None
    customer_class: str | None = None
    registered: bool | None = None  # whether the payee is a registered one
    payee_younger_than: datetime.timedelta | None = None

    def fits(self, movement: Movement) -> bool:
        """Answer whether a transfer is one of them."""
        age = movement.payee_age
        return (
            (not self.purposes or movement.purpose in self.purposes)
            and self.channel in (None, movement.channel)
            and self.customer_class in (None, movement.customer_class)
            and self.registered in (None, age is not None)
            and (self.payee_younger_than is None or (age is not None and age < self.payee_younger_than))
        )


@dataclass(frozen=True, slots=True)
class Limit:
    """One row that narrows the ceilings, in minor units of its currency."""

    reason: str  # what a refusal says: a code of the registry
    currency: str
    which: Which
    per_transaction_minor: int | None = None
    per_day_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Fee:
    """One row of the fees: a flat part, and one of so many ten-thousandths of the amount between two bounds."""

    currency: str
    which: Which
    flat_minor: int = 0
    basis_points: int = 0
    least_minor: int = 0
    most_minor: int | None = None

    def of(self, amount_minor: int) -> int:
        """Answer the fee of an amount: never less for a higher one. A part of a minor unit is the bank's gift."""
        part = max(amount_minor * self.basis_points // 10_000, self.least_minor)
        return self.flat_minor + (part if self.most_minor is None else min(part, self.most_minor))


@dataclass(frozen=True, slots=True)
class CancelWindow:
    """How long transfers are held before they are booked, so that they can be called off."""

    which: Which
    window: datetime.timedelta


# What the demo bank takes and how long it waits; a bank writes its own.
DEFAULT_LIMITS = (
    Limit("over_unregistered_limit", "CNY", Which(UNREGISTERED, registered=False), 2_000_000, 2_000_000),
    Limit("over_unregistered_limit", "USD", Which(UNREGISTERED, registered=False), 280_000, 280_000),
)
DEFAULT_FEES = (Fee("CNY", Which(frozenset({Purpose.INTERBANK}), registered=False), flat_minor=200),)
DEFAULT_WINDOWS = (CancelWindow(Which(UNREGISTERED, registered=False), datetime.timedelta(minutes=10)),)


@dataclass(frozen=True, slots=True)
class LimitProfile:
    """The limits of one country or bank. ``utc_offset_minutes`` says when its day begins."""

    ceilings: Mapping[str, Ceiling] = field(default_factory=lambda: DEFAULT_CEILINGS)
    payee_cooling: datetime.timedelta = datetime.timedelta(hours=24)
    utc_offset_minutes: int = 480
    class_ceilings: Mapping[str, Mapping[str, Ceiling]] = field(default_factory=dict)  # by customer class, currency
    limits: tuple[Limit, ...] = DEFAULT_LIMITS
    fees: tuple[Fee, ...] = DEFAULT_FEES
    cancel_windows: tuple[CancelWindow, ...] = DEFAULT_WINDOWS
    names_per_day: int = 20  # account holders' names that one customer may have read out: no directory of customers

    def check(self, movement: Movement, spent: Spent, now: datetime.datetime) -> None:
        """Check one transfer against every limit that it falls under.

        Raises:
            Declined: the first limit that it breaks; ``left`` is what all of them still let through.
        """
        amount = movement.amount
        if amount.amount_minor <= 0:
            raise Declined("amount_invalid")
        rooms = self._rooms(movement, spent, now)
        if not rooms:
            raise Declined("not_permitted")
        least = min(minor for _, minor in rooms)
        for reason, minor in rooms:
            if amount.amount_minor > minor:
                raise Declined(reason, left=Money(max(least, 0), amount.currency))

    def possible(self, movement: Movement, spent: Spent, now: datetime.datetime, available: Money) -> Money:
        """Answer the highest amount that limits and account still let through, its fee counted."""
        most = min([available.amount_minor, *(minor for _, minor in self._rooms(movement, spent, now))])
        least, most = 0, max(most, 0)
        while least < most:  # fees do not fall with the amount: halve until the last one that fits
            middle = (least + most + 1) // 2
            whole = middle + self._fee_minor(movement, middle)
            least, most = (middle, most) if whole <= available.amount_minor else (least, middle - 1)
        return Money(least, available.currency)

    def _rooms(self, movement: Movement, spent: Spent, now: datetime.datetime) -> list[tuple[str, int]]:
        """Answer every limit that a transfer falls under, as its reason and the minor units that it lets through."""
        currency, rooms = movement.amount.currency, list[tuple[str, int]]()
        ceiling = self.class_ceilings.get(movement.customer_class, self.ceilings).get(currency)
        if ceiling is None:
            return rooms
        if movement.purpose is not Purpose.OWN:  # between one's own accounts nothing leaves
            by_sms = spent.sum_minor(lambda part: part.channel == "sms")
            if movement.channel == "sms":
                rooms.append(("over_sms_limit", ceiling.sms_per_day_minor - by_sms))
            rooms.append(("over_transaction_limit", ceiling.per_transaction_minor))
            rooms.append(("over_daily_limit", ceiling.per_day_minor - spent.sum_minor(lambda part: True)))
        else:
            rooms.append(("over_transaction_limit", max(ceiling.per_day_minor, ceiling.per_transaction_minor)))
        for limit in self.limits:
            if limit.currency != currency or not limit.which.fits(movement):
                continue
            if limit.per_transaction_minor is not None:
                rooms.append((limit.reason, limit.per_transaction_minor))
            if limit.per_day_minor is not None:
                rooms.append((limit.reason, limit.per_day_minor - _spent_under(limit.which, spent, now)))
        return rooms

    def fee(self, movement: Movement) -> Money:
        """Answer what the bank takes for a transfer: by the first row that it falls under; without one, nothing."""
        return Money(self._fee_minor(movement, movement.amount.amount_minor), movement.amount.currency)

    def _fee_minor(self, movement: Movement, amount_minor: int) -> int:
        for fee in self.fees:
            if fee.currency == movement.amount.currency and fee.which.fits(movement):
                return fee.of(amount_minor)
        return 0

    def cancel_window(self, movement: Movement) -> datetime.timedelta:
        """Answer how long a transfer is held before it is booked: by the first row; without one, not at all."""
        for row in self.cancel_windows:
            if row.which.fits(movement):
                return row.window
        return datetime.timedelta(0)

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


def _spent_under(which: Which, spent: Spent, now: datetime.datetime) -> int:
    """Add up what of today's transfers falls under a row: the same question, asked of each of them."""

    def fits(part: Moved) -> bool:
        age = None if part.registered_at is None else now - part.registered_at
        one = Movement(Money(part.amount_minor, "XXX"), part.channel, part.purpose, age, spent.customer_class)
        return which.fits(one)

    return spent.sum_minor(fits)
