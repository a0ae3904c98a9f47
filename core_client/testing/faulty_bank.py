"""A bank that fails as it is told: before the effect, after it, or slowly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import TypeVar

from core_client.domain.accounts import Account, Entry
from core_client.domain.transfers import TransferOrder
from core_client.errors import Declined, OutcomeUnknown, Unavailable
from core_client.ports.core_bank import CoreBank, HoldState, Posting

T = TypeVar("T")


class Fault(StrEnum):
    """What goes wrong."""

    DOWN = "down"  # nothing was sent
    LOST_ORDER = "lost_order"  # sent, never arrived, no answer
    LOST_REPLY = "lost_reply"  # sent, done, no answer


class FaultyBank:
    """:class:`~core_client.ports.core_bank.CoreBank` around a real one.

    ``faults`` maps a method's name (``hold``, ``post``, ``accounts`` ...) to a :class:`Fault` or to the
    :class:`~core_client.errors.Declined` to raise; ``slow_s`` maps it to the seconds that it takes.
    """

    def __init__(self, bank: CoreBank, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        self._bank = bank
        self._sleep = sleep
        self.faults: dict[str, Fault | Declined] = {}
        self.slow_s: dict[str, float] = {}
        self.asked: list[str] = []

    async def _through(self, name: str, really: Callable[[], Awaitable[T]]) -> T:
        self.asked.append(name)
        if slow_s := self.slow_s.get(name):
            await self._sleep(slow_s)
        fault = self.faults.get(name)
        if isinstance(fault, Declined):
            raise fault
        if fault is Fault.DOWN:
            raise Unavailable("told to be down")
        if fault is Fault.LOST_ORDER:
            raise OutcomeUnknown("told to lose the order")
        result = await really()
        if fault is Fault.LOST_REPLY:
            raise OutcomeUnknown("told to lose the reply")
        return result

    async def accounts(self, customer_id: int) -> Sequence[Account]:
        """As the real one."""
        return await self._through("accounts", lambda: self._bank.accounts(customer_id))

    async def account(self, customer_id: int, account: str | None) -> Account:
        """As the real one."""
        return await self._through("account", lambda: self._bank.account(customer_id, account))

    async def recent(self, customer_id: int, account: str | None, limit: int) -> tuple[Account, Sequence[Entry]]:
        """As the real one."""
        return await self._through("recent", lambda: self._bank.recent(customer_id, account, limit))

    async def hold(self, order: TransferOrder) -> None:
        """As the real one."""
        await self._through("hold", lambda: self._bank.hold(order))

    async def post(self, intent_id: str) -> Posting:
        """As the real one."""
        return await self._through("post", lambda: self._bank.post(intent_id))

    async def void(self, intent_id: str) -> None:
        """As the real one."""
        await self._through("void", lambda: self._bank.void(intent_id))

    async def reverse(self, intent_id: str) -> Posting:
        """As the real one."""
        return await self._through("reverse", lambda: self._bank.reverse(intent_id))

    async def query(self, intent_id: str) -> tuple[HoldState, Posting | None]:
        """As the real one."""
        return await self._through("query", lambda: self._bank.query(intent_id))
