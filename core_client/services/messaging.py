"""What whoever sends texts asks of the bank: may this number get this one."""

from __future__ import annotations

import asyncio

import structlog

from core_client.domain.consents import Consent
from core_client.domain.sims import Sim
from core_client.services.call import OperationResult, Ports, Request, ok, refused

_log = structlog.get_logger()


class Messaging:
    """customer.missed_call_balance, and the bank's word on numbers that texts are sent to."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def missed_call_balance(self, request: Request, on: bool) -> OperationResult:
        """Switch the balance after a missed call on or off, for the registered line that this call or text came from.

        A customer who calls from another line cannot: a text with a balance would go to whoever's it is.
        """
        ports, session = self._ports, request.session
        number = ports.profile.missed_call_number
        if session.line is None or session.party is None or session.customer_id is None:
            return refused("number_not_registered")
        owner = await ports.registry.customer_by_line(session.line)
        if owner is None or owner.id != session.customer_id:
            return refused("number_not_registered")
        if on and not number:
            return refused("not_permitted")
        audit = request.audit("missed_call_balance.on" if on else "missed_call_balance.off", f"party:{session.party}")
        consent = Consent.MISSED_CALL_BALANCE
        await ports.consents.set(consent, session.party, owner.id, on, request.now, audit)
        return ok(number=number)

    async def wants_missed_call_balance(self, number: str) -> bool:
        """Answer whether a call from ``number`` (E.164) is answered by a text with the balance.

        Raises:
            BankError: the bank does not answer.
        """
        owner = await self._ports.registry.customer_by_line(number)
        if owner is None:
            return False
        party = self._ports.keyed.party(number)
        return await self._ports.consents.given(Consent.MISSED_CALL_BALANCE, party, owner.id)

    async def has_stopped(self, number: str) -> bool:
        """Answer whether a number (E.164) said STOP, registered or not.

        Raises:
            BankError: the bank does not answer: then nobody knows.
        """
        return await self._ports.registry.messages_stopped(self._ports.keyed.party(number))

    async def sim_of(self, number: str) -> Sim:
        """Answer how fresh a number's SIM is. A signal that is late, or fails, is not known."""
        policy = self._ports.profile.sims
        try:
            async with asyncio.timeout(policy.deadline_s):
                hours = await self._ports.sim_swaps.hours_since_swap(number)
        except Exception as error:  # noqa: BLE001 - whatever a carrier's signal raises, it is no word on the SIM
            _log.warning("sim_signal.failed", error=type(error).__name__)
            return Sim.UNKNOWN
        return policy.judge(hours)

    async def may_have_code(self, number: str) -> bool:
        """Answer whether a one-time code may be sent to a number (E.164)."""
        return self._ports.profile.sims.lets_through(await self.sim_of(number))
