"""Whose account a number is: to check a payee's name before money goes to it."""

from __future__ import annotations

from typing import Protocol


class Holders(Protocol):
    """Knows the names of those who hold accounts here."""

    async def name_of(self, account_number: str) -> str | None:
        """Answer the holder's name; None when no customer here has that account.

        Raises:
            Unavailable: whoever knows does not answer.
        """
        ...
