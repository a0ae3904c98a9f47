"""SMS round trips: ours, which stores everything, against asyncio.Protocol + smpplib, which stores nothing.

    python -m benchmarks.sms_round_trips [--texts 3000] [--rounds 3] [--save]

A round trip is deliver_sm, its response, submit_sm, its response. Every ESME runs in a process of its own; this
process drives them in turn as one fast SMSC. CPU is the ESME's own process; the store's child is shown apart. Rounds go
through the candidates in turning order and each one's best counts: whatever else the machine does only ever adds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog

from benchmarks import bare_smpp
from benchmarks.machine import machine
from benchmarks.sms_driver import Driver
from core_client.adapters.clock import SystemClock
from core_client.adapters.sealing import Sealer
from core_client.adapters.valkey import open_store
from core_client.domain.secret import Secret
from core_client.services.call import Arrival
from flows.dialogue import Resume, Say, SayText, Trigger
from flows.line import Line
from flows.runner import Ended, Suspended
from flows.sessions import RedisSessions
from flows.store import FlowStore
from flows.vault import Vault
from sms.binds.esme import Esme, EsmeConfig, Respond
from sms.gateway import GatewayConfig, SmsGateway
from sms.smpp import Address, Limits, Message

WINDOWS = (1, 10, 50)
CANDIDATES = ("bare", "session", "stored")
WHAT = {
    "bare": "asyncio.Protocol + smpplib, nothing stored",
    "session": "our session and ESME, nothing stored",
    "stored": "our gateway: sealed inbox and outbox, fsync before every acknowledgement",
}
RESULTS = Path(__file__).parent / "results" / "sms_round_trips.json"


# --- the candidates, each in a process of its own ---


def _config(port: int) -> EsmeConfig:
    return EsmeConfig("127.0.0.1", port, "tellerline", Secret("demo"), limits=Limits(window=100))


async def _serve_session(port: int) -> None:
    tasks: set[asyncio.Task[str]] = set()

    def answer(message: Message, _link: str, respond: Respond) -> None:
        respond(0)
        reply = Message(message.destination, Address(message.source.digits, 1, 1), bare_smpp.ANSWER)
        task = asyncio.get_running_loop().create_task(esme.submit(reply), name="answer")
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    esme = Esme(_config(port), answer)
    async with esme.running():
        await asyncio.sleep(600)


class _Echo:
    """A bank and a runner that cost nothing: what is measured is the channel."""

    async def arrive(self, channel: str, number: str | None) -> Arrival:
        return Arrival("auth", True, "en", None)

    async def start(self, trigger: Trigger, line: Line) -> Ended | Suspended:
        await line.say(Say((SayText(bare_smpp.ANSWER.decode()),), "en"))
        await line.end("done")
        return None  # type: ignore[return-value]  # the gateway does not look at it

    async def resume(self, session_id: str, resume: Resume, line: Line) -> Ended | Suspended:
        raise AssertionError("nothing waits here")


async def _serve_stored(port: int) -> None:
    echo = _Echo()
    with tempfile.TemporaryDirectory() as folder:
        async with open_store(None, Path(folder)) as store:
            gateway = SmsGateway(
                GatewayConfig(_config(port), duplicate_window_s=0.5),
                redis=store.redis,
                sealer=Sealer(os.urandom(32)),
                runner=echo,
                core=echo,
                flows=FlowStore(),
                sessions=RedisSessions(store.redis, Sealer(os.urandom(32))),
                vault=Vault(),
                text_for=lambda say, _catalogue: "".join(item.text for item in say.items if isinstance(item, SayText)),
                clock=SystemClock(),
            )
            async with gateway.running():
                await asyncio.sleep(600)


def serve(candidate: str, port: int) -> None:
    """Be one candidate until killed or disconnected."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    work = {"bare": bare_smpp.serve, "session": _serve_session, "stored": _serve_stored}[candidate]
    asyncio.run(work(port))


# --- measuring ---


@dataclass(frozen=True, slots=True)
class Figure:
    """One candidate at one window."""

    candidate: str
    window: int
    per_second: float
    cpu_us: float  # of the ESME's process, a round trip
    store_cpu_us: float  # of the store's server


def _cpu_s(pid: int) -> float:
    """Answer the CPU seconds of all threads of a process."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def _children(pid: int) -> list[int]:
    return [
        int(word) for task in Path(f"/proc/{pid}/task").iterdir() for word in (task / "children").read_text().split()
    ]


@asynccontextmanager
async def _candidate(name: str, port: int) -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.sms_round_trips", "--serve", name, "--port", str(port)
    )
    try:
        yield process.pid
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _measure(name: str, window: int, texts: int) -> Figure:
    driver = Driver(texts, window)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: driver, "127.0.0.1", 0)
    async with server, _candidate(name, server.sockets[0].getsockname()[1]) as pid:
        await asyncio.wait_for(driver.bound, 30)
        stores = _children(pid)
        cpu, store_cpu = _cpu_s(pid), sum(map(_cpu_s, stores))
        driver.begin()
        await asyncio.wait_for(driver.done, 300)
        cpu, store_cpu = _cpu_s(pid) - cpu, sum(map(_cpu_s, stores)) - store_cpu
        driver.close()
    if driver.refused:
        raise AssertionError(f"{driver.refused} of {texts} texts were refused")
    return Figure(name, window, texts / (driver.ended - driver.began), cpu / texts * 1e6, store_cpu / texts * 1e6)


async def measure(texts: int, rounds: int) -> list[Figure]:
    """Answer each candidate's best at each window."""
    best: dict[tuple[str, int], Figure] = {}
    for turn in range(rounds):
        for window in WINDOWS:
            for place in range(len(CANDIDATES)):
                name = CANDIDATES[(place + turn) % len(CANDIDATES)]
                figure = await _measure(name, window, texts if window > 1 else max(200, texts // 5))
                known = best.get((name, window))
                if known is None or figure.cpu_us < known.cpu_us:
                    best[name, window] = figure
    return [best[name, window] for window in WINDOWS for name in CANDIDATES]


def show(figures: list[Figure]) -> None:
    """Print a table of ratios."""
    bare = {figure.window: figure for figure in figures if figure.candidate == "bare"}
    print(
        f"{'window':>6}  {'candidate':<9} {'round trips/s':>13} {'ratio':>6} {'CPU µs':>7} {'ratio':>6} {'store µs':>8}"
    )
    for figure in figures:
        base = bare[figure.window]
        print(
            f"{figure.window:>6}  {figure.candidate:<9} {figure.per_second:>13,.0f} "
            f"{figure.per_second / base.per_second:>6.2f} {figure.cpu_us:>7.0f} {figure.cpu_us / base.cpu_us:>6.2f} "
            f"{figure.store_cpu_us:>8.0f}"
        )
    for name, what in WHAT.items():
        print(f"  {name}: {what}")


def save(figures: list[Figure]) -> None:
    """Keep the figures with the machine's description."""
    RESULTS.parent.mkdir(exist_ok=True)
    document = {
        "benchmark": "sms_round_trips",
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine(),
        "candidates": WHAT,
        "figures": [asdict(figure) for figure in figures],
    }
    RESULTS.write_text(json.dumps(document, indent=2) + "\n")


def main() -> None:
    """Read the command line and measure, or be a candidate."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--texts", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--save", action="store_true")
    parser.add_argument("--serve", choices=CANDIDATES, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve, arguments.port)
        return
    figures = asyncio.run(measure(arguments.texts, arguments.rounds))
    show(figures)
    if arguments.save:
        save(figures)


if __name__ == "__main__":
    main()
