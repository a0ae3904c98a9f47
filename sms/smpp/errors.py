"""What can go wrong in an SMPP session.

ProtocolError
├── LocalProtocolError   we were asked to do what SMPP, this state or the window does not allow; nothing was sent
└── RemoteProtocolError  the peer broke the protocol; ``command_status`` is what it is answered with
"""

from __future__ import annotations


class ProtocolError(Exception):
    """Either side broke SMPP 3.4."""


class LocalProtocolError(ProtocolError):
    """Our own caller asked for something that may not be sent now, or not at all."""


class WindowFull(LocalProtocolError):
    """As many requests as the window allows are waiting for their responses."""


class RemoteProtocolError(ProtocolError):
    """The peer sent what is not SMPP 3.4."""

    def __init__(self, message: str, command_status: int) -> None:
        super().__init__(f"{message} (command_status 0x{command_status:08x})")
        self.command_status = command_status
