"""The names and functions that expressions in flows know, with their types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from core_client.domain.money import Money, MoneyError
from core_client.language import types as t
from core_client.language.types import ExprType, Function
from core_client.operations import REASONS, Field, Type

_PLAIN = {Type.NUMBER: t.number, Type.TEXT: t.text, Type.FLAG: t.flag, Type.DATE: t.date, Type.SECRET: t.secret}


def type_of(field: Field, languages: tuple[str, ...] = ()) -> ExprType:
    """Answer the expression type of a registry field."""
    parts = {name: type_of(part, languages) for name, part in field.fields.items()}
    match field.type:
        case Type.RECORD:
            return ExprType(t.RECORD, fields=parts)
        case Type.LIST:
            return ExprType(t.LIST, item=ExprType(t.RECORD, fields=parts))
        case Type.LANGUAGE:
            return ExprType(Type.LANGUAGE.value, choices=languages)
        case Type.REASON:
            return ExprType(Type.REASON.value, choices=REASONS)
        case Type.MONEY:
            return t.money
        case _:
            return _PLAIN.get(field.type) or ExprType(field.type.value)


def built_in(languages: tuple[str, ...]) -> dict[str, ExprType]:
    """Answer the names that every flow has."""
    language = ExprType(Type.LANGUAGE.value, choices=languages)
    return {
        "party": ExprType(
            t.RECORD, fields={"number": ExprType(Type.PHONE.value), "identified": t.flag, "language": language}
        ),
        "language": language,
        "channel": ExprType("channel", choices=("voice", "sms")),
        "last_step": t.text,
        "reason": ExprType(Type.REASON.value, choices=REASONS),
        "left": t.money,
        "today": t.date,
        "notices": notices_type(()),
    }


SCHEDULE = ExprType(t.RECORD, fields={"open": t.flag, "holiday": t.flag})


def notices_type(names: Iterable[str]) -> ExprType:
    """Answer the type of ``notices``: whether each of them is switched on."""
    return ExprType(t.RECORD, fields=dict.fromkeys(names, t.flag))


def fits(given: ExprType, wanted: ExprType) -> bool:
    """Answer whether a value of ``given`` may stand where ``wanted`` is declared."""
    if wanted.choices and given.literal is not None:
        return given.literal in wanted.choices
    if given.name == wanted.name:
        return given.currency is None or wanted.currency is None or given.currency == wanted.currency
    return wanted.name == t.TEXT and given.textual


def _known(args: tuple[ExprType, ...]) -> ExprType | str:
    return t.flag if len(args) == 1 else "takes one name"


def _signed(args: tuple[ExprType, ...]) -> ExprType | str:
    if len(args) == 1 and args[0].name in (t.NUMBER, t.MONEY):
        return args[0].bare()
    return "takes one amount or number"


def _negative(args: tuple[ExprType, ...]) -> ExprType | str:
    result = _signed(args)
    return result if isinstance(result, str) else t.flag


def _money(args: tuple[ExprType, ...]) -> ExprType | str:
    literal = args[0].literal if len(args) == 1 else None
    if literal is None:
        return 'takes one amount in quotes, as in money("500 CNY")'
    try:
        return ExprType(t.MONEY, currency=Money.parse(literal).currency)
    except MoneyError as problem:
        return f"cannot read it: {problem}"


def _length(args: tuple[ExprType, ...]) -> ExprType | str:
    return t.number if len(args) == 1 and (args[0].textual or args[0].name == t.LIST) else "takes one text or list"


def _absolute(value: Money | int) -> Money | int:
    if isinstance(value, Money):
        return value if value.amount_minor >= 0 else -value
    return abs(value)


def _is_negative(value: Money | int) -> bool:
    return (value.amount_minor if isinstance(value, Money) else value) < 0


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        function.name: function
        for function in (
            Function("known", _known, lambda present: present, lazy=True),
            Function("negative", _negative, _is_negative),
            Function("abs", _signed, _absolute),
            Function("money", _money, Money.parse),
            Function("length", _length, len),
        )
    }
)
