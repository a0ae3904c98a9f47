"""Who calls: the number in the header block, as E.164, and as it may be logged."""

from __future__ import annotations

from collections.abc import Mapping

import phonenumbers

WITHHELD = frozenset({"", "unknown", "anonymous", "restricted", "private", "unavailable", "asterisk"})
PRESENTATION_HIDDEN = 0x60  # bits 6 and 7 of the presentation (Q.931 §4.5.10): 00 is "allowed"
SHOWN_END = 4


def caller_number(header: Mapping[str, str], region: str | None = None) -> str | None:
    """Answer the caller's number as E.164; None when it is withheld, or no number.

    Args:
        header: the block that opened the call.
        region: where a number without country code belongs ("CN"); None takes only international ones.
    """
    number = header.get("agi_callerid", "")
    presentation = header.get("agi_callingpres", "0")
    if number.lower() in WITHHELD or (presentation.isdecimal() and int(presentation) & PRESENTATION_HIDDEN):
        return None
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))


def mask_number(number: str) -> str:
    """Answer ``number`` as it may be logged: what tells the country, and the last four digits."""
    if len(number) <= 2 * SHOWN_END:
        return "****" if number.lstrip("+").isdecimal() else number
    return f"{number[: max(2, len(number) - 2 * SHOWN_END)]}****{number[-SHOWN_END:]}"
