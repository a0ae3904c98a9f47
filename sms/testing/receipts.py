"""Delivery receipts as centres make them (SMPP 3.4 Appendix B, §5.3.2.12, §5.3.2.35), and as some make them instead."""

from __future__ import annotations

import datetime
from dataclasses import replace

from sms.smpp import EsmClass, Message, Tag
from sms.testing.behaviour import ReceiptForm

STATES = {
    "ENROUTE": 1,
    "DELIVRD": 2,
    "EXPIRED": 3,
    "DELETED": 4,
    "UNDELIV": 5,
    "ACCEPTD": 6,
    "UNKNOWN": 7,
    "REJECTD": 8,
}
INTERMEDIATE = 0x20  # §5.2.12: a notification on the way to the receipt
NETWORK_ERROR_CODE = 0x0423
UCS2 = 0x08

_PLAIN = frozenset(
    {
        ReceiptForm.TEXT,
        ReceiptForm.LOWER,
        ReceiptForm.SHORT,
        ReceiptForm.SPACED,
        ReceiptForm.LONG_DATES,
        ReceiptForm.ENDED,
        ReceiptForm.PAYLOAD,
        ReceiptForm.UCS2,
    }
)


def receipt_for(message: Message, shown_id: str, state: str, error: str, form: ReceiptForm) -> Message:
    """Answer the deliver_sm that tells what became of ``message``, known to the centre as ``shown_id``."""
    text = _text(shown_id, state, error, form)
    failed = b"\x03" + int(error).to_bytes(2, "big") if error.isdigit() else b""
    tlvs = (
        (Tag.RECEIPTED_MESSAGE_ID, shown_id.encode() + b"\x00"),
        (Tag.MESSAGE_STATE, bytes([STATES.get(state, 7)])),
        *(((NETWORK_ERROR_CODE, failed),) if failed and int(error) else ()),
    )
    esm_class = INTERMEDIATE if state == "ENROUTE" else EsmClass.DELIVERY_RECEIPT
    receipt = Message(message.destination, message.source, text.encode("ascii"), esm_class=esm_class, tlvs=tlvs)
    if form in _PLAIN:
        receipt = replace(receipt, tlvs=())
    match form:
        case ReceiptForm.TLV:
            return replace(receipt, short_message=b"")
        case ReceiptForm.STATE_TLV:
            return replace(receipt, tlvs=receipt.tlvs[1:])
        case ReceiptForm.ENDED:
            return replace(receipt, short_message=receipt.short_message + b"\x00")
        case ReceiptForm.PAYLOAD:
            return replace(receipt, short_message=b"", tlvs=((Tag.MESSAGE_PAYLOAD, receipt.short_message),))
        case ReceiptForm.UCS2:
            return replace(receipt, short_message=text.encode("utf-16-be"), data_coding=UCS2)
        case ReceiptForm.UNMARKED:
            return replace(receipt, esm_class=EsmClass.DEFAULT)
        case _:
            return receipt


def _text(shown_id: str, state: str, error: str, form: ReceiptForm) -> str:
    done = "001" if state == "DELIVRD" else "000"
    now = datetime.datetime.now(datetime.UTC).strftime(
        "%Y%m%d%H%M%S" if form is ReceiptForm.LONG_DATES else "%y%m%d%H%M"
    )
    match form:
        case ReceiptForm.SHORT:
            return f"id:{shown_id} stat:{state}"
        case ReceiptForm.STATE_TLV:
            return f"id:{shown_id} submit date:{now} done date:{now} err:{error}"
        case ReceiptForm.SPACED:
            return (
                f"id: {shown_id} Sub: 001 Dlvrd: {done} Submit date: {now} Done date: {now} Stat: {state} Err: {error}"
            )
        case ReceiptForm.LOWER:
            shown_id, state = shown_id.lower(), state.lower()
        case ReceiptForm.UCS2:  # 140 octets are 70 characters
            return f"id:{shown_id} stat:{state} err:{error} text:"
        case _:
            pass
    return f"id:{shown_id} sub:001 dlvrd:{done} submit date:{now} done date:{now} stat:{state} err:{error} text:"


__all__ = ["STATES", "receipt_for"]
