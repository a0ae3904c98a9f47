"""Receipts as they come on the wire, in TLVs and in texts that every vendor writes in its own way, read into values.

Seen in use: fields in any order and case, with spaces behind the colon or none in ``submitdate``, ``=`` for ``:``,
fields that are missing, ids in quotes or with the NUL of a C-octet string, states in full, as numbers or in lower case,
error codes in hex, dates of 10, 12 or 14 digits or in ISO 8601, all of it in UCS2, in message_payload, behind a user
data header, or only in TLVs; and ``text:`` with any words of the message, which are nobody's field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sms.messages import State
from sms.sending.receipt_words import UNSAID, is_known, state_of, word_of
from sms.smpp import EsmClass, Message, Tag
from sms.smpp.codes import MESSAGE_TYPE_MASK
from sms.store.heard import Receipt

INTERMEDIATE = 0x20  # §5.2.12: a notification on the way to the receipt
_NETWORK_ERROR_CODE = 0x0423  # §5.3.2.31
_MAX_OCTETS = 1_024  # of a receipt's text that are read; Appendix B needs 160

_KEY = re.compile(
    r"(?<![a-z0-9])(?:(?P<id>(?:receipted[ _]?)?(?:message|msg)?[ _]?id)|(?P<submit>submit(?:ted)?[ _]?date)"
    r"|(?P<done>done[ _]?date)|(?P<sub>sub)|(?P<dlvrd>dlvrd)|(?P<stat>stat(?:us|e)?)|(?P<err>err(?:or)?(?:[ _]?code)?)"
    r"|(?P<text>text))[ ]?[:=]",
    re.IGNORECASE,
)
# Short enough to be no PIN: a receipt may hold words of the message, and some of them look like fields.
_ERROR = re.compile(r"(?:0x[0-9A-Fa-f]{1,8}|-?[0-9A-Fa-f]{1,5}|[A-Za-z]{1,2}[0-9]{1,4})(?![0-9A-Za-z])")
_DATE = re.compile(r"(?:\d\d)?\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?")
_QUOTES = "\"' "
_NOT_DIGITS = re.compile(r"[^0-9]+")


def is_report(message: Message) -> bool:
    """Answer whether a deliver_sm says of itself that it tells of a message of ours and is no text of a customer."""
    return message.esm_class & MESSAGE_TYPE_MASK != 0


def may_be_report(message: Message) -> bool:
    """Answer whether a deliver_sm that says nothing of the kind looks like a receipt all the same."""
    if message.tlvs and message.tlv(Tag.RECEIPTED_MESSAGE_ID) is not None:
        return True
    octets = message.short_message
    if (b":" not in octets and b"=" not in octets) or b"tat" not in octets.lower().replace(b"\0", b""):
        return False
    found = _fields(_words_of(message))
    return bool(found.get("id")) and bool(found.get("stat"))


def read_receipt(message: Message) -> Receipt | None:
    """Answer the receipt that a deliver_sm carries: its TLVs where there are some, its text elsewhere."""
    kind = message.esm_class & MESSAGE_TYPE_MASK
    if kind and not kind & (EsmClass.DELIVERY_RECEIPT | INTERMEDIATE):
        return None  # acknowledgements of a handset or its user: nothing that an operator says
    found = _fields(_words_of(message))
    message_id = _id_of(message.tlv(Tag.RECEIPTED_MESSAGE_ID)) or found.get("id", "")
    said = _number_of(message.tlv(Tag.MESSAGE_STATE)) or found.get("stat", "")
    if not message_id or not (kind or said):
        return None
    word = word_of(said) if said else UNSAID
    state = state_of(word)
    if kind & INTERMEDIATE and state is not State.DELIVERED:
        state = State.ACCEPTED  # an attempt that failed: others follow
    error = _ERROR.match(found.get("err", ""))
    done = _NOT_DIGITS.sub("", found.get("done", "").split(".", 1)[0].split("+", 1)[0])
    return Receipt(
        message_id,
        word,
        error.group() if error else _error_of(message.tlv(_NETWORK_ERROR_CODE)),
        state,
        done if _DATE.fullmatch(done) else "",
    )


def _fields(words: str) -> dict[str, str]:
    """Answer the fields of a receipt's text, the first of each name. What follows ``text:`` is words of the message."""
    keys = list(_KEY.finditer(words))
    text_at = next((index for index, key in enumerate(keys) if key.lastgroup == "text"), len(keys))
    if text_at:
        return _values(words, keys, range(text_at))
    # A vendor that puts the message's words first: what it says itself comes last then, and is whole.
    found = _values(words, keys, range(len(keys) - 1, 0, -1))
    return found if found.get("id") and is_known(word_of(found.get("stat", ""))) else {}


def _values(words: str, keys: list[re.Match[str]], order: Iterable[int]) -> dict[str, str]:
    found: dict[str, str] = {}
    for index in order:
        key = keys[index]
        end = keys[index + 1].start() if index + 1 < len(keys) else len(words)
        found.setdefault(key.lastgroup or "", _value(key, words[key.end() : end]))
    return found


def _value(key: re.Match[str], words: str) -> str:
    value = words.strip(" \t\r\n\0,;|")
    if key.lastgroup in ("done", "submit"):
        return value
    return value.split(maxsplit=1)[0].strip(_QUOTES).rstrip("\0,;|") if value else ""


def _words_of(message: Message) -> str:
    octets = message.short_message
    if not octets:
        octets = message.tlv(Tag.MESSAGE_PAYLOAD) or b""
    if message.esm_class & EsmClass.UDHI and octets:
        octets = octets[1 + octets[0] :]
    octets = octets[:_MAX_OCTETS]
    # Whatever data_coding says: letters of ASCII in two octets have a NUL in each.
    if len(octets) > 3 and not any(octets[:8:2]):
        return octets.decode("utf-16-be", "replace")
    if len(octets) > 3 and not any(octets[1:8:2]):
        return octets.decode("utf-16-le", "replace")
    return octets.decode("latin-1")


def _id_of(octets: bytes | None) -> str:
    return octets.split(b"\0", 1)[0].decode("latin-1").strip(_QUOTES) if octets else ""


def _number_of(octets: bytes | None) -> str:
    """The state's number; some write it as a digit of ASCII."""
    if not octets:
        return ""
    number = int.from_bytes(octets[:4], "big")
    return chr(number) if len(octets) == 1 and 0x30 <= number <= 0x39 else str(number)


def _error_of(octets: bytes | None) -> str:
    """The network's error code: one octet says which network, two are the code."""
    return str(int.from_bytes(octets[1:3], "big")) if octets is not None and len(octets) == 3 else ""
