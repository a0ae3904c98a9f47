"""What changes something: taken on once by its correlation id, carried out to a last word, told by any of three ways.

The answer comes at once (201), or is asked for (202 and ``/requeststates``), or is brought to ``X-Callback-URL``.
What was taken on is in the books' own database before it is begun. From then on nobody is told that nothing was done:
an answer that cannot be given yet is a 202, and a process that dies is followed by one that finishes.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from core_client.adapters.gsma.error_objects import ErrorObject, of_error
from core_client.adapters.gsma.wire import Body
from core_client.adapters.sql.http_requests import Asked, SqlHttpRequests
from core_client.errors import Declined, IntentConflict, OutcomeUnknown, Unavailable
from core_client.ports.clock import Clock
from tellerline.bank_face.calls import Answer, Call, FaceError

_log = structlog.get_logger()
RETRY_S = 0.5  # a ledger that does not answer is asked again that soon, then half as often, and so on
RETRY_MOST_S = 30.0
MAX_RESUMED = 1000  # at a start; more than that is looked at again when these are done

Bring = Callable[[str, Asked, Answer], Awaitable[None]]


class Kind(Protocol):
    """One kind of change."""

    async def carry_out(self, asked: Asked) -> None:
        """Do it, once however often this is called.

        Raises:
            Declined: no, for good.
            Unavailable, OutcomeUnknown: not known yet; it is called again.
        """
        ...

    async def made(self, asked: Asked) -> Body:
        """Answer what it made, as it is now."""
        ...

    async def link(self, asked: Asked) -> str:
        """Answer the path of what it made."""
        ...


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be done: its kind, the id of what it makes, and all that carrying it out needs."""

    kind: str
    reference: str
    details: Mapping[str, Any]


class Doing:
    """Takes changes on and carries them out."""

    def __init__(
        self, requests: SqlHttpRequests, clock: Clock, kinds: Mapping[str, Kind], answer_within_s: float, bring: Bring
    ) -> None:
        self._requests = requests
        self._clock = clock
        self._kinds = kinds
        self._answer_within_s = answer_within_s
        self._bring = bring
        self._running: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Begin, with what a crash left; at the end, wait for what is under way."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for asked in await self._requests.not_done(MAX_RESUMED):
                self._begin(asked)
            try:
                yield
            finally:
                self._group = None

    def stop_waiting(self) -> None:
        """Give up what does not come to its end; it is in the database, and the next start goes on with it."""
        for task in self._running.values():
            task.cancel()

    async def drained(self) -> None:
        """Wait for what is under way."""
        if self._running:
            await asyncio.wait(set(self._running.values()))

    @property
    def under_way(self) -> Sequence[str]:
        """The server's correlation ids of what is under way."""
        return list(self._running)

    async def do(self, call: Call, task: Task) -> Answer:
        """Take a change on, and answer it now if it can be."""
        correlation = (call.correlation_id or str(uuid.uuid4())).lower()
        asked = Asked(
            call.client, correlation, str(uuid.uuid4()), _digest(call), task.kind, task.reference, task.details
        )
        known = await self._requests.claim(asked, self._clock.now())
        if known.digest != asked.digest:
            raise FaceError(of_error(IntentConflict()))
        if known.done:
            return await self.answer(known)
        running = self._begin(known, call.callback)
        if call.callback is not None:
            return self.pending(known, "callback")
        if running is not None:
            await asyncio.wait({running}, timeout=self._answer_within_s)
        if running is None or not running.done() or running.cancelled():
            return self.pending(known, "polling")
        return await self.answer(await self._again(known))

    async def answer(self, asked: Asked) -> Answer:
        """Answer what came of a request that is done."""
        if asked.refused is not None:
            told = dict(asked.refused)
            return Answer(told.pop("status"), told)
        return Answer(201, await self._kinds[asked.kind].made(asked))

    def pending(self, asked: Asked, how: str) -> Answer:
        """Answer that a request is under way (``requestStateObject``)."""
        return Answer(202, {
            "serverCorrelationId": asked.server_correlation_id, "status": "pending", "notificationMethod": how,
        })  # fmt: skip

    async def state(self, asked: Asked) -> Body:
        """Answer how far a request is (``requestStateObject``)."""
        told: dict[str, Any] = {
            "serverCorrelationId": asked.server_correlation_id,
            "status": "pending",
            "notificationMethod": "polling",
        }
        if asked.refused is not None:
            error = {key: value for key, value in asked.refused.items() if key != "status"}
            return told | {"status": "failed", "error": error}
        if asked.done:
            return told | {"status": "completed", "objectReference": asked.reference}
        return told

    async def link(self, asked: Asked) -> str:
        """Answer where to look for what came of a request."""
        if asked.done and asked.refused is None:
            return await self._kinds[asked.kind].link(asked)
        return f"/requeststates/{asked.server_correlation_id}"

    def _begin(self, asked: Asked, callback: str | None = None) -> asyncio.Task[None] | None:
        """Begin what was taken on; None when this process is stopping: another one, or the next, will."""
        key = asked.server_correlation_id
        if key in self._running:
            return self._running[key]
        if self._group is None:
            return None
        task = self._group.create_task(self._to_the_end(asked, callback), name=f"http request {key}")
        self._running[key] = task
        task.add_done_callback(lambda _: self._running.pop(key, None))
        return task

    async def _to_the_end(self, asked: Asked, callback: str | None) -> None:
        try:
            await self._until_known(asked)
        except Exception as error:  # noqa: BLE001 - the books do not add up, or worse: a person looks, others go on
            _log.error("request.failed", server_correlation_id=asked.server_correlation_id, error=type(error).__name__)
            return
        if callback is not None:
            await self._bring(callback, asked, await self.answer(await self._again(asked)))

    async def _until_known(self, asked: Asked) -> None:
        pause_s = RETRY_S
        while True:
            try:
                refused = await self._carried_out(asked)
                await self._requests.finish(asked, self._clock.now(), refused)
            except (Unavailable, OutcomeUnknown) as error:
                _log.warning("request.not_done_yet", kind=asked.kind, error=type(error).__name__)
            else:
                return
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, RETRY_MOST_S)

    async def _carried_out(self, asked: Asked) -> Mapping[str, Any] | None:
        try:
            await self._kinds[asked.kind].carry_out(asked)
        except (Declined, IntentConflict) as error:
            found = of_error(error)
            return {"status": found.status, **found.body()}
        except FaceError as error:
            return {"status": error.error.status, **error.error.body()}
        return None

    async def _again(self, asked: Asked) -> Asked:
        found = await self._requests.by_correlation(asked.client, asked.correlation_id)
        if found is None or not found.done:
            raise FaceError(ErrorObject(500, "internal", "genericError"))
        return found


def _digest(call: Call) -> str:
    """Answer what tells one request from another. requestDate is when it was made, not what it asks for."""
    body = {key: value for key, value in call.body.items() if key != "requestDate"} if call.body else {}
    told = [call.operation.id, dict(call.path), body]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
