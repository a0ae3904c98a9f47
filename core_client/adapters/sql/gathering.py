"""Reads of one kind that are asked for at about the same time, asked of the database as one.

Fifty texts at once would be fifty statements and as many wake-ups of a thread. While one batch is being read, what is
asked meanwhile waits and goes together in the next: nobody waits longer than one read for it, and every answer is of a
snapshot that was taken after it was asked for, so whoever has just written reads what was written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from core_client.adapters.sql.database import Database
from core_client.adapters.sql.statements import Tx
from core_client.errors import Unavailable

MAX_TOGETHER = 128  # keys of one statement: bounds what one read keeps the others waiting for
MAX_WAITING = 4096  # keys that nobody has asked for yet; beyond it the database is the bottleneck and says so

Key = TypeVar("Key", bound=Hashable)
Found = TypeVar("Found")


class Gathered(Generic[Key, Found]):
    """One kind of read, by key. ``read`` answers what it finds for many keys at once, in the database's thread."""

    def __init__(self, database: Database, read: Callable[[Tx, Sequence[Key]], Mapping[Key, Found]]) -> None:
        self._database = database
        self._read = read
        self._waiting: list[tuple[Key, asyncio.Future[Found | None]]] = []
        self._under_way = False

    def ask(self, key: Key) -> asyncio.Future[Found | None]:
        """Answer what there is for ``key``, or None.

        Raises:
            Unavailable: too many wait already; and, through the future, the database did not answer.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise Unavailable(f"{MAX_WAITING} reads are waiting already")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Found | None] = loop.create_future()
        self._waiting.append((key, answer))
        if not self._under_way:
            self._under_way = True
            loop.call_soon(self._go)  # at the end of this tick: whoever else asks in it comes along
        return answer

    def _go(self) -> None:
        batch = self._waiting[:MAX_TOGETHER]
        del self._waiting[:MAX_TOGETHER]
        keys = list(dict.fromkeys(key for key, _ in batch))
        read = self._read
        try:
            asked = self._database.ask(lambda tx: read(tx, keys))
        except Exception as error:  # noqa: BLE001 - whatever it is, they are told, and the next ones are not kept waiting
            self._settle(batch, None, error)
            return
        asked.add_done_callback(lambda done: self._told(batch, done))

    def _told(self, batch: Sequence[tuple[Key, asyncio.Future[Found | None]]], done: asyncio.Future[Any]) -> None:
        if done.cancelled():  # the loop is closing
            self._settle(batch, None, Unavailable("the read was given up"))
            return
        error = done.exception()
        self._settle(batch, None if error is not None else done.result(), error)

    def _settle(
        self,
        batch: Sequence[tuple[Key, asyncio.Future[Found | None]]],
        found: Mapping[Key, Found] | None,
        error: BaseException | None,
    ) -> None:
        for key, answer in batch:
            if answer.done():  # whoever asked has left
                continue
            if found is None:
                answer.set_exception(error or Unavailable("nothing was read"))
            else:
                answer.set_result(found.get(key))
        if self._waiting:
            self._go()
        else:
            self._under_way = False
