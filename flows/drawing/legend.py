"""What stands above and below the picture: the flow and its version, and what the signs mean."""

from __future__ import annotations

from collections.abc import Iterator

from flows.drawing.chart import Chart
from flows.drawing.looks import FAMILIES, FAMILY_WORDS, HEAT, n, outline, text_width, xml

ROW = 26.0


def head_svg(chart: Chart) -> tuple[str, float]:
    """Draw the title; answer it and its height."""
    about = f"version {chart.version} · {', '.join(chart.languages)}"
    version = f'<tspan class="sub f-muted" dx="12">{xml(about)}</tspan>'
    parts = [f'<text class="title f-ink" y="20">{xml(chart.flow)}{version}</text>']
    y = 20.0
    for line in _told(chart):
        y += 21
        parts.append(f'<text class="sub f-muted" y="{n(y)}">{xml(line)}</text>')
    return "".join(parts), y + 18


def _told(chart: Chart) -> Iterator[str]:
    if chart.keys:
        yield "Keys that work in menus and confirmations: " + " · ".join(f"{key} {does}" for key, does in chart.keys)
    parts = []
    if chart.schedules:
        parts.append(f"Schedules: {', '.join(chart.schedules)}")
    if chart.notices:
        parts.append(f"Notices: {', '.join(chart.notices)}")
    if parts:
        yield " · ".join(parts)
    if (figures := chart.figures) is not None:
        channels = ", ".join(f"{count:,} by {channel}" for channel, count in figures.begun.items())
        ended = ", ".join(f"{reason.replace('_', ' ')} {count:,}" for reason, count in figures.ended.items())
        yield f"{figures.dialogues:,} dialogues ({channels or 'none'}); ended: {ended or 'none'}"


def legend_svg(chart: Chart, width: float) -> tuple[str, float]:
    """Draw what the signs mean, in rows of at most ``width``; answer it and its height."""
    parts, x, y = [], 0.0, 0.0
    for sign, words in _signs(chart):
        room = 34 + text_width(words, 12) + 22
        if x and x + room > width:
            x, y = 0.0, y + ROW
        parts.append(
            f'<g transform="translate({n(x)} {n(y)})">{sign}<text class="f-muted" x="34" y="16">{xml(words)}</text></g>'
        )
        x += room
    return "".join(parts), y + ROW


def _signs(chart: Chart) -> Iterator[tuple[str, str]]:
    kinds = {node.kind for node in chart.nodes.values()}
    for family, members in FAMILIES.items():
        there = [kind for kind in members if kind in kinds]
        if there:
            sign = (
                f'<path class="f-{family}-tint s-{family}" stroke-width="1.4" d="{outline(family, 26, 22)}"/>'
                if family in ("input", "bank")
                else f'<g transform="scale(.72)"><path class="f-{family}-tint s-{family}" stroke-width="1.9" '
                f'd="{outline(family, 36, 30)}"/></g>'
            )
            yield sign, f"{FAMILY_WORDS[family]}:"
            for kind in there:
                dots = " dots" if kind in ("menu", "split", "choose") else ""
                yield _glyph(kind, f"s-{family}{dots}"), kind
    yield _glyph("start", "s-ink f-ink"), "calls begin here"
    if any(node.entries for node in chart.nodes.values()):
        tab = '<rect class="f-tab" y="2" width="26" height="18" rx="5"/>'
        yield tab + _glyph("text", "s-panel", 6.5), "a text begins here"
    if any(node.gates for node in chart.nodes.values()):
        yield _glyph("lock", "s-ink"), "needs this gate first"
    yield '<text class="small f-muted" y="15">→ x</text>', "goes to step x, without a line"
    if any(node.dead or any(way.dead for way in node.exits) for node in chart.nodes.values()):
        yield '<text class="small f-bad gone" y="15">way</text>', "nobody can get here, or take this way"
    if chart.figures is not None:
        words = ["below", *(f"from {share:.0%}" for share in HEAT)]
        words[0] = f"below {HEAT[0]:.0%} hang up here"
        for heat, said in enumerate(words):
            yield f'<circle class="f-heat{heat}" cx="13" cy="11" r="6"/>', said
        yield '<path class="s-line" stroke-width="6" d="M0 11H26"/>', "a way that many take"


def _glyph(name: str, colour: str, x: float = 5) -> str:
    return f'<use href="#g-{name}" class="glyph {colour}" x="{n(x)}" y="3" width="16" height="16"/>'
