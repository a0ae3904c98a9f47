"""What went over the wire, as tshark reads it: no PDU of either side may be malformed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from tests.peers.sms.processes import running
from tests.peers.sms.programs import program


class Capture:
    """One capture file."""

    def __init__(self, path: Path, port: int) -> None:
        self.path = path
        self.port = port

    async def show(self, where: str, *fields: str) -> list[str]:
        """Answer the lines that tshark shows for packets that fit ``where``."""
        wanted = [part for field in fields for part in ("-e", field)]
        process = await asyncio.create_subprocess_exec(
            program("tshark"), "-r", str(self.path), "-d", f"tcp.port=={self.port},smpp", "-Y", where,
            *(("-T", "fields", *wanted) if fields else ()),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        out, _ = await asyncio.wait_for(process.communicate(), 60)
        return out.decode().splitlines()


@contextlib.asynccontextmanager
async def captured(port: int, folder: Path) -> AsyncIterator[Capture]:
    """Capture what goes over TCP ``port`` of loopback inside the block."""
    path = folder / f"{port}.pcapng"
    log = folder / f"{port}.dumpcap.log"
    command = (program("dumpcap"), "-q", "-i", "lo", "-f", f"tcp port {port}", "-w", path)
    capture = Capture(path, port)
    async with running(*command, log=log) as process:
        for _ in range(250):
            if path.exists() and path.stat().st_size:
                break
            if process.returncode is not None:
                raise AssertionError(f"dumpcap does not run: {log.read_text()}")
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)  # the file is there a moment before the filter is
        yield capture
        await asyncio.sleep(0.5)  # the kernel hands packets over in batches
