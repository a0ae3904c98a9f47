"""The GSM 03.38 alphabets, one septet an octet, as SMSCs carry them (§6.2.1): the default one and the national ones.

A message is written with one locking table, whose characters take a septet each, and one single shift table, whose
characters take an escape besides. Without a word in the message's header both are the default ones.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from sms.text.national_tables import DEFAULT, EMPTY, ESCAPE, LOCKING, SINGLE, SINGLE_DEFAULT

BASIC = DEFAULT
EXTENSION = SINGLE_DEFAULT
# Characters that the default alphabet and ASCII have in the same place: most texts are made of nothing else.
AS_ASCII = b"\n\r !\"#%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
UNKNOWN = "\ufffd"  # shown for a place that has no character
_SEPTET = bytes(octet & 0x7F for octet in range(256))


class NotGsmError(ValueError):
    """A character that the tables do not have. The text is not in the message."""


class Tables:
    """One locking and one single shift table, both ways."""

    __slots__ = ("_basic", "_single", "encoded", "locking", "single")

    def __init__(self, locking: int, single: int) -> None:
        """Identifiers of §6.2.1.2.4; 0 is the default."""
        basic = LOCKING[locking]
        self.locking = locking
        self.single = single
        self._single = SINGLE[single]
        self._basic = basic.replace(EMPTY, UNKNOWN)
        encoded = {character: bytes([ESCAPE, place]) for place, character in reversed(tuple(self._single.items()))}
        encoded |= {c: bytes([place]) for place, c in enumerate(basic) if place != ESCAPE and c != EMPTY}
        self.encoded: Mapping[str, bytes] = MappingProxyType(encoded)

    def encode(self, text: str) -> bytes:
        """Answer one octet a septet.

        Raises:
            NotGsmError: a character that the tables do not have.
        """
        encoded = self.encoded
        try:
            return b"".join([encoded[character] for character in text])
        except KeyError:
            raise NotGsmError("a character that these tables do not have") from None

    def decode(self, octets: bytes) -> str:
        """Answer the text of any octets: the eighth bit is not part of a septet and is ignored.

        An escape before a septet that the single shift table does not have shows that septet's character of the
        locking table, a lone one a space (§6.2.1.1).
        """
        septets = octets.translate(_SEPTET)
        if ESCAPE not in septets:
            return codecs.charmap_decode(septets, "strict", self._basic)[0]
        characters: list[str] = []
        escaped = False
        for septet in septets:
            if escaped:
                escaped = False
                if septet != ESCAPE:
                    characters.append(self._single.get(septet) or self._basic[septet])
                    continue
                characters.append(" ")  # reserved for another extension table: shown as a space
            elif septet == ESCAPE:
                escaped = True
            else:
                characters.append(self._basic[septet])
        if escaped:
            characters.append(" ")
        return "".join(characters)


@lru_cache(maxsize=len(LOCKING) * len(SINGLE))
def tables(locking: int, single: int) -> Tables:
    """Answer the tables by their identifiers; one that is not known is the default, as a receiver has to take it."""
    return Tables(locking if locking in LOCKING else 0, single if single in SINGLE else 0)


_DEFAULT = tables(0, 0)


def encode_character(character: str) -> bytes | None:
    """Answer one or two octets, or None for a character that the default alphabet does not have."""
    return _DEFAULT.encoded.get(character)


def encodable(text: str) -> bool:
    """Answer whether ``text`` can be sent in the default alphabet."""
    return plain(text) or all(map(_DEFAULT.encoded.__contains__, text))


def plain(text: str) -> bool:
    """Answer whether ``text`` is the same octets in the default alphabet as in ASCII."""
    return text.isascii() and not text.encode("ascii").translate(None, AS_ASCII)


def encode(text: str) -> bytes:
    """Answer one octet a septet, in the default alphabet; see :meth:`Tables.encode`."""
    if text.isascii():
        octets = text.encode("ascii")
        if not octets.translate(None, AS_ASCII):
            return octets
    return _DEFAULT.encode(text)


def decode(octets: bytes) -> str:
    """Answer the text of any octets, in the default alphabet; see :meth:`Tables.decode`."""
    if not octets.translate(None, AS_ASCII):
        return octets.decode("ascii")
    return _DEFAULT.decode(octets)
