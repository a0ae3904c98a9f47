"""What really went over the loopback: recorded by dumpcap, judged by tshark's SMPP dissector."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers.availability import require_peer
from tests.peers.sms.children import child
from tests.peers.sms.found import Wireshark

START_TIMEOUT_S, FLUSH_TIMEOUT_S, READ_TIMEOUT_S = 15.0, 15.0, 60.0
LIFE_S = 110
HOW_TO_BE_ALLOWED = "run as root, or give dumpcap the right: setcap cap_net_raw,cap_net_admin=eip on it"


@dataclass(frozen=True, slots=True)
class Pdu:
    """One PDU as Wireshark names it."""

    command: str
    status: int


class Capture:
    """All that was sent to or from one TCP port of the loopback."""

    def __init__(self, found: Wireshark, port: int, file: Path) -> None:
        self._found = found
        self._port = port
        self._file = file

    async def flush(self) -> None:
        """Return when all that was sent until now is in the file: a connection of our own is seen there last."""
        with socket.socket() as marker:
            marker.setblocking(False)
            marker.bind(("127.0.0.1", 0))
            own = marker.getsockname()[1]
            with contextlib.suppress(ConnectionRefusedError):  # that it was tried is on the wire all the same
                await asyncio.get_running_loop().sock_connect(marker, ("127.0.0.1", self._port))
        mark = own.to_bytes(2, "big") + self._port.to_bytes(2, "big")
        async with asyncio.timeout(FLUSH_TIMEOUT_S):
            while mark not in _octets(self._file):  # noqa: ASYNC110 - a file tells nobody that it grew
                await asyncio.sleep(0.05)

    async def pdus(self) -> list[Pdu]:
        """Answer every PDU, in order."""
        lines = await self._read("smpp", "smpp.command_id", "smpp.command_status")
        pdus = []
        for line in lines:
            commands, statuses = line.split("\t")
            # Responses only have a status; several PDUs of one segment come with their values side by side.
            named = [_NAMES.get(int(command, 16), command) for command in commands.split(",")]
            waiting = [int(status, 16) for status in statuses.split(",") if status]
            for name in named:
                status = waiting.pop(0) if name.endswith("_resp") or name == "generic_nack" else 0
                pdus.append(Pdu(name, status))
            assert not waiting, line
        return pdus

    async def commands(self) -> Counter[str]:
        return Counter(pdu.command for pdu in await self.pdus())

    async def malformed(self) -> list[str]:
        """Answer what tshark calls malformed, or took for SMPP and found more or less of than there should be."""
        wrong = "_ws.malformed || _ws.expert.severity >= 0x00600000 && smpp"
        return await self._read(wrong, "frame.number", "smpp.command_id", "_ws.expert.message")

    async def refused(self) -> list[str]:
        """Answer the frames in which somebody refused something."""
        return await self._read("smpp.command_status != 0", "frame.number", "smpp.command_id", "smpp.command_status")

    async def _read(self, which: str, *fields: str) -> list[str]:
        wanted = [argument for name in fields for argument in ("-e", name)]
        process = await asyncio.create_subprocess_exec(
            self._found.tshark,
            *("-n", "-r", str(self._file), "-d", f"tcp.port=={self._port},smpp", "-Y", which, "-T", "fields", *wanted),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                said, complaint = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, complaint.decode()
        return said.decode().splitlines()


_NAMES = {
    0x00000009: "bind_transceiver",
    0x80000009: "bind_transceiver_resp",
    0x00000004: "submit_sm",
    0x80000004: "submit_sm_resp",
    0x00000005: "deliver_sm",
    0x80000005: "deliver_sm_resp",
    0x00000015: "enquire_link",
    0x80000015: "enquire_link_resp",
    0x00000006: "unbind",
    0x80000006: "unbind_resp",
    0x80000000: "generic_nack",
}


@asynccontextmanager
async def capturing(found: Wireshark, port: int, folder: Path) -> AsyncIterator[Capture]:
    """Record ``port`` of the loopback inside the block, where that is permitted."""
    file, log = folder / f"{port}.pcap", folder / f"dumpcap-{port}.log"
    arguments = ("-i", "lo", "-f", f"tcp port {port}", "-P", "-w", file, "-a", f"duration:{LIFE_S}")
    async with child(found.dumpcap, *arguments, log=log) as dumpcap:
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                while b"File: " not in _octets(log) and dumpcap.returncode is None:  # noqa: ASYNC110 - as above
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"dumpcap did not start: {_octets(log)!r}") from None
        said = _octets(log).decode(errors="replace")
        refused = dumpcap.returncode is not None and "permi" in said.lower()
        require_peer("The right to capture on the loopback", not refused, HOW_TO_BE_ALLOWED)
        assert dumpcap.returncode is None, said
        yield Capture(found, port, file)


def _octets(file: Path) -> bytes:
    return file.read_bytes() if file.exists() else b""
