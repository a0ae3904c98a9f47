"""A core client whose operations answer as a conversation file tells them to (``given: bank:``)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from core_client.operations import REGISTRY, UNAUTHENTICATED
from core_client.services.call import Arrival, OperationCall, OperationResult
from core_client.services.client import CoreClient
from core_client.testing.faulty_bank import Fault, FaultyBank

ALL = "*"


@dataclass(frozen=True, slots=True)
class Told:
    """What an operation was told: to take ``slow_s``, and to answer ``outcome`` (None: as it really does)."""

    outcome: str | None = None
    reason: str | None = None
    slow_s: float = 0.0


class ScriptedCore:
    """Stands before a :class:`CoreClient`. What was told nothing goes through untouched.

    ``transfers.authorise: unknown`` loses the ledger's reply after the effect, as a real core does, so that the
    intent really is in that state and ``bank unknown list`` shows it.
    """

    def __init__(
        self,
        core: CoreClient,
        bank: FaultyBank | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._core = core
        self._bank = bank
        self._sleep = sleep
        self._told: dict[str, Told] = {}

    def tell(self, operation: str, outcome: str | None = None, reason: str | None = None, slow_s: float = 0.0) -> None:
        """Tell an operation, or ``*`` for all, how to answer from now on.

        Raises:
            ValueError: there is no such operation, or it has no such outcome.
        """
        if operation != ALL and operation not in REGISTRY:
            raise ValueError(f"there is no operation '{operation}'; the registry has {', '.join(REGISTRY)}")
        if operation != ALL and outcome not in (None, UNAUTHENTICATED, *REGISTRY[operation].outcomes):
            raise ValueError(f"{operation} never answers '{outcome}'; it has {', '.join(REGISTRY[operation].outcomes)}")
        if operation == "transfers.authorise" and outcome == "unknown" and self._bank is not None:
            self._bank.faults["post"] = Fault.LOST_REPLY
            outcome = None
        self._told[operation] = Told(outcome, reason, slow_s)

    async def arrive(self, channel: str, number: str | None) -> Arrival:
        """As the real one."""
        return await self._core.arrive(channel, number)

    async def leave(self, auth_session_id: str) -> None:
        """As the real one."""
        await self._core.leave(auth_session_id)

    async def perform(self, call: OperationCall) -> OperationResult:
        """Answer as told, else as the real one."""
        told = self._told.get(call.operation) or self._told.get(ALL)
        if told is None:
            return await self._core.perform(call)
        if told.slow_s:
            await self._sleep(told.slow_s)
        if told.outcome is None:
            return await self._core.perform(call)
        return OperationResult(told.outcome, reason=told.reason)
