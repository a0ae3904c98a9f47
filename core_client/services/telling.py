"""Who was told a last word, written down: what nobody was told is owed, and texted by whoever looks next.

A word counts as told once a channel took it: not when it was found out. A caller who hung up meanwhile, a process
that died before it spoke, an order that outlived its wait are all the same here: nobody was told.
"""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import structlog

from core_client.domain.secret import Secret
from core_client.domain.transfers import Intent, TransferState
from core_client.domain.values import Value
from core_client.errors import BankError
from core_client.services.call import OperationResult, Ports

MOST_AT_ONCE = 100  # owed texts that one look takes on
_log = structlog.get_logger()
_SAID: Mapping[tuple[str, str], TransferState] = MappingProxyType(
    {
        ("transfers.authorise", "ok"): TransferState.POSTED,
        ("transfers.authorise", "refused"): TransferState.VOIDED,
        ("transfers.authorise", "down"): TransferState.VOIDED,
        ("transfers.cancel", "ok"): TransferState.VOIDED,
        ("cash.order", "refused"): TransferState.VOIDED,
        ("cash.order", "down"): TransferState.VOIDED,
    }
)


class Telling:
    """Notes what was told, many words in one write, and answers who is owed one."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._told: dict[str, TransferState] = {}
        self._writing: asyncio.Task[None] | None = None

    def heard(self, operation: str, arguments: Mapping[str, Value | Secret], result: OperationResult) -> None:
        """Note that a channel took an operation's answer. What it does not say in full is not told."""
        state = _SAID.get((operation, result.outcome))
        intent = arguments.get("intent")
        if state is None or not isinstance(intent, str) or "cancel_minutes" in result.answer:
            return
        if result.reason == "intent_spent":  # says nothing of the money: another request has it
            return
        self._told[intent] = state
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write(), name="bank:telling")

    async def drain(self) -> None:
        """Wait until everything is written down."""
        while self._writing is not None and not self._writing.done():
            await asyncio.wait((self._writing,))

    async def _write(self) -> None:
        """Write down what came together, and what comes meanwhile."""
        while self._told:
            told, self._told = self._told, {}
            try:
                await self._ports.intents.told(told, self._ports.clock.now())
            except BankError as error:  # they are texted it a second time: better than never
                _log.warning("intents.told_not_noted", count=len(told), error=type(error).__name__)

    async def owed(self, in_progress_s: float) -> Sequence[Intent]:
        """Answer whose transfers have a last word that nobody was told, the oldest first, ``MOST_AT_ONCE`` at most.

        Args:
            in_progress_s: an order younger than this is still being told by its own call or text.
        """
        before = self._ports.clock.now() - datetime.timedelta(seconds=in_progress_s)
        return await self._ports.intents.owed(before, MOST_AT_ONCE)

    async def texted(self, intent: Intent) -> None:
        """Note that a customer was texted what became of an intent, as it stood then."""
        await self._ports.intents.told({intent.id: intent.state}, self._ports.clock.now())
