"""Customers on sipp: what they do is a scenario, what they hear comes to a port of ours as RTP.

The bank's audio does not go back to sipp but to :class:`RtpEar`, by the address in the offer: it is recognised packet
by packet as it came off the wire. sipp sends the keys, from its own port, as RTP events or as SIP INFO.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from tellerline.trying.asterisk_found import Asterisk
from tellerline.trying.asterisk_host import DIES_WITH_PARENT, AsteriskHost
from tellerline.trying.voiceprints import Recognised, Recogniser, Voiceprints, canonical

HERE = Path(__file__).parent
RTP_HEADER_BYTES = 12  # RFC 3550 §5.1; Asterisk sends neither extensions nor contributing sources
ULAW = 0


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for so long."""

    milliseconds: int


@dataclass(frozen=True, slots=True)
class Keys:
    """Press keys, one right after the other. Callers of one run press as many, not the same."""

    keys: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """Hang up. Without it the caller waits for the bank to do so."""


Step: TypeAlias = Wait | Keys | HangUp


@dataclass(frozen=True, slots=True)
class Customer:
    """One caller."""

    number: str
    steps: tuple[Step, ...]


class RtpEar(asyncio.DatagramProtocol):
    """A caller's telephone, as far as hearing goes."""

    def __init__(self, prints: Voiceprints) -> None:
        self.found: list[Recognised] = []
        self.packets = 0
        self.lost = 0
        self._sequence: int | None = None
        self._recogniser = Recogniser(prints)

    def datagram_received(self, data: bytes, addr: object) -> None:
        if len(data) <= RTP_HEADER_BYTES or data[1] & 0x7F != ULAW:
            return
        sequence = int.from_bytes(data[2:4], "big")
        if self._sequence is not None:
            self.lost += (sequence - self._sequence - 1) % 65536
        self._sequence = sequence
        self.packets += 1
        self.found += self._recogniser.feed(canonical(data[RTP_HEADER_BYTES:]))

    def heard(self) -> list[str]:
        """Answer all that was heard, by name; what was stopped is marked."""
        self.found += self._recogniser.pause()
        return [f"{item.recording.audio_ids[0]}{' cut' if item.cut else ''}" for item in self.found]


@asynccontextmanager
async def ears(prints: Voiceprints, count: int) -> AsyncIterator[list[tuple[int, RtpEar]]]:
    """Answer ``count`` ears with the port of each."""
    loop = asyncio.get_running_loop()
    made: list[tuple[int, RtpEar]] = []
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(count):
            transport, ear = await loop.create_datagram_endpoint(lambda: RtpEar(prints), ("127.0.0.1", 0))
            stack.callback(transport.close)
            made.append((transport.get_extra_info("sockname")[1], ear))
        yield made


def scenario(steps: Sequence[Step], how: str) -> str:
    """Answer the scenario of these steps: the frame from its file, between ACK and the end each step in turn."""
    frame = (HERE / f"caller_{how}.xml").read_text()
    info = (HERE / "info_key.xml.part").read_text()
    bye = (HERE / "bye.xml.part").read_text()
    wait_for_bye = (HERE / "wait_for_bye.xml.part").read_text()
    parts: list[str] = []
    field, cseq = 2, 2
    for step in steps:
        match step:
            case Wait(milliseconds):
                parts.append(f'<pause milliseconds="{milliseconds}"/>')
            case Keys(keys) if how == "rfc4733":
                parts.append(f'<nop><action><exec play_dtmf="[field{field}]"/></action></nop>')
                field += 1
                parts.append(f'<pause milliseconds="{400 * len(keys)}"/>')  # sipp goes on while it sends them
            case Keys(keys):
                for _ in keys:
                    parts.append(info.replace("FIELD", f"[field{field}]").replace("CSEQ", str(cseq)))
                    parts.append('<pause milliseconds="240"/>')
                    field, cseq = field + 1, cseq + 1
            case HangUp():
                parts.append(bye.replace("CSEQ", str(cseq)))
    if not any(isinstance(step, HangUp) for step in steps):
        parts.append(wait_for_bye)
    return frame.replace("<!-- STEPS -->", "\n".join(parts))


def fields(customer: Customer, port: int, how: str) -> str:
    keys = [step.keys for step in customer.steps if isinstance(step, Keys)]
    pressed = keys if how == "rfc4733" else [key for batch in keys for key in batch]
    return ";".join([customer.number, str(port), *pressed])


def write_plan(folder: Path, customers: Sequence[Customer], ports: Sequence[int], how: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scenario.xml").write_text(scenario(customers[0].steps, how))
    lines = [fields(customer, port, how) for customer, port in zip(customers, ports, strict=True)]
    (folder / "customers.csv").write_text("SEQUENTIAL\n" + "\n".join(lines) + "\n")


async def call_all(
    asterisk: Asterisk,
    host: AsteriskHost,
    prints: Voiceprints,
    customers: Sequence[Customer],
    folder: Path,
    *,
    how: str = "rfc4733",
    a_second: int = 20,
    within_s: float = 90.0,
) -> list[RtpEar]:
    """Let all customers call, all at once, and answer what each heard.

    A call that sipp counts as failed is an error.
    """
    assert asterisk.sipp is not None
    async with ears(prints, len(customers)) as made:
        write_plan(folder, customers, [port for port, _ in made], how)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", "-c", DIES_WITH_PARENT, str(os.getpid()), str(asterisk.sipp)),
            f"127.0.0.1:{host.sip_port}",
            *("-sf", "scenario.xml", "-inf", "customers.csv", "-s", "95500", "-i", "127.0.0.1", "-mi", "127.0.0.1"),
            *("-m", str(len(customers)), "-l", str(len(customers)), "-r", str(a_second), "-nostdin"),
            *("-timeout", f"{within_s:g}s", "-timeout_error", "-trace_err", "-error_file", "errors"),
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "TERM": "dumb"},
        )
        try:
            async with asyncio.timeout(within_s + 10):
                output, _ = await process.communicate()
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        await asyncio.sleep(0)
    errors = (folder / "errors").read_text() if (folder / "errors").exists() else ""
    assert process.returncode == 0, f"sipp ended with {process.returncode}\n{errors}\n{output.decode()[-2000:]}"
    return [ear for _, ear in made]
