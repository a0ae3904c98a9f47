"""FastAGI without a socket, both sides: bytes in, frozen events out.

:class:`AgiServerConnection` is what this product is; :class:`AgiClientConnection` is what Asterisk is, for the test
exchange. Errors are :class:`~ivr.errors.LocalProtocolError` and :class:`~ivr.errors.RemoteProtocolError` only.
Source: Asterisk 22 ``res/res_agi.c`` and what a real one answered (``tests/fixtures/agi``).
"""

from __future__ import annotations

from ivr.agi.client import AgiClientConnection, ClientState, render_reply
from ivr.agi.events import (
    DEAD_CHANNEL,
    OK,
    TRYING,
    UNKNOWN_COMMAND,
    WRONG_USAGE,
    ClientEvent,
    CommandReceived,
    ConnectionClosed,
    HeaderReceived,
    HungUp,
    Reply,
    ServerEvent,
)
from ivr.agi.quoting import MAX_LINE_BYTES, encode_command, quote, split_command
from ivr.agi.server import AgiServerConnection, ServerState

__all__ = [
    "DEAD_CHANNEL",
    "MAX_LINE_BYTES",
    "OK",
    "TRYING",
    "UNKNOWN_COMMAND",
    "WRONG_USAGE",
    "AgiClientConnection",
    "AgiServerConnection",
    "ClientEvent",
    "ClientState",
    "CommandReceived",
    "ConnectionClosed",
    "HeaderReceived",
    "HungUp",
    "Reply",
    "ServerEvent",
    "ServerState",
    "encode_command",
    "quote",
    "render_reply",
    "split_command",
]
