"""The numbers of SMPP 3.4 that this project speaks: §5.1.2 command ids, §5.1.3 statuses, §5.3.2 TLV tags."""

from __future__ import annotations

from enum import IntEnum, IntFlag

RESPONSE = 0x8000_0000  # §5.1.2.1: set in the command id of every response


class CommandId(IntEnum):
    """§5.1.2.1."""

    GENERIC_NACK = 0x8000_0000
    BIND_RECEIVER = 0x0000_0001
    BIND_RECEIVER_RESP = 0x8000_0001
    BIND_TRANSMITTER = 0x0000_0002
    BIND_TRANSMITTER_RESP = 0x8000_0002
    SUBMIT_SM = 0x0000_0004
    SUBMIT_SM_RESP = 0x8000_0004
    DELIVER_SM = 0x0000_0005
    DELIVER_SM_RESP = 0x8000_0005
    UNBIND = 0x0000_0006
    UNBIND_RESP = 0x8000_0006
    BIND_TRANSCEIVER = 0x0000_0009
    BIND_TRANSCEIVER_RESP = 0x8000_0009
    OUTBIND = 0x0000_000B
    ENQUIRE_LINK = 0x0000_0015
    ENQUIRE_LINK_RESP = 0x8000_0015
    ALERT_NOTIFICATION = 0x0000_0102


class Status(IntEnum):
    """§5.1.3. Peers send others too: a status is an int wherever it comes from the wire."""

    ROK = 0x00
    RINVMSGLEN = 0x01
    RINVCMDLEN = 0x02
    RINVCMDID = 0x03
    RINVBNDSTS = 0x04
    RALYBND = 0x05
    RSYSERR = 0x08
    RINVSRCADR = 0x0A
    RINVDSTADR = 0x0B
    RBINDFAIL = 0x0D
    RINVPASWD = 0x0E
    RINVSYSID = 0x0F
    RMSGQFUL = 0x14
    RSUBMITFAIL = 0x45
    RTHROTTLED = 0x58
    RX_T_APPN = 0x64
    RX_P_APPN = 0x65
    RX_R_APPN = 0x66
    RINVOPTPARSTREAM = 0xC0
    RINVPARLEN = 0xC2
    RMISSINGOPTPARAM = 0xC3
    RINVOPTPARAMVAL = 0xC4
    RUNKNOWNERR = 0xFF


class Tag(IntEnum):
    """§5.3.2. TLVs are carried as tag and bytes; a tag that is not here is carried just as well."""

    RECEIPTED_MESSAGE_ID = 0x001E
    USER_MESSAGE_REFERENCE = 0x0204
    SC_INTERFACE_VERSION = 0x0210
    SAR_MSG_REF_NUM = 0x020C
    SAR_TOTAL_SEGMENTS = 0x020E
    SAR_SEGMENT_SEQNUM = 0x020F
    MESSAGE_PAYLOAD = 0x0424
    MESSAGE_STATE = 0x0427


class EsmClass(IntFlag):
    """§5.2.12."""

    DEFAULT = 0x00
    DELIVERY_RECEIPT = 0x04
    UDHI = 0x40


MESSAGE_TYPE_MASK = 0x3C  # of esm_class: which kind of message a deliver_sm carries
VERSION_34 = 0x34
SEQUENCE_MAX = 0x7FFF_FFFF  # §5.1.4
SHORT_MESSAGE_MAX_OCTETS = 254  # §5.2.21; longer goes into message_payload


def status_name(status: int) -> str:
    """Answer ``ESME_RTHROTTLED`` for 0x58, ``0x00000405`` for a status that is nobody's but the peer's."""
    try:
        return f"ESME_{Status(status).name}"
    except ValueError:
        return f"0x{status:08x}"
