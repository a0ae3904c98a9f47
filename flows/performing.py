"""Carrying one bank operation out, while the party waits, hears a filler, or leaves.

A hangup or a limit ends the waiting, never the operation: each runs as a task that this class owns and that
:meth:`Operations.drain` waits for. Only an enquiry by text runs in the text's own task: nobody hangs up on it, and one
that takes too long has changed nothing when it is given up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

import structlog

from core_client.domain.filling import quick
from core_client.domain.secret import Secret
from core_client.domain.values import SecretHandle, Value
from core_client.operations import REGISTRY, Kind
from core_client.services.client import OperationCall, OperationResult
from flows.dialogue import SECRET_LOST, Channel, OperationAnswered, PartyLeft, Perform, Trigger, Turn
from flows.errors import SecretLost
from flows.line import Line
from flows.session import Session
from flows.vault import Vault

QUICK_S = 0.05  # most answers come within it: only after it is the line watched for a hangup
FILLER_EVERY_S = 8.0  # said again while it still takes: silence makes people hang up

_operation_call = quick(OperationCall)
_operation_answered = quick(OperationAnswered)
_CHANNELS = {channel: channel.value for channel in Channel}
_SMS, _ENQUIRY = Channel.SMS, Kind.ENQUIRY

_log = structlog.get_logger("flows.runner")


class Core(Protocol):
    """What the runner needs of :class:`core_client.services.client.CoreClient`."""

    async def perform(self, call: OperationCall) -> OperationResult:
        """Carry out one operation; see ``CoreClient.perform``."""
        ...

    async def keep(self, auth_session_id: str) -> None:
        """Have an auth session outlive the text that began it; see ``CoreClient.keep``."""
        ...

    def heard(self, call: OperationCall, result: OperationResult) -> None:
        """Take note that the dialogue goes on with this answer; see ``CoreClient.heard``."""
        ...


class Operations:
    """Runs bank operations and owns those that nobody waits for any more."""

    def __init__(self, core: Core, vault: Vault) -> None:
        self._core = core
        self._vault = vault
        self._running: set[asyncio.Task[OperationResult]] = set()
        self._enquiries = 0  # of texts, which run in no task of their own

    @property
    def in_flight(self) -> int:
        """How many operations run now."""
        return len(self._running) + self._enquiries

    async def perform(self, session: Session, wait: Perform, line: Line) -> OperationAnswered | PartyLeft:
        """Carry ``wait`` out and answer its outcome, or that the party left meanwhile."""
        opened = self._open(wait.arguments)
        if opened is None:
            return OperationAnswered(SECRET_LOST)
        call = _call(session, wait, opened)
        if session.channel is _SMS and REGISTRY[wait.operation].kind is _ENQUIRY:
            return await self._enquire(call, wait)
        task = self._begin(call)
        if not await self._wait_for(task, wait, line):
            return PartyLeft()
        if not task.done():
            return self._no_answer(wait)
        if task.cancelled() or task.exception() is not None:
            return self._no_answer(wait)
        result = task.result()
        if REGISTRY[wait.operation].kind is not _ENQUIRY:
            self._core.heard(call, result)
        return self._answered(result)

    async def drain(self, deadline_s: float) -> int:
        """Wait for the operations in flight, at most ``deadline_s``; answer how many still run."""
        if self._running:
            await asyncio.wait(self._running, timeout=deadline_s)
        return len(self._running)

    async def enquire(self, session: Session, wait: Perform) -> OperationAnswered:
        """Answer an enquiry that somebody else gives up in time; see :meth:`flows.runner.Runner.enquire`."""
        opened = self._open(wait.arguments)
        if opened is None:
            return OperationAnswered(SECRET_LOST)
        self._enquiries += 1
        try:
            return self._answered(await self._core.perform(_call(session, wait, opened)))
        finally:
            self._enquiries -= 1

    async def enquire_anew(self, begun: Session, turn: Turn, trigger: Trigger) -> OperationAnswered:
        """Answer what the first turn of ``trigger``'s dialogue asks, as ``begun`` and ``turn`` of another asked it."""
        wait = turn.wait
        assert isinstance(wait, Perform)  # noqa: S101 - no other first turn is remembered
        name = f"{trigger.session_id}:{begun.turns}"
        call = _operation_call(wait.operation, wait.arguments, trigger.auth_session_id, name, _CHANNELS[_SMS])
        self._enquiries += 1
        try:
            return self._answered(await self._core.perform(call))
        finally:
            self._enquiries -= 1

    def _open(self, arguments: Mapping[str, Value]) -> dict[str, Value | Secret] | None:
        opened: dict[str, Value | Secret] = {}
        try:
            for name, value in arguments.items():
                opened[name] = self._vault.open(value) if isinstance(value, SecretHandle) else value
        except SecretLost:
            return None
        return opened

    async def _enquire(self, call: OperationCall, wait: Perform) -> OperationAnswered:
        """Ask without a task: by text there is nothing to listen to meanwhile."""
        self._enquiries += 1
        try:
            async with asyncio.timeout(wait.limit_s):
                result = await self._core.perform(call)
        except TimeoutError:
            return self._no_answer(wait)
        except Exception as error:  # noqa: BLE001 - the core promises not to raise: said as "down", and logged
            _log_raised(_name(call), error)
            return self._no_answer(wait)
        finally:
            self._enquiries -= 1
        return self._answered(result)

    def _begin(self, call: OperationCall) -> asyncio.Task[OperationResult]:
        task = asyncio.create_task(self._core.perform(call), name=_name(call))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        task.add_done_callback(_look_at)
        return task

    async def _wait_for(self, task: asyncio.Task[OperationResult], wait: Perform, line: Line) -> bool:
        """Wait until ``task`` is done or its limit is reached; answer False when the party left first."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        limit_at = began + wait.limit_s
        await asyncio.wait((task,), timeout=min(QUICK_S, wait.limit_s))
        filler_at = began + wait.filler_after_s
        while not task.done() and (now := loop.time()) < limit_at:
            until = limit_at if wait.filler is None else min(limit_at, max(filler_at, now))
            if await _left_before(task, line, until - now):
                return False
            if task.done() or wait.filler is None or loop.time() >= limit_at:
                continue
            if await line.say(wait.filler) is not None:
                return False
            filler_at = loop.time() + FILLER_EVERY_S
        return True

    def _answered(self, result: OperationResult) -> OperationAnswered:
        answer: dict[str, Value] = {
            name: self._vault.keep(value) if isinstance(value, Secret) else value
            for name, value in result.answer.items()
        }
        return _operation_answered(result.outcome, answer, result.reason)

    @staticmethod
    def _no_answer(wait: Perform) -> OperationAnswered:
        money = REGISTRY[wait.operation].kind is Kind.MONEY
        return OperationAnswered("unknown" if money else "down")


async def _left_before(task: asyncio.Task[OperationResult], line: Line, timeout_s: float) -> bool:
    """Wait for ``task``, ``timeout_s`` at most; answer whether the party left first."""
    if line.channel is Channel.SMS:  # whoever texts has nothing to leave
        await asyncio.wait((task,), timeout=timeout_s)
        return False
    leaving = asyncio.create_task(line.left(), name="line.left")
    try:
        await asyncio.wait((task, leaving), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        return leaving.done() and not leaving.cancelled() and not task.done()
    finally:
        if not leaving.done():
            leaving.cancel()
        await asyncio.wait((leaving,))
        if not leaving.cancelled():
            leaving.exception()  # looked at: a line that broke shows in the next thing said on it


def _call(session: Session, wait: Perform, arguments: Mapping[str, Value | Secret]) -> OperationCall:
    return _operation_call(
        wait.operation, arguments, session.auth_session_id, wait.request_id, _CHANNELS[session.channel]
    )


def _name(call: OperationCall) -> str:
    return f"operation {call.operation} {call.request_id}"


def _look_at(task: asyncio.Task[OperationResult]) -> None:
    """Note an operation that raised."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log_raised(task.get_name(), error)


def _log_raised(name: str, error: BaseException) -> None:
    """Log what an operation raised: the core promises not to, so this is a defect. Its text could hold anything."""
    _log.error("operation.raised", task=name, error=type(error).__name__)
