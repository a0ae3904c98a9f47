"""Money as integer minor units of one currency (ISO 4217)."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Minor-unit digits of ISO 4217 where they are not 2.
_EXPONENT = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "BHD": 3, "KWD": 3, "OMR": 3, "TND": 3, "JOD": 3}
_FORM = re.compile(r"^(-?)(\d{1,15})(?:\.(\d{1,3}))?\s+([A-Z]{3})$")
MAX_AMOUNT_MINOR = 10**17  # far above any account, far below the 64-bit integers that stores hold


class MoneyError(ValueError):
    """An amount that is not money, or two amounts that do not mix."""


def exponent_of(currency: str) -> int:
    """Answer how many minor-unit digits ``currency`` has: 2 for CNY, 0 for JPY."""
    return _EXPONENT.get(currency, 2)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in ``amount_minor`` units (fen, cents) of ``currency``. Never a float, never a decimal."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if not (len(self.currency) == 3 and self.currency.isascii() and self.currency.isupper()):
            raise MoneyError(f"'{self.currency}' is not a currency: three capital letters are needed, as in CNY")
        if abs(self.amount_minor) > MAX_AMOUNT_MINOR:
            raise MoneyError(f"{self.amount_minor} minor units is beyond any amount this bank moves")

    @classmethod
    def parse(cls, text: str) -> Money:
        """Read ``12345.67 CNY``.

        Raises:
            MoneyError: not of that form, or more decimals than the currency has.
        """
        match = _FORM.match(text)
        if match is None:
            raise MoneyError(f"'{text}' is not an amount: write it as 12345.67 CNY")
        sign, whole, part, currency = match.groups()
        digits = exponent_of(currency)
        part = part or ""
        if len(part) > digits:
            raise MoneyError(f"'{text}' has more decimals than {currency} has ({digits})")
        minor = int(whole) * 10**digits + int((part + "0" * digits)[:digits] or "0")
        return cls(-minor if sign else minor, currency)

    def plain(self) -> str:
        """Answer the bare figure: ``12345.67``."""
        digits = exponent_of(self.currency)
        sign = "-" if self.amount_minor < 0 else ""
        if not digits:
            return f"{sign}{abs(self.amount_minor)}"
        whole, part = divmod(abs(self.amount_minor), 10**digits)
        return f"{sign}{whole}.{part:0{digits}d}"

    def __str__(self) -> str:
        return f"{self.plain()} {self.currency}"

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise MoneyError(f"{self.currency} and {other.currency} do not mix")

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount_minor + other.amount_minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount_minor - other.amount_minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount_minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        self._same(other)
        return self.amount_minor < other.amount_minor

    def __le__(self, other: Money) -> bool:
        self._same(other)
        return self.amount_minor <= other.amount_minor

    def __gt__(self, other: Money) -> bool:
        return other < self

    def __ge__(self, other: Money) -> bool:
        return other <= self
