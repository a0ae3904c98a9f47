"""A flame graph as SVG, from folded stacks: the widths are shares of CPU, what a function calls stands above it.

    python -m benchmarks.flame FOLDED docs/pictures/sms_round_trip.svg "An SMS round trip of the whole product"

Frames thinner than a third of a percent are left out: nobody could read them. Each has its full name and share as a
tooltip. Nothing moves and nothing is loaded: it reads the same on paper.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from zlib import crc32

WIDTH, ROW, TITLE = 1200, 17, 44
LEAST = 1 / 300  # of all samples: a thinner frame is left out
FONT = "monospace"
LETTER = 6.3  # width of a letter in the font's size of 11
# Colours by whose code it is; light enough for dark letters on them.
COLOURS = {
    "sms/": ("#f2b880", "#eeab6a"),
    "flows/": ("#9fcf9a", "#8fc58a"),
    "core_client/": ("#93b9e0", "#84addb"),
    "sounds/": ("#c8b6e2", "#bba6dc"),
    "tellerline/": ("#e3d27c", "#dcc967"),
}
OTHERS = ("#d9d9d9", "#cfcfcf")
LEGEND = "sms · flows · core_client · sounds · tellerline · Python and packages"


@dataclass(slots=True)
class Frame:
    """One function, called along one way."""

    name: str
    samples: int = 0
    above: dict[str, Frame] = field(default_factory=dict)

    def depth(self, least: float) -> int:
        """Answer how many rows it and what stands above it need."""
        return 1 + max((frame.depth(least) for frame in self.above.values() if frame.samples >= least), default=0)


def tree(folded: str, begin: str = "") -> Frame:
    """Read folded stacks. What lies below the innermost ``begin`` is the same in all of them, and left out."""
    root = Frame("all")
    for line in folded.splitlines():
        stack, _, count = line.rpartition(" ")
        names = stack.split(";")
        if begin in names:
            names = names[len(names) - names[::-1].index(begin) :]
        at = root
        at.samples += int(count)
        for name in names:
            at = at.above.setdefault(name, Frame(name))
            at.samples += int(count)
    return root


def svg(root: Frame, title: str) -> str:
    """Draw it."""
    least = root.samples * LEAST
    height = TITLE + ROW * root.depth(least) + 26
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="{FONT}" font-size="11">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="8" y="18" font-size="14">{escape(title)}</text>',
        f'<text x="8" y="35" fill="#555555">{root.samples} samples of the main thread; width: share of CPU</text>',
    ]
    _draw(parts, root, root, 0.0, height - 26 - ROW, least)
    x = 8.0
    for word, (colour, _) in zip(LEGEND.split(" · "), (*COLOURS.values(), OTHERS), strict=True):
        parts.append(f'<rect x="{x:.0f}" y="{height - 18}" width="10" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{x + 14:.0f}" y="{height - 9}">{word}</text>')
        x += 34 + len(word) * LETTER
    return "\n".join([*parts, "</svg>", ""])


def _draw(parts: list[str], root: Frame, frame: Frame, x: float, y: int, least: float) -> None:
    width = frame.samples / root.samples * WIDTH
    name = frame.name.rpartition(":")[2].replace(".<locals>", "")
    room = int((width - 6) / LETTER)
    shown = name if len(name) <= room else (name[: room - 1] + "…" if room > 3 else "")
    share = f"{frame.samples / root.samples:.1%}"
    parts.append(
        f'<g><title>{escape(frame.name)} {share}</title><rect x="{x:.1f}" y="{y}" width="{max(0.5, width - 0.5):.1f}" '
        f'height="{ROW - 1}" fill="{_colour(frame.name)}"/>'
        + (f'<text x="{x + 3:.1f}" y="{y + 12}">{escape(shown)}</text>' if shown else "")
        + "</g>"
    )
    for above in sorted(frame.above.values(), key=lambda each: each.name):
        if above.samples >= least:
            _draw(parts, root, above, x, y - ROW, least)
        x += above.samples / root.samples * WIDTH


def _colour(name: str) -> str:
    shades = next((shades for begin, shades in COLOURS.items() if name.startswith(begin)), OTHERS)
    return shades[crc32(name.encode()) % len(shades)]


def main() -> int:
    """Read the command line, draw, and write."""
    if len(sys.argv) != 4:
        print((__doc__ or "").strip())
        return 2
    folded, to, title = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(
        svg(tree(folded.read_text(encoding="utf-8"), begin="asyncio/events.py:Handle._run"), title), encoding="utf-8"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
