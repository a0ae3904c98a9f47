"""Values as a text message writes them: figures, grouped, with the currency where the language puts it."""

from __future__ import annotations

import datetime

from sounds.currency import NAMES, exponent_of

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def money_text(amount_minor: int, currency: str, lang: str) -> str:
    """Answer ``12,345.67 CNY``, or 12,345.67元 in Chinese. Any currency can be written."""
    digits = exponent_of(currency)
    whole, part = divmod(abs(amount_minor), 10**digits)
    figure = f"{'-' if amount_minor < 0 else ''}{whole:,}" + (f".{part:0{digits}d}" if digits else "")
    if lang == "zh":
        names = NAMES["zh"].get(currency)
        return f"{figure}{names.major.many}" if names else f"{figure} {currency}"
    return f"{figure} {currency}"


def date_text(date: datetime.date, lang: str, *, with_year: bool = True) -> str:
    """Answer ``5 Mar 2026``, or 2026年3月5日 in Chinese."""
    if lang == "zh":
        return f"{f'{date.year}年' if with_year else ''}{date.month}月{date.day}日"
    return f"{date.day} {_MONTHS[date.month - 1]}" + (f" {date.year}" if with_year else "")


def number_text(number: int) -> str:
    """Answer ``12,345``."""
    return f"{number:,}"
