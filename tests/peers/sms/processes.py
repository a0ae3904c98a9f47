"""Peers as child processes that never outlive the test."""

from __future__ import annotations

import asyncio
import ctypes
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

_LIBC = ctypes.CDLL(None)


def _die_with_parent() -> None:
    _LIBC.prctl(1, int(signal.SIGKILL))  # PR_SET_PDEATHSIG


@asynccontextmanager
async def running(
    *command: str | Path, env: Mapping[str, str] | None = None, log: Path | None = None, stop_s: float = 5.0
) -> AsyncIterator[Process]:
    """Run a peer inside the block: asked to end, then killed. Output goes to pipes, or to ``log``."""
    with (log or Path("/dev/null")).open("ab") as file:
        process = await asyncio.create_subprocess_exec(
            *map(str, command),
            stdin=PIPE,
            stdout=file if log else PIPE,
            stderr=file,
            env=env,
            preexec_fn=_die_with_parent,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), stop_s)
            except TimeoutError:
                process.kill()
        await process.wait()
