"""data_coding: which alphabet a body is written in (SMPP 3.4 §5.2.19, 3GPP TS 23.038 §4), and its text."""

from __future__ import annotations

import codecs
import re
from types import MappingProxyType

from sms.text import gsm0338
from sms.text.header import UnreadableError

DEFAULT = 0x00  # GSM 03.38, one septet an octet
ASCII = 0x01
OCTETS, OCTETS_8 = 0x02, 0x04
LATIN1 = 0x03
UCS2 = 0x08

# SMPP's own codings that Python can read: JIS, Cyrillic, Hebrew, ISO-2022-JP, KS C 5601
_CODECS = MappingProxyType(
    {0x05: "shift_jis", 0x06: "iso8859-5", 0x07: "iso8859-8", 0x0A: "iso2022_jp", 0x0E: "euc_kr"}
)
_BY_TWO_BITS = (DEFAULT, OCTETS_8, UCS2, DEFAULT)  # bits 3 and 2; what is reserved is to be read as the default
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")
_NATIONAL_BITS = 8  # of each table's identifier, above data_coding's own octet


def alphabet(data_coding: int) -> int:
    """Answer the plain coding (0x00 to 0x0F) that a data_coding of any group stands for.

    Raises:
        UnreadableError: compressed.
    """
    coding = data_coding & 0xFF
    if coding < 0x10:
        return coding
    group = coding >> 4
    if group < 0x08:  # general, with a message class; or marked for automatic deletion
        if coding & 0x20:
            raise UnreadableError("compressed")
        return _BY_TWO_BITS[coding >> 2 & 0x03]
    if group == 0x0E:  # a message waits for the reader, told in UCS2
        return UCS2
    if group == 0x0F:  # with a message class
        return OCTETS_8 if coding & 0x04 else DEFAULT
    return DEFAULT  # a message waits, told in the default alphabet; or a reserved group, which is to be read so


def with_tables(data_coding: int, locking: int, single: int) -> int:
    """Answer ``data_coding`` with the national tables that a header announces kept above its octet."""
    return data_coding | locking << _NATIONAL_BITS | single << 2 * _NATIONAL_BITS


def decode(data_coding: int, octets: bytes) -> str:
    """Answer the text of a body. ``data_coding`` may carry tables, see :func:`with_tables`.

    Raises:
        UnreadableError: binary, compressed, or a coding that nobody has given a meaning.
    """
    if data_coding == DEFAULT:
        return gsm0338.decode(octets)
    match alphabet(data_coding):
        case 0x00:
            locking, single = data_coding >> _NATIONAL_BITS & 0xFF, data_coding >> 2 * _NATIONAL_BITS & 0xFF
            return gsm0338.tables(locking, single).decode(octets)
        case 0x01:
            return octets.decode("ascii", "replace")
        case 0x03:
            return octets.decode("latin-1")
        case 0x08:
            return _utf16(octets)
        case 0x02 | 0x04:
            return _eight_bit(octets)
        case coding if coding in _CODECS:
            return octets.decode(_CODECS[coding], "replace")
        case _:
            raise UnreadableError(f"data coding {data_coding & 0xFF:#04x} is no text")


def _utf16(octets: bytes) -> str:
    """UCS2 is sent as UTF-16 by everybody who has an emoji; some send their byte order mark, and their order, too."""
    if octets.startswith(codecs.BOM_UTF16_LE):
        return octets[2:].decode("utf-16-le", "replace")
    return octets.removeprefix(codecs.BOM_UTF16_BE).decode("utf-16-be", "replace")


def _eight_bit(octets: bytes) -> str:
    """Octets without an alphabet are a text when they look like one: in UTF-8, or else in Latin-1."""
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        text = octets.decode("latin-1")
    if _CONTROLS.search(text) is not None:
        raise UnreadableError("binary")
    return text
