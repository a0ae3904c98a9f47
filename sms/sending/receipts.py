"""Delivery receipts: recognised, read and recorded before they are acknowledged (SMPP 3.4 §5.3.2.35, Appendix B)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from sms.smpp import EsmClass, Message, Status, Tag
from sms.smpp.codes import MESSAGE_TYPE_MASK
from sms.store.journal import Journal

MAX_RECORDED = 100_000  # the newest; a day of a busy bank
_INTERMEDIATE = 0x20  # §5.2.12: a notification on the way to the receipt
_STATES = {
    1: "ENROUTE",
    2: "DELIVRD",
    3: "EXPIRED",
    4: "DELETED",
    5: "UNDELIV",
    6: "ACCEPTD",
    7: "UNKNOWN",
    8: "REJECTD",
}
_FIELD = re.compile(r"\b(id|stat|err):(\S+)", re.IGNORECASE)

RECORD = (
    "return redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'id', ARGV[2], 'state', ARGV[3], 'err', ARGV[4])"
)

_log = structlog.get_logger("sms.receipts")


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a message: the SMSC's id of it, its state by name, and the network's error code."""

    message_id: str
    state: str
    error: str = ""


def is_report(message: Message) -> bool:
    """Answer whether a deliver_sm tells of a message of ours and is no text of a customer."""
    return message.esm_class & MESSAGE_TYPE_MASK != 0


def read_receipt(message: Message) -> Receipt | None:
    """Answer the receipt that a deliver_sm carries: its TLVs where there are some, its text elsewhere."""
    if not message.esm_class & (EsmClass.DELIVERY_RECEIPT | _INTERMEDIATE):
        return None
    found = {key.lower(): value for key, value in _FIELD.findall(message.short_message.decode("latin-1"))}
    id_ = message.tlv(Tag.RECEIPTED_MESSAGE_ID)
    state = message.tlv(Tag.MESSAGE_STATE)
    message_id = id_.split(b"\x00", 1)[0].decode("latin-1") if id_ else found.get("id", "")
    if not message_id:
        return None
    named = _STATES.get(int.from_bytes(state, "big")) if state else None
    return Receipt(message_id, named or found.get("stat", "UNKNOWN").upper(), found.get("err", ""))


class Receipts:
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
            RECORD, (self.stream,), MAX_RECORDED, receipt.message_id[:65], receipt.state[:16], receipt.error[:16]
        )

        def recorded(done: asyncio.Future[Any]) -> None:
            if done.cancelled() or done.exception() is not None:
                respond(Status.RX_T_APPN)
                return
            self.recorded += 1
            respond(Status.ROK)

        future.add_done_callback(recorded)
