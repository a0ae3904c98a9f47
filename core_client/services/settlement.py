"""From authorised to a last word: hold, post, and what follows when an answer is missing or a process died.

A last word is only what the ledger said. Anything else is ``unknown``, stays stored as such, and leaves that state by
asking the ledger, never by time.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from core_client.domain.audit import AuditRecord
from core_client.domain.limits import LimitProfile
from core_client.domain.transfers import IN_FLIGHT, Intent, Purpose, TransferState
from core_client.errors import BankError, Declined, IntentConflict, OutcomeUnknown, Unavailable
from core_client.ports.core_bank import HoldState, Posting
from core_client.ports.intents import Authorisation
from core_client.services.call import Ports

_log = structlog.get_logger()
Auditor = Callable[..., AuditRecord]


@dataclass(frozen=True, slots=True)
class Word:
    """What is known of an intent after carrying it out."""

    outcome: str  # ok, held, refused, unknown, down
    posting: Posting | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """An intent whose last word came late: the customer was told ``unknown``, or nothing, and waits for it."""

    intent: Intent
    outcome: str  # ok, held, refused, reversed, unknown
    reference: str | None = None


class Settlement:
    """Carries authorised intents out, and looks after those that a crash or a silence left behind."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def take(
        self, intent_id: str, customer: int, request_id: str, now: datetime.datetime, limits: LimitProfile,
        audit: AuditRecord, held_as: str | None = None,
    ) -> Authorisation | None:  # fmt: skip
        """Take the authorisation; None when nobody can say whether it was taken."""
        try:
            return await self._ports.intents.authorise(intent_id, customer, request_id, now, limits, audit, held_as)
        except OutcomeUnknown:
            return None

    async def carry_out(self, intent: Intent, audit: Auditor, *, again: bool = False) -> Word:
        """Hold an authorised intent, and post it once it cannot be called off any more.

        ``again``: whoever died over it may have sent the order, and it may still be on its way. So what is refused now
        is voided in the ledger too, or that order would hold the money for ever.
        """
        give_up = self._let_go if again else self._void
        try:
            await self._ports.bank.hold(intent.order())
        except (Declined, IntentConflict) as error:
            reason = error.reason if isinstance(error, Declined) else "intent_spent"
            if isinstance(error, Declined) and reason == "intent_spent":  # it was voided first: nothing was carried out
                reason = "intent_expired"
            return await give_up(intent, audit, Word("refused", reason=reason))
        except Unavailable:
            return await give_up(intent, audit, Word("down"))
        except Exception as error:  # noqa: BLE001 - an order is out: whatever happened here, it may have been heard
            return await self._unknown(intent, audit, error)
        self._ports.checkpoint("hold.placed")
        await self._note(intent, TransferState.HELD, audit("intent.held", f"intent:{intent.id}"))
        self._ports.checkpoint("intent.held")
        if self.may_be_cancelled(intent) or intent.purpose is Purpose.CASH:
            return Word("held")
        return await self._post(intent, audit)

    async def collect(self, intent: Intent, audit: Auditor) -> Word:
        """Book what is held for a cash machine, which asks for it now."""
        return await self._post(intent, audit)

    def may_be_cancelled(self, intent: Intent) -> bool:
        """Answer whether an authorised intent still waits for its customer to think again."""
        return intent.cancel_until is not None and self._ports.clock.now() < intent.cancel_until

    async def call_off(self, intent: Intent, audit: Auditor) -> None:
        """Void an authorised intent whose customer thought again. The ledger says whether it was in time.

        Raises:
            Declined: it is booked by now.
            BankError: nobody can say; whoever asks again, or waits, is told.
        """
        self._ports.checkpoint("intent.cancelling")
        await self._ports.bank.void(intent.id)
        self._ports.checkpoint("hold.released")
        record = audit("intent.cancelled", f"intent:{intent.id}")
        await self._ports.intents.advance(intent.id, TransferState.VOIDED, record)
        self._ports.checkpoint("intent.voided")

    async def _post(self, intent: Intent, audit: Auditor) -> Word:
        try:
            posting = await self._ports.bank.post(intent.id)
        except Declined as error:
            return await self._let_go(intent, audit, Word("refused", reason=error.reason))
        except Unavailable:
            return await self._let_go(intent, audit, Word("down"))
        except Exception as error:  # noqa: BLE001 - as above
            return await self._unknown(intent, audit, error)
        self._ports.checkpoint("transfer.posted")
        record = audit("intent.posted", f"intent:{intent.id}", reference=posting.reference)
        await self._note(intent, TransferState.POSTED, record, posting.reference)
        self._ports.checkpoint("intent.posted")
        return Word("ok", posting)

    async def _note(
        self, intent: Intent, state: TransferState, record: AuditRecord, reference: str | None = None
    ) -> None:
        """Write down where an intent is. The ledger's word stands without it; :meth:`recover` writes it again."""
        try:
            await self._ports.intents.advance(intent.id, state, record, reference)
        except BankError as error:
            _log.warning("intent.not_noted", intent_id=intent.id, state=state.value, error=type(error).__name__)

    async def _void(self, intent: Intent, audit: Auditor, word: Word) -> Word:
        """Nothing was held. Say so only when it is written down: else a recovery would carry the intent out."""
        record = audit("intent.voided", f"intent:{intent.id}", reason=word.reason or word.outcome)
        try:
            await self._ports.intents.advance(intent.id, TransferState.VOIDED, record)
        except BankError as error:
            return await self._unknown(intent, audit, error)
        return word

    async def _let_go(self, intent: Intent, audit: Auditor, word: Word) -> Word:
        """Something is held that will not be posted: let it go, and only then say so."""
        try:
            await self._ports.bank.void(intent.id)
        except BankError as error:
            return await self._unknown(intent, audit, error)
        return await self._void(intent, audit, word)

    async def _unknown(self, intent: Intent, audit: Auditor, error: Exception) -> Word:
        _log.warning("intent.became_unknown", intent_id=intent.id, error=type(error).__name__)
        record = audit("intent.became_unknown", f"intent:{intent.id}", error=type(error).__name__)
        await self._note(intent, TransferState.UNKNOWN, record)
        return Word("unknown")

    # --- after a crash or a silence ---

    async def recover(self, older_than_s: float = 0) -> Sequence[Resolved]:
        """Bring every intent in flight to a last word by asking the ledger.

        What was authorised less than an intent's life ago is carried on: the customer ordered it and heard no
        refusal. What is older is voided: by now they may have sent it another way. Safe to run beside live calls, on
        several nodes at once: each intent is held and posted once, whoever asks.
        """
        resolved = []
        now = self._ports.clock.now()
        before = now - datetime.timedelta(seconds=older_than_s)
        for intent in await self._ports.intents.in_states(IN_FLIGHT):
            if intent.authorised_at is not None and before < intent.authorised_at <= now:
                continue  # one of the future is not young: somebody has set the clock back
            if intent.state is not TransferState.AUTHORISED and self.may_be_cancelled(intent):
                continue
            try:
                resolved.append(await self.resolve(intent, "system"))
            except Exception as error:  # noqa: BLE001 - one that fails keeps no other from its last word
                _log.warning("intent.not_recovered", intent_id=intent.id, error=type(error).__name__)
                resolved.append(Resolved(intent, "unknown"))
        await self._expire()
        return resolved

    async def _expire(self) -> None:
        now = self._ports.clock.now()
        try:
            await self._ports.intents.expire(now, AuditRecord(now, "system", "intents.expired", "intents:prepared"))
        except BankError as error:  # what was resolved is told; these are not authorised any more, whatever is written
            _log.warning("intents.not_expired", error=type(error).__name__)

    async def resolve(self, intent: Intent, actor: str) -> Resolved:
        """Ask the ledger about one intent and write its word down, carrying on what is young enough."""

        def audit(action: str, subject: str, **detail: str | int | bool) -> AuditRecord:
            return AuditRecord(self._ports.clock.now(), actor, action, subject, detail)

        state, posting = await self._ports.bank.query(intent.id)
        if state is HoldState.REVERSED and posting is not None:
            return await self._note_reversed(intent, audit, posting)
        if state is HoldState.POSTED and posting is not None:
            record = audit("intent.posted", f"intent:{intent.id}", reference=posting.reference)
            await self._ports.intents.advance(intent.id, TransferState.POSTED, record, posting.reference)
            return Resolved(intent, "ok", posting.reference)
        if state is HoldState.HELD and self.may_be_cancelled(intent):
            await self._note(intent, TransferState.HELD, audit("intent.held", f"intent:{intent.id}"))
            return Resolved(intent, "held")
        if intent.purpose is Purpose.CASH:  # only a machine that asks has it booked: without one it is let go
            word = await self._let_go(intent, audit, Word("refused"))
        elif (
            state in (HoldState.NONE, HoldState.HELD) and self._is_young(intent) and not self._was_silent(intent, state)
        ):
            again = state is HoldState.NONE
            word = await (self.carry_out(intent, audit, again=True) if again else self._post(intent, audit))
        else:
            word = await self._let_go(intent, audit, Word("refused"))
        return Resolved(intent, word.outcome, word.posting.reference if word.posting else None)

    async def _note_reversed(self, intent: Intent, audit: Auditor, posting: Posting) -> Resolved:
        """Somebody booked it back before anybody here knew that it was booked."""
        for action, state in (("intent.posted", TransferState.POSTED), ("intent.reversed", TransferState.REVERSED)):
            record = audit(action, f"intent:{intent.id}", reference=posting.reference)
            await self._ports.intents.advance(intent.id, state, record, posting.reference)
        return Resolved(intent, "reversed", posting.reference)

    def _is_young(self, intent: Intent) -> bool:
        at = intent.cancel_until or intent.authorised_at
        return at is not None and self._ports.clock.now() < at + self._ports.profile.intent_life

    @staticmethod
    def _was_silent(intent: Intent, state: HoldState) -> bool:
        """An order that was sent and is not in the ledger may still be on its way: it is voided, never sent again."""
        return intent.state is TransferState.UNKNOWN and state is HoldState.NONE
