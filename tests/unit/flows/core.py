"""A core that answers as told, for the runner's tests."""

from __future__ import annotations

import asyncio
import datetime
from dataclasses import dataclass, field

from core_client.domain.money import Money
from core_client.domain.secret import Secret
from core_client.services.call import OperationCall, OperationResult

ANSWERS = {
    "accounts.balance": OperationResult(
        "ok", {"last4": "1234", "available": Money(1234567, "CNY"), "booked": Money(1234567, "CNY")}
    ),
    "transfers.prepare": OperationResult(
        "ok",
        {
            "id": "i1",
            "amount": Money(50000, "CNY"),
            "payee_name": "Li Lei",
            "payee_last4": "8899",
            "from_last4": "1234",
        },
    ),
    "auth.issue_code": OperationResult("ok", {"code": Secret("482913")}),
    "transfers.authorise": OperationResult("ok", {"reference": "900123", "available": Money(1184567, "CNY")}),
}


@dataclass
class ToldCore:
    """Answers ``ok`` with plausible fields, or as ``told``; slow operations take ``slow`` seconds."""

    told: dict[str, OperationResult | Exception] = field(default_factory=dict)
    slow: dict[str, float] = field(default_factory=dict)
    calls: list[OperationCall] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    heard_answers: list[tuple[str, str]] = field(default_factory=list)

    async def perform(self, call: OperationCall) -> OperationResult:
        """See ``CoreClient.perform``."""
        self.calls.append(call)
        await asyncio.sleep(self.slow.get(call.operation, 0))
        self.finished.append(call.operation)
        answer = self.told.get(call.operation, ANSWERS.get(call.operation, OperationResult("ok")))
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def keep(self, auth_session_id: str) -> None:
        """See ``CoreClient.keep``."""
        self.kept.append(auth_session_id)

    def heard(self, call: OperationCall, result: OperationResult) -> None:
        """See ``CoreClient.heard``."""
        self.heard_answers.append((call.operation, result.outcome))

    @property
    def asked(self) -> list[str]:
        """The operations that were asked for, in order."""
        return [call.operation for call in self.calls]


@dataclass
class HandClock:
    """A clock that a test sets."""

    at: datetime.datetime = datetime.datetime(2026, 3, 2, 2, 15, tzinfo=datetime.UTC)

    def now(self) -> datetime.datetime:
        """Answer the time that was set."""
        return self.at

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.at += datetime.timedelta(seconds=seconds)
