"""The specification's ``errorObject`` and this product's errors, both ways.

``errorCode`` is coarser than our reasons, so the face adds its reason to ``errorParameters`` and the client takes it
from there when it knows the word; whatever another bank answers is read from ``errorCode`` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from core_client.adapters.gsma.wire import Body, value_of
from core_client.errors import BankError, Declined, IntentConflict, OutcomeUnknown, Unavailable
from core_client.operations.reasons import REASONS

REASON_KEY = "reason"  # in errorParameters, of our own face

# Every errorCode of the specification that is a no: the reason that a customer hears.
DECLINED: Mapping[str, str] = MappingProxyType(
    {
        "genericError": "not_permitted",
        "dailyVolumeLimitExceeded": "over_daily_limit",
        "dailyValueLimitExceeded": "over_daily_limit",
        "weeklyVolumeLimitExceeded": "over_daily_limit",
        "weeklyValueLimitExceeded": "over_daily_limit",
        "monthlyVolumeLimitExceeded": "over_daily_limit",
        "monthlyValueLimitExceeded": "over_daily_limit",
        "accountMaxTotalVolumeExceeded": "not_permitted",
        "accountMaxTotalValueExceeded": "not_permitted",
        "lessThanTransactionMinValue": "amount_invalid",
        "greaterThanTransactionMaxValue": "over_transaction_limit",
        "maxBalanceExceeded": "not_permitted",
        "samePartiesError": "not_permitted",
        "insufficientFunds": "insufficient_funds",
        "incorrectState": "intent_spent",
        "underPaymentNotAllowed": "amount_invalid",
        "overPaymentNotAllowed": "amount_invalid",
        "transactionTypeError": "not_permitted",
        "noMandateAuthority": "not_permitted",
        "linkViolation": "not_permitted",
        "countryofOriginNotPermitted": "not_permitted",
        "nationalityNotPermitted": "not_permitted",
        "idDocumentNotSupported": "not_permitted",
        "issuingCountryNotSupported": "not_permitted",
        "quoteHasExpired": "intent_expired",
        "identifierError": "account_unknown",
        "lengthError": "not_permitted",
        "formatError": "not_permitted",
        "negativeValue": "amount_invalid",
        "currencyNotSupported": "amount_invalid",
        "mandatoryValueNotSupplied": "not_permitted",
        "invalidOffset": "not_permitted",
        "clientAuthorisationError": "not_permitted",
        "requestDeclined": "not_permitted",
        "servicingPartyAuthorisationError": "not_permitted",
        "requestingPartyAuthorisationError": "not_permitted",
    }
)
CONFLICT = "duplicateRequest"
LATER = "rateLimitError"
NOTHING_DONE = frozenset({"businessRule", "validation", "authorisation", "identification", "serviceUnavailable"})

_CATEGORIES: Mapping[str, tuple[int, str, str]] = MappingProxyType(
    {
        "insufficient_funds": (400, "businessRule", "insufficientFunds"),
        "account_frozen": (400, "businessRule", "incorrectState"),
        "account_unknown": (404, "identification", "identifierError"),
        "payee_unknown": (404, "identification", "identifierError"),
        "amount_invalid": (400, "validation", "formatError"),
        "over_transaction_limit": (400, "businessRule", "greaterThanTransactionMaxValue"),
        "over_daily_limit": (400, "businessRule", "dailyValueLimitExceeded"),
        "over_sms_limit": (400, "businessRule", "dailyValueLimitExceeded"),
        "intent_expired": (400, "businessRule", "quoteHasExpired"),
        "intent_spent": (400, "businessRule", "incorrectState"),
    }
)
_OTHER = (400, "businessRule", "requestDeclined")


@dataclass(frozen=True, slots=True)
class ErrorObject:
    """An ``errorObject`` with the status that carries it. ``reason`` is ours, where the other side said it."""

    status: int
    category: str
    code: str
    description: str = ""
    reason: str | None = None

    @classmethod
    def read(cls, status: int, body: object) -> ErrorObject | None:
        """Read one; None: the answer has no error object, so that it need not come from the bank at all."""
        if not isinstance(body, dict):
            return None
        category, code = body.get("errorCategory"), body.get("errorCode")
        if not isinstance(category, str) or not isinstance(code, str):
            return None
        described = body.get("errordescription", body.get("errorDescription"))  # 1.2 writes it in small letters
        reason = value_of(body.get("errorParameters"), REASON_KEY)
        return cls(status, category, code, described if isinstance(described, str) else "", reason)

    def body(self) -> Body:
        """Answer it as JSON."""
        told: dict[str, object] = {"errorCategory": self.category, "errorCode": self.code}
        if self.description:
            told["errordescription"] = self.description[:256]
        if self.reason:
            told["errorParameters"] = [{"key": REASON_KEY, "value": self.reason}]
        return told

    def raised(self, *, changing: bool) -> BankError:
        """Answer what it means to who asked.

        Args:
            changing: the request was to change something, so that an error inside the bank says nothing of its effect.
        """
        if self.category not in NOTHING_DONE:
            word = f"{self.category} {self.code}"
            return OutcomeUnknown(word) if changing else Unavailable(word)
        if self.category == "serviceUnavailable" or self.code == LATER or self.status == 401:
            return Unavailable(f"{self.category} {self.code}")
        if self.code == CONFLICT:
            return IntentConflict("the bank knows this correlation id with another request; nothing moved")
        reason = self.reason if self.reason in REASONS else DECLINED.get(self.code, "not_permitted")
        return Declined(reason or "not_permitted", self.description or self.code)


def of_error(error: BankError) -> ErrorObject:
    """Answer the error object that the face answers for an error of the bank."""
    match error:
        case Declined():
            status, category, code = _CATEGORIES.get(error.reason, _OTHER)
            return ErrorObject(status, category, code, str(error), error.reason)
        case IntentConflict():
            return ErrorObject(400, "businessRule", CONFLICT, "known with another request", "intent_conflict")
        case Unavailable():
            return ErrorObject(503, "serviceUnavailable", "genericError", "try again later")
        case _:
            return ErrorObject(500, "internal", "genericError")
