"""What who sends texts needs of the rooms around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from sms.binds.pacing import Pace
from sms.messages import Change, Kept, Outgoing
from sms.operators import Operator
from sms.people.verdicts import Verdict
from sms.sending.routing import Trust, Way
from sms.smpp import Message
from sms.store.lifelines import Life


class Submitter(Protocol):
    """What is needed of :class:`sms.binds.esme.Esme`."""

    @property
    def link_name(self) -> str:
        """Names the present connection."""
        ...

    @property
    def bound(self) -> bool:
        """Whether messages flow now."""
        ...

    def submit_now(self, message: Message, done: Callable[[Any], None]) -> None:
        """Write one message at the end of this tick; see ``Esme.submit_now``."""
        ...


class SendingWay(Way, Protocol):
    """What is needed of :class:`sms.binds.pool.BindWay`."""

    reserved: int

    @property
    def esme(self) -> Submitter:
        """The connection."""
        ...

    @property
    def pace(self) -> Pace:
        """How fast it may send."""
        ...

    @property
    def trust(self) -> Trust:
        """How far it is trusted."""
        ...


class Ways(Protocol):
    """What is needed of :class:`sms.binds.pool.Binds`."""

    on_change: list[Callable[[], None]]

    @property
    def ways(self) -> Mapping[str, Sequence[SendingWay]]:
        """The binds that send, by operator."""
        ...


class Keeper(Protocol):
    """What is needed of :class:`sms.sending.queue.Outbox`."""

    def finish(self, kept: Kept, *, proven: bool) -> object:
        """Forget a text that is dealt with, and with ``proven`` the copies of its question as well.

        Called in the moment in which the last answer is read: what is written to the store from here on follows it. It
        is told once, and stored however often the store goes away.
        """
        ...


class Lives(Protocol):
    """What is needed of :class:`sms.store.lives.Lives`, which writes again what the store did not take."""

    def tell(self, id_: str, change: Change, of: int = 0, done: Callable[[Any], None] | None = None) -> None:
        """Add a line to a text's life; ``done`` hears a list when it is stored, or an exception."""
        ...

    def soon(self, id_: str, change: Change, of: int = 0) -> None:
        """Add a line together with the text's next one, or a moment later; a crash in between loses it."""
        ...

    def tell_accepted(
        self, outgoing: Outgoing, part: int, of: int, operator: Operator, bind: str, remote_id: str, at: float
    ) -> None:
        """Add the line of a part that an operator took, and what its receipt is found by."""
        ...

    async def life(self, id_: str) -> Life | None:
        """Answer all that is known of a text."""
        ...


class Manners(Protocol):
    """What is needed of :class:`sms.people.manners.Manners`."""

    async def judge(self, outgoing: Outgoing, now: float) -> Verdict:
        """Answer whether a text may be sent at ``now``, seconds since the epoch."""
        ...


class Handing(Protocol):
    """What is needed of :class:`sms.sending.handing.HandingOver`."""

    async def hand_over(self, kept: Kept, node: str) -> bool:
        """Give a stored text to another node; answer whether it is not ours any more."""
        ...
