"""The core bank at the far end of a network: its own process, that hears late, twice, or not at all.

``request`` and ``reply`` are the labelled points of each order: ``lost``, ``late`` (it arrives after the caller has
given up), ``twice``, ``slow``, ``down`` (nothing was sent) and ``no`` (the bank declines).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from core_client.domain.accounts import Account, Entry
from core_client.domain.transfers import TransferOrder
from core_client.errors import BankError, Declined, OutcomeUnknown, Unavailable
from core_client.ports.core_bank import CoreBank, HoldState, Posting
from tellerline.simulating.faults import FaultBook
from tellerline.simulating.loop import CHANCE, Place, spawn

T = TypeVar("T")

TIMEOUT_S = 8.0  # then the caller stops waiting, and does not know
LATE_S = (TIMEOUT_S, 120.0)  # how long an order wanders that arrives after its caller has given up
WIRE_S = (0.001, 0.05)
SLOW_S = (1.0, 6.0)


class FarEnd(Protocol):
    """The core bank's process, as far as there is one just now."""

    core_down: bool
    faults: FaultBook

    @property
    def core(self) -> CoreBank | None:
        """The core, while its process is up."""
        ...


class RemoteBank:
    """:class:`~core_client.ports.core_bank.CoreBank` over a network that the simulation breaks."""

    def __init__(self, far: FarEnd, here: Place) -> None:
        self._far = far
        self._here = here
        self._faults = far.faults

    async def accounts(self, customer_id: int) -> Sequence[Account]:
        """As the real one."""
        return await self._ask("accounts", lambda: self._core().accounts(customer_id), enquiry=True)

    async def account(self, customer_id: int, account: str | None) -> Account:
        """As the real one."""
        return await self._ask("account", lambda: self._core().account(customer_id, account), enquiry=True)

    async def recent(self, customer_id: int, account: str | None, limit: int) -> tuple[Account, Sequence[Entry]]:
        """As the real one."""
        return await self._ask("recent", lambda: self._core().recent(customer_id, account, limit), enquiry=True)

    async def hold(self, order: TransferOrder) -> None:
        """As the real one."""
        await self._ask("hold", lambda: self._core().hold(order))

    async def post(self, intent_id: str) -> Posting:
        """As the real one."""
        return await self._ask("post", lambda: self._core().post(intent_id))

    async def void(self, intent_id: str) -> None:
        """As the real one."""
        await self._ask("void", lambda: self._core().void(intent_id))

    async def reverse(self, intent_id: str) -> Posting:
        """As the real one."""
        return await self._ask("reverse", lambda: self._core().reverse(intent_id))

    async def query(self, intent_id: str) -> tuple[HoldState, Posting | None]:
        """As the real one."""
        return await self._ask("query", lambda: self._core().query(intent_id))

    def _core(self) -> CoreBank:
        """Answer the core that is there when an order arrives."""
        if self._far.core is None:
            raise OutcomeUnknown("nobody is there to take it")
        return self._far.core

    async def _ask(self, name: str, really: Callable[[], Awaitable[T]], *, enquiry: bool = False) -> T:
        silence = Unavailable("no answer") if enquiry else OutcomeUnknown(f"no answer to {name}")
        chance = CHANCE.get()
        fault = self._faults.at(f"core.{name}.request", self._here)
        if fault == "down" or self._far.core_down or self._far.core is None:
            raise Unavailable("told to be down")
        if fault == "no" and name in ("hold", "post"):
            raise Declined("account_frozen")
        await asyncio.sleep(chance.uniform(*(SLOW_S if fault == "slow" else WIRE_S)))
        if fault == "late":
            self._send(chance, really, chance.uniform(*LATE_S))
            await asyncio.sleep(TIMEOUT_S)
            raise silence
        if fault == "lost":
            await asyncio.sleep(TIMEOUT_S)
            raise silence
        answer = self._send(chance, really, 0)
        if fault == "twice":
            self._send(chance, lambda: _once_more(answer, really), chance.uniform(0, LATE_S[1]))
        try:
            async with asyncio.timeout(TIMEOUT_S):
                result = await asyncio.shield(answer)
        except TimeoutError:
            raise silence from None
        except asyncio.CancelledError:
            if answer.cancelled() and not self._here.dead:  # the core died as the order came in
                raise silence from None
            raise
        fault = self._faults.at(f"core.{name}.reply", self._here)
        if fault == "lost":
            await asyncio.sleep(TIMEOUT_S)
            raise silence
        await asyncio.sleep(chance.uniform(*(SLOW_S if fault == "slow" else WIRE_S)))
        return result

    def _send(self, chance: random.Random, really: Callable[[], Awaitable[T]], after_s: float) -> asyncio.Task[T]:
        """Let an order arrive at the core, whatever becomes of who sent it."""

        async def arrive() -> T:
            await asyncio.sleep(after_s)
            return await really()

        task: asyncio.Task[T] = spawn(
            arrive(), place=None, chance=random.Random(chance.random()), name="an order on its way"
        )
        task.add_done_callback(_heard)
        return task


async def _once_more(first: asyncio.Task[T], really: Callable[[], Awaitable[T]]) -> T:
    """Let an order arrive a second time. A core knows an order that it declined, by its correlation id."""
    if first.done() and not first.cancelled() and isinstance(first.exception(), Declined):
        return first.result()
    return await really()


def _heard(task: asyncio.Task[object]) -> None:
    """A late order's failure is nobody's: its answer has no reader."""
    if not task.cancelled() and isinstance(task.exception(), BankError):
        return
