"""What can go wrong between this bank and its message centre.

SmsError
├── BindError         the SMSC does not let us in; ``command_status`` says why
├── SubmitRefused     the SMSC answered a message with an error; ``command_status``
├── SubmitUnanswered  no answer came: the message may have been taken
├── LinkClosed        not bound, or closing: nothing was sent
└── TlsError          a certificate or key that a bind is to use is not usable; ``key``, ``file``, ``mend``

Below the session: :class:`sms.smpp.ProtocolError`.
"""

from __future__ import annotations

from sms.smpp import status_name


class SmsError(Exception):
    """Anything that the way to the message centre answers instead of a result."""


class BindError(SmsError):
    """The SMSC refused the bind."""

    def __init__(self, command_status: int) -> None:
        super().__init__(f"the SMSC refused the bind: {status_name(command_status)}")
        self.command_status = command_status


class SubmitRefused(SmsError):
    """The SMSC refused a message. It did not take it."""

    def __init__(self, command_status: int) -> None:
        super().__init__(f"the SMSC refused a message: {status_name(command_status)}")
        self.command_status = command_status


class SubmitUnanswered(SmsError):
    """The link went, or the response timer ran out: whether the SMSC took the message is not known."""


class LinkClosed(SmsError):
    """There is no connection to send over now, or it is being closed for good: nothing was sent."""


class TlsError(SmsError):
    """A file of a bind's encryption is not usable."""

    def __init__(self, key: str, file: str, reason: str, mend: str) -> None:
        super().__init__(f"{key} {file}: {reason}; {mend}")
        self.key = key
        self.file = file
        self.mend = mend
