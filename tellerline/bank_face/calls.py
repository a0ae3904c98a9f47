"""One request to the face after it was checked, and its answer."""

from __future__ import annotations

import datetime
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from core_client.adapters.gsma.error_objects import ErrorObject
from core_client.adapters.gsma.wire import moment_of
from tellerline.bank_face.specification import Operation

MAX_LIST = 100  # entries in one answer: the specification lets the provider choose


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose parameters and body are what the specification says."""

    client: str
    operation: Operation
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    correlation_id: str | None = None
    callback: str | None = None

    def identifiers(self) -> list[tuple[str, str]]:
        """Answer the account's identifiers, from either form of the path."""
        if "accountId" in self.path:
            return [(key, value) for key, _, value in (one.partition("@") for one in self.path["accountId"].split("$"))]
        return [(self.path["identifierType"], self.path["identifier"])]

    def window(self) -> tuple[int, int]:
        """Answer ``limit`` and ``offset``.

        Raises:
            FaceError: one of them is below zero.
        """
        limit, offset = int(self.query.get("limit", MAX_LIST)), int(self.query.get("offset", 0))
        if offset < 0 or limit < 0:
            raise FaceError(ErrorObject(400, "validation", "invalidOffset", "below zero"))
        return min(limit, MAX_LIST), offset

    def moment(self, name: str) -> datetime.datetime | None:
        """Answer a moment of the query, or None."""
        return moment_of(self.query[name].upper()) if name in self.query else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered. ``body`` None: nothing, as 204 has it."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class FaceError(Exception):
    """A request that is answered by an error object."""

    def __init__(self, error: ErrorObject) -> None:
        super().__init__(f"{error.category} {error.code}")
        self.error = error


def unknown(what: str) -> FaceError:
    """Answer the error for something that is not there."""
    return FaceError(ErrorObject(404, "identification", "identifierError", f"no such {what}"))


def not_possible(why: str, code: str = "requestDeclined") -> FaceError:
    """Answer the error for a request that the specification allows and this bank does not."""
    return FaceError(ErrorObject(400, "businessRule", code, why))


Handler: TypeAlias = Callable[[Call], Awaitable[Answer]]
