"""Cards: blocked at once, without a PIN, because blocking harms less than a thief; unblocked by people only."""

from __future__ import annotations

from core_client.domain.customers import CardState
from core_client.domain.service_requests import RequestKind
from core_client.operations import Security
from core_client.services.accounts import customer_of
from core_client.services.call import OperationResult, Ports, Request, ok, refused
from core_client.services.service_requests import RequestsOfCustomers

_REFERENCE_DIGITS = 8
_END_DIGITS = 4
_NOBODY = -1


class Cards:
    """cards.block, cards.request_unblock."""

    def __init__(self, ports: Ports, requests: RequestsOfCustomers) -> None:
        self._ports = ports
        self._requests = requests

    async def block(self, request: Request, last4: str | None = None) -> OperationResult:
        """Block a card.

        From a strange line with nothing but a keyed customer number the answer is the same whether customer and card
        exist or not: the caller says the card's end, and hears it back with a reference.
        """
        reference = self._ports.randomness.digits(_REFERENCE_DIGITS)
        if last4 is not None:
            last4 = last4[-_END_DIGITS:]  # whoever sends a whole card number means its end; nothing keeps the rest
        if request.level < Security.IDENTIFIED:
            return await self._for_a_claim(request, last4, reference)
        customer = customer_of(request)
        if last4 is None:
            cards = await self._ports.registry.cards(customer)
            active = [card for card in cards if card.state is CardState.ACTIVE]
            choice = active or cards
            if len(choice) != 1:
                return refused("card_unknown")
            last4 = choice[0].last4
        audit = request.audit("card.block_asked", f"customer:{customer}", last4=last4, reference=reference)
        blocked = await self._ports.registry.block_cards(customer, last4, reference, request.now, audit)
        if not blocked:
            return refused("card_unknown")
        return ok(last4=blocked[0].last4, reference=blocked[0].reference or reference)

    async def request_unblock(self, request: Request, last4: str | None = None) -> OperationResult:
        """Ask people to unblock a card; they check who it is first. Without ``last4``: the only one that is blocked."""
        cards = await self._ports.registry.cards(customer_of(request))
        if last4 is not None:
            cards = [card for card in cards if card.last4 == last4[-_END_DIGITS:]]
            if not cards:
                return refused("card_unknown")
        blocked = [card for card in cards if card.state is CardState.BLOCKED]
        if len(blocked) != 1:
            return refused("card_unknown" if blocked else "card_not_blocked")
        stands = await self._requests.ask(request, RequestKind.CARD_UNBLOCK, {"last4": blocked[0].last4})
        return ok(last4=blocked[0].last4, reference=stands.reference, due=stands.due)

    async def _for_a_claim(self, request: Request, last4: str | None, reference: str) -> OperationResult:
        if last4 is None:
            return refused("card_unknown")
        session = request.session
        customer = _NOBODY if session.customer_id is None else session.customer_id
        audit = request.audit("card.block_claimed", f"subject:{session.subject}", last4=last4, reference=reference)
        await self._ports.registry.block_cards(customer, last4, reference, request.now, audit)
        return ok(last4=last4, reference=reference)
