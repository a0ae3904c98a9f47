"""Texts as an SMSC brings them: a command of the flow, or a code."""

from __future__ import annotations

import re

from flows.commands import CARD_NUMBER_DIGITS, MAX_COMMAND_CHARACTERS, Command, match, normalise

__all__ = ["CARD_NUMBER_DIGITS", "MAX_COMMAND_CHARACTERS", "Command", "match", "normalise", "six_digits"]

_CODE = re.compile(r"\d{6}")


def six_digits(text: str) -> str | None:
    """Answer the digits when ``text`` is nothing but six of them, however spaced: "123 456", "１２３４５６"."""
    digits = re.sub(r"[\s-]", "", normalise(text))
    return digits if digits.isascii() and _CODE.fullmatch(digits) else None
