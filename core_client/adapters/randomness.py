"""Chance from the operating system."""

from __future__ import annotations

import secrets


class SystemRandomness:
    """Draws from the operating system's generator."""

    def token(self) -> str:
        """Answer 128 random bits in hex."""
        return secrets.token_hex(16)

    def digits(self, count: int) -> str:
        """Answer ``count`` random digits."""
        return f"{secrets.randbelow(10**count):0{count}d}"

    def urlsafe(self, count: int) -> str:
        """Answer ``count`` random bytes as text."""
        return secrets.token_urlsafe(count)
