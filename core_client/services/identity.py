"""Who is it: the line's number, a keyed customer number, and what is remembered of either."""

from __future__ import annotations

from dataclasses import replace

from core_client.domain.filling import quick
from core_client.errors import Unavailable
from core_client.operations import Security
from core_client.ports.auth_sessions import AuthSession
from core_client.services.call import OK, Arrival, OperationResult, Ports, Request

_session = quick(AuthSession)
_arrival = quick(Arrival)


class Identity:
    """Arrivals, claims, language and STOP."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def arrive(self, channel: str, number: str | None) -> Arrival:
        """Begin an auth session. With the bank out of reach nobody is identified, and every operation says ``down``."""
        ports = self._ports
        session_id = ports.randomness.token()
        try:
            customer = None if number is None else await ports.registry.customer_by_line(number)
        except Unavailable:
            return Arrival(session_id, identified=False, language=None, customer_name=None)
        session = _session(
            session_id,
            channel,
            None if number is None else ports.keyed.party(number),
            customer is not None,
            None if customer is None else customer.id,
            None if customer is None else ports.keyed.subject(customer.number),
            None if customer is None else customer.language,
            None,
            None,
            None,
            number,
            None if customer is None else customer.bars,
        )
        try:
            if channel == "sms":  # most texts are answered at once, and then nobody asks for it again
                ports.auth_sessions.hold(session)
            else:
                await ports.auth_sessions.put(session)
        except Unavailable:
            return Arrival(session_id, identified=False, language=session.language, customer_name=None)
        name = None if customer is None else customer.name
        return _arrival(session_id, session.identified, session.language, name)

    async def claim(self, request: Request, customer: str) -> OperationResult:
        """Name a customer. Whether there is such a one shows in nothing: not in words, steps or rows."""
        found = await self._ports.registry.customer_by_number(customer)
        subject = self._ports.keyed.subject(customer)
        claimed = request.session.claimed(None if found is None else found.id, subject)
        await self._ports.auth_sessions.put(claimed)
        return OK

    async def set_language(self, request: Request, language: str) -> OperationResult:
        """Remember a language: for the customer when it is them, else for this session only."""
        session = request.session
        if session.customer_id is not None and request.level >= Security.IDENTIFIED:
            audit = request.audit("customer.language_set", f"customer:{session.customer_id}", language=language)
            await self._ports.registry.set_language(session.customer_id, language, audit)
        await self._ports.auth_sessions.put(replace(session, language=language))
        return OK

    async def stop_messages(self, request: Request, stopped: bool) -> OperationResult:
        """Remember STOP or START of a line, registered or not."""
        party = request.session.party
        if party is not None:
            audit = request.audit("messages.stopped" if stopped else "messages.started", f"party:{party}")
            await self._ports.registry.set_messages_stopped(party, stopped, request.now, audit)
        return OK
