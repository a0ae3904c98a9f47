"""A real Asterisk for one run: its own folder, every socket on 127.0.0.1, nothing left behind.

>>> async with AsteriskHost(require_asterisk(), servers=["127.0.0.1:4573"]) as host:
...     print(host.ami_port, host.sip_port)
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tellerline.errors import ParleyError
from tellerline.trying.asterisk_config import MAX_RTP_PORTS, NOTHING_LISTENS, Site, write_configuration
from tellerline.trying.asterisk_found import Asterisk

BOOT_TIMEOUT_S = 20.0  # 0.3 to 0.6 s on an idle machine; a loaded one may take its time
STOP_TIMEOUT_S = 5.0
BOOT_TRIES = 3  # a free port may be taken by somebody else between finding and binding it
_POLL_S = 0.02
# It boots on without a transport or a manager whose port somebody else took in the meantime, and without modules.
_UNFIT = re.compile(r"unable to bind|already in use|could not be started|error loading module", re.IGNORECASE)
# Below the ephemeral range of Linux (32768), so that no client socket sits on a port that Asterisk is to use.
_RTP_FIRST, _RTP_LAST = 10_000, 31_000

# Runs the rest of its arguments so that they die with this process: prctl(PR_SET_PDEATHSIG, SIGKILL) outlives exec.
# It follows the thread that spawned it, which must therefore live as long as the run: the event loop's own.
DIES_WITH_PARENT = """\
import ctypes, os, sys
if ctypes.CDLL(None).prctl(1, 9) or os.getppid() != int(sys.argv[1]): os._exit(125)
os.execv(sys.argv[2], sys.argv[2:])
"""


class AsteriskHost:
    """An Asterisk with the bank's own configuration, which talks to ``servers``.

    Args:
        asterisk: which one; :func:`~tellerline.trying.asterisk_found.require_asterisk` finds it.
        servers: FastAGI servers as ``host:port``, in the order in which the dialplan tries them.
        sounds: the folder of built sounds; Asterisk finds its files as ``tellerline/zh/welcome``.
        verbose: with 3, the ``full`` log holds all that an operator could see at the console.
        folder: where its files go; a temporary folder, removed at the end, when None.
        agents: replaces ``agents.conf``: where the queues lead.
    """

    def __init__(
        self,
        asterisk: Asterisk,
        *,
        servers: Sequence[str] = (NOTHING_LISTENS,),
        sounds: Path | None = None,
        verbose: int = 0,
        folder: Path | None = None,
        agents: str | None = None,
    ) -> None:
        self._asterisk = asterisk
        self._servers = tuple(servers)
        self._sounds = sounds
        self._verbose = verbose
        self._agents = agents
        self._given_folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._site: Site | None = None

    @property
    def site(self) -> Site:
        """Its ports, secrets and folders."""
        if self._site is None:
            raise RuntimeError("this Asterisk has not been started")
        return self._site

    @property
    def ami_port(self) -> int:
        """Where its manager interface listens, on 127.0.0.1."""
        return self.site.ami_port

    @property
    def sip_port(self) -> int:
        """Where it takes calls by SIP over UDP, on 127.0.0.1."""
        return self.site.sip_port

    @property
    def pid(self) -> int:
        """Its process id."""
        if self._process is None:
            raise RuntimeError("this Asterisk has not been started")
        return self._process.pid

    async def __aenter__(self) -> Self:
        """Start it and wait until it is fully booted.

        Raises:
            ParleyError: it does not start; the message ends with what it wrote.
        """
        for attempt in range(BOOT_TRIES):
            self._site = self._new_site(attempt)
            write_configuration(self._site)
            try:
                await self._start()
            except BaseException as error:
                await self._stop()
                self._remove_folder()
                if not isinstance(error, ParleyError) or attempt == BOOT_TRIES - 1:
                    raise
            else:
                return self
        raise AssertionError("unreachable: the last try returns or raises")

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()
        self._remove_folder()

    def log_text(self) -> str:
        """Answer everything that it has written down so far, all log files and its console together."""
        files = [*sorted(self.site.log.rglob("*")), self.site.folder / "console"]
        return "\n".join(file.read_text(errors="replace") for file in files if file.is_file())

    async def command(self, line: str) -> str:
        """Run a console command (``core show channels``) and answer what it prints."""
        process = await asyncio.create_subprocess_exec(
            str(self._asterisk.program),
            "-C",
            str(self.site.etc / "asterisk.conf"),
            "-rx",
            line,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(BOOT_TIMEOUT_S):
                output, _ = await process.communicate()
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        return output.decode(errors="replace")

    async def set_servers(self, *servers: str) -> None:
        """Let the dialplan try ``servers`` from the next call on."""
        await self.command(f"dialplan set global TELLERLINE_SERVERS {'&'.join(servers)}")

    def _new_site(self, attempt: int) -> Site:
        # Short, because the path of a unix socket has 107 bytes.
        folder = self._given_folder or Path(tempfile.mkdtemp(prefix="tl-ast-"))
        if attempt and self._given_folder is not None:
            folder = self._given_folder / f"try{attempt}"
        ami_port, sip_port = _free_port(socket.SOCK_STREAM), _free_port(socket.SOCK_DGRAM)
        return Site(
            folder=folder.resolve(),
            modules=self._asterisk.modules,
            data=self._asterisk.data,
            ami_port=ami_port,
            sip_port=sip_port,
            rtp_start=random.randrange(_RTP_FIRST, _RTP_LAST, MAX_RTP_PORTS),  # noqa: S311 - a port, no secret
            servers=self._servers,
            sounds=self._sounds,
            verbose=self._verbose,
            agents=self._agents,
        )

    async def _start(self) -> None:
        site = self.site
        with (site.folder / "console").open("wb") as console:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-I", "-S", "-c", DIES_WITH_PARENT, str(os.getpid())),
                *(str(self._asterisk.program), "-f", "-C", str(site.etc / "asterisk.conf")),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=console,
                stderr=asyncio.subprocess.STDOUT,
                cwd=site.folder,
                env={"PATH": os.environ.get("PATH", ""), "HOME": str(site.folder), "LANG": "C.UTF-8", "TERM": "dumb"},
                start_new_session=True,  # a Ctrl-C at the terminal is ours to handle
            )
        try:
            async with asyncio.timeout(BOOT_TIMEOUT_S):
                await self._booted()
        except TimeoutError:
            raise self._failure(f"did not boot within {BOOT_TIMEOUT_S:g} s") from None

    async def _booted(self) -> None:
        control = self.site.folder / "run" / "asterisk.ctl"
        while not control.exists():
            if self._process is not None and self._process.returncode is not None:
                raise self._failure(f"ended at once with code {self._process.returncode}")
            await asyncio.sleep(_POLL_S)
        await self.command("core waitfullybooted")
        if _UNFIT.search(self.log_text()):
            raise self._failure("booted without all that it needs")

    def _failure(self, what: str) -> ParleyError:
        wrote = "\n".join(self.log_text().splitlines()[-15:])
        return ParleyError(f"Asterisk {what}.\n  it wrote:\n{wrote}")

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, sign)
            try:
                async with asyncio.timeout(STOP_TIMEOUT_S):
                    await process.wait()
                    return
            except TimeoutError:
                continue

    def _remove_folder(self) -> None:
        if self._given_folder is None and self._site is not None:
            shutil.rmtree(self._site.folder, ignore_errors=True)


def _free_port(kind: int) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
