"""Chance comes through here: ids, codes, references."""

from __future__ import annotations

from typing import Protocol


class Randomness(Protocol):
    """Makes what nobody may guess."""

    def token(self) -> str:
        """Answer a new id of at least 128 random bits, safe in a URL and in a log."""
        ...

    def digits(self, count: int) -> str:
        """Answer ``count`` random digits, each equally likely."""
        ...

    def urlsafe(self, count: int) -> str:
        """Answer ``count`` random bytes as text, for a secret that is given to somebody."""
        ...
