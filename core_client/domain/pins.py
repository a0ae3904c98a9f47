"""The service PIN: which ones are refused when chosen, and how failures delay and lock."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from core_client.domain.secret import Secret

PIN_DIGITS = 6
CODE_DIGITS = 6
# The keypad's shapes as people draw them: columns, rows up and down, the cross, the box.
_SHAPES = frozenset(
    {"147258", "258369", "369258", "258147", "147369", "369147", "159357", "357159", "159753", "753159", "951357"}
    | {"123654", "456123", "456789", "789456", "987654", "321456", "147896", "147852", "123698", "741852", "852963"}
    | {"789632", "963852", "963741", "741963", "123321", "258025", "025802", "142536", "152637", "135790", "246801"}
)


class PinWeakness(StrEnum):
    """Why a PIN is refused. Told to who chooses it, never logged with the PIN."""

    SHAPE = "shape"  # a drawing on the keypad
    RUN = "run"  # 123456, 654321, 135791
    REPEAT = "repeat"  # 111111, 112211, 123123
    DATE = "date"  # reads as a date
    PERSONAL = "personal"  # from the birth date, phone, customer or account number
    FORM = "form"  # not six digits


def weakness_of(pin: Secret, personal: Iterable[str] = ()) -> PinWeakness | None:
    """Answer why ``pin`` must not be chosen, or None.

    Args:
        pin: the six digits that the customer wants.
        personal: numbers of the customer: birth date as YYYYMMDD, phone, customer number, account and card ends.
    """
    digits = pin.reveal()
    if len(digits) != PIN_DIGITS or not (digits.isascii() and digits.isdigit()):
        return PinWeakness.FORM
    if _personal(digits, personal):
        return PinWeakness.PERSONAL
    if digits in _SHAPES or digits[::-1] in _SHAPES:
        return PinWeakness.SHAPE
    steps = {(int(after) - int(before)) % 10 for before, after in itertools.pairwise(digits)}
    if len(steps) == 1 and steps != {0}:
        return PinWeakness.RUN
    if len(set(digits)) <= 2 or digits[:3] == digits[3:] or digits[:2] == digits[2:4] == digits[4:]:
        return PinWeakness.REPEAT
    if _repeats_or_mirrors(digits):
        return PinWeakness.REPEAT
    return PinWeakness.DATE if _is_date(digits) else None


def _repeats_or_mirrors(digits: str) -> bool:
    pairs = (digits[0] == digits[1], digits[2] == digits[3], digits[4] == digits[5])
    return all(pairs) or digits == digits[::-1] or any(digit * 4 in digits for digit in set(digits))


def _is_date(digits: str) -> bool:
    """Read as YYMMDD, DDMMYY, MMDDYY, or as a year and a month."""
    first, second, third = int(digits[:2]), int(digits[2:4]), int(digits[4:])
    as_dates = ((second, third), (second, first), (first, second))
    if any(1 <= month <= 12 and 1 <= day <= 31 for month, day in as_dates):
        return True
    return 1930 <= int(digits[:4]) <= 2039 and 1 <= third <= 12


def _personal(digits: str, personal: Iterable[str]) -> bool:
    for number in personal:
        bare = "".join(char for char in number if char.isdigit())
        variants = {bare, bare[::-1]}
        if len(bare) == 8:  # a date of birth: the six digits of it in every order people write
            year, month, day = bare[:4], bare[4:6], bare[6:]
            variants |= {year[2:] + month + day, day + month + year[2:], month + day + year[2:], day + month + year}
        if any(digits in variant for variant in variants if len(variant) >= PIN_DIGITS):
            return True
        if len(bare) == 4 and bare in digits:  # the end of an account or card
            return True
    return False


@dataclass(frozen=True, slots=True)
class AttemptPolicy:
    """How failures delay and lock. ``delays_s[n]`` is the wait after failure ``n + 1``; one more failure locks."""

    limit: int = 5
    delays_s: tuple[float, ...] = (0.0, 30.0, 300.0, 3600.0)

    def delay_after(self, failures: int) -> datetime.timedelta:
        """Answer how long nothing is tried after ``failures`` failures in a row."""
        if not 1 <= failures <= len(self.delays_s):
            return datetime.timedelta(0)
        return datetime.timedelta(seconds=self.delays_s[failures - 1])


class SlotKind(StrEnum):
    """What the counter answered to who wants to try."""

    TAKEN = "taken"  # there was room: try
    WAIT = "wait"  # too soon, or as many are being tried as may still fail: not tried, not counted
    LOCKED = "locked"


_LONG_AGO = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
STALE_AFTER = datetime.timedelta(seconds=60)  # no hash takes that long: whoever took the slot died with it


@dataclass(frozen=True, slots=True)
class Counter:
    """Failures in a row and tries under way of one subject. Each change answers the counter after it."""

    failures: int = 0
    in_flight: int = 0
    not_before: datetime.datetime = _LONG_AGO
    tried_at: datetime.datetime = _LONG_AGO

    def take(self, now: datetime.datetime, policy: AttemptPolicy, *, delayed: bool) -> tuple[SlotKind, Counter]:
        """Take a slot, if failures and tries under way together leave room for one more failure.

        Slots that nobody settled in :data:`STALE_AFTER` count as failures: a crash is never a free guess.
        """
        counter = self
        if self.in_flight and now >= self.tried_at + STALE_AFTER:
            counter = replace(self, failures=self.failures + self.in_flight, in_flight=0)
        if counter.failures >= policy.limit:
            return SlotKind.LOCKED, counter
        if counter.failures + counter.in_flight >= policy.limit or (delayed and now < counter.not_before):
            return SlotKind.WAIT, counter
        return SlotKind.TAKEN, replace(counter, in_flight=counter.in_flight + 1, tried_at=now)

    def failed(self, now: datetime.datetime, policy: AttemptPolicy) -> Counter:
        """A try failed: it counts, and the next has to wait."""
        failures = self.failures + 1
        later = max(self.not_before, now + policy.delay_after(failures))
        return replace(self, failures=failures, in_flight=max(0, self.in_flight - 1), not_before=later)

    def given_back(self) -> Counter:
        """A try that proves nothing about the others: its slot is free again, failures stay."""
        return replace(self, in_flight=max(0, self.in_flight - 1))

    def forgotten(self) -> Counter:
        """The PIN was right: failures are forgotten; what others try meanwhile stays under way."""
        return Counter(0, max(0, self.in_flight - 1), tried_at=self.tried_at)
