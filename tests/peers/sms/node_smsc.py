"""The SMSC on node-smpp's PDU code as a test sees it: ``node_smsc/smsc.js`` in a process, talked to in JSON lines."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from tests.peers.sms.found import NodeSmpp

SCRIPT = Path(__file__).parent / "node_smsc" / "smsc.js"
SYSTEM_ID, PASSWORD = "bank", "pw4node"
LIFE_S = 110  # shorter than a test's own limit: it ends by itself even if this process is killed in a bad moment
START_TIMEOUT_S = 15.0
ANSWER_TIMEOUT_S = 10.0

How: TypeAlias = Literal["whole", "udh8", "udh16", "sar", "payload"]
Encoding: TypeAlias = Literal["gsm", "ascii", "latin1", "ucs2"]


@dataclass(frozen=True, slots=True)
class Submitted:
    """One text that the ESME sent, joined from its parts by what node-smpp read."""

    source: str
    to: str
    text: str
    data_coding: int
    ids: tuple[int, ...]
    how: How = "whole"

    @property
    def parts(self) -> int:
        return len(self.ids)


class NodeSmsc:
    """A running SMSC. ``port`` is where an ESME binds, with SYSTEM_ID and PASSWORD."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.port = 0
        self.events: list[dict[str, Any]] = []
        self.received: list[Submitted] = []
        self._process = process
        self._orders = itertools.count(1)
        self._parts: dict[tuple[str, str, int, int], dict[int, dict[str, Any]]] = {}
        self._changed = asyncio.Condition()
        self._bound: int | None = None  # the link that is bound

    # --- what a test asks for ---

    async def wait_bound(self, timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        await self._until(lambda: self._bound is not None, timeout_s, "no ESME bound")

    async def deliver(
        self,
        from_: str,
        to: str,
        text: str,
        *,
        encoding: Encoding = "gsm",
        how: How = "whole",
        order: Sequence[int] = (1,),
        reference: int | None = None,
        timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> int:
        """Bring a text and answer, when every part is acknowledged, how many deliver_sm that took.

        ``order`` names each part in the order of sending, so (3, 1, 2) is three parts in a wrong order. What was not
        acknowledged, or not for good, is brought again, as an SMSC does.
        """
        number = self._order(
            "deliver",
            **{"from": from_.removeprefix("+"), "to": to, "text": text, "encoding": encoding, "how": how},
            parts=max(order),
            order=list(order),
            reference=reference,
        )

        def accepted() -> set[int]:
            return {event["number"] for event in self.all("answered", id=number) if event["status"] == 0}

        await self._until(lambda: len(accepted()) == max(order), timeout_s, "not every part was acknowledged")
        return sum(event["tries"] for event in self.all("answered", id=number) if event["status"] == 0)

    async def receive(self, to: str, contains: str = "", timeout_s: float = ANSWER_TIMEOUT_S) -> Submitted:
        """Answer the oldest text to ``to`` that was not taken yet, and take it."""

        def find() -> Submitted | None:
            fits = (text for text in self.received if text.to == to.removeprefix("+") and contains in text.text)
            return next(fits, None)

        await self._until(lambda: find() is not None, timeout_s, f"no text with {contains!r}")
        found = find()
        assert found is not None
        self.received.remove(found)
        return found

    async def event(self, name: str, count: int = 1, timeout_s: float = ANSWER_TIMEOUT_S, **fields: Any) -> None:
        """Return when ``count`` such events have been told, from the beginning of all."""
        await self._until(lambda: len(self.all(name, **fields)) >= count, timeout_s, f"no {count} {name} {fields}")

    def all(self, name: str, **fields: Any) -> list[dict[str, Any]]:
        wanted = {"event": name, **fields}.items()
        return [event for event in self.events if wanted <= event.items()]

    async def behave(self, **manners: Any) -> None:
        """Change how it treats what it is sent: see ``manners`` in the script."""
        await self._obeyed(self._order("behave", manners=manners))

    async def drop(self) -> None:
        """Cut every connection, as a network does."""
        link = self._bound
        await self._obeyed(self._order("drop"))
        if self._bound == link:
            self._bound = None

    async def unbind(self) -> None:
        """Ask the ESME to go."""
        await self._obeyed(self._order("unbind"))

    async def enquire(self) -> None:
        """Send an enquire_link and return when it is answered."""
        number = self._order("enquire")
        await self.event("alive", id=number, status=0)

    async def stop_listening(self) -> None:
        """Refuse new connections from now on; present ones stay."""
        await self._obeyed(self._order("stop_listening"))

    async def listen(self) -> None:
        await self._obeyed(self._order("listen"))

    # --- inside ---

    async def _obeyed(self, number: int) -> None:
        await self.event("done", id=number)

    def _order(self, do: str, **fields: Any) -> int:
        number = next(self._orders)
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, "id": number, **fields}).encode() + b"\n")
        return number

    async def _until(self, true: Callable[[], bool], timeout_s: float, complaint: str) -> None:
        try:
            async with asyncio.timeout(timeout_s), self._changed:
                await self._changed.wait_for(true)
        except TimeoutError:
            last = "\n".join(str(event) for event in self.events[-10:])
            raise AssertionError(f"{complaint} within {timeout_s} s; the SMSC's last words:\n{last}") from None

    async def listen_to_process(self) -> None:
        """Take in what the process tells, until it ends."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            event = json.loads(line)
            async with self._changed:
                self._take_in(event)
                self._changed.notify_all()

    def _take_in(self, event: dict[str, Any]) -> None:
        self.events.append(event)
        match event["event"]:
            case "listening":
                self.port = event["port"]
            case "bound":
                self._bound = event["link"]
            case "closed" if event["link"] == self._bound:
                self._bound = None
            case "submitted":
                self._join(event)

    def _join(self, event: dict[str, Any]) -> None:
        part = event["part"]
        if part is None:
            parts = {1: event}
        else:
            key = (event["from"], event["to"], part["reference"], part["total"])
            parts = self._parts.setdefault(key, {})
            parts[part["number"]] = event
            if len(parts) < part["total"]:
                return
            del self._parts[key]
        whole = [parts[number] for number in sorted(parts)]
        text = "".join(piece["text"] for piece in whole)
        ids = tuple(piece["id"] for piece in whole)
        self.received.append(Submitted(event["from"], event["to"], text, event["data_coding"], ids, event["how"]))


@asynccontextmanager
async def running_smsc(found: NodeSmpp) -> AsyncIterator[NodeSmsc]:
    """Run an SMSC inside the block. What node-smpp could not read, or our script not do, fails the test at its end."""
    settings = {"system_id": SYSTEM_ID, "password": PASSWORD, "life_s": LIFE_S}
    process = await asyncio.create_subprocess_exec(
        found.node,
        SCRIPT,
        json.dumps(settings),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", ""), "NODE_PATH": str(found.modules)},
    )
    smsc = NodeSmsc(process)
    listening = asyncio.create_task(smsc.listen_to_process(), name="node smsc")
    try:
        await smsc.event("listening", timeout_s=START_TIMEOUT_S)
        yield smsc
    finally:
        assert process.stdin is not None
        process.stdin.close()  # its sign to end
        try:
            async with asyncio.timeout(5):
                await process.wait()
                await listening
        except TimeoutError:
            process.kill()
            await process.wait()
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
    faults = smsc.all("fault") + smsc.all("nacked")
    assert not faults, faults
