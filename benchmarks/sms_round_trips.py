"""SMS round trips: the product with everything stored and balances from its ledger, against ESMEs that do less.

    python -m benchmarks.sms_round_trips [--texts 4000] [--rounds 3] [--only gateway bare] [--save]
    python -m benchmarks.sms_round_trips --profile FOLDED --only gateway --windows 50

A round trip is deliver_sm, its response, submit_sm, its response. Every ESME runs in a process of its own; this
process drives them in turn as one fast SMSC and, for the product, holds each answer against the customer's balance.
CPU is the ESME's own process with all its threads; its store's process is shown apart. Rounds go through the
candidates in turning order and each one's best counts: whatever else the machine does only ever adds.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import bare_smpp, bare_storing, sms_peers, sms_product
from benchmarks.machine import machine
from benchmarks.sms_driver import Driver

WINDOWS = (1, 10, 50)
WHAT = {
    "bare": "asyncio.Protocol + smpplib, nothing stored",
    "bare_storing": "the same, its text XADDed before the acknowledgement and its answer before the submit_sm",
    "aiosmpplib": "aiosmpplib, nothing stored",
    "smpp34": "smpp34 (Rust), nothing stored; the driver acknowledges its TCP segments at once",
    "node-smpp": "node-smpp with NODELAY, nothing stored",
    "session": "our wire alone, nothing stored",
    "gateway": "the product on asyncio's loop: all stored, dialogues, balances from the ledger",
    "gateway_uvloop": "the product on uvloop, as it is served where that is installed",
    "two_nodes": "two nodes of the product on this machine, a bind each, one ledger and one store; window each",
}
OURS = ("gateway", "gateway_uvloop", "two_nodes")
POLICY = "appendonly yes, appendfsync always: the same for every candidate that stores"
RESULTS = Path(__file__).parent / "results" / "sms_round_trips.json"
START_S, RUN_S = 60, 300


@dataclass(frozen=True, slots=True)
class Figure:
    """One candidate at one window."""

    candidate: str
    window: int
    per_second: float
    cpu_us: float  # of the ESME's process or processes, a round trip
    store_cpu_us: float  # of the store's server


def serve(candidate: str, port: int, state: Path, node: str, profile: Path | None) -> None:
    """Be one candidate until killed or disconnected."""
    factory = None
    if candidate == "gateway_uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    work: Callable[[], Coroutine[Any, Any, None]] = {
        "bare": lambda: bare_smpp.serve(port),
        "bare_storing": lambda: bare_storing.serve(port),
        "aiosmpplib": lambda: sms_peers.serve_aiosmpplib(port),
        "smpp34": lambda: sms_peers.serve_smpp34(port),
        "session": lambda: sms_product.serve_session(port),
    }.get(candidate, lambda: sms_product.serve_gateway(port, state, node, profile))
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(work())


def _commands(name: str, port: int, state: Path, profile: Path | None) -> list[tuple[list[str], dict[str, str] | None]]:
    if name == "node-smpp":
        command, environment = sms_peers.node_command(port)
        return [(command, {**os.environ, **environment})]
    ours = [sys.executable, "-m", "benchmarks.sms_round_trips", "--serve", name, "--port", str(port)]
    ours += ["--state", str(state), *(["--profile", str(profile)] if profile else [])]
    nodes = ("main", "second") if name == "two_nodes" else ("main",)
    return [([*ours, "--node", node], None) for node in nodes]


@contextlib.asynccontextmanager
async def _candidate(
    name: str, port: int, state: Path, profile: Path | None
) -> AsyncIterator[list[asyncio.subprocess.Process]]:
    processes: list[asyncio.subprocess.Process] = []
    try:
        for command, environment in _commands(name, port, state, profile):
            processes.append(await asyncio.create_subprocess_exec(*command, env=environment))
        yield processes
    finally:
        for process in reversed(processes):
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _measure(name: str, window: int, texts: int, state: Path, profile: Path | None) -> Figure:
    ours = name in OURS
    driver = Driver(
        texts,
        window,
        sources=sms_product.sources(),
        answers=sms_product.answers() if ours else None,
        binds=2 if name == "two_nodes" else 1,
        quick_acks=name == "smpp34",
    )
    loop = asyncio.get_running_loop()
    server = await loop.create_server(driver.link, "127.0.0.1", 0)
    async with server, _candidate(name, server.sockets[0].getsockname()[1], state, profile) as processes:
        pids = [process.pid for process in processes]
        async with asyncio.timeout(START_S):
            while not driver.bound.done():
                if any(process.returncode is not None for process in processes):
                    raise RuntimeError(f"{name} ended before it was bound")
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)  # what a start leaves to be done is no round trip's
        stores = [store for pid in pids for store in sms_product.children(pid)]
        cpu, store_cpu = sum(map(sms_product.cpu_s, pids)), sum(map(sms_product.cpu_s, stores))
        if profile is not None:
            os.kill(pids[0], signal.SIGUSR1)
        driver.begin()
        await asyncio.wait_for(driver.done, RUN_S)
        cpu, store_cpu = sum(map(sms_product.cpu_s, pids)) - cpu, sum(map(sms_product.cpu_s, stores)) - store_cpu
        if profile is not None:
            os.kill(pids[0], signal.SIGUSR2)
            await sms_product.written(profile)
        driver.close()
    if driver.refused or driver.wrong:
        wrong = driver.wrong[0][1] if driver.wrong else b""
        raise AssertionError(f"{name}: {driver.refused} texts refused, {len(driver.wrong)} answered wrongly: {wrong!r}")
    return Figure(name, window, texts / (driver.ended - driver.began), cpu / texts * 1e6, store_cpu / texts * 1e6)


async def measure(
    candidates: Sequence[str],
    windows: Sequence[int],
    texts: int,
    rounds: int,
    kept: Path | None = None,
    profile: Path | None = None,
) -> list[Figure]:
    """Answer each candidate's best at each window."""
    best: dict[tuple[str, int], Figure] = {}
    with tempfile.TemporaryDirectory(prefix="tl-bench-") as folder:
        state = kept or Path(folder) / "node"
        if any(name in OURS for name in candidates) and not state.exists():
            await sms_product.prepare(state)
        for turn in range(rounds):
            for window in windows:
                for place in range(len(candidates)):
                    name = candidates[(place + turn) % len(candidates)]
                    figure = await _measure(name, window, texts if window > 1 else max(200, texts // 5), state, profile)
                    known = best.get((name, window))
                    if known is None or figure.per_second > known.per_second:
                        best[name, window] = figure
                    print(f"  {window:>3} {name:<15} {figure.per_second:>8,.0f}/s {figure.cpu_us:>5.0f} µs", flush=True)
    return [best[name, window] for window in windows for name in candidates]


def show(figures: list[Figure]) -> None:
    """Print a table of ratios."""
    bare = {figure.window: figure for figure in figures if figure.candidate == "bare"}
    print(
        f"{'window':>6}  {'candidate':<15} {'round trips/s':>13} {'ratio':>6} "
        f"{'CPU µs':>7} {'ratio':>6} {'store µs':>8}"
    )
    for figure in figures:
        base = bare.get(figure.window, figure)
        print(
            f"{figure.window:>6}  {figure.candidate:<15} {figure.per_second:>13,.0f} "
            f"{figure.per_second / base.per_second:>6.2f} {figure.cpu_us:>7.0f} {figure.cpu_us / base.cpu_us:>6.2f} "
            f"{figure.store_cpu_us:>8.0f}"
        )
    for name in dict.fromkeys(figure.candidate for figure in figures):
        print(f"  {name}: {WHAT[name]}")
    print(f"  {POLICY}")


def save(figures: list[Figure]) -> None:
    """Keep the figures with the machine's description."""
    RESULTS.parent.mkdir(exist_ok=True)
    document = {
        "benchmark": "sms_round_trips",
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine(),
        "append_only": POLICY,
        "candidates": WHAT,
        "figures": [asdict(figure) for figure in figures],
    }
    RESULTS.write_text(json.dumps(document, indent=2) + "\n")


def _there(wanted: Sequence[str]) -> list[str]:
    """Answer the candidates that can run here, and say what mends it for the others."""
    there = []
    for name in wanted:
        why = sms_peers.missing(name) if name in ("aiosmpplib", "smpp34", "node-smpp") else ""
        why = why or (sms_peers.missing("uvloop") if name == "gateway_uvloop" else "")
        if why:
            print(f"{name} is left out: {why}")
        else:
            there.append(name)
    return there


def main() -> None:
    """Read the command line and measure, or be a candidate."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--texts", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=tuple(WHAT), default=tuple(WHAT))
    parser.add_argument("--windows", nargs="+", type=int, default=WINDOWS)
    parser.add_argument("--profile", type=Path, help="write the gateway's stacks here, folded")
    parser.add_argument("--save", action="store_true")
    parser.add_argument("--serve", choices=tuple(WHAT), help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--state", type=Path, help="keep the customers' state here, for the next run")
    parser.add_argument("--node", default="main", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve, arguments.port, arguments.state, arguments.node, arguments.profile)
        return
    figures = asyncio.run(
        measure(
            _there(arguments.only),
            arguments.windows,
            arguments.texts,
            arguments.rounds,
            arguments.state,
            arguments.profile,
        )
    )
    show(figures)
    if arguments.save:
        save(figures)


if __name__ == "__main__":
    main()
