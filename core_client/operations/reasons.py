"""Why the bank says no: codes that a channel turns into words by the prompt ``refused_<reason>``."""

from __future__ import annotations

REASONS: tuple[str, ...] = (
    "insufficient_funds",
    "account_frozen",
    "account_unknown",
    "payee_unknown",
    "payee_ambiguous",
    "payee_cooling",
    "amount_invalid",
    "over_transaction_limit",
    "over_daily_limit",
    "over_sms_limit",
    "over_unregistered_limit",
    "same_account",
    "cancel_too_late",
    "card_unknown",
    "intent_expired",
    "intent_spent",
    "number_invalid",
    "number_not_registered",
    "sim_fresh",
    "period_invalid",
    "cheque_unknown",
    "cheque_paid",
    "currency_unknown",
    "place_unknown",
    "loan_not_offered",
    "slot_taken",
    "appointment_open",
    "not_permitted",
)
