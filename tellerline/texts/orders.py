"""What staff ordered of texts that wait, as the node that has them obeys: a judge before people's rules."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import structlog

from core_client.adapters.together import raise_if_cancelled
from sms.messages import Outgoing
from sms.people.verdicts import Reason, Refuse, Verdict, Wait
from tellerline.texts.shelf import Order, What

LOOK_S = 1.0  # how often the orders are read
HELD_S = 5.0  # a text that is held is judged again so much later

_log = structlog.get_logger("sms.orders")


class Judge(Protocol):
    """What is needed of :class:`sms.people.manners.Manners`."""

    async def judge(self, outgoing: Outgoing, now: float) -> Verdict:
        """See ``Manners.judge``."""
        ...


class Obedient:
    """Does what staff ordered, else what people's rules say. Answers are never judged, and so never held."""

    def __init__(self, judge: Judge, orders: Callable[[], Awaitable[Mapping[str, Order]]]) -> None:
        """Make one; ``orders`` reads them (:meth:`tellerline.texts.shelf.Shelf.orders`)."""
        self._judge = judge
        self._read = orders
        self._orders: Mapping[str, Order] = {}

    async def judge(self, outgoing: Outgoing, now: float) -> Verdict:
        """Say what becomes of a text now."""
        order = self._orders.get(outgoing.id)
        if order is None:
            return await self._judge.judge(outgoing, now)
        if order.what is What.HOLD:
            return Wait(now + HELD_S, "held")
        return Refuse(Reason.GIVEN_UP, f"by {order.by}")

    async def watch(self) -> None:
        """Read the orders again and again, until cancelled."""
        while True:
            raise_if_cancelled()
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Read the orders once; what was known stays where the store does not answer."""
        try:
            self._orders = await self._read()
        except Exception as error:  # noqa: BLE001 - whatever the client says, the next look may go well
            _log.warning("sms.orders_unread", error=type(error).__name__)
