"""Asking to be called back, by phone or by text; and what the staff do with such a request."""

from __future__ import annotations

import re
from collections.abc import Sequence

from core_client.domain.audit import AuditRecord
from core_client.domain.callbacks import Callback, CallbackNote, CallbackState, may_be_called
from core_client.errors import BankError, InvariantBroken
from core_client.operations import Security
from core_client.services.call import OperationResult, Ports, Request, ok, refused

DEFAULT_QUEUE = "callbacks"
MAX_LISTED = 500
MAX_OUTCOME = 200  # characters of what staff write when they close one
_REFERENCE_DIGITS = 8
_TRIES = 5  # for a reference that nobody has: of a hundred million, two in a row are another's once in an age
_QUEUE = re.compile(r"[\w.-]{1,32}")
_WAITING = frozenset({CallbackState.OPEN, CallbackState.TAKEN})


class CallbackError(BankError):
    """What was asked of a callback cannot be done; the message says why and what can."""


class CallbackRequests:
    """service.request_callback."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def request(
        self,
        request: Request,
        number: str | None = None,
        queue: str | None = None,
        about: str | None = None,
        recording: str | None = None,
        seconds: int | None = None,
    ) -> OperationResult:
        """Ask for a call. One open request for a number and a queue: asking again answers the same reference."""
        ports, session = self._ports, request.session
        wanted = number or session.line
        if wanted is None or not may_be_called(wanted):
            return refused("number_invalid")
        queue = queue or DEFAULT_QUEUE
        if not _QUEUE.fullmatch(queue) or (seconds is not None and seconds < 0):
            return refused("not_permitted")
        policy = ports.profile.callbacks
        identified = request.level >= Security.IDENTIFIED
        for _ in range(_TRIES):
            reference = ports.randomness.digits(_REFERENCE_DIGITS)
            callback = Callback(
                reference=reference,
                number=wanted,
                queue=queue,
                channel=request.channel,
                asked_by=session.party,
                customer_id=session.customer_id if identified else None,  # who only keyed a number is nobody yet
                language=session.language,
                asked_at=request.now,
                due=policy.due(ports.profile.limits.local(request.now)),
                notes=(CallbackNote(request.id, request.now, about, recording, seconds),),
            )
            audit = request.audit("callback.asked", f"callback:{reference}", queue=queue, due=str(callback.due))
            stands = await ports.callbacks.ask(callback, policy.most_open_per_line, audit)
            if stands is not None:
                return ok(reference=stands.reference, due=stands.due)
        raise InvariantBroken(f"{_TRIES} references in a row were another's")


class CallbackDesk:
    """What the staff do with the requests. Every change, and every look at a number, is audited under their name."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def waiting(self, queue: str | None = None, limit: int = MAX_LISTED) -> Sequence[Callback]:
        """Answer those that nobody has closed, the earliest due first."""
        return await self._ports.callbacks.in_states(_WAITING, queue, limit)

    async def closed(self, queue: str | None = None, limit: int = MAX_LISTED) -> Sequence[Callback]:
        """Answer those that are closed."""
        return await self._ports.callbacks.in_states(frozenset({CallbackState.CLOSED}), queue, limit)

    async def show(self, reference: str, operator: str) -> Callback:
        """Answer one with its whole number: that somebody looked is written down first.

        Raises:
            CallbackError: there is none.
        """
        found = await self._ports.callbacks.get(reference)
        if found is None:
            raise _unknown(reference)
        await self._ports.audit.append(self._record(operator, "callback.shown", reference))
        return found

    async def take(self, reference: str, operator: str) -> Callback:
        """Take one, so that nobody else calls too.

        Raises:
            CallbackError: there is none, somebody else has it, or it is closed.
        """
        record = self._record(operator, "callback.taken", reference)
        taken = await self._ports.callbacks.take(reference, operator, self._ports.clock.now(), record)
        if taken is None:
            raise await self._why_not(reference)
        return taken

    async def close(self, reference: str, operator: str, outcome: str = "") -> Callback:
        """Close one: the customer was called, or need not be.

        Raises:
            CallbackError: there is none, or it is closed.
        """
        record = self._record(operator, "callback.closed", reference)
        at = self._ports.clock.now()
        closed = await self._ports.callbacks.close(reference, operator, outcome[:MAX_OUTCOME], at, record)
        if closed is None:
            raise await self._why_not(reference)
        return closed

    async def _why_not(self, reference: str) -> CallbackError:
        found = await self._ports.callbacks.get(reference)
        if found is None:
            return _unknown(reference)
        if found.state is CallbackState.CLOSED:
            return CallbackError(f"callback {reference} was closed by {found.closed_by}: nothing is left to do")
        return CallbackError(f"{found.taken_by} has callback {reference}: they call, or close it")

    def _record(self, operator: str, action: str, reference: str) -> AuditRecord:
        return AuditRecord(self._ports.clock.now(), f"cli:{operator}", action, f"callback:{reference}")


def _unknown(reference: str) -> CallbackError:
    return CallbackError(f"there is no callback '{reference}': `tellerline bank callbacks list` shows those that wait")
