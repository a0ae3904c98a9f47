"""The ids that operators give to messages, and the forms in which the same id comes back in a receipt.

An id comes in submit_sm_resp and again in the receipt, there perhaps in another base, another case, with or without
zeros before it, in quotes, with the NUL that ends a C-octet string. It is looked for under one plain form; the other
bases are tried at the receipt, so that what is stored for every message stays one key.
"""

from __future__ import annotations

import re
from enum import StrEnum

from sms.operators import ReceiptIds

MAX_ID = 65  # octets of message_id (SMPP 3.4 §5.2.23)
_MAX_NUMBER = 24  # digits of an id that is a number in some base; longer ones are names
_WRAPPED = " \t\r\n\0\"'<>"
_DECIMAL = re.compile(r"[0-9]+")
_HEX = re.compile(r"[0-9a-f]+")
_ODD = re.compile(r"[^!-~]+")  # what a log or a line of the store cannot bear


class Form(StrEnum):
    """How an id in a receipt is read."""

    SAME = "same"  # as it was given, but for case, zeros before it, and wrapping
    HEX = "hex"  # it is decimal here, and was given in hex
    DECIMAL = "decimal"  # it is hex here, and was given in decimal


_ORDER = {
    ReceiptIds.AUTO: (Form.SAME, Form.HEX, Form.DECIMAL),
    ReceiptIds.SAME: (Form.SAME, Form.HEX, Form.DECIMAL),
    ReceiptIds.HEX_THEN_DECIMAL: (Form.HEX, Form.SAME, Form.DECIMAL),
    ReceiptIds.DECIMAL_THEN_HEX: (Form.DECIMAL, Form.SAME, Form.HEX),
}


def clean(remote_id: str) -> str:
    """Answer an id without what wraps it, fit for a line."""
    if remote_id.isalnum() and remote_id.isascii():
        return remote_id[:MAX_ID]
    return _ODD.sub("", remote_id.split("\0", 1)[0].strip(_WRAPPED))[:MAX_ID]


def plain(remote_id: str) -> str:
    """Answer the form under which an id is kept: lower case, no ``0x``, no zeros before it."""
    lower = remote_id.lower().replace(",", ";")  # forms are told with commas between them
    return lower.removeprefix("0x").lstrip("0") or ("0" if lower else "")


def forms(remote_id: str, order: ReceiptIds) -> tuple[tuple[Form, str], ...]:
    """Answer the plain forms of the ids that a receipt's id may mean, the likeliest first, each one once."""
    same = plain(remote_id)
    found: dict[str, Form] = {}
    for form in _ORDER[order]:
        meant = _read(same, form, hexadecimal=remote_id.lower().startswith("0x"))
        if meant:
            found.setdefault(meant, form)
    return tuple((form, meant) for meant, form in found.items())


def _read(same: str, form: Form, *, hexadecimal: bool) -> str:
    if form is Form.SAME:
        return same
    if len(same) > _MAX_NUMBER:
        return ""
    if form is Form.HEX:
        return format(int(same), "x") if _DECIMAL.fullmatch(same) and not hexadecimal else ""
    return str(int(same, 16)) if _HEX.fullmatch(same) else ""
