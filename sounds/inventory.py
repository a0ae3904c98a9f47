"""The fragments: every clip that amounts, numbers, digits and dates are put together from, by id and text.

The clips are as large as the count allows: a listener mishears a lone Chinese syllable, and a join costs naturalness
in any language. What is said most (``N yuan``, ``N fen``, N元, N角M分, pairs of digits) is one clip; what is said
rarely is put together from smaller ones, down to single words, so that nothing is ever without a clip.

Ids are ``group/name`` under the language's folder. Numbers, digits and dates each cover their words from their own
groups, since 零五 of a reference must not be cut out of 零五百.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType

from sounds.currency import NAMES
from sounds.errors import SpeechError
from sounds.words import LANGUAGES, date_words, digits_words, money_words, number_words

PAUSE = "pause"  # a third of a second of nothing, between groups of digits
YEARS = range(2020, 2041)  # years in one clip; others are put together

_NUMBER, _DIGITS, _DATE = "number", "digits", "date"
KINDS: tuple[str, ...] = (_NUMBER, _DIGITS, _DATE)


@cache
def fragments(lang: str) -> Mapping[str, str]:
    """Answer every fragment of ``lang``: id (``n/23``, without the language) to text.

    Raises:
        SpeechError: no such language.
    """
    texts: dict[str, str] = {}
    for kind in KINDS:
        texts.update(_of_kind(lang, kind))
    texts[PAUSE] = ""
    return MappingProxyType(texts)


@cache
def by_text(lang: str, kind: str) -> Mapping[str, str]:
    """Answer text to id for ``kind``; where two clips say the same, the first listed."""
    index: dict[str, str] = {}
    for name, text in _of_kind(lang, kind):
        index.setdefault(text, name)
    return MappingProxyType(index)


def _of_kind(lang: str, kind: str) -> Iterator[tuple[str, str]]:
    if lang not in LANGUAGES:
        raise SpeechError(f"nobody speaks '{lang}' here: the languages are {', '.join(LANGUAGES)}")
    if kind == _NUMBER:
        yield from _numbers_zh() if lang == "zh" else _numbers_en()
    elif kind == _DIGITS:
        yield from _digits(lang)
    else:
        yield from _dates_zh() if lang == "zh" else _dates_en()


def _digits(lang: str) -> Iterator[tuple[str, str]]:
    for pair in range(100):
        yield f"p/{pair:02}", digits_words(f"{pair:02}", lang)
    for digit in range(10):
        words = digits_words(str(digit), lang)
        # One clip for one text: a listener that knows files by their sound could not tell two apart.
        yield f"{'n' if words == number_words(digit, lang) else 'd'}/{digit}", words


def _plain(lang: str) -> Iterator[tuple[str, str]]:
    for number in range(100):
        yield f"n/{number}", number_words(number, lang)


# --- Chinese -----------------------------------------------------------------------------------------------------

_ONES = range(1, 10)
_TEENS = range(10, 20)
_ROUND = (*range(1, 11), *range(20, 100, 10))


def _within(number: int) -> str:
    """Answer the words of 1 to 99 as they stand inside a larger number: 一十五, not 十五."""
    words = number_words(number, "zh")
    return f"一{words}" if number in _TEENS else words


def _numbers_zh() -> Iterator[tuple[str, str]]:
    yield from _plain("zh")
    for number in _TEENS:
        yield f"m/{number}", _within(number)
    for one in _ONES:
        hundred, thousand = number_words(one * 100, "zh"), number_words(one * 1000, "zh")
        wan, qian_wan, yi = (number_words(one * 10**power, "zh") for power in (6, 7, 8))
        yield f"h/{one}", hundred
        yield f"h0/{one}", f"{hundred}零"
        yield f"h/{one}y", f"{hundred}元"
        yield f"k/{one}", thousand
        yield f"k0/{one}", f"{thousand}零"
        yield f"k/{one}y", f"{thousand}元"
        yield f"hw/{one}", wan
        yield f"kw/{one}", qian_wan
        yield f"e/{one}", yi
    for number in range(1, 100):
        yield f"w/{number}", number_words(number * 10_000, "zh")
    for number in _TEENS:
        yield f"wm/{number}", f"{_within(number)}万"
    for number in _ROUND:
        wan = number_words(number * 10_000, "zh")
        yield f"w0/{number}", f"{wan}零"
        yield f"w/{number}y", f"{wan}元"
    for number in range(100):
        yield f"y/{number}", money_words(number * 100, "CNY", "zh")
    for number in _TEENS:
        yield f"ym/{number}", f"{_within(number)}元"
    yield from _cents_zh()
    yield from _small_words_zh()


def _cents_zh() -> Iterator[tuple[str, str]]:
    for cents in range(1, 100):
        yield f"c/{cents:02}", money_words(cents, "CNY", "zh")
    for cents in _ONES:
        yield f"c0/{cents}", f"零{number_words(cents, 'zh')}分"


def _small_words_zh() -> Iterator[tuple[str, str]]:
    yield "k/2b", "二千"  # after 零 and 十
    yield "w/2b", "二万"
    yield "y/2b", "二元"
    small = {
        "minus": "负", "two": "两", "hundred": "百", "thousand": "千", "wan": "万", "yi": "亿",
        "yuan": "元", "jiao": "角", "fen": "分", "wan-yuan": "万元", "wan-0": "万零", "yi-0": "亿零",
    }  # fmt: skip
    for name, text in small.items():
        yield f"u/{name}", text
    for currency, names in NAMES["zh"].items():
        if currency == "CNY":
            continue
        yield f"u/{currency.lower()}", names.major.many
        yield f"u/{currency.lower()}-2", f"两{names.major.many}"
        if names.minor is not None and names.tenth is None:
            yield f"u/{currency.lower()}-minor", names.minor.many
            yield f"u/{currency.lower()}-minor-2", f"两{names.minor.many}"


def _dates_zh() -> Iterator[tuple[str, str]]:
    yield from _plain("zh")
    yield "u/year", "年"
    for year in YEARS:
        yield f"t/{year}", "".join(number_words(int(digit), "zh") for digit in str(year)) + "年"
    for month in range(1, 13):
        yield f"t/m{month:02}", f"{number_words(month, 'zh')}月"
    for day in range(1, 32):
        yield f"t/d{day:02}", f"{number_words(day, 'zh')}日"


# --- English -----------------------------------------------------------------------------------------------------


def _numbers_en() -> Iterator[tuple[str, str]]:
    yield from _plain("en")
    for one in _ONES:
        hundred = number_words(one * 100, "en")
        yield f"h/{one}", hundred
        yield f"ha/{one}", f"{hundred} and"
        yield f"h/{one}y", f"{hundred} yuan"
        yield f"hk/{one}", f"{hundred} thousand"
    for number in range(1, 100):
        yield f"k/{number}", number_words(number * 1000, "en")
    for number in range(100):
        yield f"y/{number}", money_words(number * 100, "CNY", "en")
    for number in range(1, 100):
        yield f"c/{number:02}", f"and {money_words(number, 'CNY', 'en')}"
    for word in ("minus", "and", "hundred", "thousand", "million", "billion", "trillion", "quadrillion"):
        yield f"u/{word}", word
    for word in ("thousand", "million", "billion", "trillion"):
        yield f"u/{word}-and", f"{word} and"
    yield "u/thousand-yuan", "thousand yuan"
    yield "u/million-yuan", "million yuan"
    units = {}
    for names in NAMES["en"].values():
        units.update(dict.fromkeys((names.major.one, names.major.many)))
        if names.minor is not None:
            units.update(dict.fromkeys((names.minor.one, names.minor.many)))
    for unit in units:
        yield f"u/{unit.lower().replace(' ', '-')}", unit


def _dates_en() -> Iterator[tuple[str, str]]:
    yield from _plain("en")
    yield "u/hundred", "hundred"
    yield "u/oh", "oh"
    yield "u/and", "and"
    for one in _ONES:
        yield f"h/{one}", number_words(one * 100, "en")
        yield f"ha/{one}", f"{number_words(one * 100, 'en')} and"
        yield f"k/{one}", number_words(one * 1000, "en")
        yield f"t/{one}000-and", f"{number_words(one * 1000, 'en')} and"
    for year in YEARS:
        yield f"t/{year}", _year(year)
    for month in range(1, 13):
        yield f"t/m{month:02}", _day_and_month(1, month).rpartition(" ")[2]
    for day in range(1, 32):
        yield f"t/d{day:02}", _day_and_month(day, 1).rpartition(" ")[0]


def _day_and_month(day: int, month: int) -> str:
    return date_words(datetime.date(2024, month, day), "en", with_year=False)


def _year(year: int) -> str:
    return date_words(datetime.date(year, 1, 1), "en").removeprefix("the first of January ")
