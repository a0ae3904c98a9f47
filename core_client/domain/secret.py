"""A value that never shows itself: PINs, one-time codes, keys."""

from __future__ import annotations

from typing import Any, NoReturn

MASK = "***"


class Secret:
    """Holds one secret text; every way of printing, formatting, comparing or pickling it gives nothing away.

    Only :meth:`reveal` answers the text, so that every place that sees it can be found by searching for that name.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Answer the secret itself. Hand it straight to a hash, a cipher or the wire; never keep it."""
        return self._text

    def __len__(self) -> int:
        return len(self._text)

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is never pickled or copied")

    def __deepcopy__(self, memo: Any) -> NoReturn:
        raise TypeError("a Secret is never pickled or copied")
