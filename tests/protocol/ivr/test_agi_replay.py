"""Every stream gives the same events whole, byte by byte, and with the next line begun."""

from __future__ import annotations

import pytest

from ivr.agi import (
    AgiClientConnection,
    AgiServerConnection,
    CommandReceived,
    ConnectionClosed,
    HeaderReceived,
    HungUp,
    Reply,
    ServerEvent,
    ServerState,
    render_reply,
)
from ivr.agi.server import MAX_HEADER_BYTES, MAX_HEADER_LINES, MAX_USAGE_LINES
from ivr.errors import LocalProtocolError, RemoteProtocolError

HEADER = b"agi_network: yes\nagi_request: agi://127.0.0.1/x\nagi_callerid: +8613900000001\nagi_arg_1:\n\n"
VARIABLES = {
    "agi_network": "yes",
    "agi_request": "agi://127.0.0.1/x",
    "agi_callerid": "+8613900000001",
    "agi_arg_1": "",
}
USAGE = (
    "520-Invalid command syntax.  Proper usage follows:\n"
    "Usage: STREAM FILE <filename>\n\tSend it.\n"
    "520 End of proper usage.\n"
)

REPLIES = [
    ("200 result=50 endpos=4160\n", Reply(200, "50", None, 4160)),
    ("200 result=0\n", Reply(200, "0")),
    ("200 result=-1 endpos=0\n", Reply(200, "-1", None, 0)),
    ("200 result=0 endpos=-1\n", Reply(200, "0", None, -1)),
    ("200 result=\n", Reply(200, "")),
    ("200 result= (timeout)\n", Reply(200, "", "timeout")),
    ("200 result=12 (timeout)\n", Reply(200, "12", "timeout")),
    ("200 result=*1\n", Reply(200, "*1")),
    ("200 result=35 (dtmf) endpos=0\n", Reply(200, "35", "dtmf", 0)),
    ("200 result=1 ()\n", Reply(200, "1", "")),
    ('200 result=1 (q"uote\\ )\n', Reply(200, "1", 'q"uote\\ ')),
    ("200 result=1 (a) endpos=4)\n", Reply(200, "1", "a) endpos=4")),
    ("200 result=1 (王小明)\n", Reply(200, "1", "王小明")),
    ("200 result=0 Gosub complete\n", Reply(200, "0", text="Gosub complete")),
    ("100 result=0 Trying...\n200 result=0 Gosub complete\n", Reply(200, "0", text="Gosub complete")),
    ("510 Invalid or unknown command\n", Reply(510, text="Invalid or unknown command")),
    (
        "511 Command Not Permitted on a dead channel or intercept routine\n",
        Reply(511, text="Command Not Permitted on a dead channel or intercept routine"),
    ),
    (USAGE, Reply(520, text="Usage: STREAM FILE <filename>\n\tSend it.")),
]


def _opened() -> AgiServerConnection:
    connection = AgiServerConnection()
    assert connection.receive_data(HEADER) == [HeaderReceived(VARIABLES)]
    return connection


def _bytewise(connection: AgiServerConnection, data: bytes) -> list[ServerEvent]:
    return [event for index in range(len(data)) for event in connection.receive_data(data[index : index + 1])]


@pytest.mark.parametrize(("text", "reply"), REPLIES, ids=[text[:30].strip() for text, _ in REPLIES])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_reply_is_the_same_whole_byte_by_byte_and_with_trailing_bytes(text: str, reply: Reply, ending: str) -> None:
    data = text.replace("\n", ending).encode()
    for feed in (AgiServerConnection.receive_data, _bytewise):
        connection = _opened()
        connection.send_command("NOOP")
        assert feed(connection, data) == [reply]
        assert connection.state is ServerState.IDLE
    connection = _opened()
    connection.send_command("NOOP")
    assert connection.receive_data(data + b"HANG") == [reply]
    assert connection.receive_data(b"UP\n") == [HungUp()]


def test_the_header_is_the_same_byte_by_byte() -> None:
    assert _bytewise(AgiServerConnection(), HEADER) == [HeaderReceived(VARIABLES)]


@pytest.mark.parametrize("before", [True, False])
def test_hangup_comes_at_any_time(before: bool) -> None:
    connection = _opened()
    if before:
        assert connection.receive_data(b"HANGUP\n") == [HungUp()]
        connection.send_command("NOOP")
        assert connection.receive_data(b"200 result=0\n") == [Reply(200, "0")]
    else:
        connection.send_command("STREAM FILE", ["beep", ""])
        assert connection.receive_data(b"HANGUP\n200 result=-1 endpos=12160\n") == [
            HungUp(),
            Reply(200, "-1", None, 12160),
        ]
    assert connection.hung_up


def test_hangup_is_told_once() -> None:
    connection = _opened()
    assert connection.receive_data(b"HANGUP\nHANGUP\n") == [HungUp()]


def test_one_command_at_a_time() -> None:
    connection = AgiServerConnection()
    with pytest.raises(LocalProtocolError, match="HEADER"):
        connection.send_command("NOOP")
    connection.receive_data(HEADER)
    assert connection.send_command("NOOP") == b"NOOP\n"
    with pytest.raises(LocalProtocolError, match="REPLY_DUE"):
        connection.send_command("NOOP")


@pytest.mark.parametrize(
    "line",
    [
        b"200 result=0\n",  # that nothing asked for
        b"agi_network: yes\n",
        b"\n",
        b"\xff\xfe\n",
    ],
)
def test_what_nothing_asked_for_ends_the_connection(line: bytes) -> None:
    connection = _opened()
    with pytest.raises(RemoteProtocolError):
        connection.receive_data(line)
    assert connection.state is ServerState.CLOSED
    assert connection.receive_data(b"HANGUP\n") == []


@pytest.mark.parametrize(
    "line",
    [b"\n", b"hello\n", b"200\n", b"200 result\n", b"200 result=1 (open\n", b"200 result=1 2\n", b"20 result=1\n",
     b"200 result=0 endpos=x\n", b"511-Not this\n"],
)  # fmt: skip
def test_what_is_no_reply_ends_the_connection(line: bytes) -> None:
    connection = _opened()
    connection.send_command("NOOP")
    with pytest.raises(RemoteProtocolError):
        connection.receive_data(line)


@pytest.mark.parametrize(
    "data",
    [
        b"\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"agi_network yes\n\n",
        b"network: yes\n\n",
        b"agi_network: yes\nagi_network: no\n\n",
        b"agi_\x07bell: yes\n\n",
        b"".join(b"agi_%d: x\n" % index for index in range(MAX_HEADER_LINES + 1)),
        b"".join(b"agi_%d: %s\n" % (index, b"x" * 8000) for index in range(MAX_HEADER_BYTES // 8000 + 1)),
        b"agi_network: " + b"x" * 8192,
    ],
    ids=["empty", "http", "no colon", "no prefix", "twice", "bell", "too many", "too large", "endless line"],
)
def test_what_is_no_header_ends_the_connection(data: bytes) -> None:
    for size in (len(data), 1000):
        with pytest.raises(RemoteProtocolError):
            _feed(AgiServerConnection(), data, size)


def _feed(connection: AgiServerConnection | AgiClientConnection, data: bytes, size: int) -> list[object]:
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    return [event for piece in pieces for event in connection.receive_data(piece)]


def test_an_endless_usage_text_ends_the_connection() -> None:
    connection = _opened()
    connection.send_command("STREAM FILE")
    connection.receive_data(b"520-Invalid\n")
    with pytest.raises(RemoteProtocolError, match="usage"):
        connection.receive_data(b"Usage: x\n" * (MAX_USAGE_LINES + 1))


def test_the_end_of_the_stream_is_clean_only_between_lines() -> None:
    assert _opened().receive_eof() == [ConnectionClosed()]
    for unfinished in (b"", b"agi_network: yes\n"):
        connection = AgiServerConnection()
        connection.receive_data(unfinished)
        with pytest.raises(RemoteProtocolError, match="header"):
            connection.receive_eof()
    connection = _opened()
    connection.receive_data(b"HANG")
    with pytest.raises(RemoteProtocolError, match="middle"):
        connection.receive_eof()
    assert connection.receive_eof() == []


def test_no_repr_and_no_error_shows_what_was_keyed() -> None:
    connection = _opened()
    connection.send_command("GET DATA", ["beep", "4000", "6"])
    [reply] = connection.receive_data(b"200 result=739154 (739154)\n")
    assert "739154" not in repr(reply)
    connection.send_command("GET DATA", ["beep", "4000", "6"])
    with pytest.raises(RemoteProtocolError) as failure:
        connection.receive_data(b"result=739154\n")
    assert "739154" not in str(failure.value) + repr(failure.value)


def test_commands_arrive_at_the_other_side_byte_by_byte() -> None:
    data = b'STREAM FILE zh/welcome "0123456789*#"\nWAIT FOR DIGIT 3000\n\n'
    words = [("STREAM", "FILE", "zh/welcome", "0123456789*#"), ("WAIT", "FOR", "DIGIT", "3000"), ()]
    for size in (len(data), 1):
        connection = AgiClientConnection()
        connection.send_header({"agi_network": "yes"})
        events = _feed(connection, data, size)
        assert [event.words for event in events if isinstance(event, CommandReceived)] == words
        assert connection.replies_due == 3


def test_the_other_side_keeps_its_own_rules() -> None:
    connection = AgiClientConnection()
    with pytest.raises(LocalProtocolError, match="empty"):
        connection.send_header({})
    for key, value in (("agi_x", "a\nagi_callerid: 1"), ("AGI X", "a"), ("agi_x", "a\0")):
        with pytest.raises(LocalProtocolError):
            connection.send_header({key: value})
    with pytest.raises(LocalProtocolError, match="open"):
        connection.send_hangup()
    connection.send_header({"agi_network": "yes"})
    with pytest.raises(LocalProtocolError, match="once"):
        connection.send_header({"agi_network": "yes"})
    with pytest.raises(LocalProtocolError, match="no command"):
        connection.send_reply(Reply(200, "0"))
    for reply in (Reply(200, "1 2"), Reply(200, "1", "a\nb"), Reply(510, text="a\rb")):
        with pytest.raises(LocalProtocolError):
            render_reply(reply)
    with pytest.raises(RemoteProtocolError, match="8192"):
        connection.receive_data(b"x" * 8192)
    assert connection.receive_eof() == []


def test_a_command_before_the_header_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="before"):
        AgiClientConnection().receive_data(b"NOOP\n")


@pytest.mark.parametrize(
    ("text", "number"), [("50", 50), ("-1", -1), ("", None), ("*1", None), ("--1", None), ("²", None), ("-", None)]
)
def test_a_result_is_a_number_only_where_it_is_one(text: str, number: int | None) -> None:
    assert Reply(200, text).number == number
