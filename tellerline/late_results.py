"""Brings transfers without a last word to one, and texts it: whoever was told "we will text you" is texted."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from core_client.adapters.embedded import EmbeddedBank
from core_client.adapters.together import raise_if_cancelled
from core_client.services.settlement import Resolved
from flows.dialogue import Prompt, Say, SayDigits, SayMoney, SayName
from flows.prompts import (
    EARLIER_TRANSFER,
    EARLIER_TRANSFER_DONE,
    EARLIER_TRANSFER_NOT_MADE,
    EARLIER_TRANSFER_TO,
)
from flows.vault import Vault
from flows.words import text_for
from sms.gateway import SmsGateway
from sounds.catalogue import Catalogue

IN_PROGRESS_S = 60  # a transfer younger than this is still being carried out by its call

_log = structlog.get_logger("tellerline.late_results")


@dataclass(frozen=True, slots=True)
class LateResults:
    """Asks the ledger about transfers in flight; ``texting`` is None on a line without SMS."""

    bank: EmbeddedBank
    catalogue: Catalogue
    texting: SmsGateway | None
    vault: Vault

    async def watch(self, every_s: float, left_behind: Sequence[Resolved] = ()) -> None:
        """Tell what a crash left behind, then look now and then, until cancelled.

        What fails is logged and tried again: it never ends the line. The bank answers a result once, so whoever could
        not be texted is remembered here.
        """
        owed = deque(left_behind)
        while True:
            raise_if_cancelled()
            await self._tell_owed(owed)
            await asyncio.sleep(every_s)
            try:
                owed += await self.bank.client.recover(IN_PROGRESS_S)
            except Exception as error:  # noqa: BLE001 - another look may go well
                _log.warning("late_results.not_looked_at", error=type(error).__name__)

    async def _tell_owed(self, owed: deque[Resolved]) -> None:
        for _ in range(len(owed)):
            resolved = owed.popleft()
            try:
                await self.tell([resolved])
            except Exception as error:  # noqa: BLE001 - the others are told now, this one at the next look
                _log.warning("late_results.not_told", intent_id=resolved.intent.id, error=type(error).__name__)
                owed.append(resolved)

    async def tell(self, results: Sequence[Resolved]) -> None:
        """Text each result that is a last word to the number that the customer registered first."""
        for resolved in results:
            _log.info("intent.resolved", intent_id=resolved.intent.id, outcome=resolved.outcome)
            if resolved.outcome in ("ok", "refused"):
                await self._text(resolved)

    async def _text(self, resolved: Resolved) -> None:
        intent, registry = resolved.intent, self.bank.ports.registry
        lines = await registry.lines_of(intent.customer_id)
        customer = await registry.customer(intent.customer_id)
        if self.texting is None or not lines or customer is None:
            _log.warning("late_results.nobody_to_text", intent_id=intent.id)
            return
        say = said_of(resolved, customer.language or self.catalogue.languages[0])
        text = text_for(say, self.catalogue, self.vault.open)
        await self.texting.send(lines[0], text, f"late-result-{intent.id}")


def said_of(resolved: Resolved, language: str) -> Say:
    """Answer what a customer is told of a transfer whose result came late."""
    intent = resolved.intent
    begun = (Prompt(EARLIER_TRANSFER), SayMoney(intent.amount), Prompt(EARLIER_TRANSFER_TO), SayName(intent.payee_name))
    if resolved.outcome == "ok" and resolved.reference is not None:
        return Say((*begun, Prompt(EARLIER_TRANSFER_DONE), SayDigits(resolved.reference)), language)
    return Say((*begun, Prompt(EARLIER_TRANSFER_NOT_MADE)), language)
