"""Channel variables of the test exchange: plain ones, the few functions that a bank's dialplan reads, ``${...}``."""

from __future__ import annotations

import re
import time

from ivr.testing.channel import FakeChannel

_EXPRESSION = re.compile(r"\$\{([^${}]*)\}")
_FUNCTION = re.compile(r"[A-Z_]+\(.*\)")


def read_variable(channel: FakeChannel, name: str) -> str | None:
    """Answer the value of ``name``; None where Asterisk answers ``result=0``."""
    if name == "EPOCH":
        return str(int(time.time()))
    value = channel.variables.get(name)
    return "" if value is None and _FUNCTION.fullmatch(name) else value  # a function that knows nothing says ()


def expand(channel: FakeChannel, text: str) -> str:
    """Answer ``text`` with every ``${NAME}`` replaced; what is not set is nothing."""
    return _EXPRESSION.sub(lambda found: read_variable(channel, found[1]) or "", text)
