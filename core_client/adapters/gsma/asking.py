"""From one request to its last word: deadline, repetition where it is safe, breaker, polling."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog

from core_client.adapters.gsma.breaker import Breaker
from core_client.adapters.gsma.error_objects import ErrorObject
from core_client.adapters.gsma.transport import (
    NoAnswerError,
    NotSentError,
    Transport,
    WireAnswer,
    WireRequest,
    body_of,
)
from core_client.adapters.gsma.wire import UUID, Body
from core_client.errors import BankError, OutcomeUnknown, Unavailable

_log = structlog.get_logger()
FAILED_INSIDE = 500  # from this status on an answer counts against the bank


class Bells(Protocol):
    """Tells that a request's state has changed, when the bank called back. A bell is no answer: the state is asked."""

    def address(self, correlation_id: str) -> str:
        """Answer the URL that the bank calls for this request."""
        ...

    async def rung(self, correlation_id: str) -> None:
        """Wait for the call."""
        ...

    def forget(self, correlation_id: str) -> None:
        """Wait for it no longer."""
        ...


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the bank is waited for."""

    timeout_s: float = 8.0  # from the first byte to the last word, repetitions and polls included
    attempt_s: float = 3.0  # one exchange
    attempts: int = 3
    repeat_changes: bool = True  # the bank knows a correlation id again: what had no answer may be sent once more
    pause_s: float = 0.1  # before the second attempt; then it doubles
    poll_s: float = 0.25  # between two looks at a request's state
    failures_to_open: int = 5
    open_s: float = 10.0


class Asker:
    """Asks the bank. Every answer is a body, or one of :mod:`core_client.errors`."""

    def __init__(
        self,
        transport: Transport,
        patience: Patience | None = None,
        *,
        bells: Bells | None = None,
        now: Callable[[], float] | None = None,
    ) -> None:
        """Make one.

        Args:
            transport: sends one request once.
            patience: deadlines and attempts.
            bells: hears the bank's callbacks; without, states are polled.
            now: a monotonic clock in seconds; without, the event loop's.
        """
        self._transport = transport
        self._patience = patience or Patience()
        self._bells = bells
        self._now = now or (lambda: asyncio.get_running_loop().time())
        self.breaker = Breaker(self._patience.failures_to_open, self._patience.open_s, self._now)

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Body:
        """Answer the object at ``path``.

        Raises:
            Declined: there is none, or the bank will not say.
            Unavailable: no answer; asking again is safe.
        """
        return body_of(await self._get(path, query))

    async def find(self, path: str) -> Body | None:
        """Answer the object at ``path``, or None when the bank says that there is none (404, an error object)."""
        answer = await self._exchange(WireRequest("GET", path), self._until())
        if answer.status == 404 and ErrorObject.read(answer.status, answer.body) is not None:
            return None
        return body_of(_good(answer, changing=False))

    async def many(self, path: str, query: Mapping[str, str] | None = None) -> list[Body]:
        """Answer the objects at ``path``."""
        answer = await self._get(path, query)
        return [item for item in answer.body if isinstance(item, dict)] if isinstance(answer.body, list) else []

    async def _get(self, path: str, query: Mapping[str, str] | None) -> WireAnswer:
        return _good(await self._exchange(WireRequest("GET", path, query=query or {}), self._until()), changing=False)

    async def change(self, method: str, path: str, body: object, correlation_id: str) -> Body:
        """Send a change, and wait for what became of it; empty where the answer has no body.

        It is sent again only under the same correlation id, by which the bank knows it; where every attempt is known
        not to have left this machine it is :class:`Unavailable`, and where one may have, :class:`OutcomeUnknown`.

        Raises:
            Declined: the bank said no.
            IntentConflict: the correlation id is known with another request.
            Unavailable: nothing was sent, or the bank said that it did nothing.
            OutcomeUnknown: it was sent and nobody knows; ask with the same id.
        """
        until = self._until()
        headers = {} if self._bells is None else {"X-Callback-URL": self._bells.address(correlation_id)}
        try:
            answer = await self._changed(WireRequest(method, path, body, correlation_id, headers=headers), until)
            if answer.status != 202:
                return body_of(answer)
            return await self._settled(body_of(answer), correlation_id, until)
        finally:
            if self._bells is not None:
                self._bells.forget(correlation_id)

    async def _changed(self, request: WireRequest, until: float) -> WireAnswer:
        sent: list[str] = []
        answer = await self._exchange(request, until, sent)
        try:
            return _good(answer, changing=True)
        except Unavailable as error:
            if sent:  # this time nothing was done; of the time before nobody knows
                raise OutcomeUnknown(f"sent before ({sent[0]}), and now: {error}") from None
            raise

    async def state_of(self, path: str) -> Body:
        """Answer a request's state (``requestStateObject``) once it is no longer pending.

        Raises:
            Unavailable: it is pending still.
        """
        until = self._until()
        while True:
            state = body_of(_good(await self._exchange(WireRequest("GET", path), until), changing=False))
            if state.get("status") != "pending":
                return state
            if self._now() + self._patience.poll_s >= until:
                raise Unavailable("the bank is still at it")
            await asyncio.sleep(self._patience.poll_s)

    async def _settled(self, state: Body, correlation_id: str, until: float) -> Body:
        """Follow a 202 to its end: ``GET /requeststates/{serverCorrelationId}``, at once when the bank calls back."""
        server_id = state.get("serverCorrelationId")
        if not isinstance(server_id, str) or UUID.fullmatch(server_id) is None:
            raise OutcomeUnknown("taken on without a correlation id of the bank")
        polls = state.get("pollLimit")
        left = int(polls) if isinstance(polls, int | float) else None
        while state.get("status") == "pending":
            remaining = until - self._now()
            if remaining <= 0 or left == 0:
                raise OutcomeUnknown("the bank took it on and has not said what became of it")
            await self._wait(correlation_id, min(self._patience.poll_s, remaining))
            left = None if left is None else left - 1
            try:
                request = WireRequest("GET", f"/requeststates/{server_id}")
                state = body_of(_good(await self._exchange(request, until), changing=False))
            except BankError as error:
                raise OutcomeUnknown(f"the bank took it on; asking for its state: {type(error).__name__}") from None
        if state.get("status") == "failed":
            why = ErrorObject.read(400, state.get("error"))
            raise why.raised(changing=True) if why else OutcomeUnknown("failed, without saying why")
        if state.get("status") != "completed":
            raise OutcomeUnknown("a request state that the specification does not know")
        return await self._result(state, correlation_id)

    async def _result(self, state: Body, correlation_id: str) -> Body:
        """Answer what a completed request made, by the link that ``GET /responses/{clientCorrelationId}`` gives."""
        try:
            link = (await self.get(f"/responses/{correlation_id}")).get("link")
            return await self.get(link) if isinstance(link, str) and link.startswith("/") else state
        except BankError as error:
            raise OutcomeUnknown(f"done, and not to be seen: {type(error).__name__}") from None

    async def _wait(self, correlation_id: str, seconds: float) -> None:
        if self._bells is None:
            await asyncio.sleep(seconds)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._bells.rung(correlation_id)

    def _until(self) -> float:
        return self._now() + self._patience.timeout_s

    async def _exchange(self, request: WireRequest, until: float, sent: list[str] | None = None) -> WireAnswer:
        """Send until there is an answer that is one, the attempts are used up or the time is.

        ``sent`` gets a word for every attempt that the bank may have seen and did not answer.
        """
        changing, word = request.method != "GET", "no attempt"
        sent = [] if sent is None else sent
        for attempt in range(self._patience.attempts):
            remaining = until - self._now()
            if remaining <= 0 or (changing and sent and not self._patience.repeat_changes):
                break
            if not self.breaker.may_try():
                word = "the breaker is open"
                break
            try:
                answer = await self._transport.send(request, min(remaining, self._patience.attempt_s))
            except NotSentError as error:
                word = str(error)
                self.breaker.failed()
            except NoAnswerError as error:
                word = str(error)
                sent.append(word)
                self.breaker.failed()
            else:
                found = ErrorObject.read(answer.status, answer.body)
                if answer.status < FAILED_INSIDE:
                    self.breaker.answered()
                    return answer
                self.breaker.failed()
                _log.warning("core.failed", status=answer.status, method=request.method, described=found is not None)
                if found is not None and found.category == "serviceUnavailable":
                    word = "503"  # the bank itself says that it did nothing
                else:
                    word = f"status {answer.status}"
                    sent.append(word)
            await self._pause(attempt, until)
        if changing and sent:
            raise OutcomeUnknown(f"sent to the bank without an answer: {word}")
        raise Unavailable(f"the bank cannot be asked: {word}")

    async def _pause(self, attempt: int, until: float) -> None:
        if attempt + 1 < self._patience.attempts:
            pause = min(self._patience.pause_s * 2**attempt, max(0.0, until - self._now()))
            await asyncio.sleep(pause)


def _good(answer: WireAnswer, *, changing: bool) -> WireAnswer:
    if 200 <= answer.status < 300:
        return answer
    error = ErrorObject.read(answer.status, answer.body)
    if error is not None:
        raise error.raised(changing=changing)
    if changing and answer.status not in (401, 403):
        raise OutcomeUnknown(f"status {answer.status} without an error object")
    raise Unavailable(f"status {answer.status} without an error object: is this the bank?")
