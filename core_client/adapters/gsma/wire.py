"""How the GSMA Mobile Money API writes what both sides of it know: amounts, moments, parties, correlation ids."""

from __future__ import annotations

import datetime
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from core_client.domain.money import Money, MoneyError, exponent_of

Body: TypeAlias = Mapping[str, Any]
Pairs: TypeAlias = Sequence[tuple[str, str]]

MAX_TEXT = 160  # descriptionText, maxLength
MAX_VALUE = 256  # customData, metadata, party: maxLength of key and value
UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,17})(?:\.([0-9]{1,4}))?")
_CORRELATIONS = uuid.UUID("6f1a1c1e-6a0b-5d3c-9a55-2f1c8d8f9b01")  # our own name space: never changes


class WireError(ValueError):
    """What came over the wire is not what the specification says."""


def correlation_id(intent_id: str, step: str) -> str:
    """Answer the ``X-CorrelationID`` of one step of an intent: the same for the same step, for ever, on every node."""
    return str(uuid.uuid5(_CORRELATIONS, f"{intent_id}/{step}"))


def amount_of(money: Money) -> str:
    """Write an amount by the specification's schema ``amount``, which has no sign.

    Raises:
        WireError: it is negative.
    """
    if money.amount_minor < 0:
        raise WireError("the API has no negative amounts")
    return money.plain()


def money_of(amount: object, currency: object) -> Money:
    """Read ``amount`` and ``currency``.

    Raises:
        WireError: they are no money, or finer than the currency's minor unit.
    """
    found = _AMOUNT.fullmatch(amount) if isinstance(amount, str) else None
    if found is None or not isinstance(currency, str):
        raise WireError("no amount with a currency")
    digits = exponent_of(currency)
    part = (found[2] or "").rstrip("0")
    if len(part) > digits:
        raise WireError(f"finer than {currency} is")
    try:
        return Money(int(found[1]) * 10**digits + int(part.ljust(digits, "0") or "0"), currency)
    except MoneyError as error:
        raise WireError(str(error)) from None


def pairs(items: Pairs) -> list[dict[str, str]]:
    """Write key-value pairs as ``party``, ``metadata`` and ``customData`` have them."""
    return [{"key": key, "value": value} for key, value in items]


def value_of(items: object, key: str) -> str | None:
    """Answer the value of ``key`` among pairs, or None."""
    return next((value for name, value in pairs_of(items) if name == key), None)


def pairs_of(items: object) -> Iterable[tuple[str, str]]:
    """Read pairs, leaving out whatever is none."""
    if not isinstance(items, list):
        return
    for item in items:
        if isinstance(item, dict) and isinstance(item.get("key"), str) and isinstance(item.get("value"), str):
            yield item["key"], item["value"]


def moment_of(text: object) -> datetime.datetime:
    """Read an RFC 3339 moment.

    Raises:
        WireError: it is none, or has no offset.
    """
    try:
        at = datetime.datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise WireError("no moment")
    return at.astimezone(datetime.UTC)


def moment(at: datetime.datetime) -> str:
    """Write a moment in UTC."""
    return at.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z")


def text_of(body: Body, name: str) -> str:
    """Answer a text of a body.

    Raises:
        WireError: it is not there.
    """
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise WireError(f"no {name}")
    return value
