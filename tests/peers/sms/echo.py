"""An ESME that answers every text with itself, straight away: our codec and session without the bank behind them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core_client.domain.secret import Secret
from sms.binds.esme import Esme, Respond
from sms.operators import BindSettings, Operator
from sms.sending.receipts import Receipt, is_report, read_receipt
from sms.smpp import Address, Limits, Message, Status
from sms.text.segmentation import Joiner, content_of, plan, split, text_of


class EchoEsme:
    """What came in, joined, and what was reported; the echo goes out by itself."""

    def __init__(
        self, port: int, system_id: str, password: str, *, registered: int = 0, operator: Operator | None = None
    ) -> None:
        """``operator`` says how texts are written; without one in the plainest way that there is."""
        self.texts: list[str] = []
        self.receipts: list[Receipt] = []
        self.submitted_ids: list[str] = []
        self.esme = Esme(
            BindSettings(
                "echo",
                "127.0.0.1",
                port,
                system_id,
                Secret(password),
                limits=Limits(response_timeout_s=5, enquire_link_interval_s=1),
                backoff_first_s=0.05,
                backoff_max_s=0.2,
            ),
            "peer",
            self._receive,
        )
        self._registered = registered
        self._operator = operator
        self._joiner = Joiner()
        self._reference = 0
        self._echoes: set[asyncio.Task[None]] = set()

    def _receive(self, message: Message, link: str, respond: Respond) -> None:
        respond(Status.ROK)
        if is_report(message):
            receipt = read_receipt(message)
            assert receipt is not None
            self.receipts.append(receipt)
            return
        source, destination = message.source.digits, message.destination.digits
        parts = self._joiner.add(source, destination, content_of(message), asyncio.get_running_loop().time())
        if parts is None:
            return
        self.texts.append(text_of(parts))
        echo = asyncio.create_task(self.send(destination, source, self.texts[-1]), name="echo")
        self._echoes.add(echo)
        echo.add_done_callback(self._echoes.discard)

    async def send(self, source: str, to: str, text: str) -> None:
        self._reference += 1
        if self._operator is None:
            segments = split(text, self._reference)
        else:
            segments = plan(text, self._operator, self._reference)
        for number, part in enumerate(segments.parts, 1):
            message = Message(
                Address(source),
                Address(to, 1, 1),
                part,
                segments.data_coding,
                segments.esm_class,
                self._registered,
                tlvs=segments.tlvs_of(number),
            )
            self.submitted_ids.append(await self.esme.submit(message))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[EchoEsme]:
        async with self.esme.running(drain_s=2):
            yield self
            for echo in list(self._echoes):
                await echo
