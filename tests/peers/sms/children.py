"""Peers' processes: started so that they die with this one, ended by their own ids."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

END_TIMEOUT_S = 5.0
# Asks the kernel to kill it with its parent, then becomes the program: prctl(PR_SET_PDEATHSIG, SIGKILL) outlives exec.
_TIED = """
import ctypes, os, sys
if ctypes.CDLL(None).prctl(1, 9) or os.getppid() != int(sys.argv[1]): os._exit(125)
os.execv(sys.argv[2], sys.argv[2:])
"""


@asynccontextmanager
async def child(program: Path, *arguments: str | Path, log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program inside the block; what it prints goes to ``log``. At the end it is asked to end, then killed."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            _TIED,
            str(os.getpid()),
            program,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        await end(process)


async def end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(END_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, for a program that cannot take port 0."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [taken.getsockname()[1] for taken in sockets]
    for taken in sockets:
        taken.close()
    return ports


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


async def wait_listening(port: int, process: asyncio.subprocess.Process, log: Path, timeout_s: float = 15.0) -> None:
    """Return when ``process`` takes connections on ``port``."""
    loop = asyncio.get_running_loop()
    until = loop.time() + timeout_s
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            said = _end_of(log)
            assert process.returncode is None, f"it ended with {process.returncode}:\n{said}"
            assert loop.time() < until, f"it does not listen on port {port}:\n{said}"
            await asyncio.sleep(0.05)
        else:
            writer.close()
            await writer.wait_closed()
            return
