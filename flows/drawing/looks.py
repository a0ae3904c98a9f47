"""How kinds of steps look: a family gives the shape and the colour, the kind its glyph. And the style sheet."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

INPUT, BANK, CHOICE, SAY, PEOPLE, END = "input", "bank", "choice", "say", "people", "end"
FAMILIES: Mapping[str, tuple[str, ...]] = {
    INPUT: ("menu", "ask", "choose", "confirm", "record"),
    BANK: ("bank", "callback"),
    CHOICE: ("if", "switch", "schedule", "split"),
    SAY: ("say", "notice", "go", "set", "call"),
    PEOPLE: ("transfer",),
    END: ("hangup",),
}
FAMILY_WORDS: Mapping[str, str] = {
    INPUT: "asks the caller",
    BANK: "asks the bank",
    CHOICE: "decides",
    SAY: "speaks, or goes on",
    PEOPLE: "hands over to people",
    END: "ends the call",
}
_FAMILY_OF = {kind: family for family, kinds in FAMILIES.items() for kind in kinds}

# Strokes on a grid of 16 by 16.
GLYPHS: Mapping[str, str] = {
    "menu": "M4 4h.01M8 4h.01M12 4h.01M4 8h.01M8 8h.01M12 8h.01M4 12h.01M8 12h.01M12 12h.01",
    "ask": "M2 4h12v8H2zM5 6.5v3",
    "choose": "M6 4h8M6 8h8M6 12h8M2.5 4h.01M2.5 8h.01M2.5 12h.01",
    "confirm": "M3 8.5l3.5 3.5L13 5",
    "record": "M8 3a5 5 0 1 0 .01 0zM8 7a1 1 0 1 0 .01 0z",
    "bank": "M2 6l6-4 6 4zM3.5 6.5v5M8 6.5v5M12.5 6.5v5M2 13.5h12",
    "callback": "M4 2.5l2 3-1.4 1.4a9 9 0 0 0 4.5 4.5L10.5 10l3 2c0 1-1 2-2 2C7 14 2 9 2 4.5c0-1 1-2 2-2z",
    "if": "M8 2l6 6-6 6-6-6z",
    "switch": "M2 8h4M6 8l7-4.5M6 8h7M6 8l7 4.5",
    "schedule": "M8 2a6 6 0 1 0 .01 0zM8 5v3.2l2.3 1.6",
    "split": "M4 12l8-8M4.5 5h.01M11.5 11h.01",
    "say": "M2 3h12v8H7l-3 3v-3H2z",
    "notice": "M2 6.5v3h2.5l6 3.5V3l-6 3.5zM13 6v4",
    "go": "M3 8h10M9 4l4 4-4 4",
    "set": "M3 6h10M3 10h10",
    "call": "M3 4h6a4 4 0 0 1 0 8H4M6.5 9.5L4 12l2.5 2.5",
    "transfer": "M2.5 10V8a5.5 5.5 0 0 1 11 0v2M2.5 9.5h2v4h-2zM11.5 9.5h2v4h-2z",
    "hangup": "M2 9.5c3.4-3.6 8.6-3.6 12 0l-1.6 2-2.9-1.1V8.3a7 7 0 0 0-3 0v2.1L3.6 11.5z",
    "lock": "M4 7h8v6H4zM5.5 7V5a2.5 2.5 0 0 1 5 0v2",
    "text": "M2 4h12v8H2zM2 4.5l6 4.5 6-4.5",
    "start": "M4 3l9 5-9 5z",
}

_LIGHT = {
    "bg": "#f6f7f9", "panel": "#ffffff", "edge": "#d5dae1", "card": "#ffffff", "ink": "#16202e", "muted": "#5a6675",
    "line": "#8b97a6", "bad": "#b42318", "badge": "#eef1f5", "tab": "#0e7490",
    INPUT: "#1d5fd1", BANK: "#0f7b52", CHOICE: "#b26a00", SAY: "#6b4fbb", PEOPLE: "#b03082", END: "#55606e",
    INPUT + "-tint": "#e9f0fd", BANK + "-tint": "#e4f5ed", CHOICE + "-tint": "#fcf1dd", SAY + "-tint": "#f0ecfb",
    PEOPLE + "-tint": "#fbe8f4", END + "-tint": "#e9ecf0",
    "heat0": "#0f7b52", "heat1": "#a67c00", "heat2": "#d26a00", "heat3": "#c2281d",
}  # fmt: skip
_DARK = {
    "bg": "#10151d", "panel": "#161d27", "edge": "#2c3746", "card": "#1c2531", "ink": "#e8edf3", "muted": "#9aa8b8",
    "line": "#6c7c8f", "bad": "#ff8a80", "badge": "#283343", "tab": "#3bb3cc",
    INPUT: "#7fb0ff", BANK: "#5fd0a0", CHOICE: "#f0b554", SAY: "#b8a3ff", PEOPLE: "#f08cc9", END: "#a9b5c3",
    INPUT + "-tint": "#1d2f4d", BANK + "-tint": "#173a2d", CHOICE + "-tint": "#40311a", SAY + "-tint": "#2d2750",
    PEOPLE + "-tint": "#43213a", END + "-tint": "#2b3440",
    "heat0": "#5fd0a0", "heat1": "#e5c04b", "heat2": "#ff9d4d", "heat3": "#ff7468",
}  # fmt: skip
HEAT = (0.02, 0.05, 0.10)  # shares of visits that end in a hangup: from here on it is warm, hot, very hot

FONT = (
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', "
    "sans-serif"
)
_NARROW, _WIDE = frozenset("iljtfrI.,:;'|!()[]{} ·"), frozenset("mwMW@%—–→")


def family_of(kind: str) -> str:
    """Answer the family of a kind of step."""
    return _FAMILY_OF.get(kind, SAY)


def heat_of(share: float) -> str:
    """Answer how warm a share of hangups is: heat0 to heat3."""
    return f"heat{sum(share >= limit for limit in HEAT)}"


def style() -> str:
    """Answer the style sheet, light and dark."""
    return (
        f"text{{font-family:{FONT};font-size:12px}}"
        ".title{font-size:22px;font-weight:700}.sub{font-size:13px}.section{font-size:15px;font-weight:650}"
        ".name{font-size:13px;font-weight:650}.small{font-size:11px}.num{font-variant-numeric:tabular-nums}"
        ".glyph{fill:none;stroke-width:1.6;stroke-linecap:round;stroke-linejoin:round}"
        ".dots{stroke-width:2.4}.link{fill:none}.dash{stroke-dasharray:5 4}.gone{text-decoration:line-through}"
        "a:hover text{text-decoration:underline}"
        f"{_rules(_LIGHT)}@media (prefers-color-scheme:dark){{{_rules(_DARK)}}}"
    )


def _rules(colours: Mapping[str, str]) -> str:
    return "".join(f".f-{name}{{fill:{colour}}}.s-{name}{{stroke:{colour}}}" for name, colour in colours.items())


def outline(family: str, width: float, height: float, *, top_only: bool = False) -> str:
    """Answer the outline of a card as a path; ``top_only`` of its head, which is cut off straight below."""
    match family:
        case "choice":
            cut = 11.0
            top = f"M{cut} 0H{n(width - cut)}L{n(width)} {cut}"
            low = (
                f"V{n(height)}H0"
                if top_only
                else f"V{n(height - cut)}L{n(width - cut)} {n(height)}H{cut}L0 {n(height - cut)}"
            )
            return f"{top}{low}V{cut}Z"
        case "people":
            fold = 14.0
            low = _low(width, height, 6, top_only)
            return f"M6 0H{n(width - fold)}L{n(width)} {fold}{low}V6A6 6 0 0 1 6 0Z"
        case _:
            radius = {"input": 7, "bank": 2, "say": 15, "end": 15}[family]
            low = _low(width, height, radius, top_only)
            arc = f"A{radius} {radius} 0 0 1"
            return f"M{radius} 0H{n(width - radius)}{arc} {n(width)} {radius}{low}V{radius}{arc} {radius} 0Z"


def _low(width: float, height: float, radius: float, top_only: bool) -> str:
    if top_only:
        return f"V{n(height)}H0"
    arc = f"A{n(radius)} {n(radius)} 0 0 1"
    return f"V{n(height - radius)}{arc} {n(width - radius)} {n(height)}H{n(radius)}{arc} 0 {n(height - radius)}"


def n(value: float) -> str:
    """Answer a number as short as it can be written: a tenth of a pixel is seen by nobody."""
    return (
        f"{value:.1f}".removesuffix(".0").replace("-0", "0") if abs(value) < 0.05 else f"{value:.1f}".removesuffix(".0")
    )


def text_width(text: str, size: float) -> float:
    """Answer about how wide ``text`` is, rather too much: fonts differ."""
    return size * sum(_character(each) for each in text)


def _character(each: str) -> float:
    if unicodedata.east_asian_width(each) in "WF":
        return 1.02
    if each in _NARROW:
        return 0.36
    if each in _WIDE:
        return 0.95
    return 0.7 if each.isupper() else 0.6


def fitted(text: str, width: float, size: float) -> str:
    """Answer as much of ``text`` as fits into ``width``, with … where it was cut."""
    if text_width(text, size) <= width:
        return text
    room, end = width - text_width("…", size), 0
    for each in text:
        room -= size * _character(each)
        if room < 0:
            break
        end += 1
    return f"{text[:end].rstrip()}…"


_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 §2.2


def xml(text: str) -> str:
    """Answer ``text`` as it may stand between tags."""
    return escape(_NOT_XML.sub("�", text))


def attribute(text: str) -> str:
    """Answer ``text`` as the value of an attribute, with its quotes."""
    return quoteattr(_NOT_XML.sub("�", text))
