"""The exchange of the AGI benchmark: a process of its own, on plain sockets and epoll, so that it is never the slower.

``python -m benchmarks.agi_driver PORT CALLS AT_ONCE [REPLIES]``: makes CALLS calls, AT_ONCE at a time, answers the
n-th command of each with the n-th reply, and prints how long that took and what it cost as JSON. REPLIES is a file
with a JSON list of replies; without it, those of :mod:`benchmarks.agi_script`.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from pathlib import Path

from benchmarks.agi_script import HEADER, REPLIES


def drive(port: int, calls: int, at_once: int, replies: tuple[bytes, ...] = REPLIES) -> dict[str, float]:
    """Make the calls and answer the figures."""
    poll = select.epoll()
    wires: dict[int, socket.socket] = {}
    indexes: dict[int, int] = {}
    started = ended = commands = broken = 0
    began, cpu = time.perf_counter(), time.process_time()

    def dial() -> None:
        nonlocal started
        started += 1
        wire = socket.create_connection(("127.0.0.1", port))
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire.sendall(HEADER)
        wires[wire.fileno()] = wire
        indexes[wire.fileno()] = 0
        poll.register(wire.fileno(), select.EPOLLIN)

    for _ in range(min(at_once, calls)):
        dial()
    last = len(replies)
    while ended < calls:
        for number, _event in poll.poll(10.0):
            wire = wires[number]
            try:
                line = wire.recv(8192)
            except ConnectionResetError:
                line = b""
            if line:
                index = indexes[number]
                commands += 1
                wire.send(replies[index] if index < last else b"200 result=0\n")
                indexes[number] = index + 1
                continue
            broken += indexes[number] < last
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


if __name__ == "__main__":
    given = sys.argv[4:]
    answers = (
        tuple(text.encode() for text in json.loads(Path(given[0]).read_text(encoding="utf-8"))) if given else REPLIES
    )
    print(json.dumps(drive(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), answers)))
