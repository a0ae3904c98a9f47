"""What can change in the registry of customers, and what a customer may be barred from."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from enum import StrEnum

from core_client.errors import Declined

EVERY = "*"
# What nobody can be barred from: who is in trouble must reach a person, and stop a thief.
ALWAYS_ALLOWED = frozenset({"cards", "identity", "auth", "customer", "service"})
FREEZING = frozenset({"accounts.freeze", "accounts.request_unfreeze"})  # barred by their own names only
_WORD = re.compile(r"\*|[a-z][a-z_.]{0,47}")


class ChangeKind(StrEnum):
    """What a row of the change-log says has changed. It never says what to: that is read from the registry."""

    CUSTOMER_ADDED = "customer.added"
    CUSTOMER_CHANGED = "customer.changed"  # name, birth date, class, language
    LINE_ADDED = "line.added"
    LINE_REMOVED = "line.removed"
    DOCUMENT_ADDED = "document.added"
    DOCUMENT_REMOVED = "document.removed"
    ACCOUNT_OPENED = "account.opened"
    ACCOUNT_FROZEN = "account.frozen"
    ACCOUNT_THAWED = "account.thawed"
    CARD_BLOCKED = "card.blocked"
    CARD_UNBLOCKED = "card.unblocked"
    ENTITLEMENT_CHANGED = "entitlement.changed"
    CONSENT_CHANGED = "consent.changed"
    MESSAGES_CHANGED = "messages.changed"  # STOP and START
    PAYEES_CHANGED = "payees.changed"


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the change-log."""

    seq: int
    at: datetime.datetime
    kind: ChangeKind
    customer_id: int | None


@dataclass(frozen=True, slots=True, order=True)
class Bar:
    """Something that a customer may not use: a function (``transfers``, ``transfers.prepare``, ``*``) on a channel."""

    channel: str
    function: str

    def __post_init__(self) -> None:
        if not _WORD.fullmatch(self.channel) or not _WORD.fullmatch(self.function):
            raise Declined("not_permitted", f"'{self.channel}:{self.function}' names no channel and function")

    def __str__(self) -> str:
        return f"{self.channel}:{self.function}"

    def covers(self, channel: str, operation: str) -> bool:
        """Answer whether this bars ``operation`` on ``channel``."""
        theme = operation.partition(".")[0]
        if self.channel not in (EVERY, channel):
            return False
        if operation in FREEZING:
            return self.function == operation
        if self.function == EVERY and theme in ALWAYS_ALLOWED:
            return False
        return self.function in (EVERY, theme, operation)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a customer stands at this moment: what every operation goes by."""

    bars: frozenset[Bar]
    line_is_theirs: bool  # or none was asked about


def bars_from(text: str) -> frozenset[Bar]:
    """Answer the bars that :func:`bars_as_text` wrote."""
    return frozenset(Bar(*part.split(":", 1)) for part in text.split(",") if part)


def bars_as_text(bars: frozenset[Bar]) -> str:
    """Answer the stored form of bars, always in the same order."""
    return ",".join(str(bar) for bar in sorted(bars))
