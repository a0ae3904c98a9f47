"""Masks what a log line must never hold: the last fence, behind types that do not print secrets in the first place."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from typing import Any

from core_client.domain.secret import MASK, Secret

# Names under which a secret or a message's body would travel if somebody logged it by mistake.
SECRET_KEYS = frozenset(
    {"pin", "otp", "code", "secret", "password", "passwd", "digits", "keys", "body", "text", "token", "pepper", "key"}
)
NUMBER_KEYS = frozenset({"msisdn", "number", "caller", "from", "to", "party", "from_", "destination", "source"})
# Names of ids that machines make: one in ten of them would pass for a card's number.
ID_KEYS = frozenset({"id", "call_id", "session_id", "intent", "intent_id", "request_id", "uniqueid", "message_id"})
MAX_DEPTH = 6
_PLAIN = frozenset({int, float, bool, type(None)})
_E164 = re.compile(r"\+\d{8,15}(?!\d)")
_CARD = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?![\w.])")
# Stands in whatever one of the others finds anything in: most fields are words and short figures, and are left alone.
_SUSPECT = re.compile(r"\d(?:[ -]?\d){5}")
_SIX = re.compile(r"(?<![\w.,:+-])\d{6}(?![\w.,:-])")  # a bare PIN or code; not a part of an id, an amount or a time


def mask_number(number: str) -> str:
    """Answer a telephone number as it may be logged: ``+86139****0001``."""
    if len(number) < 7:
        return number  # a short code is no person
    return f"{number[:-8]}****{number[-4:]}" if len(number) > 9 else f"****{number[-3:]}"


def mask_text(text: str) -> str:
    """Answer ``text`` without telephone numbers, card numbers and bare six digits."""
    text = _E164.sub(lambda match: mask_number(match[0]), text)
    text = _CARD.sub(lambda match: MASK if _is_card(match[0]) else match[0], text)
    return _SIX.sub(MASK, text)


def mask_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask every field of a log event: a structlog processor."""
    for key, value in event.items():
        kind = type(value)
        if kind is str:
            if key in SECRET_KEYS or (_SUSPECT.search(value) is not None and key != "timestamp"):
                event[key] = _masked(key, value, 0)
        elif kind not in _PLAIN or key in SECRET_KEYS:
            event[key] = _masked(key, value, 0)
    return event


def _masked(key: str, value: Any, depth: int) -> Any:
    if isinstance(value, Secret) or key in SECRET_KEYS:
        return MASK if value not in (None, "") else value
    if isinstance(value, str):
        if key in ID_KEYS:
            return _E164.sub(lambda match: mask_number(match[0]), value)
        return mask_number(value) if key in NUMBER_KEYS and value.lstrip("+").isdecimal() else mask_text(value)
    if isinstance(value, bytes | bytearray):
        return f"{len(value)} bytes"  # a PDU or a body: its length says enough
    if depth >= MAX_DEPTH:
        return MASK
    if isinstance(value, Mapping):
        return {name: _masked(str(name), item, depth + 1) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(key, item, depth + 1) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return mask_text(str(value))


def _is_card(text: str) -> bool:
    """Whether the digits pass the check of ISO/IEC 7812 (Luhn): an id of 16 digits mostly does not."""
    digits = [int(char) for char in text if char.isdecimal()]
    total = sum(digits[-1::-2]) + sum(sum(divmod(digit * 2, 10)) for digit in digits[-2::-2])
    return total % 10 == 0
