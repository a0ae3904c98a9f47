"""Booking a transfer back, under four eyes: what was booked stays in the books, and a second journal undoes it."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from core_client.domain.audit import AuditRecord
from core_client.domain.reversals import MAX_REASON, Reversal, ReversalState
from core_client.domain.staff import Person, Role
from core_client.domain.transfers import Intent, TransferState
from core_client.errors import BankError, Declined
from core_client.services.admin import NotFoundError
from core_client.services.call import Ports
from core_client.services.settlement import Resolved
from core_client.services.staff import StaffError

_log = structlog.get_logger()


class ReversalDesk:
    """An operator asks for a reversal, an approver who is somebody else approves it. Each was proven before."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def ask(self, intent_id: str, person: Person, reason: str) -> Reversal:
        """Ask for a booked transfer to be booked back.

        Raises:
            NotFoundError: there is no such intent.
            StaffError: the person asks for none, or gave no reason.
            Declined: it is not booked, or booked back already.
        """
        _needs(person, Role.OPERATOR, "asks for a reversal")
        if not reason.strip():
            raise StaffError("a reversal needs a reason: the customer and the auditor will ask for it")
        intent = await self._intent(intent_id)
        if intent.state is not TransferState.POSTED:
            raise Declined("not_permitted", f"intent {intent_id} is {intent.state}: only what is posted is reversed")
        asked = Reversal(intent_id, ReversalState.ASKED, reason[:MAX_REASON], person.name, self._ports.clock.now())
        record = self._record(person.name, "reversal.asked", intent_id, reason=asked.reason)
        return await self._ports.reversals.ask(asked, record)

    async def waiting(self) -> Sequence[tuple[Reversal, Intent]]:
        """Answer the requests that wait for somebody's approval, oldest first, each with its transfer."""
        waiting = await self._ports.reversals.in_state(ReversalState.ASKED)
        return [(one, await self._intent(one.intent_id)) for one in waiting]

    async def approve(self, intent_id: str, person: Person) -> Resolved:
        """Approve a request of somebody else's and book the transfer back.

        Raises:
            StaffError: no request waits, or it is the person's own.
            Declined: the payee has spent the money; the request is refused.
            Unavailable: the bank does not answer; it is carried on by itself.
            OutcomeUnknown: as Unavailable.
        """
        _needs(person, Role.APPROVER, "approves a reversal")
        found = await self._waiting(intent_id)
        if found.asked_by == person.name:
            raise StaffError(f"{person.name} asked for this reversal: somebody else has to approve it")
        record = self._record(person.name, "reversal.approved", intent_id, asked_by=found.asked_by)
        now = self._ports.clock.now()
        if await self._ports.reversals.decide(intent_id, ReversalState.APPROVED, person.name, now, record) is None:
            raise StaffError(f"the reversal of intent {intent_id} was decided by somebody else meanwhile")
        self._ports.checkpoint("intent.reversing")
        return await self._carry_out(intent_id, person.name)

    async def refuse(self, intent_id: str, person: Person) -> Reversal:
        """Refuse a request, or take one's own back.

        Raises:
            StaffError: none waits, or it is somebody else's and the person approves nothing.
        """
        found = await self._waiting(intent_id)
        if found.asked_by != person.name:
            _needs(person, Role.APPROVER, "refuses somebody else's reversal")
        record = self._record(person.name, "reversal.refused", intent_id, asked_by=found.asked_by)
        now = self._ports.clock.now()
        refused = await self._ports.reversals.decide(intent_id, ReversalState.REFUSED, person.name, now, record)
        if refused is None:
            raise StaffError(f"the reversal of intent {intent_id} was decided by somebody else meanwhile")
        return refused

    async def carry_on(self) -> Sequence[Resolved]:
        """Carry out what was approved and not done: its process died, or the bank did not answer."""
        done = []
        for reversal in await self._ports.reversals.in_state(ReversalState.APPROVED):
            try:
                done.append(await self._carry_out(reversal.intent_id, reversal.decided_by or "system"))
            except BankError as error:
                _log.warning("reversal.not_done", intent_id=reversal.intent_id, error=type(error).__name__)
        return done

    async def _carry_out(self, intent_id: str, by: str) -> Resolved:
        ports = self._ports
        try:
            posting = await ports.bank.reverse(intent_id)
        except Declined as declined:
            record = self._record(by, "reversal.declined", intent_id, reason=declined.reason)
            await ports.reversals.settle(intent_id, ReversalState.REFUSED, record)
            raise
        ports.checkpoint("transfer.reversed")
        record = self._record(by, "intent.reversed", intent_id, reference=posting.reference)
        reversed_ = await ports.intents.advance(intent_id, TransferState.REVERSED, record)
        ports.checkpoint("intent.reversed")
        done = self._record(by, "reversal.done", intent_id, reference=posting.reference)
        await ports.reversals.settle(intent_id, ReversalState.DONE, done)
        return Resolved(reversed_, "reversed", posting.reference)

    async def _waiting(self, intent_id: str) -> Reversal:
        found = await self._ports.reversals.get(intent_id)
        if found is None or found.state is not ReversalState.ASKED:
            raise StaffError(f"no reversal of intent {intent_id} waits: `tellerline bank reversal list` shows those")
        return found

    async def _intent(self, intent_id: str) -> Intent:
        found = await self._ports.intents.get(intent_id)
        if found is None:
            raise NotFoundError(f"there is no intent '{intent_id}'")
        return found

    def _record(self, by: str, action: str, intent_id: str, **detail: str) -> AuditRecord:
        return AuditRecord(self._ports.clock.now(), f"cli:{by}", action, f"intent:{intent_id}", detail)


def _needs(person: Person, role: Role, does: str) -> None:
    if not person.has(role):
        raise StaffError(f"{person.name} is no {role}: an {role} {does}")
