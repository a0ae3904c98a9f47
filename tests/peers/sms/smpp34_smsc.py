"""A message centre on the smpp34 package: SMPP in Rust, by people whom none of us knows."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.peers.sms.children import free_ports

if TYPE_CHECKING:
    import smpp34

HOW_TO_GET_SMPP34 = "it comes with the development lock (pip install smpp34)"
TIMEOUT_S = 10.0


def find_smpp34() -> bool:
    return importlib.util.find_spec("smpp34") is not None


@dataclass
class Smpp34Smsc:
    """A running server. It lets everybody in; a submit_sm is taken, or refused by the next of ``statuses``."""

    port: int
    submits: list[smpp34.SubmitSmEvent] = field(default_factory=list)
    esmes: list[smpp34.Esme] = field(default_factory=list)
    unbound: int = 0
    statuses: list[int] = field(default_factory=list)
    receipts: bool = False
    faults: list[str] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _reports: set[asyncio.Task[None]] = field(default_factory=set)

    async def deliver(self, source: str, to: str, body: bytes, *, coding: int = 0, esm_class: int = 0) -> None:
        """Bring a deliver_sm and return when it is acknowledged."""
        answer = await self.esmes[-1].deliver_sm(
            to,
            body,
            source_addr=source,
            source_addr_ton=1,
            source_addr_npi=1,
            data_coding=coding,
            esm_class=esm_class,
        )
        assert answer.is_success, f"{answer.command_status:#x}"

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            while not true():
                self._changed.clear()
                await self._changed.wait()

    async def serve(self, server: smpp34.Server) -> None:
        import smpp34

        while True:
            event = await server.next()
            match event:
                case smpp34.Esme():
                    self.esmes.append(event)
                case smpp34.SubmitSmEvent():
                    self._submitted(event)
                case smpp34.Unbound():
                    self.unbound += 1
            self._changed.set()

    def _submitted(self, event: smpp34.SubmitSmEvent) -> None:
        status = self.statuses.pop(0) if self.statuses else 0
        if status:
            event.reject(status)
            return
        self.submits.append(event)
        message_id = f"{0xABC000 + len(self.submits):x}"
        event.accept(message_id)
        if self.receipts and event.registered_delivery & 1:
            report = asyncio.create_task(self._report(event, message_id), name="smpp34 receipt")
            self._reports.add(report)
            report.add_done_callback(self._reports.discard)

    async def _report(self, event: smpp34.SubmitSmEvent, message_id: str) -> None:
        dates = "submit date:2611231200 done date:2611231201"
        text = f"id:{int(message_id, 16)} sub:001 dlvrd:001 {dates} stat:DELIVRD err:000"
        await self.deliver(event.destination_addr, event.source_addr, text.encode(), esm_class=0x04)


@asynccontextmanager
async def running_smpp34() -> AsyncIterator[Smpp34Smsc]:
    """Run a server inside the block, on a port of its own."""
    import smpp34

    smsc = Smpp34Smsc(free_ports(1)[0])
    server = smpp34.Server("127.0.0.1", smsc.port, system_id="smpp34")
    await server.start()
    serving = asyncio.create_task(smsc.serve(server), name="smpp34")
    try:
        yield smsc
    finally:
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
        await server.stop()
