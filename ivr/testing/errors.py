"""What a tester is told when a call does not go as expected."""

from __future__ import annotations


class CallWentElsewhere(AssertionError):
    """Something that was waited for on a call did not happen; the text tells what did, and what was heard."""
