"""Brings transfers without a last word to one, and texts it: whoever was told "we will text you" is texted.

Who is owed a text stands in the store (:mod:`core_client.services.telling`), whichever way the last word came: from
the ledger after a silence, at the end of the time to call it off, from a person at the command line, by a reversal.
So nothing is forgotten with a process, and what another process decided is texted here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from core_client.adapters.embedded import EmbeddedBank
from core_client.adapters.together import raise_if_cancelled
from core_client.domain.audit import AuditRecord
from core_client.domain.transfers import LAST_WORDS, Intent, TransferState
from core_client.services.settlement import Resolved
from flows.dialogue import Prompt, Say, SayDigits, SayMoney, SayName
from flows.prompts import (
    EARLIER_TRANSFER,
    EARLIER_TRANSFER_DONE,
    EARLIER_TRANSFER_NOT_MADE,
    EARLIER_TRANSFER_REVERSED,
    EARLIER_TRANSFER_TO,
)
from flows.vault import Vault
from flows.words import text_for
from sms.gateway import SmsGateway
from sounds.catalogue import Catalogue

IN_PROGRESS_S = 60  # a transfer younger than this is still being carried out, and told, by its call or text

_log = structlog.get_logger("tellerline.late_results")


@dataclass(frozen=True, slots=True)
class LateResults:
    """Asks the ledger about transfers in flight; ``texting`` is None on a line without SMS."""

    bank: EmbeddedBank
    catalogue: Catalogue
    texting: SmsGateway | None
    vault: Vault
    _failed: set[str] = field(default_factory=set)  # intents whose text failed: tried again however young they are

    async def watch(self, every_s: float, left_behind: Sequence[Resolved] = ()) -> None:
        """Tell what a crash left behind, then look now and then, until cancelled.

        What fails is logged and tried again: it never ends the line.
        """
        await self.tell(left_behind)
        while True:
            raise_if_cancelled()
            await self.look()
            await asyncio.sleep(every_s)

    async def look(self) -> None:
        """Bring what is old enough to its last word, and text whoever is owed one."""
        try:
            await self.tell(await self.bank.client.recover(IN_PROGRESS_S))
        except Exception as error:  # noqa: BLE001 - another look may go well, and others are owed a text meanwhile
            _log.warning("late_results.not_looked_at", error=type(error).__name__)
        try:
            await self._tell_owed()
        except Exception as error:  # noqa: BLE001 - as above
            _log.warning("late_results.not_looked_at", error=type(error).__name__)

    async def tell(self, results: Sequence[Resolved]) -> None:
        """Text each result that is a last word; what fails is left to the next look."""
        for resolved in results:
            _log.info("intent.resolved", intent_id=resolved.intent.id, outcome=resolved.outcome)
            if resolved.outcome in ("ok", "refused", "reversed"):
                await self._try(resolved.intent.id)

    async def _tell_owed(self) -> None:
        if self.texting is None:
            return
        for intent_id in sorted(self._failed):
            await self._try(intent_id)
        for intent in await self.bank.client.telling.owed(IN_PROGRESS_S):
            if intent.id not in self._failed:
                await self._try(intent.id)

    async def _try(self, intent_id: str) -> None:
        try:
            await self._text(intent_id)
            self._failed.discard(intent_id)
        except Exception as error:  # noqa: BLE001 - the others are told now, this one at the next look
            _log.warning("late_results.not_told", intent_id=intent_id, error=type(error).__name__)
            self._failed.add(intent_id)

    async def _text(self, intent_id: str) -> None:
        """Text what became of an intent to the number that its customer registered first, unless they know."""
        ports = self.bank.ports
        intent = await ports.intents.get(intent_id)
        if intent is None or intent.told_at is not None or intent.state not in LAST_WORDS:
            return
        if self.texting is None:
            _log.warning("late_results.no_texts_here", intent_id=intent_id)
            return
        lines = await ports.registry.lines_of(intent.customer_id)
        customer = await ports.registry.customer(intent.customer_id)
        if not lines or customer is None:
            _log.warning("late_results.nobody_to_text", intent_id=intent_id)
            record = AuditRecord(ports.clock.now(), "system", "intent.nobody_to_text", f"intent:{intent_id}")
            await ports.audit.append(record)
        else:
            text = text_for(
                said_of(intent, customer.language or self.catalogue.languages[0]), self.catalogue, self.vault.open
            )
            await self.texting.send(lines[0], text, name_of(intent))
        ports.checkpoint("result.texted")
        await self.bank.client.telling.texted(intent)


def name_of(intent: Intent) -> str:
    """Answer the name of the text about an intent: under one name the gateway sends one text, whoever asks."""
    return f"late-result-{intent.id}{'-reversed' if intent.state is TransferState.REVERSED else ''}"


def said_of(intent: Intent, language: str) -> Say:
    """Answer what a customer is told of a transfer whose result came late."""
    begun = (Prompt(EARLIER_TRANSFER), SayMoney(intent.amount), Prompt(EARLIER_TRANSFER_TO), SayName(intent.payee_name))
    if intent.state is TransferState.VOIDED or intent.reference is None:
        return Say((*begun, Prompt(EARLIER_TRANSFER_NOT_MADE)), language)
    word = EARLIER_TRANSFER_REVERSED if intent.state is TransferState.REVERSED else EARLIER_TRANSFER_DONE
    return Say((*begun, Prompt(word), SayDigits(intent.reference)), language)
