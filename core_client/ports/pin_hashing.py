"""Hashing of PINs: slow on purpose, so off the event loop and a bounded number at a time."""

from __future__ import annotations

from typing import Protocol

from core_client.domain.secret import Secret


class PinHashing(Protocol):
    """Hashes and checks PINs with a pepper that is not in the database."""

    async def hashed(self, subject: str, pin: Secret) -> str:
        """Answer the hash to store. It is bound to ``subject``: moved to another row it fits no PIN."""
        ...

    async def fits(self, subject: str, pin: Secret, pin_hash: str | None) -> bool:
        """Check a PIN; against None it takes the same time and never fits.

        Raises:
            Unavailable: too many wait already; nothing was checked.
        """
        ...

    def admit(self) -> None:
        """Ask whether one more check finds a place, before its slot of the counter is taken.

        Raises:
            Unavailable: too many wait already.
        """
        ...
