"""Where a text may be cut without breaking what its reader takes for one character.

The parts of Unicode's extended grapheme clusters (UAX #29) that people type: marks, emoji with modifiers and joiners,
flags, keycaps, Hangul syllables, CR LF. The standard library has the categories, and no segmentation.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

_ZWJ = "\u200d"
_EXTEND = frozenset({"Mn", "Me", "Mc"})


def _extends(character: str) -> bool:
    code = ord(character)
    if code < 0x300:
        return False
    return (
        unicodedata.category(character) in _EXTEND
        or character == _ZWJ
        or 0x1F3FB <= code <= 0x1F3FF  # skin tones
        or 0xE0020 <= code <= 0xE007F  # tags, of the flags of regions
        or 0x1160 <= code <= 0x11FF  # Hangul vowels and finals after an initial
    )


def _regional(character: str) -> bool:
    return 0x1F1E6 <= ord(character) <= 0x1F1FF


def clusters(text: str) -> Iterator[str]:
    """Answer ``text`` in pieces that should not be cut; joined, they are the text."""
    start = 0
    flags = 0  # regional indicators so far in this cluster: two make a flag
    for position in range(1, len(text)):
        before, here = text[position - 1], text[position]
        if _regional(before):
            flags += 1
        else:
            flags = 0
        if (
            _extends(here)
            or (before == _ZWJ and ord(here) > 0x2000)
            or (before == "\r" and here == "\n")
            or (_regional(here) and flags % 2 == 1)
        ):
            continue
        yield text[start:position]
        start = position
    if text:
        yield text[start:]
