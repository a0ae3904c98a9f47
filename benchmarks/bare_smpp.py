"""The baseline: an ESME of asyncio.Protocol and smpplib that stores nothing, as fast as those two can be made.

One write a tick, TCP_NODELAY, no tasks, no futures: it answers every deliver_sm with its response and one submit_sm.
It forgives nothing either: no TLVs, no damaged PDUs, no timers. What it costs is what smpplib and the loop cost.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any, cast

from smpplib import command

ANSWER = b"Account ending 1101 available: 12,345.67 CNY"


class _Counter:
    """Sequence numbers, as smpplib asks for them."""

    def __init__(self) -> None:
        self.sequence = 0

    def next_sequence(self) -> int:
        self.sequence += 1
        return self.sequence


class BareEsme(asyncio.Protocol):
    """Binds, then answers."""

    def __init__(self) -> None:
        self._client = _Counter()
        self._buffer = b""
        self._out: list[bytes] = []
        self._transport: Any = None
        self.closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        bind = command.BindTransceiver(
            "bind_transceiver", client=self._client, system_id="tellerline", password="demo", system_type=""
        )
        self._transport.write(bind.generate())

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data
        start, end = 0, len(buffer)
        while end - start >= 16:
            length = int.from_bytes(buffer[start : start + 4], "big")
            if end - start < length:
                break
            if buffer[start + 4 : start + 8] == b"\x00\x00\x00\x05":
                self._answer(buffer[start : start + length])
            elif buffer[start + 4 : start + 8] == b"\x00\x00\x00\x15":
                alive = command.EnquireLinkResp("enquire_link_resp", client=self._client)
                alive.sequence = int.from_bytes(buffer[start + 12 : start + 16], "big")
                self._out.append(alive.generate())
            start += length
        self._buffer = buffer[start:]
        if self._out:
            self._transport.write(b"".join(self._out))
            self._out.clear()

    def _answer(self, pdu: bytes) -> None:
        text = command.DeliverSM("deliver_sm", client=self._client, need_sequence=False)
        text.parse(pdu)
        response = command.DeliverSMResp("deliver_sm_resp", client=self._client)
        response.sequence = text.sequence
        response.message_id = ""
        self._out.append(response.generate())
        answer = command.SubmitSM(
            "submit_sm",
            client=self._client,
            source_addr=text.destination_addr.decode(),
            destination_addr=text.source_addr.decode(),
            dest_addr_ton=1,
            dest_addr_npi=1,
            short_message=ANSWER,
        )
        self._out.append(answer.generate())

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)


async def serve(port: int) -> None:
    """Bind to ``port`` and answer until the connection ends."""
    loop = asyncio.get_running_loop()
    _, esme = await loop.create_connection(BareEsme, "127.0.0.1", port)
    await esme.closed
