"""The values that travel between channels, flows and bank operations, and their JSON form.

A value is a text, a bool, an int, :class:`Money`, a :class:`datetime.date`, a :class:`SecretHandle`, a mapping of
values or a list of them. A :class:`~core_client.domain.secret.Secret` itself is no value: it stays in process
memory, and a value only names it.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from core_client.domain.money import Money

MAX_VALUE_DEPTH = 6  # a list of accounts of amounts is 3; deeper is a mistake or an attack


@dataclass(frozen=True, slots=True)
class SecretHandle:
    """The name of a secret that process memory holds for one use. Worth nothing to who reads it."""

    handle: str


Value: TypeAlias = (
    "str | bool | int | Money | datetime.date | SecretHandle | Mapping[str, Value] | tuple[Value, ...] | None"
)
Json: TypeAlias = "str | bool | int | dict[str, Json] | list[Json] | None"


def to_json(value: Value) -> Json:
    """Answer ``value`` as JSON; what JSON cannot say is tagged: ``{"$money": "5.00 CNY"}``.

    The commonest types come first and the abstract one last: every turn of every call writes its values.
    """
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Money):
        return {"$money": str(value)}
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    match value:
        case datetime.date():
            return {"$date": value.isoformat()}
        case SecretHandle():
            return {"$secret": value.handle}
        case Mapping():
            return {key: to_json(item) for key, item in value.items()}
        case _:
            return [to_json(item) for item in value]


def from_json(data: Json, depth: int = 0) -> Value:
    """Read what :func:`to_json` wrote.

    Raises:
        ValueError: nested deeper than ``MAX_VALUE_DEPTH``, or a tag with no proper content.
    """
    if depth > MAX_VALUE_DEPTH:
        raise ValueError(f"a value nested deeper than {MAX_VALUE_DEPTH}")
    if data is None or isinstance(data, str | int):
        return data
    match data:
        case {"$money": str(text)}:
            return Money.parse(text)
        case {"$date": str(text)}:
            return datetime.date.fromisoformat(text)
        case {"$secret": str(text)}:
            return SecretHandle(text)
        case dict():
            return {key: from_json(item, depth + 1) for key, item in data.items()}
        case list():
            return tuple(from_json(item, depth + 1) for item in data)
