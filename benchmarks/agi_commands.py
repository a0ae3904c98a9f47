"""AGI commands and whole calls: ours against a bare asyncio server, in the same run.

    python -m benchmarks.agi_commands [--calls 2000] [--at-once 50] [--rounds 3] [--uvloop] [--save]
    python -m benchmarks.agi_commands --whole      # the whole product, on a node as it is served

Every server runs in a process of its own, the driver in another. CPU is the server's own (user and system) for all its
calls. Rounds go through the servers in turning order and each server's cheapest counts: whatever else the machine does
only ever adds. A handler is an
async context manager that gives ``on_call``; see :mod:`benchmarks.agi_handlers` and :mod:`benchmarks.product`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog

from benchmarks import bare_agi, product
from benchmarks.agi_script import BALANCE, HEADER
from benchmarks.machine import machine
from ivr.agi import encode_command
from ivr.server import FastAgiServer, ServerLimits

BARE = "bare"
BARE_WHOLE = "bare-whole"  # the same, with the commands that the whole product sends
OURS = ("benchmarks.agi_handlers:session", "benchmarks.agi_handlers:call")
PRODUCT = ("benchmarks.product:dialogue", "benchmarks.product:whole")
WARM_UP_CALLS = 200
TIMEOUT_S = 300
RESULTS = Path(__file__).parent / "results"
TARGET = 3.0  # a whole balance call costs no more than this many times the bare server's CPU


@dataclass(frozen=True, slots=True)
class Figures:
    """One server's round."""

    name: str
    calls_per_s: float
    commands_per_s: float
    cpu_us_a_call: float
    cpu_us_a_command: float
    driver_load: float  # of one core: near 1.0, the driver was what was measured


# --- a server, in its own process --------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def _listening(name: str) -> AsyncIterator[int]:
    if name in (BARE, BARE_WHOLE):
        script = [encode_command(verb, arguments) for verb, *arguments in BALANCE]
        server = await bare_agi.serve(script if name == BARE else await product.commands_of_a_call())
        yield server.sockets[0].getsockname()[1]
        server.close()
        return
    module, _, factory = name.partition(":")
    limits = ServerLimits(max_calls=10_000)
    async with (
        getattr(importlib.import_module(module), factory)() as on_call,
        FastAgiServer(on_call, limits=limits) as ours,
    ):
        yield ours.port


async def _serve(name: str) -> None:
    loop = asyncio.get_running_loop()
    async with _listening(name) as port:
        print(port, flush=True)
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            if line.strip() == "cpu":
                print(time.process_time(), flush=True)


def _run_server(name: str, *, uvloop: bool) -> None:
    # Logs go where a production server's go in the end, to a file descriptor, as JSON; their cost is ours.
    structlog.configure(
        processors=[structlog.processors.TimeStamper(fmt="iso"), structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=Path(os.devnull).open("w", encoding="utf-8")),  # noqa: SIM115
        cache_logger_on_first_use=True,
    )
    if uvloop:
        import uvloop as fast

        fast.run(_serve(name))
    else:
        asyncio.run(_serve(name))


# --- measuring ---------------------------------------------------------------------------------------------------


class Subject:
    """A server that runs as a child."""

    def __init__(self, name: str, *, uvloop: bool) -> None:
        command = [sys.executable, "-m", "benchmarks.agi_commands", "--serve", name, *(["--uvloop"] if uvloop else [])]
        self.name = name.rpartition(":")[2]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self._read())

    def cpu_s(self) -> float:
        assert self._child.stdin is not None
        self._child.stdin.write("cpu\n")
        self._child.stdin.flush()
        return float(self._read())

    def close(self) -> None:
        assert self._child.stdin is not None
        self._child.stdin.close()
        self._child.wait(10)

    def _read(self) -> str:
        assert self._child.stdout is not None
        return self._child.stdout.readline()


def _measure(subject: Subject, calls: int, at_once: int, callers: list[str]) -> Figures:
    before = subject.cpu_s()
    command = [sys.executable, "-m", "benchmarks.agi_driver", str(subject.port), str(calls), str(at_once), *callers]
    driven = json.loads(subprocess.run(command, capture_output=True, check=True, text=True, timeout=TIMEOUT_S).stdout)
    cpu_s = subject.cpu_s() - before
    if driven["broken"]:
        raise SystemExit(f"{subject.name}: {driven['broken']} of {calls} calls ended before their last command")
    return Figures(
        name=subject.name,
        calls_per_s=calls / driven["seconds"],
        commands_per_s=driven["commands"] / driven["seconds"],
        cpu_us_a_call=cpu_s / calls * 1e6,
        cpu_us_a_command=cpu_s / driven["commands"] * 1e6,
        driver_load=driven["driver_cpu_s"] / driven["seconds"],
    )


def _least_disturbed(rounds: list[Figures]) -> Figures:
    return min(rounds, key=lambda figures: figures.cpu_us_a_call)


def run(names: list[str], calls: int, at_once: int, rounds: int, callers: list[str], *, uvloop: bool) -> list[Figures]:
    """Measure every server, round by round, and answer the cheapest round of each."""
    subjects = [Subject(name, uvloop=uvloop) for name in names]
    try:
        for subject in subjects:
            _measure(subject, WARM_UP_CALLS, at_once, callers)
        taken: dict[str, list[Figures]] = {subject.name: [] for subject in subjects}
        for number in range(rounds):
            turn = number % len(subjects)
            for subject in subjects[turn:] + subjects[:turn]:
                taken[subject.name].append(_measure(subject, calls, at_once, callers))
    finally:
        for subject in subjects:
            subject.close()
    for name, of_name in taken.items():
        print(f"{name}: CPU a call by round: {', '.join(f'{row.cpu_us_a_call:.0f}' for row in of_name)} µs")
    return [_least_disturbed(of_name) for of_name in taken.values()]


def _callers_in(folder: Path) -> Path:
    file = folder / "callers.json"
    file.write_text(json.dumps(product.callers()), encoding="utf-8")
    return file


def main() -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--at-once", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--whole", action="store_true", help="the whole product instead of the voice channel alone")
    parser.add_argument("--uvloop", action="store_true")
    parser.add_argument("--save", action="store_true", help=f"keep the figures in {RESULTS.name}/")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        _run_server(given.serve, uvloop=given.uvloop)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        names, callers = [BARE, *OURS], []
        if given.whole:
            names, callers = [BARE_WHOLE, *PRODUCT], [str(_callers_in(Path(folder)))]
        figures = run(names, given.calls, given.at_once, given.rounds, callers, uvloop=given.uvloop)
    bare = figures[0]
    commands = bare.commands_per_s / bare.calls_per_s
    print(f"a balance call of {commands:.0f} commands, header of {len(HEADER)} bytes, {given.at_once} calls at once")
    print(f"{'':10}{'calls/s':>9}{'commands/s':>12}{'µs/call':>9}{'µs/command':>12}{'CPU ratio':>11}{'driver':>8}")
    for row in figures:
        ratio = row.cpu_us_a_call / bare.cpu_us_a_call
        print(
            f"{row.name:10}{row.calls_per_s:9.0f}{row.commands_per_s:12.0f}{row.cpu_us_a_call:9.0f}"
            f"{row.cpu_us_a_command:12.1f}{ratio:11.2f}{row.driver_load:8.0%}"
        )
    worst = max(row.cpu_us_a_call for row in figures) / bare.cpu_us_a_call
    verdict = "met" if worst <= TARGET else "missed"
    print(f"target: at most {TARGET:g} times the bare server's CPU; measured {worst:.2f}: {verdict}")
    if given.save:
        RESULTS.mkdir(exist_ok=True)
        kept = {
            "benchmark": "whole balance call" if given.whole else "agi_commands",
            "machine": machine(),
            "loop": "uvloop" if given.uvloop else "asyncio",
            "calls": given.calls,
            "at_once": given.at_once,
            "figures": [asdict(row) | {"cpu_ratio": row.cpu_us_a_call / bare.cpu_us_a_call} for row in figures],
        }
        name = f"{'balance_call' if given.whole else 'agi_commands'}{'_uvloop' if given.uvloop else ''}.json"
        (RESULTS / name).write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
