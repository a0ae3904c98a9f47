"""What a session tells its owner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from sms.smpp.pdu import Bind, Message, Tlvs


@dataclass(frozen=True, slots=True)
class BindRequested:
    """An ESME asks to be let in (SMSC role): answer with ``accept_bind`` or ``refuse_bind``."""

    sequence_number: int
    command_id: int
    bind: Bind


@dataclass(frozen=True, slots=True)
class Bound:
    """The SMSC let us in (ESME role). ``version`` is its sc_interface_version, None where it says none."""

    system_id: str
    version: int | None = None


@dataclass(frozen=True, slots=True)
class BindRefused:
    """The SMSC did not let us in (ESME role)."""

    command_status: int


@dataclass(slots=True)  # this one and the next are made for every message, and freezing triples what they cost
class MessageReceived:
    """A deliver_sm (ESME role), a submit_sm (SMSC role) or a data_sm: answer with ``respond``, once it is stored."""

    sequence_number: int
    message: Message


@dataclass(slots=True)
class MessageAnswered:
    """The peer answered our message. ``command_status`` 0 means that it took responsibility for it."""

    sequence_number: int
    command_status: int
    message_id: str
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True)
class RequestTimedOut:
    """No response within the response timer; whether the peer took the request is not known."""

    sequence_number: int
    command_id: int


@dataclass(frozen=True, slots=True)
class PeerSilent:
    """An enquire_link, a bind or an unbind was not answered, or nobody bound in time: close the connection."""

    reason: str


@dataclass(frozen=True, slots=True)
class UnbindRequested:
    """The peer ends the session; its response is queued already. Close once that is written."""


@dataclass(frozen=True, slots=True)
class Unbound:
    """The peer answered our unbind: close the connection."""


@dataclass(frozen=True, slots=True)
class PduRejected:
    """A PDU was refused or means nothing here; the answer it deserves, if any, is queued already."""

    command_id: int
    sequence_number: int
    command_status: int
    reason: str


Event: TypeAlias = (
    BindRequested
    | Bound
    | BindRefused
    | MessageReceived
    | MessageAnswered
    | RequestTimedOut
    | PeerSilent
    | UnbindRequested
    | Unbound
    | PduRejected
)
