"""Whatever comes in, an event or RemoteProtocolError comes out, and nothing else; seeded, so a failure comes again.

``TELLERLINE_PROOF=1`` runs 100,000 inputs, otherwise a fixed fewer.
"""

from __future__ import annotations

import os
import random
import re

import pytest

from ivr.agi import AgiClientConnection, AgiServerConnection, Reply, ServerState, render_reply
from ivr.errors import LocalProtocolError, RemoteProtocolError

INPUTS = 100_000 if os.environ.get("TELLERLINE_PROOF") == "1" else 3_000
SEED = 20_260_302
HEADER = b"agi_network: yes\nagi_request: agi://h/x\nagi_uniqueid: 1.1\n\n"
SCRAPS = [
    b"200 result=", b"200 result=-1 endpos=0\n", b"HANGUP\n", b"HANGUP", b"\n", b"\r\n", b" (timeout)", b" endpos=",
    b"520-Invalid\n", b"520 End of proper usage.\n", b"510 Invalid\n", b"511 No\n", b"100 Trying\n", b"(", b")", b"\0",
    b"9" * 400, b"-", b"\xff", "王".encode(), b"agi_x: y\n", b"agi_network: yes\n\n", b"x" * 9000, b" ", b'"', b"\\",
    b'STREAM FILE beep ""\n', b"WAIT FOR DIGIT -1\n", b"GET DATA ", b"EXEC ", b"result=",
]  # fmt: skip


def _garbage(rng: random.Random) -> bytes:
    parts = [
        rng.choice(SCRAPS) if rng.random() < 0.8 else rng.randbytes(rng.randrange(1, 30))
        for _ in range(rng.randrange(1, 9))
    ]
    data = bytearray(b"".join(parts))
    for _ in range(rng.randrange(3)):
        if data:
            data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def _pieces(rng: random.Random, data: bytes) -> list[bytes]:
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(4)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def _feed_server(connection: AgiServerConnection, rng: random.Random, data: bytes) -> None:
    for piece in _pieces(rng, data):
        connection.receive_data(piece)
        if connection.state is ServerState.IDLE and rng.random() < 0.7:
            connection.send_command("STREAM FILE", ["zh/welcome", ""])
    connection.receive_eof()


@pytest.mark.proof
def test_our_side_answers_garbage_with_events_or_a_typed_error() -> None:
    rng = random.Random(SEED)
    refused = 0
    for number in range(INPUTS):
        connection = AgiServerConnection()
        if number % 4:
            connection.receive_data(HEADER)
            connection.send_command("NOOP")
        try:
            _feed_server(connection, rng, _garbage(rng))
        except RemoteProtocolError:
            refused += 1
            assert connection.state is ServerState.CLOSED
            assert connection.receive_data(b"200 result=0\n") == []
    assert INPUTS * 0.3 < refused < INPUTS  # it is garbage; some of it is AGI


@pytest.mark.proof
def test_asterisks_side_answers_garbage_with_events_or_a_typed_error() -> None:
    rng = random.Random(SEED + 1)
    for _ in range(INPUTS):
        connection = AgiClientConnection()
        connection.send_header({"agi_network": "yes"})
        try:
            for piece in _pieces(rng, _garbage(rng)):
                connection.receive_data(piece)
            connection.receive_eof()
        except RemoteProtocolError:
            assert connection.receive_data(b"NOOP\n") == []


@pytest.mark.proof
def test_any_reply_that_can_be_written_is_read_back_the_same() -> None:
    rng = random.Random(SEED + 2)
    alphabet = '0123456789*#-=() "\\aZ王\t'
    carried = 0
    for _ in range(INPUTS):
        reply = Reply(
            200,
            re.sub(r"\s", "", "".join(rng.choices(alphabet, k=rng.randrange(5)))).lstrip("("),
            "".join(rng.choices(alphabet, k=rng.randrange(12))) if rng.random() < 0.7 else None,
            rng.choice([None, 0, -1, 4160]),
        )
        connection = AgiServerConnection()
        connection.receive_data(HEADER)
        connection.send_command("NOOP")
        try:
            line = render_reply(reply)
        except LocalProtocolError:
            continue
        assert connection.receive_data(line.encode()) == [reply]
        carried += 1
    assert carried > INPUTS * 0.9
