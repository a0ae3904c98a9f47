"""What can go wrong with flows and the dialogues that run on them.

LanguageError
└── FlowError        a flow that does not load: file, line, column, the mend
SessionError         a stored session that cannot be read
SessionGone          a session that is over, or was never there
SessionStoreDown     the session store does not answer
SecretLost           the secret behind a handle is gone; it is asked for again
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from core_client.language.errors import LanguageError

MAX_ERRORS = 50  # of one level that are told: whoever mends fifty checks again


class FlowError(LanguageError):
    """A flow that does not load. ``more`` are further errors of the same level: syntax, shape or graph."""

    more: tuple[FlowError, ...] = ()


@contextmanager
def told_as(rule: str) -> Iterator[None]:
    """Give the errors inside that name no rule of their own the general one of their level."""
    try:
        yield
    except FlowError as error:
        for each in (error, *error.more):
            each.rule = each.rule or rule
        raise


class SessionError(ValueError):
    """A stored session that cannot be read."""


class SessionGone(LookupError):
    """There is no such session any more: it ended, or nobody answered for too long."""


class SessionStoreDown(Exception):
    """The store did not answer: nothing is known to be kept."""


class SecretLost(LookupError):
    """The secret behind a handle is not here: opened before, too old, or kept by a node that died."""
