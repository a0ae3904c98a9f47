"""The PIN and the one-time codes: counted before they are checked, checked off the loop, never told apart."""

from __future__ import annotations

from dataclasses import replace

from core_client.domain.payees import REQUEST_PREFIX, PayeeRequest
from core_client.domain.pins import CODE_DIGITS, SlotKind
from core_client.domain.secret import Secret
from core_client.domain.sims import Sim
from core_client.domain.transfers import Intent, TransferState
from core_client.errors import Unavailable
from core_client.ports.intents import CodeCheck, Intents
from core_client.ports.payees import PayeeRequests
from core_client.services.call import OK, OperationResult, Ports, Request, ok, refused
from core_client.services.messaging import Messaging

_LOCKED = OperationResult("locked")
_WAIT = OperationResult("wait")
_EXPIRED = OperationResult("expired")


class Factors:
    """auth.verify_pin, auth.issue_code, auth.verify_code."""

    def __init__(self, ports: Ports, messaging: Messaging) -> None:
        self._ports = ports
        self._messaging = messaging

    async def verify_pin(self, request: Request, pin: Secret) -> OperationResult:
        """Check the service PIN.

        The slot is taken first, in SQL; so of fifty guesses at once at most five reach the hash, on
        however many nodes. Who does not exist is hashed for all the same.
        """
        ports, session = self._ports, request.session
        subject = session.subject
        if subject is None:
            raise Unavailable("a session without a claim came past the security check")
        ports.pins.admit()
        attempt = await ports.credentials.take_slot(subject, session.customer_id, request.now, delayed=True)
        if attempt.kind is not SlotKind.TAKEN:
            return _LOCKED if attempt.kind is SlotKind.LOCKED else _WAIT
        if not await ports.pins.fits(subject, pin, attempt.pin_hash):
            audit = request.audit("pin.refused", f"subject:{subject}")
            failures = await ports.credentials.settle_wrong(subject, ports.clock.now(), audit)
            return _LOCKED if failures >= ports.profile.attempts.limit else refused()
        await ports.credentials.settle_right_pin(subject, request.audit("pin.accepted", f"subject:{subject}"))
        await ports.auth_sessions.put(replace(session, pin_at=request.now))
        return OK

    async def issue_code(self, request: Request, intent: str) -> OperationResult:
        """Make the code that confirms one intent, or a payee. An older one is void; failures stay counted.

        None is made for a line whose SIM is fresh: who swapped it would read the code. What is said then names no
        reason; the intent stays as it is, and lapses.
        """
        ports = self._ports
        if await self.is_locked(request):
            return _LOCKED
        found = await self._prepared(request, intent)
        if found is None:
            return refused("request_spent" if _is_payee_s(intent) else "intent_spent")
        if request.now >= found.expires_at:
            return refused("request_expired" if _is_payee_s(intent) else "intent_expired")
        line = request.session.line
        sim = Sim.UNKNOWN if line is None else await self._messaging.sim_of(line)
        if not ports.profile.sims.lets_through(sim):
            await ports.audit.append(request.audit("code.not_issued", f"intent:{intent}", sim=sim.value))
            return refused("sim_fresh")
        code = Secret(ports.randomness.digits(CODE_DIGITS))
        expires_at = min(found.expires_at, request.now + ports.profile.code_life)
        audit = request.audit("code.issued", f"intent:{intent}", sim=sim.value)
        await self._store_of(intent).set_code(intent, ports.keyed.code(code, found.binding()), expires_at, audit)
        return ok(code=code)

    async def verify_code(self, request: Request, intent: str, code: Secret) -> OperationResult:
        """Check an intent's code. A failure counts with the PIN's; success gives back its own slot and no other."""
        ports, session = self._ports, request.session
        subject = session.subject
        found = await self._store_of(intent).get(intent)
        if subject is None or found is None or found.customer_id != session.customer_id:
            return _EXPIRED
        attempt = await ports.credentials.take_slot(subject, session.customer_id, request.now, delayed=False)
        if attempt.kind is not SlotKind.TAKEN:
            return _LOCKED if attempt.kind is SlotKind.LOCKED else OperationResult("down")
        mac = ports.keyed.code(code, found.binding())
        check = await self._store_of(intent).use_code(intent, mac, request.id, request.now)
        if check is CodeCheck.WRONG:
            audit = request.audit("code.refused", f"intent:{intent}")
            failures = await ports.credentials.settle_wrong(subject, ports.clock.now(), audit)
            return _LOCKED if failures >= ports.profile.attempts.limit else refused()
        audit = request.audit(f"code.{'accepted' if check is CodeCheck.RIGHT else 'expired'}", f"intent:{intent}")
        await ports.credentials.settle_right_code(subject, audit)
        if check is CodeCheck.EXPIRED:
            return _EXPIRED
        await ports.auth_sessions.put(replace(session, code_intent=intent, code_at=request.now))
        return OK

    async def is_locked(self, request: Request) -> bool:
        """Answer whether five failures have locked whoever this is. Asked of SQL each time: a lock is never stale."""
        subject = request.session.subject
        if subject is None:
            return False
        return await self._ports.credentials.failures(subject) >= self._ports.profile.attempts.limit

    async def _prepared(self, request: Request, intent_id: str) -> Intent | PayeeRequest | None:
        found = await self._store_of(intent_id).get(intent_id)
        if found is None or found.customer_id != request.session.customer_id:
            return None
        return found if found.state.value == TransferState.PREPARED.value else None

    def _store_of(self, intent_id: str) -> Intents | PayeeRequests:
        """Answer where it is kept: a code confirms a transfer, or a payee that comes or goes."""
        return self._ports.payee_requests if _is_payee_s(intent_id) else self._ports.intents


def _is_payee_s(intent_id: str) -> bool:
    return intent_id.startswith(REQUEST_PREFIX)
