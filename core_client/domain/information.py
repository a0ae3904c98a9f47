"""What the bank tells anybody: rates, products, branches and machines. One sheet for every channel.

Staff publish the sheet whole (``tellerline bank sheet publish``); phone and text read the same one, so that neither
says what the other does not.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core_client.domain.customers import folded
from core_client.domain.money import Money, MoneyError
from core_client.errors import Declined

MAX_ROWS = 200  # of each kind: a sheet is read whole by every enquiry
MAX_TEXT = 160  # characters of any one text: what is longer fits no answer
MAX_TOLD_BRANCHES = 3  # nobody remembers a fourth
POSTCODE_DIGITS = 6
SAME_CITY = 3  # digits of a postcode that two places of a city share: 510 is Guangzhou, 518 Shenzhen
_BASIS_POINTS = 10_000  # 1.45 % is 145
_LANGUAGES = ("zh", "en")


class SheetError(ValueError):
    """A sheet that cannot be published; the message says which row and the mend."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A yearly rate in basis points: 145 is 1.45 %."""

    basis_points: int

    @property
    def whole(self) -> int:
        """The per cents before the point."""
        return self.basis_points // 100

    @property
    def fraction(self) -> str:
        """The two digits after the point."""
        return f"{self.basis_points % 100:02d}"

    def __str__(self) -> str:
        return f"{self.whole}.{self.fraction}%"


@dataclass(frozen=True, slots=True)
class Product:
    """Something the bank offers. ``name`` and ``about`` by language; ``code`` for staff and texts."""

    code: str
    name: Mapping[str, str]
    about: Mapping[str, str]
    rate: Rate
    minimum: Money
    term_months: int  # 0: without a term


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the bank pays and takes for a hundred units of a currency, as banks here quote it."""

    unit: Money
    buys_at: Money
    sells_at: Money
    names: tuple[str, ...] = ()  # as people call it

    @property
    def currency(self) -> str:
        """The foreign currency."""
        return self.unit.currency


@dataclass(frozen=True, slots=True)
class Lending:
    """What is lent without a person's look: the range of a quote, and its rate."""

    rate: Rate
    least: Money
    most: Money
    months: tuple[int, int]

    def monthly(self, amount: Money, months: int) -> Money:
        """Answer the equal monthly payment of an annuity, rounded up to the minor unit.

        Raises:
            Declined: ``loan_not_offered``: outside of what is lent.
        """
        if amount.currency != self.least.currency or not self.least <= amount <= self.most:
            raise Declined("loan_not_offered")
        if not self.months[0] <= months <= self.months[1]:
            raise Declined("loan_not_offered")
        if not self.rate.basis_points:
            return Money(-(-amount.amount_minor // months), amount.currency)
        # amount * q^n * (q - 1) / (q^n - 1), with q = up / down: whole numbers to the end, no float near money.
        down = 12 * _BASIS_POINTS
        up = down + self.rate.basis_points
        top = amount.amount_minor * up**months * (up - down)
        bottom = (up**months - down**months) * down
        return Money(-(-top // bottom), amount.currency)


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch or a machine. ``code`` is what a customer may key; ``topics`` what it takes appointments for."""

    code: str
    name: Mapping[str, str]
    address: Mapping[str, str]
    hours: Mapping[str, str]
    phone: str
    postcode: str
    places: tuple[str, ...] = ()  # further words that people look for it by
    is_machine: bool = False
    seats: int = 0  # appointments at one time; 0: takes none


@dataclass(frozen=True, slots=True)
class Information:
    """The sheet."""

    since: datetime.date
    deposits: tuple[tuple[int, Rate], ...]  # months (0: on demand), rate
    exchange: tuple[Exchange, ...]
    products: tuple[Product, ...]
    branches: tuple[Branch, ...]
    lending: Lending | None = None

    def exchange_of(self, wanted: str | None) -> tuple[Exchange, ...]:
        """Answer every exchange rate, or the one of a currency named by code or by word.

        Raises:
            Declined: ``currency_unknown``.
        """
        if wanted is None:
            return self.exchange
        name = folded(wanted)
        found = tuple(row for row in self.exchange if name in {folded(word) for word in (row.currency, *row.names)})
        if not found:
            raise Declined("currency_unknown")
        return found

    def branch(self, code: str) -> Branch:
        """Answer a branch by its code.

        Raises:
            Declined: ``place_unknown``.
        """
        for branch in self.branches:
            if branch.code == code:
                return branch
        raise Declined("place_unknown")

    def near(self, place: str | None, *, machines: bool) -> tuple[Branch, ...]:
        """Answer the branches (or machines) of a place, the nearest first, three at most.

        A postcode finds those that share most of its digits, the first three at least; a word those that have it in
        their name, address or places. Without a place: the first ones of the sheet.

        Raises:
            Declined: ``place_unknown``.
        """
        among = [branch for branch in self.branches if branch.is_machine is machines]
        if place is None:
            found = among
        elif (word := folded(place)).isascii() and word.isdigit():
            shared = [(_shared(word, branch.postcode), branch) for branch in among]
            found = [branch for length, branch in sorted(shared, key=lambda pair: -pair[0]) if length >= SAME_CITY]
        else:
            found = [branch for branch in among if any(word in told for told in _told(branch))]
        if not found:
            raise Declined("place_unknown")
        return tuple(found[:MAX_TOLD_BRANCHES])


def _shared(one: str, other: str) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _told(branch: Branch) -> Sequence[str]:
    return [folded(text) for text in (*branch.name.values(), *branch.address.values(), *branch.places)]


def in_language(texts: Mapping[str, str], language: str | None) -> str:
    """Answer a text in a language, else in the first that it has."""
    return texts.get(language or "") or next(iter(texts.values()), "")


# --- as staff write it, and as it is stored ------------------------------------------------------------------------


@dataclass(slots=True)
class _Reader:
    """Reads one mapping of a sheet, and says where it is wrong."""

    row: Mapping[str, Any]
    where: str
    _known: set[str] = field(default_factory=set)

    def _take(self, key: str, default: Any = None) -> Any:
        self._known.add(key)
        value = self.row.get(key, default)
        if value is None:
            raise SheetError(f"{self.where}: '{key}' is missing")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        value = self._take(key, default)
        if not isinstance(value, str) or len(value) > MAX_TEXT or (not value and default is None):
            raise SheetError(f"{self.where}: '{key}' is a text of at most {MAX_TEXT} characters, in quotes")
        return value

    def texts(self, key: str) -> Mapping[str, str]:
        value = self._take(key)
        if not isinstance(value, Mapping) or set(value) != set(_LANGUAGES):
            raise SheetError(f"{self.where}: '{key}' is written in both languages: {{zh: ..., en: ...}}")
        return {language: _Reader(value, f"{self.where}.{key}").text(language) for language in _LANGUAGES}

    def words(self, key: str) -> tuple[str, ...]:
        value = self._take(key, [])
        if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(one, str) for one in value):
            raise SheetError(f"{self.where}: '{key}' is a list of words")
        return tuple(value)

    def count(self, key: str, most: int, default: int | None = None) -> int:
        value = self._take(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            raise SheetError(f"{self.where}: '{key}' is a whole number from 0 to {most}")
        return value

    def money(self, key: str) -> Money:
        try:
            return Money.parse(self.text(key))
        except MoneyError as error:
            raise SheetError(f"{self.where}: {error}") from None

    def rate(self, key: str) -> Rate:
        text = self.text(key)
        whole, point, part = text.partition(".")
        if not (whole.isdigit() and len(whole) <= 2 and (not point or (part.isdigit() and len(part) <= 2))):
            raise SheetError(f"{self.where}: '{key}' is a yearly rate in per cent as \"1.45\", in quotes")
        return Rate(int(whole) * 100 + int((part + "00")[:2]))

    def close(self) -> None:
        if unknown := set(self.row) - self._known:
            raise SheetError(f"{self.where}: nothing here is called '{min(unknown)}'")


def information_from(data: Any, since: datetime.date) -> Information:
    """Read a sheet as staff write it: ``deposits``, ``exchange``, ``products``, ``branches``, ``lending``.

    Raises:
        SheetError: the first thing that is wrong, with its row.
    """
    if not isinstance(data, Mapping):
        raise SheetError("a sheet is a mapping: deposits, exchange, products, branches, lending")
    if unknown := set(data) - {"deposits", "exchange", "products", "branches", "lending"}:
        raise SheetError(f"a sheet has no '{min(unknown)}'")
    branches = tuple(_branch(row) for row in _rows(data, "branches"))
    codes = [branch.code for branch in branches]
    if twice := {code for code in codes if codes.count(code) > 1}:
        raise SheetError(f"branches: the code {min(twice)} stands there twice")
    return Information(
        since=since,
        deposits=tuple(_deposit(row) for row in _rows(data, "deposits")),
        exchange=tuple(_exchange(row) for row in _rows(data, "exchange")),
        products=tuple(_product(row) for row in _rows(data, "products")),
        branches=branches,
        lending=_lending(data["lending"]) if data.get("lending") is not None else None,
    )


def _rows(data: Mapping[str, Any], key: str) -> list[_Reader]:
    rows = data.get(key, [])
    if not isinstance(rows, Sequence) or isinstance(rows, str) or len(rows) > MAX_ROWS:
        raise SheetError(f"'{key}' is a list of at most {MAX_ROWS} rows")
    readers = []
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, Mapping):
            raise SheetError(f"{key}, row {number}: a row is a mapping")
        readers.append(_Reader(row, f"{key}, row {number}"))
    return readers


def _deposit(row: _Reader) -> tuple[int, Rate]:
    made = row.count("months", 120), row.rate("rate")
    row.close()
    return made


def _exchange(row: _Reader) -> Exchange:
    made = Exchange(row.money("unit"), row.money("buys_at"), row.money("sells_at"), row.words("names"))
    row.close()
    if made.buys_at.currency != made.sells_at.currency or not made.buys_at <= made.sells_at:
        raise SheetError(f"{row.where}: the bank buys for no more than it sells, in one currency")
    return made


def _product(row: _Reader) -> Product:
    made = Product(
        row.text("code"), row.texts("name"), row.texts("about"), row.rate("rate"), row.money("minimum"),
        row.count("months", 600, 0),
    )  # fmt: skip
    row.close()
    return made


def _branch(row: _Reader) -> Branch:
    made = Branch(
        code=row.text("code"),
        name=row.texts("name"),
        address=row.texts("address"),
        hours=row.texts("hours"),
        phone=row.text("phone", ""),
        postcode=row.text("postcode"),
        places=row.words("places"),
        is_machine=bool(row.count("machine", 1, 0)),
        seats=row.count("seats", 20, 0),
    )
    row.close()
    if not (made.code.isascii() and made.code.isdigit() and 2 <= len(made.code) <= 6):
        raise SheetError(f"{row.where}: 'code' has two to six digits")
    if not (made.postcode.isascii() and made.postcode.isdigit() and len(made.postcode) == POSTCODE_DIGITS):
        raise SheetError(f"{row.where}: 'postcode' has {POSTCODE_DIGITS} digits")
    return made


def _lending(data: Any) -> Lending:
    if not isinstance(data, Mapping):
        raise SheetError("lending is a mapping: rate, least, most, months_from, months_to")
    row = _Reader(data, "lending")
    months = row.count("months_from", 600), row.count("months_to", 600)
    made = Lending(row.rate("rate"), row.money("least"), row.money("most"), months)
    row.close()
    if not (1 <= months[0] <= months[1] and made.least.currency == made.most.currency and made.least <= made.most):
        raise SheetError("lending: from the least to the most, in one currency and in months")
    return made
