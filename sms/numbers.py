"""Telephone numbers between the wire and the bank: E.164 inside, digits and type of number outside."""

from __future__ import annotations

import re
from functools import cache, lru_cache

import phonenumbers

from sms.smpp import Address

TON_UNKNOWN, TON_INTERNATIONAL, TON_NATIONAL, TON_ALPHANUMERIC = 0, 1, 2, 5
NPI_ISDN = 1


@lru_cache(maxsize=16_384)  # numbers that text now and then again: some megabytes
def e164(digits: str, ton: int, region: str) -> str | None:
    """Answer the sender's number in E.164, or None for a name, a short code, or nothing that can be called.

    Networks send the same subscriber as +8613900000001, 8613900000001 (with or without its type) and 13900000001.
    """
    if ton != TON_ALPHANUMERIC:
        mobile = _mobile(region)
        if mobile is not None and ton in (TON_UNKNOWN, TON_INTERNATIONAL) and mobile.fullmatch(digits) is not None:
            return "+" + digits.lstrip("+")
    return _parsed(digits, ton, region)


@cache
def _mobile(region: str) -> re.Pattern[str] | None:
    """Answer what matches a mobile number of ``region`` written with its country code: nearly every text's sender.

    Parsing one costs fifty times as much. Where numbers of a region are also dialled with a prefix, or a country code
    has several regions, the same digits may mean another number: there every number is parsed.
    """
    plan = phonenumbers.PhoneMetadata.metadata_for_region(region, None)
    if region not in _PLAIN_PLANS or plan is None or plan.mobile is None:
        return None
    return re.compile(rf"\+?{plan.country_code}(?:{plan.mobile.national_number_pattern})", re.ASCII)


# Regions whose mobile numbers begin with no prefix and cannot be taken for national ones: proved by a test each.
_PLAIN_PLANS = frozenset({"CN"})


def _parsed(digits: str, ton: int, region: str) -> str | None:
    """Answer it by the numbering plans of the world."""
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
