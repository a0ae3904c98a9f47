"""Where secrets wait between the key that was pressed and the operation that needs it: process memory, one use.

A Session, a Turn and a store only ever hold a :class:`SecretHandle`. When the node dies, so do its secrets; the
engine asks for them again.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from core_client.domain.secret import Secret
from core_client.domain.values import SecretHandle
from flows.errors import SecretLost

KEEP_S = 900.0  # longer than any wait for an answer (a code's ten minutes), short enough that nothing gathers
MAX_SECRETS = 100_000  # far above the calls of one node; beyond it the oldest go first


class Vault:
    """Keeps secrets in memory behind handles that open once."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, keep_s: float = KEEP_S) -> None:
        self._monotonic = monotonic
        self._keep_s = keep_s
        self._kept: dict[str, tuple[float, Secret]] = {}  # insertion order is age order

    def __len__(self) -> int:
        return len(self._kept)

    def __repr__(self) -> str:
        return f"Vault({len(self._kept)} kept)"

    def keep(self, secret: Secret) -> SecretHandle:
        """Keep ``secret`` and answer the handle that opens it once."""
        now = self._monotonic()
        self._drop_old(now)
        handle = secrets.token_urlsafe(12)
        self._kept[handle] = (now + self._keep_s, secret)
        return SecretHandle(handle)

    def open(self, handle: SecretHandle) -> Secret:
        """Answer the secret and forget it.

        Raises:
            SecretLost: there is none behind this handle, or no longer.
        """
        kept = self._kept.pop(handle.handle, None)
        if kept is None or kept[0] < self._monotonic():
            raise SecretLost("no secret behind this handle: ask for it again")
        return kept[1]

    def forget(self, handle: SecretHandle) -> None:
        """Drop the secret behind ``handle``, if it is still here."""
        self._kept.pop(handle.handle, None)

    def _drop_old(self, now: float) -> None:
        while self._kept:
            oldest = next(iter(self._kept))
            if self._kept[oldest][0] >= now and len(self._kept) < MAX_SECRETS:
                return
            del self._kept[oldest]
