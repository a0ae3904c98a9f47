"""Asterisk's side of FastAGI, for the test exchange: sends the header block and replies, receives commands.

=========  =====================  =====================================  ==========
state      on the wire            we may send                            next
=========  =====================  =====================================  ==========
HEADER     nothing                the header block                       OPEN
OPEN       command lines          a reply for each command; ``HANGUP``   OPEN
CLOSED     nothing                nothing                                CLOSED
=========  =====================  =====================================  ==========
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum, auto

from ivr.agi.events import OK, TRYING, WRONG_USAGE, ClientEvent, CommandReceived, ConnectionClosed, Reply
from ivr.agi.lines import LineBuffer
from ivr.agi.quoting import MAX_LINE_BYTES, split_command
from ivr.errors import LocalProtocolError, RemoteProtocolError

_KEY = re.compile(r"agi_[a-z0-9_]+")
_FORBIDDEN = re.compile("[\r\n\0]")


class ClientState(Enum):
    """Where a connection stands."""

    HEADER = auto()
    OPEN = auto()
    CLOSED = auto()


class AgiClientConnection:
    """What Asterisk does on one FastAGI connection, without any socket."""

    __slots__ = ("_lines", "_replies_due", "_state")

    def __init__(self) -> None:
        self._lines = LineBuffer(MAX_LINE_BYTES)
        self._state = ClientState.HEADER
        self._replies_due = 0

    @property
    def state(self) -> ClientState:
        """Where the connection stands."""
        return self._state

    @property
    def replies_due(self) -> int:
        """How many commands wait for their reply."""
        return self._replies_due

    def send_header(self, variables: Mapping[str, str]) -> bytes:
        """Answer the header block.

        Raises:
            LocalProtocolError: it was sent before, is empty, or a key or value cannot stand in it.
        """
        if self._state is not ClientState.HEADER:
            raise LocalProtocolError("the header block opens a call, once")
        if not variables:
            raise LocalProtocolError("an empty header block")
        for key, value in variables.items():
            if not _KEY.fullmatch(key) or _FORBIDDEN.search(value):
                raise LocalProtocolError("a header key is agi_<lower case>; its value holds no CR, LF or NUL")
        self._state = ClientState.OPEN
        return ("".join(f"{key}: {value}\n" for key, value in variables.items()) + "\n").encode()

    def send_reply(self, reply: Reply) -> bytes:
        """Answer the bytes of the reply to the oldest command that waits for one.

        Raises:
            LocalProtocolError: none waits, or the reply cannot stand on a line.
        """
        if self._state is not ClientState.OPEN or not self._replies_due:
            raise LocalProtocolError("no command waits for a reply")
        line = render_reply(reply)
        if reply.code != TRYING:
            self._replies_due -= 1
        return line.encode()

    def send_hangup(self) -> bytes:
        """Answer the line that says that the caller has left.

        Raises:
            LocalProtocolError: the connection is not open.
        """
        if self._state is not ClientState.OPEN:
            raise LocalProtocolError("the connection is not open")
        return b"HANGUP\n"

    def receive_data(self, data: bytes) -> list[ClientEvent]:
        """Answer the commands that ``data`` completes, in order.

        Raises:
            RemoteProtocolError: a line is longer than Asterisk's buffer, or came before the header block was sent.
        """
        if self._state is ClientState.CLOSED:
            return []
        if self._state is ClientState.HEADER:
            self._state = ClientState.CLOSED
            raise RemoteProtocolError("a command before the header block")
        try:
            lines = self._lines.feed(data)
        except RemoteProtocolError:
            self._state = ClientState.CLOSED
            raise
        self._replies_due += len(lines)
        return [CommandReceived(line, split_command(line)) for line in lines]

    def receive_eof(self) -> list[ClientEvent]:
        """Answer that the server has closed; Asterisk forgets half a line."""
        was, self._state = self._state, ClientState.CLOSED
        return [] if was is ClientState.CLOSED else [ConnectionClosed()]


def render_reply(reply: Reply) -> str:
    """Answer ``reply`` as Asterisk writes it, newline included.

    Raises:
        LocalProtocolError: the result holds white space, or the note an end of line.
    """
    note, text = reply.note, reply.text
    if reply.code == WRONG_USAGE:
        usage = "".join(f"{line}\n" for line in text.splitlines())
        return f"520-Invalid command syntax.  Proper usage follows:\n{usage}520 End of proper usage.\n"
    if _FORBIDDEN.search(note or "") or _FORBIDDEN.search(text):
        raise LocalProtocolError("a note holds no CR, LF or NUL")
    if reply.code not in (TRYING, OK):
        return f"{reply.code} {text}\n"
    if reply.result.split() not in ([], [reply.result]):
        raise LocalProtocolError("a result is one word")
    shown = "" if note is None else f" ({note})"
    end = "" if reply.endpos is None else f" endpos={reply.endpos}"
    return f"{reply.code} result={reply.result}{shown}{end}{' ' if text else ''}{text}\n"
