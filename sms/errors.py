"""What can go wrong between this bank and its message centre.

SmsError
├── BindError         the SMSC does not let us in; ``command_status`` says why
├── SubmitRefused     the SMSC answered a message with an error; ``command_status``
├── SubmitUnanswered  no answer came: the message may have been taken
└── LinkClosed        we are closing: nothing was sent

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
    """The connection is being closed for good: nothing was sent."""
