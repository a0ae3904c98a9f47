"""CPU of the engine's turns against the CPU of the same turns' AGI input and output, in the same run.

    python -m benchmarks.flow_turns [--calls 2000] [--rounds 5] [--profile] [--save]

A balance call of the shipped flow is made once, through the voice channel, and noted: each turn's session and what came
back to it, each command that was sent and its reply. Then the same turns are decided again and again on the engine
alone, and the same commands sent and the same replies taken again and again by our own AGI side:

- ``codec``: the bytes of commands made and those of replies read, without any socket;
- ``input and output``: the same over TCP, by the server as it is, with nothing behind it.

Chunks of calls go through all of them in turn, and each one's cheapest counts: whatever else the machine does only ever
adds.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import logging
import os
import pstats
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import structlog

from benchmarks import product
from benchmarks.agi_driver import Customer
from benchmarks.machine import machine
from core_client.adapters.clock import SystemClock
from flows.dialogue import Channel, Facts, Resume, Trigger, Turn
from flows.engine import Engine
from flows.model import Flow
from flows.session import Session
from flows.store import DEFINITIONS, FlowStore
from ivr.agi import AgiServerConnection, split_command
from ivr.server import FastAgiServer, ServerLimits
from ivr.session import AgiSession
from ivr.testing.verbs import VERBS
from sounds.catalogue import Catalogue

AT_MOST = 1.0  # times the input and output of the same turns
CALL_LIMIT_S = 30
AT_ONCE = 20
CHUNK = 50  # calls that are measured at a time: 10 ms, so that most of them are not interrupted
RESULTS = Path(__file__).parent / "results" / "flow_turns.json"


@dataclass
class Noted:
    """One call: an observer of its dialogue, and what went over the wire."""

    first: Session | None = None
    answers: list[tuple[Session, Resume]] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    header: bytes = b""
    exchanges: list[tuple[bytes, bytes]] = field(default_factory=list)  # a command and its reply

    def turned(self, session: Session, turn: Turn, before: Session | None) -> None:
        self.first = session if before is None else self.first
        self.sessions.append(session)

    def answered(self, session: Session, resume: Resume, seconds: float) -> None:
        self.answers.append((session, resume))

    def left(self, session: Session) -> None:
        raise AssertionError("the caller of the benchmark stays to the end")

    def ended(self, session: Session, reason: str) -> None:
        assert reason == "done", reason


async def note_a_call() -> Noted:
    """Make one balance call through the voice channel."""
    noted = Noted()
    customer = Customer(*product.callers()[0])
    async with product.dialogue(noted) as on_call, FastAgiServer(on_call) as server, asyncio.timeout(CALL_LIMIT_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        noted.header = customer.header
        writer.write(customer.header)
        while line := await reader.readline():
            reply = customer.answer(line)
            noted.exchanges.append((line, reply))
            writer.write(reply)
        writer.close()
    return noted


def commands_of(noted: Noted) -> list[tuple[str, tuple[str, ...]]]:
    """Answer the commands as a server's code names them: verb and arguments."""
    found = []
    for line, _ in noted.exchanges:
        words = split_command(line.decode().rstrip("\n"))
        length = next(length for length in (3, 2, 1) if words[:length] in VERBS)
        found.append((" ".join(words[:length]), words[length:]))
    return found


# --- the sides ---------------------------------------------------------------------------------------------------


def deciding(noted: Noted, flow: Flow) -> Callable[[], None]:
    """Decide all turns of the call; nothing is serialised."""
    assert noted.first is not None
    first, facts, engine = noted.first, Facts(SystemClock().now()), Engine(flow)
    party, auth = first.party, first.auth_session_id
    trigger = Trigger(flow.name, Channel.VOICE, party, first.id, auth, facts.at)

    def work() -> None:
        engine.start(trigger, facts)
        for session, resume in noted.answers:
            engine.resume(session, resume, facts)

    return work


def serialising(noted: Noted) -> Callable[[], None]:
    """Write the session of every turn as JSON, and read none: a call that stays on its node never does."""

    def work() -> None:
        for session in noted.sessions:
            session.to_json()

    return work


def coding(noted: Noted) -> Callable[[], None]:
    """Make the bytes of every command, and read those of every reply."""
    commands = commands_of(noted)
    replies = [reply for _, reply in noted.exchanges]

    def work() -> None:
        codec = AgiServerConnection()
        codec.receive_data(noted.header)
        for (verb, arguments), reply in zip(commands, replies, strict=True):
            codec.send_command(verb, arguments)
            codec.receive_data(reply)

    return work


async def in_and_out_s(noted: Noted, calls: int) -> float:
    """Answer the CPU of ``calls`` calls over TCP; the exchange is a process of its own."""
    commands = commands_of(noted)

    async def on_call(session: AgiSession) -> None:
        for verb, arguments in commands:
            await session.command(verb, *arguments)

    with tempfile.NamedTemporaryFile("w", suffix=".json") as people:
        json.dump(product.callers(), people)
        people.flush()
        async with FastAgiServer(on_call, limits=ServerLimits(max_calls=10_000)) as server:
            begun = time.process_time()
            driver = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "benchmarks.agi_driver", str(server.port), str(calls), str(AT_ONCE)),
                people.name,
                stdout=asyncio.subprocess.PIPE,
            )
            output, _ = await driver.communicate()
            cpu_s = time.process_time() - begun
    driven = json.loads(output)
    assert driven["broken"] == 0, driven
    assert driven["commands"] == calls * len(commands), driven
    return cpu_s


# --- measuring ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Figures:
    """CPU of one turn, the best round of each."""

    turns: int
    commands: int
    engine_us: float
    serialising_us: float
    codec_us: float
    in_and_out_us: float
    engine_to_in_and_out: float
    engine_to_codec: float
    machine: dict[str, str | int | None]


def _cpu_s(work: Callable[[], None], times: int) -> float:
    begun = time.process_time()
    for _ in range(times):
        work()
    return time.process_time() - begun


async def measured(calls: int, rounds: int) -> Figures:
    """Run all sides in turn."""
    noted = await note_a_call()
    flow = FlowStore(DEFINITIONS, Catalogue.load()).current("retail")
    sides = (deciding(noted, flow), serialising(noted), coding(noted))
    for side in sides:
        side()
    cheapest = [float("inf")] * 4  # seconds of one call
    for _ in range(rounds):
        for _ in range(calls // CHUNK):
            for number, side in enumerate(sides):
                cheapest[number] = min(cheapest[number], _cpu_s(side, CHUNK) / CHUNK)
        cheapest[3] = min(cheapest[3], await in_and_out_s(noted, calls) / calls)
    turns = len(noted.sessions)
    engine, written, codec, in_and_out = (seconds / turns * 1e6 for seconds in cheapest)
    return Figures(
        turns=turns,
        commands=len(noted.exchanges),
        engine_us=round(engine, 1),
        serialising_us=round(written, 1),
        codec_us=round(codec, 1),
        in_and_out_us=round(in_and_out, 1),
        engine_to_in_and_out=round(engine / in_and_out, 2),
        engine_to_codec=round(engine / codec, 2),
        machine=machine(),
    )


def profiled(calls: int) -> None:
    """Show where the engine's time goes."""
    noted = asyncio.run(note_a_call())
    work = deciding(noted, FlowStore(DEFINITIONS, Catalogue.load()).current("retail"))
    profile = cProfile.Profile()
    with profile:
        for _ in range(calls):
            work()
    pstats.Stats(profile).sort_stats("tottime").print_stats(30)


def main() -> int:
    """Measure and print; exit code 1 when a turn costs more than its own input and output."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="show where the time goes instead")
    parser.add_argument("--save", action="store_true", help=f"keep the figures in {RESULTS.name}")
    given = parser.parse_args()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.WriteLoggerFactory(file=Path(os.devnull).open("w", encoding="utf-8")),  # noqa: SIM115
    )
    if given.profile:
        profiled(given.calls)
        return 0
    figures = asyncio.run(measured(given.calls, given.rounds))
    print(f"a balance call: {figures.turns} turns, {figures.commands} commands; CPU of a turn, best of {given.rounds}")
    print(f"  its AGI input and output   {figures.in_and_out_us:7.1f} us   1.00")
    print(f"    of that, the codec       {figures.codec_us:7.1f} us")
    print(
        f"  the engine                 {figures.engine_us:7.1f} us   {figures.engine_to_in_and_out:.2f}"
        f"   (at most {AT_MOST:g}; {figures.engine_to_codec:.2f} of the codec alone)"
    )
    print(f"  serialising adds           {figures.serialising_us:7.1f} us")
    if given.save:
        RESULTS.write_text(json.dumps(asdict(figures), indent=2) + "\n", encoding="utf-8")
    return 0 if figures.engine_to_in_and_out <= AT_MOST else 1


if __name__ == "__main__":
    sys.exit(main())
