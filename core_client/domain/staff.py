"""The people who publish, approve and operate: a name, what they may do, and a token that proves who they are."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from enum import StrEnum

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
TOKEN_PREFIX = "tellerline_"  # noqa: S105 - no token: how one is recognised where it should not be
TOKEN_BYTES = 32


class Role(StrEnum):
    """What somebody may do."""

    AUTHOR = "author"  # publish versions, withdraw their own
    APPROVER = "approver"  # approve what another one published, roll back
    OPERATOR = "operator"  # switch notices, roll back, name people


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who works here. A name is given once and stays that person's, so that the log never lies."""

    name: str
    roles: frozenset[Role]
    added_at: datetime.datetime
    revoked_at: datetime.datetime | None = None

    @property
    def is_active(self) -> bool:
        """Whether their token still proves anything."""
        return self.revoked_at is None

    def has(self, *roles: Role) -> bool:
        """Answer whether they have one of the roles."""
        return not self.roles.isdisjoint(roles)
