"""The types that expressions are checked against when a file is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

NUMBER, TEXT, FLAG, MONEY, DATE, RECORD, LIST, SECRET = (
    "number",
    "text",
    "flag",
    "money",
    "date",
    "record",
    "list",
    "secret",
)


@dataclass(frozen=True, slots=True)
class ExprType:
    """One type. Other names than the ones above are texts of a kind: equal to themselves, and to fitting texts.

    ``choices`` are the only texts that it can be (empty: any); ``currency`` is of money, None when it is only known
    at run time; ``fields`` are of a record, ``item`` of a list.
    """

    name: str
    fields: Mapping[str, ExprType] = field(default_factory=dict)
    item: ExprType | None = None
    currency: str | None = None
    choices: tuple[str, ...] = ()
    literal: str | None = None  # of a text that stands in the expression itself

    @property
    def textual(self) -> bool:
        """Whether its values are texts."""
        return self.name not in (NUMBER, FLAG, MONEY, DATE, RECORD, LIST, SECRET)

    def __str__(self) -> str:
        if self.name == MONEY and self.currency:
            return f"money in {self.currency}"
        return self.name

    def bare(self) -> ExprType:
        """Answer the type without what is known of one literal."""
        return replace(self, literal=None)


@dataclass(frozen=True, slots=True)
class Function:
    """A named function that expressions may call."""

    name: str
    check: Callable[[tuple[ExprType, ...]], ExprType | str]  # the result's type, or what is wrong
    call: Callable[..., object]
    lazy: bool = False  # given whether the values are there rather than the values: ``known(x)``


number = ExprType(NUMBER)
text = ExprType(TEXT)
flag = ExprType(FLAG)
money = ExprType(MONEY)
date = ExprType(DATE)
secret = ExprType(SECRET)
