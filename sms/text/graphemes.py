"""Where a text may be cut without breaking what its reader takes for one character.

The parts of Unicode's extended grapheme clusters (UAX #29) that people type: marks, emoji with modifiers and joiners,
flags, keycaps, Hangul syllables, Indian conjuncts, CR LF. The standard library has the categories, and no segmentation.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_ZWJ = "\u200d"
_EXTEND = frozenset({"Mn", "Me", "Mc"})
_EXTEND_TOO = frozenset("\u200c\u200d\u0e33\u0eb3\uff9e\uff9f")  # joiners, am of Thai and Lao, half-width voicing
# What makes the next consonant part of the syllable (GB9c): Devanagari, Bengali, Gujarati, Oriya, Telugu, Malayalam
_LINKERS = frozenset("\u094d\u09cd\u0acd\u0b4d\u0c4d\u0d4d")
_BLOCK = 0x80  # code points of each of their blocks
# Characters of one UTF-16 unit that never join with another of them, nor come in the middle of anything
_SIMPLE = re.compile(
    "[\n\x20-\x7e\u00a0-\u00ac\u00ae-\u0233\u0391-\u03ff\u0410-\u044f\u2010-\u2027\u2030-\u203b\u20a0-\u20bf"
    "\u3001-\u3029\u3041-\u3096\u30a1-\u30ff\u4e00-\u9fff\uff01-\uff60]*"
)


def simple(text: str) -> bool:
    """Answer whether ``text`` may be cut anywhere: true for what most texts are made of."""
    return _SIMPLE.fullmatch(text) is not None


def _extends(character: str) -> bool:
    code = ord(character)
    if code < 0x300:
        return False
    return (
        unicodedata.category(character) in _EXTEND
        or character in _EXTEND_TOO
        or 0x1F3FB <= code <= 0x1F3FF  # skin tones
        or 0xE0020 <= code <= 0xE007F  # tags, of the flags of regions
        or 0x1160 <= code <= 0x11FF  # Hangul vowels and finals after an initial
    )


def _regional(character: str) -> bool:
    return 0x1F1E6 <= ord(character) <= 0x1F1FF


def _conjunct(text: str, position: int, start: int) -> bool:
    """Whether a consonant stands here that a linker, with joiners and dots about it, ties to one before it."""
    here = text[position]
    if not 0x0900 <= ord(here) < 0x0D80 or unicodedata.category(here) != "Lo":
        return False
    linked = False
    for before in reversed(text[start:position]):
        if before in _LINKERS:
            linked = linked or ord(before) // _BLOCK == ord(here) // _BLOCK
        elif not (before == _ZWJ or unicodedata.combining(before)):
            return linked
    return False


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
            or _conjunct(text, position, start)
        ):
            continue
        yield text[start:position]
        start = position
    if text:
        yield text[start:]
