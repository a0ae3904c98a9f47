"""What people key and text, read as values of the flows' types. Shared by the engine and the SMS commands."""

from __future__ import annotations

import datetime
import re
import unicodedata

import phonenumbers

from core_client.domain.money import Money, MoneyError, exponent_of
from core_client.domain.values import Value
from core_client.operations import Type

COUNTRIES = frozenset(phonenumbers.SUPPORTED_REGIONS)
COUNTRY = "CN"  # of numbers that are written without one, in a flow that names no other
MAX_TEXT = 140  # of an answer that is kept; a name or an account number is shorter

_AMOUNT = re.compile(r"^(\d{1,3}(?:,\d{3})+|\d{1,13})(?:\.(\d{1,3}))?$")
_NUMBER = re.compile(r"^\+?[0-9(][0-9 ().\-/]{2,23}$")  # E.164 has 15 digits; people group them
_SIGNS = re.compile(r"^(?:CNY|RMB|USD|EUR|¥|￥|\$|€)?(.*?)(?:CNY|RMB|USD|EUR|元|块|圆)?$", re.IGNORECASE | re.DOTALL)


def plain_text(text: str) -> str:
    """Make full-width letters and digits plain, and any run of blanks one space."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def from_keys(type_: Type, digits: str, currency: str, country: str = COUNTRY) -> Value:
    """Read keyed digits; None when they are no value of this type. Money is keyed in whole units.

    A telephone number without its country's code is one of ``country``.
    """
    if not digits or not digits.isascii() or not digits.isdigit():
        return None
    match type_:
        case Type.MONEY:
            return _money(int(digits) * 10 ** exponent_of(currency), currency)
        case Type.NUMBER:
            return int(digits)
        case Type.DATE:
            return _date(digits)
        case Type.PHONE:
            return telephone(digits, country)
        case Type.DIGITS | Type.PAYEE | Type.ACCOUNT | Type.TEXT:
            return digits
        case _:
            return None


def from_text(type_: Type, text: str, currency: str, country: str = COUNTRY) -> Value:
    """Read a text, as people write it; None when it is no value of this type."""
    words = plain_text(text)
    if not words or len(words) > MAX_TEXT:
        return None
    match type_:
        case Type.MONEY:
            return _amount(words, currency)
        case Type.NUMBER:
            return int(words) if words.isascii() and words.isdigit() and len(words) <= 15 else None
        case Type.DATE:
            return _date(words.replace("-", "").replace("/", ""))
        case Type.PHONE:
            return telephone(words, country)
        case Type.DIGITS | Type.ACCOUNT:
            digits = words.replace(" ", "").replace("-", "")
            return digits if digits.isascii() and digits.isdigit() else None
        case Type.PAYEE | Type.TEXT:
            return words
        case _:
            return None


def telephone(text: str, country: str) -> str | None:
    """Read a telephone number as E.164; None when it is none that the bank could call.

    A number of ``country`` must be one that is given out there. Of another country's only the length is looked at:
    its numbering plan changes without us. Short numbers (services, the police) are nobody's line.
    """
    if not _NUMBER.match(text) or not text.isascii():
        return None
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    home = phonenumbers.country_code_for_region(country) == number.country_code
    possible = phonenumbers.is_possible_number_with_reason(number) == phonenumbers.ValidationResult.IS_POSSIBLE
    if not possible or (home and not phonenumbers.is_valid_number(number)):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def dialled(number: str, country: str) -> str:
    """Answer the digits of an E.164 number as people of ``country`` say them: without the code where it is theirs."""
    try:
        parsed = phonenumbers.parse(number, country)
    except phonenumbers.NumberParseException:
        return number.lstrip("+")
    if phonenumbers.country_code_for_region(country) != parsed.country_code:
        return number.lstrip("+")
    national = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    return "".join(character for character in national if character.isdigit())


def _amount(words: str, currency: str) -> Money | None:
    signs = _SIGNS.match(words.replace(" ", ""))
    match = _AMOUNT.match(signs[1]) if signs else None
    if match is None or _names_other_currency(words, currency):
        return None
    digits = exponent_of(currency)
    part = match[2] or ""
    if len(part.rstrip("0")) > digits:
        return None
    whole = int(match[1].replace(",", ""))
    return _money(whole * 10**digits + int((part + "0" * digits)[:digits] or "0"), currency)


def _names_other_currency(words: str, currency: str) -> bool:
    signs = {"CNY": "CNY", "RMB": "CNY", "¥": "CNY", "元": "CNY", "块": "CNY", "圆": "CNY"}
    signs |= {"USD": "USD", "$": "USD", "EUR": "EUR", "€": "EUR"}
    upper = words.upper()
    return any(sign in upper and named != currency for sign, named in signs.items())


def _money(minor: int, currency: str) -> Money | None:
    try:
        return Money(minor, currency)
    except MoneyError:
        return None


def _date(digits: str) -> datetime.date | None:
    if len(digits) != 8 or not digits.isascii() or not digits.isdigit():
        return None
    try:
        return datetime.date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None
