"""The GSM 03.38 default alphabet and its extension table, one septet an octet, as SMSCs carry it (§6.2.1)."""

from __future__ import annotations

import re
from types import MappingProxyType

ESCAPE = 0x1B

# §6.2.1, position by position; the escape's own place holds a no-break space, which is how a lone one is shown.
BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u00a0ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# §6.2.1.1
EXTENSION = MappingProxyType(
    {
        0x0A: "\f",
        0x14: "^",
        0x28: "{",
        0x29: "}",
        0x2F: "\\",
        0x3C: "[",
        0x3D: "~",
        0x3E: "]",
        0x40: "|",
        0x65: "€",
    }
)
# Characters that GSM 03.38 and ASCII have in the same place: most texts are made of nothing else.
_AS_ASCII = re.compile(r"[\n\r !\"#%&'()*+,\-./0-9:;<=>?A-Za-z]*")
_ENCODED = {character: bytes([code]) for code, character in enumerate(BASIC) if code != ESCAPE}
_ENCODED |= {character: bytes([ESCAPE, code]) for code, character in EXTENSION.items()}


class NotGsmError(ValueError):
    """A character that the default alphabet and its extension do not have. The text is not in the message."""


def encode_character(character: str) -> bytes | None:
    """Answer one or two octets, or None for a character that GSM 03.38 does not have."""
    return _ENCODED.get(character)


def encodable(text: str) -> bool:
    """Answer whether ``text`` can be sent in the default alphabet."""
    return _AS_ASCII.fullmatch(text) is not None or all(character in _ENCODED for character in text)


def encode(text: str) -> bytes:
    """Answer one octet a septet.

    Raises:
        NotGsmError: a character that the alphabet does not have.
    """
    if _AS_ASCII.fullmatch(text) is not None:
        return text.encode("ascii")
    try:
        return b"".join([_ENCODED[character] for character in text])
    except KeyError:
        raise NotGsmError("a character that GSM 03.38 does not have") from None


def decode(octets: bytes) -> str:
    """Answer the text of any octets: the eighth bit is not part of a septet and is ignored.

    An escape before a septet without extension shows that septet's basic character, a lone one a space (§6.2.1.1).
    """
    characters: list[str] = []
    escaped = False
    for octet in octets:
        septet = octet & 0x7F
        if escaped:
            escaped = False
            if septet != ESCAPE:
                characters.append(EXTENSION.get(septet) or BASIC[septet])
                continue
            characters.append(" ")  # reserved for another extension table: shown as a space
        elif septet == ESCAPE:
            escaped = True
        else:
            characters.append(BASIC[septet])
    if escaped:
        characters.append(" ")
    return "".join(characters)
