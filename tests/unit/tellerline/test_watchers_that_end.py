"""What reads and tells beside the gateway ends when it is cancelled, though the store's client swallowed that."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from tellerline.texting import _tell
from tellerline.texts.orders import Obedient
from tellerline.texts.shelf import Order


async def _swallow() -> None:
    """Wait, and answer when cancelled, as redis-py does on Python 3.11 at a bad moment."""
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(3600)


async def _ends(task: asyncio.Task[None]) -> bool:
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait((task,), timeout=30)
    ended = task.done()
    task.cancel()
    await asyncio.wait((task,), timeout=1)
    return ended


async def test_reading_orders_ends_when_the_client_swallowed_the_cancellation() -> None:
    async def orders() -> Mapping[str, Order]:
        await _swallow()
        return {}

    judge: Any = None
    assert await _ends(asyncio.create_task(Obedient(judge, orders).watch(), name="orders"))


async def test_telling_how_texts_stand_ends_when_the_client_swallowed_the_cancellation() -> None:
    class Board:
        async def tell(self, node: str, told: object) -> None:
            await _swallow()

    class Standing:
        def told(self) -> object:
            return {}

    board: Any = Board()
    standing: Any = Standing()
    assert await _ends(asyncio.create_task(_tell("main", standing, board), name="tell"))
