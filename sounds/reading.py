"""What a row of clips says, read back into the value: how a test compares what was heard with what the bank knows.

It shares nothing with :mod:`sounds.words` but the clips' texts and the units' names: a second pair of ears. A row
that the bank could not have said is refused, never guessed.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence

from sounds.currency import NAMES, exponent_of
from sounds.errors import ReadingError
from sounds.inventory import fragments
from sounds.words import LANGUAGES

_ZH_DIGITS = {letter: value for value, letter in enumerate("零一二三四五六七八九")} | {"两": 2, "幺": 1}
_ZH_UNITS = {"十": 10, "百": 100, "千": 1000}
_ZH_NUMBER = "[零一二两三四五六七八九十百千万亿]+"


def _listed(words: str) -> list[str]:
    return words.split()


_EN_SMALL = _listed(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_EN_TENS_NAMES = _listed("twenty thirty forty fifty sixty seventy eighty ninety")
_EN_TENS = {name: 10 * place for place, name in enumerate(_EN_TENS_NAMES, 2)}
_EN_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "quadrillion": 10**15}
_EN_MONTHS = _listed("january february march april may june july august september october november december")
_EN_ORDINALS = _listed(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth"
)


def read_money(audio_ids: Sequence[str], currency: str = "CNY") -> tuple[int, str]:
    """Read an amount: minor units and currency.

    Args:
        audio_ids: the clips, in the order heard.
        currency: whose cents they are when only cents are said and several currencies call theirs so.

    Raises:
        ReadingError: the clips say no amount.
    """
    lang, words = _words(audio_ids)
    negative, words = _signed(words, lang)
    for known, names in NAMES[lang].items():
        majors = {names.major.one, names.major.many}
        amount = _major_and_rest(words, majors, lang)
        if amount is not None:
            whole, rest = amount
            minor = whole * 10 ** exponent_of(known) + (_cents(rest, known, lang, after_major=True) if rest else 0)
            return (-minor if negative else minor), known
    fitting = []
    for known in NAMES[lang]:
        try:
            fitting.append((_cents(words, known, lang, after_major=False), known))
        except ReadingError:
            continue
    chosen = [pair for pair in fitting if pair[1] == currency] or fitting
    if len(chosen) != 1:
        raise ReadingError(f"'{words}' is no amount" if not chosen else f"'{words}' are cents of which currency?")
    return (-chosen[0][0] if negative else chosen[0][0]), chosen[0][1]


def read_number(audio_ids: Sequence[str]) -> int:
    """Read a whole number.

    Raises:
        ReadingError: the clips say no number.
    """
    lang, words = _words(audio_ids)
    negative, words = _signed(words, lang)
    number = _number(words, lang)
    return -number if negative else number


def read_digits(audio_ids: Sequence[str]) -> str:
    """Read digits said one by one.

    Raises:
        ReadingError: the clips say something else.
    """
    lang, words = _words(audio_ids)
    try:
        if lang == "zh":
            return "".join(str(_ZH_DIGITS[letter]) for letter in words)
        return "".join(str(_EN_SMALL[:10].index(word)) for word in words.split())
    except (KeyError, ValueError):
        raise ReadingError(f"'{words}' is no row of digits") from None


def read_date(audio_ids: Sequence[str], year: int | None = None) -> datetime.date:
    """Read a date; ``year`` is the one meant when none is said.

    Raises:
        ReadingError: the clips say no date.
    """
    lang, words = _words(audio_ids)
    said, month, day = _date_zh(words) if lang == "zh" else _date_en(words)
    if (meant := year if said is None else said) is None:
        raise ReadingError(f"'{words}' says no year")
    try:
        return datetime.date(meant, month, day)
    except ValueError:
        raise ReadingError(f"'{words}' is no day of the calendar") from None


def _words(audio_ids: Sequence[str]) -> tuple[str, str]:
    languages = {audio_id.partition("/")[0] for audio_id in audio_ids}
    if len(languages) != 1 or (lang := languages.pop()) not in LANGUAGES:
        raise ReadingError("a value is said in one language, by one clip at least")
    texts = []
    for audio_id in audio_ids:
        text = fragments(lang).get(audio_id.partition("/")[2])
        if text is None:
            raise ReadingError(f"'{audio_id}' says no part of a value")
        texts.append(text)
    return lang, ("" if lang == "zh" else " ").join(text for text in texts if text)


def _signed(words: str, lang: str) -> tuple[bool, str]:
    sign = "负" if lang == "zh" else "minus "
    return words.startswith(sign), words.removeprefix(sign)


def _number(words: str, lang: str) -> int:
    return _number_zh(words) if lang == "zh" else _number_en(words.split())


# --- Chinese -----------------------------------------------------------------------------------------------------


def _number_zh(words: str) -> int:
    """Read digits and units; units fall within a group, groups fall within the number, 亿 may stand twice."""
    if words == "零":
        return 0
    total = group = 0
    digit: int | None = None
    last_unit, last_group = 10**4, 10**8
    for letter in words:
        if letter in _ZH_UNITS:
            unit = _ZH_UNITS[letter]
            if unit >= last_unit or (digit is None and (unit != 10 or group or total)):
                raise ReadingError(f"'{words}' is no number: '{letter}' cannot stand there")
            group, digit, last_unit = group + (1 if digit is None else digit) * unit, None, unit
        elif letter == "万":
            group += digit or 0
            if not group or last_group <= 10**4:
                raise ReadingError(f"'{words}' is no number: nothing counts the 万")
            total, group, digit, last_unit, last_group = total + group * 10**4, 0, None, 10**4, 10**4
        elif letter == "亿":
            total = (total + group + (digit or 0)) * 10**8
            if not total:
                raise ReadingError(f"'{words}' is no number: nothing counts the 亿")
            group, digit, last_unit, last_group = 0, None, 10**4, 10**8
        elif letter == "零":
            if digit is not None or not (total or group):
                raise ReadingError(f"'{words}' is no number: 零 cannot stand there")
        elif letter in _ZH_DIGITS and digit is None and last_unit > 1:
            digit = _ZH_DIGITS[letter]
        else:
            raise ReadingError(f"'{words}' is no number: '{letter}' cannot stand there")
    if words.endswith("零") or not words:
        raise ReadingError(f"'{words}' is no number")
    return total + group + (digit or 0)


def _date_zh(words: str) -> tuple[int | None, int, int]:
    match = re.fullmatch(f"(?:([零一二三四五六七八九]+)年)?({_ZH_NUMBER})月({_ZH_NUMBER})日", words)
    if match is None:
        raise ReadingError(f"'{words}' is no date")
    year, month, day = match.groups()
    said = int("".join(str(_ZH_DIGITS[letter]) for letter in year)) if year else None
    return said, _number_zh(month), _number_zh(day)


# --- English -----------------------------------------------------------------------------------------------------


def _number_en(words: Sequence[str]) -> int:
    """Read groups of hundreds, tens and ones, each with a smaller scale than the one before."""
    if list(words) == ["zero"]:
        return 0
    total, group, last_scale = 0, list[str](), 10**18
    for word in words:
        scale = _EN_SCALES.get(word)
        if scale is None:
            group.append(word)
            continue
        if scale >= last_scale:
            raise ReadingError(f"'{' '.join(words)}' is no number: '{word}' cannot stand there")
        total, group, last_scale = total + _below_thousand(group, words) * scale, [], scale
    return total + (_below_thousand(group, words, after=bool(total)) if group or not total else 0)


def _below_thousand(group: Sequence[str], words: Sequence[str], *, after: bool = False) -> int:
    rest = list(group)
    hundreds = 0
    if len(rest) >= 2 and rest[1] == "hundred" and rest[0] in _EN_SMALL[1:10]:
        hundreds = _EN_SMALL.index(rest[0]) * 100
        rest = rest[2:]
        if not rest:
            return hundreds
        if rest[0] != "and":
            raise ReadingError(f"'{' '.join(words)}' is no number: 'and' is missing")
    if rest[:1] == ["and"] and (hundreds or after):
        rest = rest[1:]
    if len(rest) != 1 or (small := _below_hundred(rest[0])) is None:
        raise ReadingError(f"'{' '.join(words)}' is no number")
    return hundreds + small


def _below_hundred(word: str) -> int | None:
    tens, _, ones = word.partition("-")
    if ones:
        return _EN_TENS[tens] + _EN_SMALL.index(ones) if tens in _EN_TENS and ones in _EN_SMALL[1:10] else None
    if word in _EN_SMALL[1:]:
        return _EN_SMALL.index(word)
    return _EN_TENS.get(word)


def _date_en(words: str) -> tuple[int | None, int, int]:
    match = re.fullmatch(r"the (\S+) of (\S+)(?: (.+))?", words.lower())
    if match is None or match[2] not in _EN_MONTHS:
        raise ReadingError(f"'{words}' is no date")
    tens, _, ones = match[1].rpartition("-")
    ordinals = {**{name: place for place, name in enumerate(_EN_ORDINALS, 1)}, "twentieth": 20, "thirtieth": 30}
    if ones not in ordinals or (tens and tens not in _EN_TENS):
        raise ReadingError(f"'{words}' is no date")
    day = (_EN_TENS[tens] if tens else 0) + ordinals[ones]
    return (_year_en(match[3].split()) if match[3] else None), _EN_MONTHS.index(match[2]) + 1, day


def _year_en(words: Sequence[str]) -> int:
    century = _below_hundred(words[0])
    match list(words[1:]):
        case ["hundred"] if century is not None and century >= 10:
            return century * 100
        case ["oh", last] if century is not None and century >= 10 and last in _EN_SMALL[1:10]:
            return century * 100 + _EN_SMALL.index(last)
        case [last] if century is not None and century >= 10 and (_below_hundred(last) or 0) >= 10:
            return century * 100 + (_below_hundred(last) or 0)
        case _:
            return _number_en(words)


# --- money -------------------------------------------------------------------------------------------------------


def _major_and_rest(words: str, majors: set[str], lang: str) -> tuple[int, str] | None:
    for unit in sorted(majors, key=len, reverse=True):
        if lang == "zh":
            match = re.fullmatch(f"({_ZH_NUMBER}){unit}(.*)", words)
        else:
            match = re.fullmatch(rf"(.+?) {unit}(?: and (.+))?", words)
        if match is None:
            continue
        try:
            return _number(match[1], lang), match[2] or ""
        except ReadingError:
            continue
    return None


def _cents(words: str, currency: str, lang: str, *, after_major: bool) -> int:
    names = NAMES[lang][currency]
    if names.minor is None:
        raise ReadingError(f"'{words}': {currency} has no cents")
    if lang == "en":
        match = re.fullmatch(rf"(.+) ({names.minor.one}|{names.minor.many})", words)
        cents = _number_en(match[1].split()) if match else 0
    else:
        cents = _cents_zh(words, names.minor.many, names.tenth, after_major=after_major)
    if not 0 < cents < 100:
        raise ReadingError(f"'{words}' is no count of cents of {currency}")
    return cents


def _cents_zh(words: str, minor: str, tenth: str | None, *, after_major: bool) -> int:
    if tenth is not None:
        match = re.fullmatch(f"(?:(零)|([一二两三四五六七八九]){tenth})?(?:([一二两三四五六七八九]){minor})?", words)
        if match is None or not words:
            return 0
        gap, tenths, rest = match.groups()
        if bool(gap) != (after_major and tenths is None) or (gap and rest is None):
            return 0
        return 10 * _ZH_DIGITS.get(tenths, 0) + _ZH_DIGITS.get(rest, 0)
    match = re.fullmatch(f"(零)?({_ZH_NUMBER}){minor}", words)
    if match is None:
        return 0
    cents = _number_zh(match[2])
    return cents if bool(match[1]) == (after_major and cents < 10) else 0
