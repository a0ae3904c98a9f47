"""The customers' handsets on the fake SMSC: what they send and what reaches them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from sms.errors import SubmitRefused
from sms.testing.fake_smsc import FakeSmsc
from tellerline.errors import ParleyError
from tellerline.trying.driver import TextMessage

SHORT_CODE_DIGITS = 6  # longer numbers are E.164, which the wire carries without its plus
LISTEN_S = 3600.0


class Handsets:
    """All handsets of one SMSC."""

    def __init__(self, smsc: FakeSmsc, now_s: Callable[[], float]) -> None:
        self._smsc = smsc
        self._now_s = now_s
        self._listener: Callable[[str, str], None] | None = None

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, now_s: Callable[[], float], port: int = 0) -> AsyncIterator[Handsets]:
        """Start an SMSC with handsets. ``now_s`` stamps what arrives."""
        async with FakeSmsc(port=port) as smsc:
            yield cls(smsc, now_s)

    @property
    def port(self) -> int:
        """The SMSC's port."""
        return self._smsc.port

    async def bound(self, timeout_s: float = 10.0) -> None:
        """Wait until the bank is bound."""
        await self._smsc.wait_bound(timeout_s)

    async def send(self, from_: str, to: str, body: str) -> None:
        """Send a text, in as many parts as it takes; return when the bank has acknowledged it.

        Raises:
            ParleyError: the bank refuses it.
        """
        try:
            await self._smsc.deliver(from_, to, body)
        except SubmitRefused as error:
            raise ParleyError(f"the bank's ESME refused the text: {error}") from None

    async def received(self, timeout_s: float) -> TextMessage | None:
        """Answer the next text that reached a handset; None: none within ``timeout_s``."""
        try:
            text = await self._smsc.receive(timeout_s=timeout_s)
        except TimeoutError:
            return None
        return TextMessage(_number(text.to), _number(text.source), text.text, self._now_s())

    def listen(self, hear: Callable[[str, str], None]) -> None:
        """Tell ``hear(number, body)`` of every text that reaches a handset, while :meth:`telling` runs."""
        self._listener = hear

    @contextlib.asynccontextmanager
    async def telling(self) -> AsyncIterator[None]:
        """Tell the listener of what arrives, within."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self._tell(), name="handsets")
            try:
                yield
            finally:
                task.cancel()

    async def _tell(self) -> None:
        while True:
            message = await self.received(LISTEN_S)
            if message is not None and self._listener is not None:
                self._listener(message.to, message.body)


def _number(digits: str) -> str:
    return f"+{digits}" if digits.isdecimal() and len(digits) > SHORT_CODE_DIGITS else digits
