"""Texts that only another node can send are given to that node: each is in one outbox, and it is known in which."""

from __future__ import annotations

import asyncio

from core_client.adapters.together import raise_if_cancelled
from sms.messages import Kept
from sms.sending.queue import Outbox
from sms.store.journal import Journal, JournalDown
from sms.store.nodes import Nodes

PAUSE_S = 0.5  # between two tries to learn what became of it

_THERE = "return #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])"


class HandingOver:
    """What the dispatcher hands texts over by; see :class:`sms.sending.ports.Handing`."""

    def __init__(self, journal: Journal, nodes: Nodes, outbox: Outbox) -> None:
        self._journal = journal
        self._nodes = nodes
        self._outbox = outbox

    async def hand_over(self, kept: Kept, node: str) -> bool:
        """Give a stored text to another node; answer whether that has it now."""
        doubtful = False
        while True:
            raise_if_cancelled()
            try:
                if await self._nodes.hand_over(kept, node):
                    return True
                # Not moved now. After a lost answer it may have been moved before: then it is not here any more.
                if doubtful and not await self._journal.write(_THERE, (self._outbox.stream,), kept.entry):
                    self._outbox.forget(kept)
                    return True
            except JournalDown:
                doubtful = True
                await asyncio.sleep(PAUSE_S)
            else:
                return False
