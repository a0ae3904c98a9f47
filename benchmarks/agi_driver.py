"""The exchange of the AGI benchmarks: a process of its own, on plain sockets and epoll, so that it is never the slower.

``python -m benchmarks.agi_driver PORT CALLS AT_ONCE [CALLERS]``: makes CALLS calls, AT_ONCE at a time, and prints how
long that took and what it cost as JSON. CALLERS is a file with a JSON list of numbers and PINs: each asks for the
balance in the shipped flow, then ends the call. Without it the n-th command of every call gets the n-th reply of
:mod:`benchmarks.agi_script`.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from benchmarks.agi_script import HEADER, LINE, REPLIES


class Caller(Protocol):
    """Who answers the commands of one call."""

    header: bytes
    done: bool

    def answer(self, command: bytes) -> bytes:
        """Answer one command."""
        ...


class Scripted:
    """Answers by number, whatever is asked."""

    __slots__ = ("_index", "done", "header")

    def __init__(self) -> None:
        self.header = HEADER
        self.done = False
        self._index = 0

    def answer(self, command: bytes) -> bytes:
        index = self._index
        self._index = index + 1
        self.done = index + 1 >= len(REPLIES)
        return REPLIES[index] if index < len(REPLIES) else b"200 result=0\n"


class Customer:
    """Presses 2 in the menu, keys the PIN, and ends the call with # when the menu comes again."""

    __slots__ = ("_menus", "_pin", "done", "header")

    def __init__(self, line: str, pin: str) -> None:
        self.header = HEADER.replace(LINE, line.encode())
        self.done = False
        self._menus = 0
        self._pin = iter(pin)

    def answer(self, command: bytes) -> bytes:
        if command.startswith(b"STREAM FILE"):
            if b"/main_menu" in command:
                self._menus += 1
                return b"200 result=50 endpos=30400\n" if self._menus == 1 else b"200 result=35 endpos=30400\n"
            if b"/enter_pin" in command:
                return b"200 result=%d endpos=9600\n" % ord(next(self._pin))
            return b"200 result=0 endpos=9600\n"
        if command.startswith(b"WAIT FOR DIGIT"):
            return b"200 result=%d\n" % ord(next(self._pin, "\0"))
        if b"TELLERLINE_COMPLETED" in command:
            self.done = True
        return b"200 result=1\n"


def drive(port: int, calls: int, at_once: int, caller_of: Callable[[int], Caller]) -> dict[str, float]:
    """Make the calls and answer the figures."""
    poll = select.epoll()
    wires: dict[int, socket.socket] = {}
    callers: dict[int, Caller] = {}
    started = ended = commands = broken = 0
    began, cpu = time.perf_counter(), time.process_time()

    def dial() -> None:
        nonlocal started
        caller = caller_of(started)
        started += 1
        wire = socket.create_connection(("127.0.0.1", port))
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire.sendall(caller.header)
        wires[wire.fileno()] = wire
        callers[wire.fileno()] = caller
        poll.register(wire.fileno(), select.EPOLLIN)

    for _ in range(min(at_once, calls)):
        dial()
    while ended < calls:
        for number, _event in poll.poll(10.0):
            wire = wires[number]
            try:
                line = wire.recv(8192)
            except ConnectionResetError:
                line = b""
            if line:
                commands += 1
                wire.send(callers[number].answer(line))
                continue
            broken += not callers[number].done
            poll.unregister(number)
            wire.close()
            del wires[number]
            ended += 1
            if started < calls:
                dial()
    return {
        "calls": calls,
        "broken": broken,
        "commands": commands,
        "seconds": time.perf_counter() - began,
        "driver_cpu_s": time.process_time() - cpu,
    }


def _callers(file: Path | None) -> Callable[[int], Caller]:
    if file is None:
        return lambda _number: Scripted()
    people = json.loads(file.read_text(encoding="utf-8"))
    return lambda number: Customer(*people[number % len(people)])


if __name__ == "__main__":
    chosen = _callers(Path(sys.argv[4]) if sys.argv[4:] else None)
    print(json.dumps(drive(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), chosen)))
