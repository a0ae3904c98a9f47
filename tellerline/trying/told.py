"""A bank that answers as a conversation tells it to, and otherwise as it really does."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import deque
from collections.abc import Mapping

from core_client.operations import UNAUTHENTICATED
from core_client.services.call import Arrival, OperationCall, OperationResult
from tellerline.door import Door
from tellerline.trying.conversation import Told
from tellerline.trying.pace import working


class ToldDoor:
    """Stands between the runner and the core. What is told to fail is not carried out."""

    def __init__(self, inner: Door, told: Mapping[str, Told]) -> None:
        self._inner = inner
        self._told = told
        self._next: dict[str, deque[Told]] = {}

    def tell(self, told: Mapping[str, Told]) -> None:
        """Let each of these answer so, once, the next time that it is asked; before what holds for good."""
        for name, answer in told.items():
            self._next.setdefault(name, deque()).append(answer)

    def _answer(self, operation: str) -> Told:
        for name in (operation, "*"):
            if self._next.get(name):
                return self._next[name].popleft()
        return self._told.get(operation) or self._told.get("*") or Told()

    async def arrive(self, channel: str, number: str | None) -> Arrival:
        """See :class:`~tellerline.door.Door`."""
        with working():
            return await self._inner.arrive(channel, number)

    async def perform(self, call: OperationCall) -> OperationResult:
        """Answer as told; without an outcome, as the bank does, after the time that is told."""
        told = self._answer(call.operation)
        if told.outcome is not None and told.outcome not in ("ok", UNAUTHENTICATED):
            result = OperationResult(told.outcome, reason=told.reason)
        else:
            with working():
                result = await self._inner.perform(call)
            if told.empty:
                result = _emptied(result)
        if told.slow_s:
            await asyncio.sleep(told.slow_s)  # a slow bank has done it before it answers; who hangs up changes nothing
        return result

    async def keep(self, auth_session_id: str) -> None:
        """See :class:`~tellerline.door.Door`."""
        with working():
            await self._inner.keep(auth_session_id)

    def heard(self, call: OperationCall, result: OperationResult) -> None:
        """See :class:`~tellerline.door.Door`."""
        self._inner.heard(call, result)

    def let_go(self, auth_session_id: str) -> None:
        """See :class:`~tellerline.door.Door`."""
        self._inner.let_go(auth_session_id)

    async def leave(self, auth_session_id: str) -> None:
        """See :class:`~tellerline.door.Door`."""
        with working():
            await self._inner.leave(auth_session_id)


def _emptied(result: OperationResult) -> OperationResult:
    """Answer the same with nothing in its lists, and their counts at none."""
    if not any(isinstance(value, tuple | list) for value in result.answer.values()):
        return result
    answer = {
        name: () if isinstance(value, tuple | list) else 0 if name == "count" else value
        for name, value in result.answer.items()
    }
    return dataclasses.replace(result, answer=answer)
