"""Draws a chart as SVG: one file, no script, readable on a light and on a dark page, the same bytes every time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flows.drawing.cards import WIDTH, Card, card_of, card_svg
from flows.drawing.chart import LINE, Chart, Section
from flows.drawing.layout import Box, Link, Placed, forward, place
from flows.drawing.legend import head_svg, legend_svg
from flows.drawing.looks import GLYPHS, n, style, xml

MARGIN, PAD, HEAD = 28.0, 22.0, 40.0  # around all, inside a panel, of a panel's title
PANEL_GAP = 24.0
NARROWEST = 980.0  # of the picture: its title and legend need as much
HUB = 3  # more steps than these lead to one: a line from the nearest, and the step's name at the others


def svg_of(chart: Chart) -> str:
    """Draw ``chart``."""
    return _Drawing(chart).svg()


class _Panel:
    """A section with its steps laid out."""

    def __init__(self, chart: Chart, section: Section) -> None:
        self.section = section
        names = sorted(section.nodes, key=lambda name: not chart.nodes[name].starts)  # the start first
        there = set(names)
        links = [
            (name, number, Link(name, way.target, 0.0))
            for name in names
            for number, way in enumerate(chart.nodes[name].exits)
            if way.target in there and way.target != name and not way.dead and not way.ends_text
        ]
        order = [Box(name, WIDTH, 0.0, 0.0) for name in names]
        onward = forward(order, [link for _, _, link in links])
        drawn = _without_crowds(names, [link for at, link in enumerate(links) if at in onward])
        lined = {(name, number) for name, number, _ in drawn}
        self.cards: dict[str, Card] = {
            name: card_of(chart.nodes[name], frozenset(n for source, n in lined if source == name)) for name in names
        }
        self.links = [(name, number) for name, number, _ in drawn]
        self.placed: Placed = place(
            [Box(name, WIDTH, card.height, card.port) for name, card in self.cards.items()],
            [Link(name, link.target, self.cards[name].ports[number]) for name, number, link in drawn],
        )
        bare = section.kind == LINE
        self.left, self.top = PAD, PAD if bare else HEAD + 14
        self.width = max(self.placed.width + 2 * PAD, 0 if bare else 320.0)
        self.height = self.placed.height + self.top + PAD


def _without_crowds(names: list[str], links: list[tuple[str, int, Link]]) -> list[tuple[str, int, Link]]:
    """Leave out the lines that would crowd a step that many lead to: one stays, from the step nearest to the start."""
    sources: dict[str, set[str]] = {}
    out: dict[str, list[str]] = {}
    for name, _, link in links:
        sources.setdefault(link.target, set()).add(name)
        out.setdefault(name, []).append(link.target)
    nearest: dict[str, str] = {}
    seen: set[str] = set()
    for root in (name for name in names if name not in sources):  # the start is the first of them
        queue = [root]
        for name in queue:
            for target in out.get(name, ()):
                nearest.setdefault(target, name)
                if target not in seen:
                    seen.add(target)
                    queue.append(target)
    told: set[str] = set()
    kept = []
    for name, number, link in links:
        if len(sources[link.target]) > HUB:
            if nearest.get(link.target) != name or link.target in told:
                continue
            told.add(link.target)
        kept.append((name, number, link))
    return kept


class _Drawing:
    def __init__(self, chart: Chart) -> None:
        self._chart = chart
        self._panels = [_Panel(chart, section) for section in chart.sections]
        self._most = max((way.taken or 0 for node in chart.nodes.values() for way in node.exits), default=0)

    def svg(self) -> str:
        chart = self._chart
        head, head_height = head_svg(chart)
        corners, width, low = self._packed(MARGIN + head_height)
        legend, legend_height = legend_svg(chart, width - 2 * MARGIN)
        height = low + legend_height + MARGIN
        steps, panels = len(chart.nodes), len(self._panels)
        description = f"{steps} steps in {panels} parts. {_sentences(chart)}"
        size = f'viewBox="0 0 {n(width)} {n(height)}" width="{n(width)}" height="{n(height)}"'
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="chart-title chart-desc">',
            f'<title id="chart-title">{xml(f"Flow {chart.flow}, version {chart.version}")}</title>',
            f'<desc id="chart-desc">{xml(description)}</desc>',
            f"<style>{style()}</style>",
            f"<defs>{''.join(_symbols())}</defs>",
            '<rect class="f-bg" width="100%" height="100%"/>',
            f'<g transform="translate({n(MARGIN)} {n(MARGIN)})">{head}</g>',
        ]
        for panel, (x, y) in zip(self._panels, corners, strict=True):
            parts.append(f'<g transform="translate({n(x)} {n(y)})">{"".join(self._panel(panel))}</g>')
        parts.append(f'<g transform="translate({n(MARGIN)} {n(low)})">{legend}</g></svg>\n')
        return "\n".join(parts)

    def _packed(self, top: float) -> tuple[list[tuple[float, float]], float, float]:
        """Put the panels on shelves as wide as the widest; answer their corners, the width, and where they end."""
        room = max([NARROWEST, *(panel.width for panel in self._panels)])
        corners: list[tuple[float, float]] = []
        x, y, shelf = 0.0, top, 0.0
        for panel in self._panels:
            if x and x + panel.width > room:
                x, y, shelf = 0.0, y + shelf + PANEL_GAP, 0.0
            corners.append((MARGIN + x, y))
            x += panel.width + PANEL_GAP
            shelf = max(shelf, panel.height)
        return corners, room + 2 * MARGIN, y + shelf + PANEL_GAP

    def _panel(self, panel: _Panel) -> Iterator[str]:
        section = panel.section
        frame = {"dead": "s-bad dash", "line": "s-edge"}.get(section.kind, "s-edge dash")
        yield (
            f'<rect class="f-panel {frame}" width="{n(panel.width)}" height="{n(panel.height)}" rx="12" '
            f'stroke-width="1.4"/>'
        )
        if section.kind != LINE:
            ink = "f-bad" if section.kind == "dead" else "f-ink"
            yield f'<text class="section {ink}" x="{n(PAD)}" y="28">{xml(section.title)}</text>'
            yield f'<text class="small f-muted" x="{n(PAD)}" y="45">{xml(section.note)}</text>'
        yield f'<g transform="translate({n(panel.left)} {n(panel.top)})">'
        for number, (name, way) in enumerate(panel.links):
            yield self._line(name, way, panel.placed.lines[number])
        for name, card in panel.cards.items():
            x, y = panel.placed.at[name]
            yield f'<g transform="translate({n(x)} {n(y)})">{card_svg(card)}</g>'
        yield "</g>"

    def _line(self, name: str, number: int, points: Iterable[tuple[float, float]]) -> str:
        way = self._chart.nodes[name].exits[number]
        thick = 1.4
        if way.taken is not None and self._most:
            thick = 1.0 + 6.0 * (way.taken / self._most) ** 0.5
        title = f"{name}: {way.label} → {way.target}{'' if way.taken is None else f', taken {way.taken:,} times'}"
        return (
            f'<path class="link s-line" stroke-width="{n(thick)}" d="{_curve(list(points))}" '
            f'marker-end="url(#arrow)"><title>{xml(title)}</title></path>'
        )


def _curve(points: list[tuple[float, float]]) -> str:
    (x, y), *rest = points
    path = [f"M{n(x)} {n(y)}"]
    for at, (right, low) in enumerate(rest):
        last = at == len(rest) - 1
        if abs(low - y) < 0.05:
            path.append(f"H{n(right - 5 if last else right)}")
        else:
            middle = (x + right) / 2
            end = right - 5 if last else right
            path.append(f"C{n(middle)} {n(y)} {n(middle)} {n(low)} {n(end)} {n(low)}")
        x, y = right, low
    return "".join(path)


def _symbols() -> Iterator[str]:
    for name, path in GLYPHS.items():
        yield f'<symbol id="g-{name}" viewBox="0 0 16 16"><path d="{path}"/></symbol>'
    yield (
        '<marker id="arrow" viewBox="0 0 8 8" refX="3" refY="4" markerWidth="8" markerHeight="8" '
        'markerUnits="userSpaceOnUse" orient="auto"><path class="f-line" d="M0 0L8 4L0 8Z"/></marker>'
    )


def _sentences(chart: Chart) -> str:
    dead = [node.name for node in chart.nodes.values() if node.dead]
    gates = [section.title for section in chart.sections if section.kind == "gate"]
    told = [f"It has {', '.join(gates)}." if gates else "", f"Never reached: {', '.join(dead)}." if dead else ""]
    return " ".join(filter(None, told))
