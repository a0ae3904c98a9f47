"""What can go wrong between this server and Asterisk's manager interface.

IvrError
├── LocalProtocolError       a line break or NUL in what we were about to send: nothing was sent
└── AmiError
    ├── AmiLoginRefused      the exchange does not know this user, this secret, or this address of ours
    ├── AmiUnavailable       nothing was sent, or what was asked only reads: asking again is safe
    ├── AmiOutcomeUnknown    sent, no answer came: it may have happened. Never asked again by us
    └── AmiRefused           the exchange understood and said no
"""

from __future__ import annotations

from ivr.errors import IvrError


class AmiError(IvrError):
    """Anything that goes wrong on the manager interface."""


class AmiLoginRefused(AmiError):
    """The exchange refused the login. It is tried again at the slowest pace, in case the exchange is mended."""


class AmiUnavailable(AmiError):
    """There is no connection, or a mere enquiry got no answer: asking again is safe."""


class AmiOutcomeUnknown(AmiError):
    """The action was sent and no answer came: it may have been carried out.

    Nobody replays it: a replayed Originate calls a customer twice. Look at the exchange (by the ``ChannelId`` that
    :meth:`~ivr.ami.client.AmiClient.originate` gives each call) before deciding anything.
    """


class AmiRefused(AmiError):
    """The exchange answered with an error. ``reason`` is Asterisk's own message."""

    def __init__(self, action: str, reason: str) -> None:
        super().__init__(f"the exchange refused {action}: {reason or 'it gave no reason'}")
        self.action = action
        self.reason = reason
