"""The baseline: the smallest FastAGI server that asyncio can make, for one fixed call.

No codec, no checks, no deadlines, no tasks: a protocol whose ``data_received`` writes the next line of a script. What a
real server costs beyond it is what its safety costs. It reads each reply's result, as any server must, and keeps the
keyed digits, as a balance call must.
"""

from __future__ import annotations

import asyncio
from typing import cast


class BareCall(asyncio.Protocol):
    """One call: write a line, take the number out of the reply, write the next line."""

    __slots__ = ("_index", "_script", "_transport", "keys")

    def __init__(self, script: list[bytes]) -> None:
        self._script = script
        self._index = -1  # the header comes first
        self.keys = bytearray()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it

    def data_received(self, data: bytes) -> None:
        index = self._index
        if index < 0:
            if not data.endswith(b"\n\n"):
                return  # half a header: the rest ends with the blank line
        else:
            code = int(data[11:].split(None, 1)[0])  # 200 result=49 endpos=4160
            if code > 0:
                self.keys.append(code)
        self._index = index = index + 1
        if index < len(self._script):
            self._transport.write(self._script[index])
        else:
            self._transport.close()


async def serve(script: list[bytes]) -> asyncio.Server:
    """Listen on a free port of the loopback."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: BareCall(script), "127.0.0.1", 0, backlog=1024)
