"""Values in words, as they are spoken: from integers, never from a decimal or a float.

Numbers come from CLDR's spell-out rules (unicode-rbnf), asked for groups of a thousand (English) or ten thousand
(Chinese), which are remembered: a rule takes 60 microseconds, and an amount that nobody heard before should not.
English takes the British form with "and", the clearer one on a telephone. Chinese needs mends: 零 for 〇, 万亿 for 兆,
两 before 千, 万 and 亿 (not after 十 or 零), no 一 before a leading 十, and after 亿 the 零 that the rules leave out:
五百亿零九百万.
"""

from __future__ import annotations

import datetime
import re
from functools import cache

from unicode_rbnf import RbnfEngine

from sounds.currency import Names, exponent_of, names_of
from sounds.errors import SpeechError

LANGUAGES: tuple[str, ...] = ("en", "zh")
MAX_NUMBER = 10**17  # as far as the domain's Money goes

_MONTHS_EN = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_DIGITS_EN = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_DIGITS_ZH = "零一二三四五六七八九"
_TWO_BEFORE_BIG = re.compile(r"(?<![十零])二(?=[千万亿])")
_THOUSAND, _WAN, _YI = 10**3, 10**4, 10**8
_SCALES_EN = (
    (10**15, "quadrillion"), (10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (10**3, "thousand"),
)  # fmt: skip


def number_words(number: int, lang: str) -> str:
    """Answer ``number`` in words: 12005 is ``twelve thousand and five``, 一万两千零五.

    Raises:
        SpeechError: beyond :data:`MAX_NUMBER`, or no such language.
    """
    if abs(number) > MAX_NUMBER:
        raise SpeechError(f"{number} is beyond any number that is spoken")
    match lang:
        case "en":
            return f"minus {_english(-number)}" if number < 0 else _english(number)
        case "zh":
            return f"负{_chinese(-number)}" if number < 0 else _chinese(number)
    raise _no_language(lang)


def money_words(amount_minor: int, currency: str, lang: str) -> str:
    """Answer an amount in words: ``forty-five yuan and sixty-seven fen``, 四十五元六角七分.

    Raises:
        SpeechError: beyond any amount, or a currency or language without a voice.
    """
    if abs(amount_minor) > MAX_NUMBER:
        raise SpeechError(f"{amount_minor} minor units is beyond any amount that is spoken")
    names = names_of(currency, lang)
    whole, part = divmod(abs(amount_minor), 10 ** exponent_of(currency))
    if lang == "zh":
        return ("负" if amount_minor < 0 else "") + _money_zh(whole, part, names)
    return ("minus " if amount_minor < 0 else "") + _money_en(whole, part, names)


def digits_words(digits: str, lang: str) -> str:
    """Answer digits one by one; Chinese says 幺 for 1, which no line turns into 七.

    Raises:
        SpeechError: something in ``digits`` is no digit.
    """
    if not (digits.isascii() and digits.isdigit()):
        raise SpeechError("only the digits 0 to 9 can be spoken one by one")  # the text itself may be private
    if lang == "zh":
        return "".join("幺" if digit == "1" else _DIGITS_ZH[int(digit)] for digit in digits)
    if lang == "en":
        return " ".join(_DIGITS_EN[int(digit)] for digit in digits)
    raise _no_language(lang)


def date_words(date: datetime.date, lang: str, *, with_year: bool = True) -> str:
    """Answer a date in words: ``the fifth of March twenty twenty-six``, 二零二六年三月五日."""
    if lang == "zh":
        year = "".join(_DIGITS_ZH[int(digit)] for digit in f"{date.year}") + "年" if with_year else ""
        return f"{year}{_chinese(date.month)}月{_chinese(date.day)}日"
    if lang == "en":
        day = f"the {_ordinal(date.day)} of {_MONTHS_EN[date.month - 1]}"
        return f"{day} {_year_en(date.year)}" if with_year else day
    raise _no_language(lang)


def _no_language(lang: str) -> SpeechError:
    return SpeechError(f"nobody speaks '{lang}' here: the languages are {', '.join(LANGUAGES)}")


@cache
def _engine(lang: str) -> RbnfEngine:
    return RbnfEngine.for_language(lang)


@cache  # 1,000 of them
def _english_group(number: int) -> str:
    return _engine("en").format_number(number, ruleset_names=["spellout-cardinal-verbose"]).text


def _english(number: int) -> str:
    """Spell groups of a thousand: the rules' own words for each, as their words for the whole are made."""
    if number < _THOUSAND:
        return _english_group(number)
    words = []
    rest = number
    for scale, name in _SCALES_EN:
        group, rest = divmod(rest, scale)
        if group:
            words.append(f"{_english_group(group)} {name}")
    if rest:
        words.append(f"and {_english_group(rest)}" if rest < 100 else _english_group(rest))
    return " ".join(words)


@cache  # 31 of them
def _ordinal(day: int) -> str:
    return _engine("en").format_number(day, ruleset_names=["spellout-ordinal"]).text


def _chinese(number: int) -> str:
    text = _TWO_BEFORE_BIG.sub("两", _chinese_plain(number))
    return text.removeprefix("一") if text.startswith("一十") else text


@cache  # 10,000 of them, when every balance has been heard
def _chinese_group(number: int) -> str:
    text = _engine("zh").format_number(number, ruleset_names=["spellout-numbering"]).text.replace("〇", "零")
    return f"一{text}" if text.startswith("十") else text  # inside a number ten is 一十


def _chinese_plain(number: int) -> str:
    """Spell groups of 万 and 亿: the rules' own step after 亿 is 兆, which means two different numbers in Chinese."""
    for size, name in ((_YI, "亿"), (_WAN, "万")):
        if number >= size:
            high, low = divmod(number, size)
            gap = "零" if 0 < low < size // 10 else ""
            return f"{_chinese_plain(high)}{name}{gap}{_chinese_plain(low) if low else ''}"
    return _chinese_group(number)


def _counted(number: int) -> str:
    """Answer ``number`` before a measure word: two is 两 there when it stands alone."""
    return "两" if number == 2 else _chinese(number)


def _money_zh(whole: int, part: int, names: Names) -> str:
    major = f"{_counted(whole)}{names.major.many}" if whole or not part else ""
    if not part or names.minor is None:
        return major
    gap = "零" if whole and part < 10 else ""
    if names.tenth is None:
        return f"{major}{gap}{_chinese(part) if gap else _counted(part)}{names.minor.many}"
    tenths, rest = divmod(part, 10)
    tenth = f"{_counted(tenths)}{names.tenth}" if tenths else ""
    cents = f"{_chinese(rest) if tenth or gap else _counted(rest)}{names.minor.many}" if rest else ""
    return f"{major}{gap}{tenth}{cents}"


def _money_en(whole: int, part: int, names: Names) -> str:
    spoken = []
    if whole or not part:
        spoken.append(f"{_english(whole)} {names.major.one if whole == 1 else names.major.many}")
    if part and names.minor is not None:
        spoken.append(f"{_english(part)} {names.minor.one if part == 1 else names.minor.many}")
    return " and ".join(spoken)


def _year_en(year: int) -> str:
    century, rest = divmod(year, 100)
    if century < 10 or (century % 10 == 0 and rest < 10):
        return _english(year)
    if rest == 0:
        return f"{_english(century)} hundred"
    return f"{_english(century)} {'oh ' if rest < 10 else ''}{_english(rest)}"
