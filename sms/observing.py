"""What the gateway tells whoever counts: at once, in order, without numbers and words of texts."""

from __future__ import annotations

from typing import Protocol

from sms.messages import Purpose, State


class Observer(Protocol):
    """Hears what happens. It never waits and never raises; ``bind`` is ``operator/bind``."""

    def bound(self, bind: str, up: bool) -> None:
        """A bind came up or went down."""
        ...

    def received(self, bind: str, status: int) -> None:
        """A deliver_sm was answered with ``status``."""
        ...

    def submitted(self, bind: str, status: int | None, seconds: float) -> None:
        """A submit_sm was answered; ``status`` None: it never was."""
        ...

    def changed(self, purpose: Purpose, state: State) -> None:
        """A text reached a state."""
        ...

    def handled(self, kind: str, seconds: float) -> None:
        """A text of a customer was dealt with."""
        ...


class Nobody:
    """An observer that does not look."""

    def bound(self, bind: str, up: bool) -> None:
        """See :class:`Observer`."""

    def received(self, bind: str, status: int) -> None:
        """See :class:`Observer`."""

    def submitted(self, bind: str, status: int | None, seconds: float) -> None:
        """See :class:`Observer`."""

    def changed(self, purpose: Purpose, state: State) -> None:
        """See :class:`Observer`."""

    def handled(self, kind: str, seconds: float) -> None:
        """See :class:`Observer`."""
