"""The prompts that the engine, the channels and a node's texts say on their own, whatever the flow holds.

A catalogue needs them in every language; ``flows.inspect`` and the sounds builder read this list.
"""

from __future__ import annotations

from core_client.operations import REASONS

AGENT_CALL_BACK = "agent_call_back"
ALERT_HINT = "alert_hint"
ALL_LINES_BUSY = "all_lines_busy"
CHOOSE_FROM_START = "choose_from_start"
CHOOSE_MORE = "choose_more"
CHOOSE_PRESS = "choose_press"
CHOOSE_REPLY = "choose_reply"
CODE_EXPIRED = "code_expired"
CODE_LOCKED = "code_locked"
CODE_WRONG = "code_wrong"
CONFIRM_HOW = "confirm_how"
EARLIER_TRANSFER = "earlier_transfer"
EARLIER_TRANSFER_DONE = "earlier_transfer_done"
EARLIER_TRANSFER_NOT_MADE = "earlier_transfer_not_made"
EARLIER_TRANSFER_REVERSED = "earlier_transfer_reversed"
EARLIER_TRANSFER_TO = "earlier_transfer_to"
NO_INPUT = "no_input"
NO_MATCH = "no_match"
NOT_REGISTERED = "not_registered"
REMINDER_OF = "reminder_of"
SMS_CONFIRM_WITH_CODE = "sms_confirm_with_code"
SMS_HELP = "sms_help"
SMS_LOOKS_LIKE_PIN = "sms_looks_like_pin"
SMS_PARTS_MISSING = "sms_parts_missing"
SMS_TOO_MANY = "sms_too_many"
SYSTEM_TROUBLE = "system_trouble"
TOO_LONG = "too_long"
TRANSFER_UNKNOWN = "transfer_unknown"
TRY_LATER = "try_later"

REFUSED_PREFIX = "refused_"

SYSTEM_PROMPTS: tuple[str, ...] = (
    AGENT_CALL_BACK,
    ALERT_HINT,
    ALL_LINES_BUSY,
    CHOOSE_FROM_START,
    CHOOSE_MORE,
    CHOOSE_PRESS,
    CHOOSE_REPLY,
    CODE_EXPIRED,
    CODE_LOCKED,
    CODE_WRONG,
    CONFIRM_HOW,
    EARLIER_TRANSFER,
    EARLIER_TRANSFER_DONE,
    EARLIER_TRANSFER_NOT_MADE,
    EARLIER_TRANSFER_REVERSED,
    EARLIER_TRANSFER_TO,
    NO_INPUT,
    NO_MATCH,
    NOT_REGISTERED,
    REMINDER_OF,
    SMS_CONFIRM_WITH_CODE,
    SMS_HELP,
    SMS_LOOKS_LIKE_PIN,
    SMS_PARTS_MISSING,
    SMS_TOO_MANY,
    SYSTEM_TROUBLE,
    TOO_LONG,
    TRANSFER_UNKNOWN,
    TRY_LATER,
    *(REFUSED_PREFIX + reason for reason in REASONS),
)
