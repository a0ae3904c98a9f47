"""Telephone numbers between the wire and the bank: E.164 inside, digits and type of number outside."""

from __future__ import annotations

from functools import lru_cache

import phonenumbers

from sms.smpp import Address

TON_UNKNOWN, TON_INTERNATIONAL, TON_NATIONAL, TON_ALPHANUMERIC = 0, 1, 2, 5
NPI_ISDN = 1


@lru_cache(maxsize=4096)
def e164(digits: str, ton: int, region: str) -> str | None:
    """Answer the sender's number in E.164, or None for a name, a short code, or nothing that can be called.

    Networks send the same subscriber as +8613900000001, 8613900000001 (with or without its type) and 13900000001.
    """
    if ton == TON_ALPHANUMERIC:
        return None
    forms: list[tuple[str, str | None]]
    if digits.startswith("+") or ton == TON_INTERNATIONAL:
        forms = [("+" + digits.lstrip("+"), None)]
    elif ton == TON_NATIONAL:
        forms = [(digits, region)]
    else:
        forms = [(digits, region), ("+" + digits, None)]
    for text, default in forms:
        try:
            number = phonenumbers.parse(text, default)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_possible_number(number) and (default is None or phonenumbers.is_valid_number(number)):
            return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    return None


def address_of(number: str) -> Address:
    """Answer how ``number`` is written in SMPP: international without its plus, a short code as it is, or a name."""
    if number.startswith("+"):
        return Address(number[1:], TON_INTERNATIONAL, NPI_ISDN)
    if number.isascii() and number.isdigit():
        return Address(number, TON_UNKNOWN, NPI_ISDN)
    return Address(number, TON_ALPHANUMERIC, 0)


def masked(number: str) -> str:
    """Answer a number as it may be logged."""
    return f"{number[:-8]}****{number[-4:]}" if len(number) > 9 else "****"
