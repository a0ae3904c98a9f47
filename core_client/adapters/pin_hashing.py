"""argon2id with a pepper, in a few threads of its own (OWASP Password Storage: m=19456 KiB, t=2, p=1)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core_client.domain.secret import Secret
from core_client.errors import Unavailable

P = ParamSpec("P")
T = TypeVar("T")

SALT_BYTES = 32
MAX_WAITING = 256  # checks in the queue: at 25 a second and core, ten seconds of them; more would outwait any caller


@dataclass(frozen=True, slots=True)
class PinCost:
    """What one hash costs. Anything below the default belongs in tests only."""

    memory_kib: int = 19_456
    passes: int = 2
    lanes: int = 1


class Argon2Pins:
    """:class:`~core_client.ports.pin_hashing.PinHashing` by argon2-cffi, which lets go of the interpreter meanwhile."""

    def __init__(self, pepper: bytes, cost: PinCost = PinCost(), threads: int = 2) -> None:
        self._pepper = pepper
        self._hasher = PasswordHasher(
            time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=cost.lanes, salt_len=SALT_BYTES
        )
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="bank-pin")
        self._waiting = 0
        # Checked against for who does not exist: as slow as any other, and its preimage is nobody's.
        self._nobody = self._hasher.hash(hmac.digest(pepper, b"nobody", hashlib.sha256))

    def __repr__(self) -> str:
        return "Argon2Pins(***)"

    def _peppered(self, subject: str, pin: Secret) -> bytes:
        keyed = hmac.digest(self._pepper, f"pin\x1f{subject}\x1f{pin.reveal()}".encode(), hashlib.sha256)
        return base64.b64encode(keyed)

    def admit(self) -> None:
        """Ask whether one more check finds a place."""
        if self._waiting >= MAX_WAITING:
            raise Unavailable(f"{MAX_WAITING} PINs wait to be checked already")

    async def hashed(self, subject: str, pin: Secret) -> str:
        """Answer the hash to store."""
        return await self._in_thread(self._hasher.hash, self._peppered(subject, pin))

    async def fits(self, subject: str, pin: Secret, pin_hash: str | None) -> bool:
        """Check a PIN; against None it takes the same time and never fits."""
        self.admit()
        fits = await self._in_thread(self._verify, pin_hash or self._nobody, self._peppered(subject, pin))
        return fits and pin_hash is not None

    def _verify(self, pin_hash: str, peppered: bytes) -> bool:
        try:
            return self._hasher.verify(pin_hash, peppered)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_thread(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: work(*arguments, **named))
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Finish what is being checked."""
        self._threads.shutdown(wait=True)
