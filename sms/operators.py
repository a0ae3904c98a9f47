"""The operators that carry texts: what each of them is like, and the binds to it. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from core_client.domain.secret import Secret
from sms.messages import Purpose
from sms.smpp import Limits
from sms.smpp.codes import VERSION_34

DEFAULT_PER_SECOND = 0.0  # no limit of ours


class Mode(StrEnum):
    """What a bind is for (SMPP 3.4 §2.2)."""

    TRANSCEIVER = "transceiver"
    TRANSMITTER = "transmitter"
    RECEIVER = "receiver"

    @property
    def sends(self) -> bool:
        """Whether texts go out over it."""
        return self is not Mode.RECEIVER


class Alphabet(StrEnum):
    """How an operator lets a text be written; which of them it takes is its own business."""

    GSM = "gsm"  # GSM 03.38 with its extension, data_coding 0, one septet an octet
    GSM_NATIONAL = "gsm_national"  # the same with national shift tables, announced in the header
    LATIN1 = "latin1"  # ISO 8859-1, data_coding 3
    UCS2 = "ucs2"  # UTF-16 in big-endian order, data_coding 8


class LongTexts(StrEnum):
    """How parts of a long text are marked."""

    UDH8 = "udh8"  # user data header, 8-bit reference
    UDH16 = "udh16"  # user data header, 16-bit reference
    SAR = "sar"  # sar_msg_ref_num, sar_total_segments, sar_segment_seqnum
    PAYLOAD = "payload"  # the whole text in message_payload; the operator cuts it


class ReceiptIds(StrEnum):
    """How an operator writes in a receipt the id that it gave in submit_sm_resp."""

    AUTO = "auto"  # any form that fits, confirmed by the address
    SAME = "same"
    HEX_THEN_DECIMAL = "hex_then_decimal"
    DECIMAL_THEN_HEX = "decimal_then_hex"


@dataclass(frozen=True, slots=True)
class Tls:
    """How a bind is encrypted. Empty files: the system's authorities, no certificate of ours."""

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    server_name: str = ""  # that the operator's certificate must have; empty: the host


@dataclass(frozen=True, slots=True)
class BindSettings:
    """One connection to an operator."""

    name: str  # within the operator
    host: str
    port: int
    system_id: str
    password: Secret
    mode: Mode = Mode.TRANSCEIVER
    system_type: str = ""
    version: int = VERSION_34  # 0x33, 0x34 or 0x50, as it is announced
    addr_ton: int = 0
    addr_npi: int = 0
    address_range: str = ""
    tls: Tls | None = None
    single: bool = False  # may exist once over all nodes: held by lease
    limits: Limits = field(default_factory=Limits)
    per_second: float = DEFAULT_PER_SECOND  # submit_sm PDUs; 0: no limit
    connect_timeout_s: float = 10.0
    backoff_first_s: float = 0.5
    backoff_max_s: float = 60.0


_NO_NUMBERS: Mapping[Purpose, int] = MappingProxyType({})
_NO_SECONDS: Mapping[Purpose, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Operator:
    """One carrier of texts, and all that is peculiar to it."""

    name: str
    binds: tuple[BindSettings, ...]
    prefixes: tuple[str, ...] = ("",)  # of E.164 numbers, with +; the longest that fits counts; "" is everybody
    cost: int = 0  # of a part, in any unit; only compared
    senders: tuple[str, ...] = ()  # sender ids that it lets through; the first one is used where a text names none
    alphabets: tuple[Alphabet, ...] = (Alphabet.GSM, Alphabet.UCS2)
    national: tuple[str, ...] = ()  # languages of national tables: tr, es, pt, hi ...
    long_texts: LongTexts = LongTexts.UDH8
    receipts: bool = False  # ask for a receipt of every part
    receipt_ids: ReceiptIds = ReceiptIds.AUTO
    ton_npi: Mapping[str, tuple[int, int]] = field(  # by kind of address: international, short, name
        default_factory=lambda: MappingProxyType({"international": (1, 1), "short": (0, 1), "name": (5, 0)})
    )
    tlvs: tuple[tuple[int, bytes], ...] = ()  # of its own, sent with every submit_sm
    service_type: str = ""
    priority: Mapping[Purpose, int] = field(default_factory=lambda: _NO_NUMBERS)  # priority_flag
    validity_s: Mapping[Purpose, float] = field(default_factory=lambda: _NO_SECONDS)  # validity_period
