"""What a client of the face may do: look, move money, take a booking back. Who is given nothing may look."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, TypeAlias

from core_client.adapters.gsma.error_objects import ErrorObject
from tellerline.bank_face.calls import FaceError
from tellerline.bank_face.specification import Operation

Scope: TypeAlias = Literal["read", "transfer", "reverse"]
LEAST: tuple[Scope, ...] = ("read",)
_REVERSALS = "transactionsTransactionReferenceReversalsPOST"
# Nothing of a customer is seen by these: the bank is there, and what this client itself has asked.
_OWN = frozenset({"heartbeatGET", "requeststatesServerCorrelationIdGET", "responsesClientCorrelationIdGET"})
_MOVES_NOTHING = frozenset({"quotationsPOST"})


def needed(operation: Operation) -> Scope | None:
    """Answer the scope that an operation needs; None: whoever has a token may."""
    if operation.id in _OWN:
        return None
    if operation.id == _REVERSALS:
        return "reverse"
    return "read" if operation.method == "GET" or operation.id in _MOVES_NOTHING else "transfer"


def check(operation: Operation, given: Iterable[Scope]) -> None:
    """Let a client through that may.

    Raises:
        FaceError: it may not; nothing was looked at, and no correlation id is used up.
    """
    scope = needed(operation)
    if scope is not None and scope not in given:
        why = f"this client has no scope {scope}"
        raise FaceError(ErrorObject(400, "authorisation", "requestingPartyAuthorisationError", why))


class Rates:
    """Lets each client ask so often a second, and as much again in one burst."""

    def __init__(self, per_s: float, now: Callable[[], float]) -> None:
        self._per_s = per_s
        self._most = max(1.0, per_s)
        self._now = now
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, client: str) -> int | None:
        """Take one request from what a client has left; when there is none, answer in how many seconds there is."""
        now = self._now()
        left, at = self._left.get(client, (self._most, now))
        left = min(self._most, left + (now - at) * self._per_s)
        taken = left >= 1
        self._left[client] = (left - 1 if taken else left, now)
        return None if taken else math.ceil((1 - left) / self._per_s)


Scopes: TypeAlias = Mapping[str, tuple[Scope, ...]]
