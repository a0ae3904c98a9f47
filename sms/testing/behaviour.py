"""How the fake message centre treats what it is sent: everything that real ones were seen to do to an ESME."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sms.smpp import Message, Status


class IdForm(StrEnum):
    """How a centre writes the number by which it knows a message."""

    HEX = "hex"  # 1A2B
    HEX_LOWER = "hex_lower"  # 1a2b
    HEX_PADDED = "hex_padded"  # 00001A2B
    DECIMAL = "decimal"  # 6699
    DECIMAL_PADDED = "decimal_padded"  # 0000006699

    def write(self, number: int) -> str:
        """Answer ``number`` as this centre writes it."""
        return _WRITTEN[self].format(number)


_WRITTEN = {
    IdForm.HEX: "{:X}",
    IdForm.HEX_LOWER: "{:x}",
    IdForm.HEX_PADDED: "{:08X}",
    IdForm.DECIMAL: "{:d}",
    IdForm.DECIMAL_PADDED: "{:010d}",
}


class ReceiptForm(StrEnum):
    """What a receipt looks like. SMPP 3.4 leaves its text to the vendor (Appendix B is an example)."""

    BOTH = "both"  # the text of Appendix B, and the TLVs
    TEXT = "text"  # no TLVs
    TLV = "tlv"  # no text
    STATE_TLV = "state_tlv"  # id in the text only, state in the TLV only
    LOWER = "lower"  # id:1a2b ... stat:delivrd
    SHORT = "short"  # id:1A2B stat:DELIVRD, nothing else
    SPACED = "spaced"  # id: 1A2B Sub: 001 ... Stat: DELIVRD
    LONG_DATES = "long_dates"  # dates of fourteen digits
    ENDED = "ended"  # the text of Appendix B with a NUL behind it
    PAYLOAD = "payload"  # the text in message_payload
    UCS2 = "ucs2"  # the text in UCS2, data_coding 8
    UNMARKED = "unmarked"  # TLVs and text, and an esm_class that does not say that it is a receipt


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may bind."""

    system_id: str
    password: str
    only_once: bool = False  # a second bind of the same kind is refused with ESME_RALYBND

    def __repr__(self) -> str:
        return f"Account({self.system_id})"


@dataclass(slots=True)
class Behaviour:
    """How the centre treats what it is sent. Change it while it runs.

    "The Nth" counts from the moment in which the field is set: it is counted down to zero.
    """

    # what submit_sm is answered with
    throttle_every: int = 0  # ``throttle_status`` for every Nth submit_sm
    throttle_status: int = Status.RTHROTTLED  # or RMSGQFUL, which means the same
    refuse_with: int = 0  # this status for every submit_sm
    refuse_every: int = 0  # ``refuse_with`` for every Nth only
    statuses: tuple[int, ...] = ()  # of the next submit_sm, one after another, before all of the above; 0 takes
    nack_every: int = 0  # generic_nack instead of a response, for every Nth; it is not taken
    nack_with: int = Status.RINVCMDID
    response_ids: IdForm = IdForm.HEX
    response_tlvs: tuple[tuple[int, bytes], ...] = ()  # in every submit_sm_resp
    refused_with_body: bool = False  # a message_id in refusals too, against §4.4.2

    # when it is answered
    answer_delay_s: float = 0.0
    answers_shuffled: int = 0  # responses are held back until there are so many, then go in another order
    swallow: int = 0  # the next N submit_sm are taken and never answered
    lose: int = 0  # the next N submit_sm are neither taken nor answered

    # the connection
    drop_after_next_submit: bool = False  # take the next submit_sm, then cut the connection instead of answering
    drop_at_submit: int = 0  # the Nth submit_sm from now is not taken: the connection is cut
    drop_at_answer: int = 0  # the Nth submit_sm from now is taken: the connection is cut instead of its answer
    drop_instead_of_reading_ack: bool = False  # cut the connection when the next deliver_sm_resp arrives
    refuse_binds: int = 0  # the next N binds get ``refuse_binds_with``
    refuse_binds_with: int = Status.RBINDFAIL
    ignore_binds: int = 0  # the next N binds get no answer

    # receipts
    receipts: bool = False  # for every message that asks for one
    receipt_form: ReceiptForm = ReceiptForm.BOTH
    decimal_receipt_ids: bool = False  # in receipts the id is decimal, whatever it is in submit_sm_resp
    receipt_ids: IdForm | None = None  # None: as in submit_sm_resp
    outcomes: tuple[str, ...] = ("DELIVRD",)  # of one message after another, round and round
    outcome: Callable[[Message], str] | None = None  # decides instead of ``outcomes``; "" is no receipt
    receipt_error: str = "000"  # err: of the text, where the message was delivered; "011" where not
    receipt_copies: int = 1
    receipts_unanswered: bool = False  # also for what was taken and not answered: swallowed, or cut off
    receipt_early: bool = False  # before the submit_sm_resp that names its id
    receipt_delay_s: float = 0.0
    receipts_shuffled: int = 0  # held back until there are so many, then brought in another order
    receipt_on_the_way: bool = False  # an intermediate notification (ENROUTE) before it
    receipt_of_last_part_only: bool = False
    receipt_from_another_address: bool = False  # source and destination as in the submit_sm, not turned around

    # what it brings
    deliver_tlvs: tuple[tuple[int, bytes], ...] = ()  # in every deliver_sm, receipts included


__all__ = ["Account", "Behaviour", "IdForm", "ReceiptForm"]
