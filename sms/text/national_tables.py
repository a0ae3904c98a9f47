"""The national language tables of 3GPP TS 23.038 Annex A: what stands where, and nothing else.

The tables of Indian languages follow one plan: the letters of the language's Unicode block stand in the same places,
and a place is empty where the block had no letter. They are written here as that plan with their exceptions. Where
the printed standard has an evident slip of the pen (a letter twice, and its neighbour not at all), the neighbour is
meant: Kannada locking 0x24, Tamil single 0x24, Telugu single 0x22 and 0x23.
"""

from __future__ import annotations

from types import MappingProxyType

ESCAPE = 0x1B
EMPTY = "\x00"  # no character in this place

# §6.2.1, position by position; the escape's own place holds a no-break space, which is how a lone one is shown.
DEFAULT = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u00a0ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# §6.2.1.1, which every single shift table has too
_EVERY_SINGLE = {
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


def _with(**places: str) -> str:
    """The default alphabet with other characters in some places, named ``x04`` for 0x04."""
    table = list(DEFAULT)
    for place, character in places.items():
        table[int(place[1:], 16)] = character
    return "".join(table)


# A.3.1
_TURKISH = _with(x04="€", x07="ı", x0B="Ğ", x0C="ğ", x1C="Ş", x1D="ş", x40="İ", x60="ç")
# A.3.3
_PORTUGUESE = (
    "@£$¥êéúíóç\nÔô\rÁáΔ_ªÇÀ∞^\\€Ó|\u00a0ÂâÊÉ !\"#º%&'()*+,-./0123456789:;<=>?"
    "ÍABCDEFGHIJKLMNOPQRSTUVWXYZÃÕÚÜ§~abcdefghijklmnopqrstuvwxyzãõ`üà"
)
# A.3.13
_URDU = (
    "\u0627\u0622\u0628\u067b\u0680\u067e\u06a6\u062a\u06c2\u067f\n\u0679\u067d\r\u067a\u067c"
    "\u062b\u062c\u0681\u0684\u0683\u0685\u0686\u0687\u062d\u062e\u062f\u00a0\u068c\u0688\u0689\u068a"
    " !\u068f\u068d\u0630\u0631\u0691\u0693)(\u0699\u0632,\u0696.\u0698"
    "0123456789:;\u069a\u0633\u0634?"
    "\u0635\u0636\u0637\u0638\u0639\u0641\u0642\u06a9\u06aa\u06ab\u06af\u06b3\u06b1\u0644\u0645\u0646"
    "\u06ba\u06bb\u06bc\u0648\u06c4\u06d5\u06c1\u06be\u0621\u06cc\u06d0\u06d2\u064d\u0650\u064f\u0657"
    "\u0654abcdefghijklmnopqrstuvwxyz\u0655\u0651\u0653\u0656\u0670"
)

# The plan of A.3.4 to A.3.12: offsets into the block, in the order of the places; other signs stand as they are.
_PLAN = (
    *(0x01, 0x02, 0x03, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B, "\n", 0x0C, 0x0D, "\r", 0x0E, 0x0F),
    *(*range(0x10, 0x1B), "\u00a0", *range(0x1B, 0x1F)),
    *(" ", "!", *range(0x1F, 0x25), ")", "(", 0x25, 0x26, ",", 0x27, ".", 0x28),
    *(*"0123456789:;", 0x29, 0x2A, 0x2B, "?"),
    *(*range(0x2C, 0x3A), 0x3C, 0x3D),
    *range(0x3E, 0x4E),
)


def _indian(block: int, last: tuple[int, int, int, int, int, int], empty: tuple[int, ...]) -> str:
    """``last``: offsets of the places 0x60 and 0x7B to 0x7F. ``empty``: offsets of the plan that the table lacks."""

    def show(place: int | str) -> str:
        if isinstance(place, str):
            return place
        return EMPTY if place in empty else chr(block + place)

    signs = [chr(block + offset) for offset in last]
    return "".join(map(show, _PLAN)) + signs[0] + "abcdefghijklmnopqrstuvwxyz" + "".join(signs[1:])


_BENGALI = _indian(
    0x0980,
    (0x4E, 0x57, 0x5C, 0x5D, 0x70, 0x71),
    (0x0D, 0x0E, 0x11, 0x12, 0x29, 0x31, 0x33, 0x34, 0x35, 0x45, 0x46, 0x49, 0x4A),
)
_GUJARATI = _indian(0x0A80, (0x50, 0x60, 0x61, 0x62, 0x63, 0x71), (0x0E, 0x12, 0x29, 0x31, 0x34, 0x46, 0x4A))
_HINDI = _indian(0x0900, (0x50, 0x72, 0x7B, 0x7C, 0x7E, 0x7F), ())
_KANNADA = _indian(0x0C80, (0x55, 0x56, 0x60, 0x61, 0x62, 0x63), (0x01, 0x0D, 0x11, 0x29, 0x34, 0x45, 0x49))
_MALAYALAM = _indian(0x0D00, (0x57, 0x60, 0x61, 0x62, 0x63, 0x79), (0x01, 0x0D, 0x11, 0x29, 0x3C, 0x45, 0x49))
_ORIYA = _indian(
    0x0B00,
    (0x56, 0x57, 0x60, 0x61, 0x62, 0x63),
    (0x0D, 0x0E, 0x11, 0x12, 0x29, 0x31, 0x34, 0x45, 0x46, 0x49, 0x4A),
)
_PUNJABI = _indian(
    0x0A00,
    (0x51, 0x70, 0x71, 0x72, 0x73, 0x74),
    (0x0B, 0x0C, 0x0D, 0x0E, 0x11, 0x12, 0x29, 0x31, 0x34, 0x37, 0x3D, 0x43, 0x44, 0x45, 0x46, 0x49, 0x4A),
)
_TAMIL = _indian(
    0x0B80,
    (0x50, 0x57, 0x70, 0x71, 0x72, 0x79),
    (
        *(0x01, 0x0B, 0x0C, 0x0D, 0x11, 0x16, 0x17, 0x18, 0x1B, 0x1D, 0x20, 0x21, 0x22, 0x25, 0x26, 0x27),
        *(0x2B, 0x2C, 0x2D, 0x3C, 0x3D, 0x43, 0x44, 0x45, 0x49),
    ),
)
_TELUGU = _indian(0x0C00, (0x55, 0x56, 0x60, 0x61, 0x62, 0x63), (0x0D, 0x11, 0x29, 0x34, 0x3C, 0x45, 0x49))


def _single(**places: str) -> MappingProxyType[int, str]:
    """The extension table with more characters: ``x41="ÀB"`` puts them into 0x41 and the places after it."""
    table = dict(_EVERY_SINGLE)
    for first, characters in places.items():
        for place, character in enumerate(characters, int(first[1:], 16)):
            table.setdefault(place, character)
    return MappingProxyType({place: table[place] for place in sorted(table)})


def _indian_single(from_0x19: str, from_0x1c: str, from_0x2a: str = "") -> MappingProxyType[int, str]:
    """A.2.4 to A.2.13: signs and capital letters in the same places everywhere, then the language's own."""
    return _single(
        x00="@£$¥¿\"¤%&'",
        x0B="*+",
        x0E="-/<=>¡^¡_#*",
        x19=from_0x19,
        x1C=from_0x1c,
        x2A=from_0x2a[:5],
        x30=from_0x2a[5:],
        x41="ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    )


def _run(*ranges: tuple[int, int]) -> str:
    return "".join(chr(code) for first, last in ranges for code in range(first, last + 1))


_DANDAS = "\u0964\u0965"
SINGLE_DEFAULT = _single()
_SINGLE = {
    1: _single(x47="Ğ", x49="İ", x53="Ş", x63="ç", x67="ğ", x69="ı", x73="ş"),
    2: _single(x09="ç", x41="Á", x49="Í", x4F="Ó", x55="Ú", x61="á", x69="í", x6F="ó", x75="ú"),
    3: _single(
        x05="ê",
        x09="ç",
        x0B="Ôô",
        x0E="Áá",
        x12="ΦΓ",
        x15="ΩΠΨΣΘ",
        x1F="Ê",
        x41="À",
        x49="Í",
        x4F="Ó",
        x55="Ú",
        x5B="ÃÕ",
        x61="Â",
        x69="í",
        x6F="ó",
        x75="ú",
        x7B="ãõ",
        x7F="â",
    ),
    4: _indian_single(
        _run((0x09E6, 0x09E7)),
        _run((0x09E8, 0x09EF), (0x09DF, 0x09E2)),
        _run((0x09E3, 0x09E3), (0x09F2, 0x09FA)),
    ),
    5: _indian_single(_DANDAS, _run((0x0AE6, 0x0AEF))),
    6: _indian_single(
        _DANDAS,
        _run((0x0966, 0x096F), (0x0951, 0x0952)),
        _run((0x0953, 0x0954), (0x0958, 0x0963), (0x0970, 0x0971)),
    ),
    7: _indian_single(_DANDAS, _run((0x0CE6, 0x0CEF), (0x0CDE, 0x0CDE), (0x0CF1, 0x0CF1)), "\u0cf2"),
    8: _indian_single(_DANDAS, _run((0x0D66, 0x0D71)), _run((0x0D72, 0x0D75), (0x0D7A, 0x0D7F))),
    9: _indian_single(_DANDAS, _run((0x0B66, 0x0B6F), (0x0B5C, 0x0B5D)), _run((0x0B5F, 0x0B5F), (0x0B70, 0x0B71))),
    10: _indian_single(
        _DANDAS, _run((0x0A66, 0x0A6F), (0x0A59, 0x0A5A)), _run((0x0A5B, 0x0A5C), (0x0A5E, 0x0A5E), (0x0A75, 0x0A75))
    ),
    11: _indian_single(_DANDAS, _run((0x0BE6, 0x0BEF), (0x0BF3, 0x0BF4)), _run((0x0BF5, 0x0BF8), (0x0BFA, 0x0BFA))),
    12: _indian_single("", _run((0x0C66, 0x0C6F), (0x0C58, 0x0C59)), _run((0x0C78, 0x0C7F))),
    13: _indian_single(
        _run((0x0600, 0x0601)),
        _run((0x06F0, 0x06F9), (0x060C, 0x060D)),
        _run((0x060E, 0x0614)) + "\u061b\u061f\u0640\u0652\u0658\u066b\u066c\u0672\u0673\u06cd" + EMPTY * 3 + "\u06d4",
    ),
}

# By national language identifier (§6.2.1.2.4)
LOCKING = MappingProxyType(
    {
        0: DEFAULT,
        1: _TURKISH,
        3: _PORTUGUESE,
        4: _BENGALI,
        5: _GUJARATI,
        6: _HINDI,
        7: _KANNADA,
        8: _MALAYALAM,
        9: _ORIYA,
        10: _PUNJABI,
        11: _TAMIL,
        12: _TELUGU,
        13: _URDU,
    }
)
SINGLE = MappingProxyType({0: SINGLE_DEFAULT, **_SINGLE})

# The languages by their ISO 639-1 codes, as an operator's settings have them
LANGUAGES = MappingProxyType(
    {
        "tr": 1,
        "es": 2,
        "pt": 3,
        "bn": 4,
        "as": 4,
        "gu": 5,
        "hi": 6,
        "kn": 7,
        "ml": 8,
        "or": 9,
        "pa": 10,
        "ta": 11,
        "te": 12,
        "ur": 13,
    }
)
