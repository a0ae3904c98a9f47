"""The connections of the fake message centre: a session that can be made to answer oddly, a socket that can go deaf."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import cast

from sms.binds.link import SmppLink
from sms.smpp import CommandId, Session

_HEADER = struct.Struct(">LLLL")


class OddSession(Session):
    """A session whose answers may be others than SMPP has for the case."""

    _before: list[bytes]

    def answer_instead(self, answer: Callable[[], None], octets: bytes) -> None:
        """Do what ``answer`` does to the session's state, and send ``octets`` where it would have sent its PDU."""
        kept = self.data_to_send()
        answer()
        super().data_to_send()
        self._before = [kept, octets]

    def data_to_send(self) -> bytes:
        """See :meth:`Session.data_to_send`."""
        before, self._before = getattr(self, "_before", []), []
        return b"".join([*before, super().data_to_send()])


class CentreLink(SmppLink):
    """One ESME's connection."""

    number = 0
    system_id = ""  # once it is bound
    bind_command = 0
    gone = False  # what it still brings was never read
    _socket: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See :class:`asyncio.Protocol`."""
        self._socket = cast("asyncio.Transport", transport)
        super().connection_made(transport)

    def abort(self, reason: str) -> None:
        """See :meth:`SmppLink.abort`."""
        self.gone = True
        super().abort(reason)

    def deafen(self, deaf: bool) -> None:
        """Read nothing from the ESME any more, or read again."""
        if self._socket is not None and not self._socket.is_closing():
            (self._socket.pause_reading if deaf else self._socket.resume_reading)()


def pdu(command_id: CommandId, status: int, sequence_number: int, body: bytes = b"") -> bytes:
    """Answer a PDU, whatever its body."""
    return _HEADER.pack(_HEADER.size + len(body), command_id, status, sequence_number) + body


def tlvs_of(tlvs: tuple[tuple[int, bytes], ...]) -> bytes:
    """Answer TLVs as octets."""
    return b"".join(struct.pack(">HH", tag, len(value)) + value for tag, value in tlvs)


__all__ = ["CentreLink", "OddSession", "pdu", "tlvs_of"]
