"""Our side of FastAGI: receives the header block and replies, sends one command at a time.

=========  ==============================  =====================  =========================
state      on the wire                     we may send            next
=========  ==============================  =====================  =========================
HEADER     ``key: value`` lines, a blank   nothing                IDLE
IDLE       ``HANGUP``                      one command            REPLY_DUE
REPLY_DUE  ``HANGUP``, 1xx, a reply        nothing                IDLE
USAGE      usage text, ``520 End ...``     nothing                IDLE
CLOSED     nothing                         nothing                CLOSED
=========  ==============================  =====================  =========================
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum, auto

from ivr.agi.events import OK, WRONG_USAGE, ConnectionClosed, HeaderReceived, HungUp, Reply, ServerEvent
from ivr.agi.lines import LineBuffer
from ivr.agi.quoting import MAX_LINE_BYTES, encode_command
from ivr.errors import LocalProtocolError, RemoteProtocolError

MAX_HEADER_BYTES = 65_536  # 127 arguments of 500 bytes; Asterisk sends about 700 bytes without arguments
MAX_HEADER_LINES = 256  # Asterisk sends 22 and one for each argument, 127 at most
MAX_USAGE_LINES = 64  # the longest usage text in Asterisk 22 has 25

_REPLY = re.compile(r"(\d{3}) result=(\S*)(?: \((.*)\))?(?: endpos=(-?\d{1,18}))?(?: ([A-Z][^()]*))?", re.DOTALL)
_OTHER = re.compile(r"([1-9]\d\d)([ -])(.*)", re.DOTALL)


class ServerState(Enum):
    """Where a connection stands."""

    HEADER = auto()
    IDLE = auto()
    REPLY_DUE = auto()
    USAGE = auto()
    CLOSED = auto()


class AgiServerConnection:
    """The protocol of one call, without any socket: bytes in, events out; commands in, bytes out."""

    __slots__ = ("_header", "_header_bytes", "_lines", "_state", "_usage", "hung_up")

    def __init__(self) -> None:
        self._lines = LineBuffer(MAX_LINE_BYTES)
        self._state = ServerState.HEADER
        self._header: dict[str, str] = {}
        self._header_bytes = 0
        self._usage: list[str] = []
        self.hung_up = False

    @property
    def state(self) -> ServerState:
        """Where the connection stands."""
        return self._state

    def send_command(self, verb: str, arguments: Iterable[str] = ()) -> bytes:
        """Answer the bytes of one command; its reply is due from now on.

        Raises:
            LocalProtocolError: a reply is still due, the connection is not open, or see :func:`encode_command`.
        """
        if self._state is not ServerState.IDLE:
            raise LocalProtocolError(f"no command may be sent now: the connection is in state {self._state.name}")
        line = encode_command(verb, arguments)
        self._state = ServerState.REPLY_DUE
        return line

    def receive_data(self, data: bytes) -> list[ServerEvent]:
        """Answer what ``data`` completes, in order.

        Raises:
            RemoteProtocolError: this is no AGI. The connection is CLOSED then, and what came before the fault in
                the same bytes is not answered: who breaks the protocol is not listened to.
        """
        if self._state is ServerState.CLOSED:
            return []
        if self._state is ServerState.HEADER:
            self._header_bytes += len(data)
        events: list[ServerEvent] = []
        try:
            for line in self._lines.feed(data):
                event = self._take(line)
                if event is not None:
                    events.append(event)
            if self._state is ServerState.HEADER:
                self._check_header_size()
        except RemoteProtocolError:
            self._state = ServerState.CLOSED
            raise
        return events

    def receive_eof(self) -> list[ServerEvent]:
        """Answer what the end of the stream means.

        Raises:
            RemoteProtocolError: the stream ended in the middle of the header block or of a line.
        """
        was, self._state = self._state, ServerState.CLOSED
        if was is ServerState.CLOSED:
            return []
        if was is ServerState.HEADER:
            raise RemoteProtocolError("the connection ended before the header block was complete")
        if len(self._lines) or was is ServerState.USAGE:
            raise RemoteProtocolError("the connection ended in the middle of a line or of a usage text")
        return [ConnectionClosed()]

    def _take(self, line: str) -> ServerEvent | None:
        match self._state:
            case ServerState.REPLY_DUE:
                return self._take_reply(line)
            case ServerState.HEADER:
                return self._take_header(line)
            case ServerState.USAGE:
                return self._take_usage(line)
            case _:
                if line == "HANGUP":
                    return self._take_hangup()
                raise RemoteProtocolError("a reply that no command asked for")

    def _check_header_size(self) -> None:
        if self._header_bytes > MAX_HEADER_BYTES:
            raise RemoteProtocolError(f"a header block of more than {MAX_HEADER_BYTES} bytes")

    def _take_hangup(self) -> HungUp | None:
        if self.hung_up:
            return None
        self.hung_up = True
        return HungUp()

    def _take_header(self, line: str) -> HeaderReceived | None:
        if not line:
            if not self._header:
                raise RemoteProtocolError("an empty header block")
            self._state = ServerState.IDLE
            return HeaderReceived(self._header)
        key, colon, value = line.partition(":")
        if not colon or not key.startswith("agi_") or not key.isprintable():
            raise RemoteProtocolError("a header line is 'agi_<key>: <value>'")
        if key in self._header:
            raise RemoteProtocolError("a header key came twice: one of the two is forged")
        if len(self._header) >= MAX_HEADER_LINES:
            raise RemoteProtocolError(f"more than {MAX_HEADER_LINES} header lines")
        self._header[key] = value.removeprefix(" ")
        return None

    def _take_reply(self, line: str) -> ServerEvent | None:
        parts = _REPLY.fullmatch(line)
        if parts is not None:
            code, result, note, endpos, text = parts.groups()
            if code[0] == "1":  # "100 result=0 Trying...": the real answer follows
                return None
            self._state = ServerState.IDLE
            return Reply(int(code), result, note, None if endpos is None else int(endpos), text or "")
        if line == "HANGUP":
            return self._take_hangup()
        other = _OTHER.fullmatch(line)
        if other is None or other[1] == str(OK) or (other[3].startswith("result=") and other[1][0] != "1"):
            raise RemoteProtocolError("a line that is no reply")
        if other[1][0] == "1":
            return None
        if other[2] == "-":
            if int(other[1]) != WRONG_USAGE:
                raise RemoteProtocolError("a reply of many lines that is not 520")
            self._usage = []
            self._state = ServerState.USAGE
            return None
        self._state = ServerState.IDLE
        return Reply(int(other[1]), text=other[3])

    def _take_usage(self, line: str) -> Reply | None:
        if line.startswith(f"{WRONG_USAGE} "):
            self._state = ServerState.IDLE
            return Reply(WRONG_USAGE, text="\n".join(self._usage))
        if len(self._usage) >= MAX_USAGE_LINES:
            raise RemoteProtocolError(f"a usage text of more than {MAX_USAGE_LINES} lines")
        self._usage.append(line)
        return None
