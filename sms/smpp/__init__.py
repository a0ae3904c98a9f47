"""SMPP 3.4 without input and output: PDUs, and the session of either side."""

from sms.smpp.codes import CommandId, EsmClass, Status, Tag, status_name
from sms.smpp.errors import LocalProtocolError, ProtocolError, RemoteProtocolError, WindowFull
from sms.smpp.events import (
    BindRefused,
    BindRequested,
    Bound,
    Event,
    MessageAnswered,
    MessageReceived,
    PduRejected,
    PeerSilent,
    RequestTimedOut,
    UnbindRequested,
    Unbound,
)
from sms.smpp.pdu import Address, Bind, Message
from sms.smpp.session import Limits, Role, Session, State

__all__ = [
    "Address",
    "Bind",
    "BindRefused",
    "BindRequested",
    "Bound",
    "CommandId",
    "EsmClass",
    "Event",
    "Limits",
    "LocalProtocolError",
    "Message",
    "MessageAnswered",
    "MessageReceived",
    "PduRejected",
    "PeerSilent",
    "ProtocolError",
    "RemoteProtocolError",
    "RequestTimedOut",
    "Role",
    "Session",
    "State",
    "Status",
    "Tag",
    "UnbindRequested",
    "Unbound",
    "WindowFull",
    "status_name",
]
