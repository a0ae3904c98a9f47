"""The message centre on node-smpp's PDU code, as a test drives it."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.peers.sms.processes import running
from tests.peers.sms.programs import node_modules, program

SCRIPT = Path(__file__).parent / "node_smsc" / "node_smsc.js"


class NodeSmsc:
    """Sends commands, and hands events to whoever waits for them."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._events: list[dict[str, Any]] = []
        self._came = asyncio.Event()
        self._ids = itertools.count(1)
        self.port = 0

    async def read(self) -> None:
        """Take events until the process ends."""
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            self._events.append(json.loads(line))
            self._came.set()

    def do(self, **command: Any) -> None:
        """Send one command."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")

    async def event(self, name: str, timeout_s: float = 15.0, **fields: Any) -> dict[str, Any]:
        """Answer the oldest event that fits, and forget it."""
        async with asyncio.timeout(timeout_s):
            while True:
                for event in self._events:
                    if event["event"] == name and all(event.get(key) == value for key, value in fields.items()):
                        self._events.remove(event)
                        return event
                self._came.clear()
                await self._came.wait()

    async def deliver(self, source: str, body: str | bytes, **pdu: Any) -> int:
        """Bring one deliver_sm and answer the status that it was acknowledged with; -1 while nobody is bound."""
        number = next(self._ids)
        text = {"hex": body.hex()} if isinstance(body, bytes) else body
        fields = {"source_addr": source.removeprefix("+"), "source_addr_ton": 1, "destination_addr": "95500"}
        self.do(do="deliver", id=number, pdu=fields | {"short_message": text} | pdu)
        return int((await self.event("acknowledged", id=number))["status"])

    async def answer(self, to: str) -> str:
        """Answer the next whole text to ``to``, joined from its parts as node-smpp read them."""
        parts: dict[int, str] = {}
        while True:
            event = await self.event("submit", to=to.removeprefix("+"))
            text = event.get("text") if "text" in event else bytes.fromhex(event["hex"]).decode("utf-16-be")
            if not event["udh"]:
                return str(text)
            header = bytes.fromhex(event["udh"][0])
            *_, total, number = header
            parts[number] = str(text)
            if len(parts) == total:
                return "".join(parts[key] for key in sorted(parts))


@asynccontextmanager
async def node_smsc() -> AsyncIterator[NodeSmsc]:
    """Run the centre inside the block."""
    env = {**os.environ, "NODE_PATH": str(node_modules())}
    async with running(program("node"), SCRIPT, env=env) as process:
        smsc = NodeSmsc(process)
        reader = asyncio.create_task(smsc.read(), name="node smsc")
        try:
            smsc.port = (await smsc.event("listening"))["port"]
            yield smsc
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
