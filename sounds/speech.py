"""Values as clips: amounts, numbers, digits and dates from recorded fragments, no text-to-speech at call time.

A value is put into words once (:mod:`sounds.words`), and its words are covered with the largest clips that there are
(:mod:`sounds.inventory`): joined, the clips' texts are those words, for any value. Both are remembered, since the
same amounts, account ends and days come back in every call.
"""

from __future__ import annotations

import datetime
from functools import cache, lru_cache

from sounds.errors import SpeechError
from sounds.inventory import PAUSE, by_text, fragments
from sounds.words import LANGUAGES, date_words, digits_words, money_words, number_words
from sounds.written import date_text, money_text, number_text

__all__ = [
    "LANGUAGES",
    "date_fragments",
    "date_text",
    "date_words",
    "digits_fragments",
    "digits_words",
    "fragment_text",
    "joined_text",
    "money_fragments",
    "money_text",
    "money_words",
    "number_fragments",
    "number_text",
    "number_words",
]

DIGITS_IN_A_BREATH = 4  # longer rows of digits are read in groups, as card and account numbers are printed
_CACHED_ROWS = 8_192


def money_fragments(amount_minor: int, currency: str, lang: str) -> list[str]:
    """Answer the clips that say an amount: ``zh/w/1``, ``zh/k/2``, ``zh/h/3``, ``zh/y/45``, ``zh/c/67``.

    Raises:
        SpeechError: beyond any amount, or a currency or language without a voice.
    """
    return list(_money(amount_minor, currency, lang))


def number_fragments(number: int, lang: str) -> list[str]:
    """Answer the clips that say a whole number.

    Raises:
        SpeechError: beyond any number that is spoken, or no such language.
    """
    return list(_number(number, lang))


def digits_fragments(digits: str, lang: str) -> list[str]:
    """Answer the clips that say digits one by one, in pairs, with a pause after every fourth.

    Nothing of it is remembered: digits may be a code.

    Raises:
        SpeechError: something in ``digits`` is no digit, or no such language.
    """
    clips: list[str] = []
    for start in range(0, len(digits), DIGITS_IN_A_BREATH):
        if clips:
            clips.append(f"{lang}/{PAUSE}")
        clips += _cover(digits_words(digits[start : start + DIGITS_IN_A_BREATH], lang), lang, "digits")
    return clips


def date_fragments(date: datetime.date, lang: str, *, with_year: bool = True) -> list[str]:
    """Answer the clips that say a date."""
    return list(_date(date, lang, with_year))


def fragment_text(audio_id: str) -> str | None:
    """Answer what the clip ``zh/n/23`` says; None when it is no fragment (a prompt, a name)."""
    lang, _, name = audio_id.partition("/")
    return fragments(lang).get(name) if lang in LANGUAGES else None


def joined_text(audio_ids: list[str]) -> str:
    """Answer what a row of fragments says.

    Raises:
        SpeechError: one of them is no fragment.
    """
    texts = []
    for audio_id in audio_ids:
        text = fragment_text(audio_id)
        if text is None:
            raise SpeechError(f"'{audio_id}' is no fragment")
        texts.append(text)
    between = "" if audio_ids and audio_ids[0].startswith("zh/") else " "
    return between.join(text for text in texts if text)


@lru_cache(_CACHED_ROWS)
def _money(amount_minor: int, currency: str, lang: str) -> tuple[str, ...]:
    return tuple(_cover(money_words(amount_minor, currency, lang), lang, "number"))


@lru_cache(_CACHED_ROWS)
def _number(number: int, lang: str) -> tuple[str, ...]:
    return tuple(_cover(number_words(number, lang), lang, "number"))


@lru_cache(_CACHED_ROWS)
def _date(date: datetime.date, lang: str, with_year: bool) -> tuple[str, ...]:
    return tuple(_cover(date_words(date, lang, with_year=with_year), lang, "date"))


def _tokens(words: str, lang: str) -> list[str]:
    return list(words) if lang == "zh" else words.split(" ")


@cache
def _longest(lang: str, kind: str) -> int:
    return max(len(_tokens(text, lang)) for text in by_text(lang, kind))


def _cover(words: str, lang: str, kind: str) -> list[str]:
    """Cut ``words`` into the longest clips there are, from the left."""
    clips, longest, between = by_text(lang, kind), _longest(lang, kind), "" if lang == "zh" else " "
    tokens = _tokens(words, lang)
    row: list[str] = []
    start = 0
    while start < len(tokens):
        for end in range(min(start + longest, len(tokens)), start, -1):
            name = clips.get(between.join(tokens[start:end]))
            if name is not None:
                row.append(f"{lang}/{name}")
                start = end
                break
        else:
            raise SpeechError(f"no clip says '{tokens[start]}' ({kind}, {lang})")
    return row
