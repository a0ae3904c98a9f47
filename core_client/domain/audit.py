"""The audit record and the chain that shows an edit, a deletion or another order."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from core_client.errors import InvariantBroken

GENESIS = "0" * 64
# What no detail may be called: a name is no proof of what is inside, but these are never meant.
_FORBIDDEN = frozenset({"pin", "code", "otp", "card", "card_number", "number", "account_number", "password", "secret"})


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One change. ``actor`` did ``action`` to ``subject``; details hold no secret and no full number."""

    at: datetime.datetime
    actor: str  # "voice:customer:3", "cli:operator", "system"
    action: str  # noun.past_verb
    subject: str  # "intent:9f2c", "customer:3"
    detail: Mapping[str, str | int | bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wrong = _FORBIDDEN.intersection(self.detail)
        if wrong:
            raise InvariantBroken(f"an audit record of {self.action} with {sorted(wrong)} in its detail")

    def canonical(self) -> str:
        """Answer the text that is stored and hashed."""
        body = [self.at.isoformat(), self.actor, self.action, self.subject, dict(self.detail)]
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def chain(previous: str, seq: int, canonical: str) -> str:
    """Answer the hash of row ``seq`` that follows the row with hash ``previous``."""
    return hashlib.sha256(f"{previous}\n{seq}\n{canonical}".encode()).hexdigest()
