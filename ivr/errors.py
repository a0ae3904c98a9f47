"""What can go wrong between this server and a telephone exchange.

IvrError
├── ProtocolError
│   ├── LocalProtocolError   we were about to send what must not go on the wire: nothing was sent
│   └── RemoteProtocolError  the exchange sent what is no AGI: the connection is of no more use
└── CommandRefused           the exchange understood us and said no (510, 520): a fault of ours

A caller who hangs up is no error: commands answer :class:`~ivr.session.Gone`, a Line answers ``PartyLeft``.
No message here carries what was received: a line of AGI can be the digits of a PIN.
"""

from __future__ import annotations


class IvrError(Exception):
    """Anything that goes wrong between this server and a telephone exchange."""


class ProtocolError(IvrError):
    """AGI was broken, by one side or the other."""


class LocalProtocolError(ProtocolError):
    """We were about to break AGI; nothing was sent."""


class RemoteProtocolError(ProtocolError):
    """The other side broke AGI; the connection is of no more use."""


class CommandRefused(IvrError):
    """The exchange does not know the command, or not this way of writing it."""

    def __init__(self, verb: str, code: int) -> None:
        super().__init__(f"the exchange answered {code} to {verb}: it does not know this command or its arguments")
        self.verb = verb
        self.code = code
