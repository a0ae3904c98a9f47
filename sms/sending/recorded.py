"""Delivery receipts recorded as they come, newest last, in a bounded stream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import structlog

from sms.sending.receipt_reading import read_receipt
from sms.smpp import Message, Status
from sms.store.journal import Journal

MAX_RECORDED = 100_000  # the newest; a day of a busy bank

RECORD = (
    "return redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'id', ARGV[2], 'state', ARGV[3], 'err', ARGV[4])"
)

_log = structlog.get_logger("sms.receipts")


class RecordedReceipts:
    """Records receipts, newest last, in a bounded stream."""

    def __init__(self, journal: Journal, prefix: str = "tellerline") -> None:
        self._journal = journal
        self.stream = f"{prefix}:{{sms}}:receipts"
        self.recorded = 0

    def accept(self, message: Message, respond: Callable[[int], None]) -> None:
        """Record, then acknowledge. What is no receipt after all is acknowledged: it would only come again."""
        receipt = read_receipt(message)
        if receipt is None:
            _log.warning("receipt.unreadable", esm_class=f"0x{message.esm_class:02x}")
            respond(Status.ROK)
            return
        future = self._journal.write(
            RECORD, (self.stream,), MAX_RECORDED, receipt.message_id[:65], receipt.word[:16], receipt.error[:16]
        )

        def recorded(done: asyncio.Future[Any]) -> None:
            if done.cancelled() or done.exception() is not None:
                respond(Status.RX_T_APPN)
                return
            self.recorded += 1
            respond(Status.ROK)

        future.add_done_callback(recorded)
