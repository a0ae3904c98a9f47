"""One step as a card: its commands on top, a head with glyph and name, what it needs, and a row for each way out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flows.drawing.chart import RETURN, Exit, Node
from flows.drawing.looks import family_of, fitted, heat_of, n, outline, text_width, xml

WIDTH = 246.0
TAB, HEAD, LINE, ROW, FOOT = 19.0, 32.0, 19.0, 19.0, 7.0
SIDE = 12.0


@dataclass(frozen=True, slots=True)
class Card:
    """A card with its measures. ``lined`` are the ways out that a line is drawn for."""

    node: Node
    lined: frozenset[int]
    height: float
    port: float
    ports: tuple[float, ...]


def card_of(node: Node, lined: frozenset[int]) -> Card:
    """Measure a card."""
    above = TAB if node.entries else 0.0
    lines = above + HEAD + LINE * sum((bool(node.detail), bool(node.gates or node.dead), node.figures is not None))
    ports = tuple(lines + ROW * number + ROW / 2 for number in range(len(node.exits)))
    return Card(node, lined, lines + ROW * len(node.exits) + FOOT, above + HEAD / 2, ports)


def card_svg(card: Card) -> str:
    """Draw a card with its top left corner at 0 0."""
    return "".join(_card(card))


def _card(card: Card) -> Iterator[str]:
    node, family = card.node, family_of(card.node.kind)
    top = TAB if node.entries else 0.0
    yield f'<g id="step-{node.name}"><title>{xml(_title(node))}</title>'
    if node.entries:
        yield from _tab(node)
    yield f'<g transform="translate(0 {n(top)})">'
    height = card.height - top
    stroke = "s-bad dash" if node.dead else f"s-{family}"
    if node.figures is not None and node.figures.visits and not node.dead:
        stroke = f"s-{heat_of(node.figures.hangup_share)}"
    yield f'<path class="f-card" d="{outline(family, WIDTH, height)}"/>'
    yield f'<path class="f-{family}-tint" d="{outline(family, WIDTH, HEAD, top_only=True)}"/>'
    if family == "bank":
        yield f'<path class="s-{family}" stroke-width="1" d="M4 0V{n(height)}M7 0V{n(height)}"/>'
    thick = 2.4 if node.figures is not None else 1.5
    yield f'<path class="{stroke}" fill="none" stroke-width="{thick}" d="{outline(family, WIDTH, height)}"/>'
    yield from _head(node, family)
    y = HEAD
    for line in _lines(node):
        yield f'<g transform="translate(0 {n(y)})">{line}</g>'
        y += LINE
    for number, way in enumerate(node.exits):
        yield f'<g transform="translate(0 {n(y)})">{"".join(_row(way, number in card.lined))}</g>'
        y += ROW
    yield "</g></g>"


def _tab(node: Node) -> Iterator[str]:
    said = fitted(" · ".join(node.entries), WIDTH - 60, 11)
    width = min(WIDTH - 20, text_width(said, 11) + 34)
    right = f"H{n(4 + width)}A6 6 0 0 1 {n(10 + width)} 6V{n(TAB)}"
    yield f'<path class="f-tab" d="M10 {n(TAB)}V6A6 6 0 0 1 16 0{right}Z"/>'
    yield '<use href="#g-text" class="glyph s-panel" x="16" y="3" width="13" height="13"/>'
    yield f'<text class="small f-panel" x="34" y="13.5">{xml(said)}</text>'


def _head(node: Node, family: str) -> Iterator[str]:
    dots = " dots" if node.kind in ("menu", "split", "choose") else ""
    yield f'<use href="#g-{node.kind}" class="glyph s-{family}{dots}" x="{n(SIDE)}" y="8" width="16" height="16"/>'
    room = WIDTH - 50 - text_width(node.kind, 11) - 12 - (18 if node.starts else 0)
    yield f'<text class="name f-ink" x="36" y="20.5">{xml(fitted(node.name, room, 13.5))}</text>'
    right = WIDTH - SIDE
    if node.starts:
        colours = f"s-{family} f-{family}"
        yield f'<use href="#g-start" class="glyph {colours}" x="{n(right - 12)}" y="10" width="12" height="12"/>'
        right -= 18
    yield f'<text class="small f-{family}" x="{n(right)}" y="20" text-anchor="end">{xml(node.kind)}</text>'


def _lines(node: Node) -> Iterator[str]:
    if node.detail:
        said = fitted(node.detail, WIDTH - 2 * SIDE, 11)
        yield f'<text class="small f-muted" x="{n(SIDE)}" y="14">{xml(said)}</text>'
    if node.dead:
        yield f'<text class="small f-bad" x="{n(SIDE)}" y="14">never reached</text>'
    elif node.gates:
        yield "".join(_badges(node.gates))
    if (figures := node.figures) is not None:
        heat, ink, told = "line", "muted", "no visits"
        if figures.visits:
            heat, ink = heat_of(figures.hangup_share), "ink"
            told = f"{figures.visits:,} visits · {figures.hangup_share:.1%} hang up"
        if figures.waits:
            told += f" · {figures.average_s:.1f} s"
        yield (
            f'<circle class="f-{heat}" cx="{n(SIDE + 4)}" cy="10" r="4"/>'
            f'<text class="small num f-{ink}" x="{n(SIDE + 13)}" y="14">{xml(told)}</text>'
        )


def _badges(gates: tuple[str, ...]) -> Iterator[str]:
    x = SIDE
    for gate in gates:
        said = fitted(gate, WIDTH - x - SIDE - 26, 11)
        width = text_width(said, 11) + 26
        if x > SIDE and x + width > WIDTH - SIDE:
            yield f'<text class="small f-muted" x="{n(x)}" y="14">…</text>'
            return
        yield f'<rect class="f-badge" x="{n(x)}" y="1" width="{n(width)}" height="16" rx="8"/>'
        yield f'<use href="#g-lock" class="glyph s-ink" x="{n(x + 6)}" y="3.5" width="11" height="11"/>'
        yield f'<text class="small f-ink" x="{n(x + 20)}" y="13">{xml(said)}</text>'
        x += width + 6


def _row(way: Exit, lined: bool) -> Iterator[str]:
    count = "" if way.taken is None else f"{way.taken:,}"
    if way.dead:
        right = "nobody can"
    elif way.ends_text:
        right = f"the text ends{f'  {count}' if count else ''}"
    else:
        right = count if lined else f"→ {way.target}{f'  {count}' if count else ''}"
    right = fitted(right, 150, 11)
    room = WIDTH - 2 * SIDE - text_width(right, 11) - 8
    ink, gone = ("f-bad", " gone") if way.dead else ("f-ink", "")
    label = fitted(way.label, room, 11)
    yield f'<text class="small {ink}{gone}" x="{n(SIDE)}" y="13.5">{xml(label)}</text>'
    ink = "f-bad" if way.dead else "f-muted"
    text = f'<text class="small num {ink}" x="{n(WIDTH - SIDE)}" y="13.5" text-anchor="end">{xml(right)}</text>'
    if lined:
        yield f'<circle class="f-line" cx="{n(WIDTH)}" cy="9.5" r="3"/>'
    goes = not (lined or way.dead or way.ends_text or way.target == RETURN)
    yield f'<a href="#step-{way.target}">{text}</a>' if goes else text


def _title(node: Node) -> str:
    """Answer all of the card in words: what a pointer, or a reader's voice, shows."""
    where = f" ({node.file}:{node.line})" if node.file else f" (line {node.line})"
    told = [f"{node.kind} {node.name}{where}", node.detail]
    if node.entries:
        told.append(f"texts: {', '.join(node.entries)}")
    if node.gates:
        told.append(f"needs {', '.join(node.gates)}")
    if node.dead:
        told.append("never reached")
    if (figures := node.figures) is not None:
        told.append(
            f"{figures.visits:,} visits, {figures.answers:,} answers, {figures.no_input:,} times silence, "
            f"{figures.no_match:,} times no match, {figures.hangups:,} hung up, {figures.failed:,} given up"
        )
    for way in node.exits:
        dead = ", which nobody can take" if way.dead else ", which a text does not take" if way.ends_text else ""
        taken = "" if way.taken is None else f", {way.taken:,} times"
        told.append(f"{way.label} → {way.target}{taken}{dead}")
    return "\n".join(filter(None, told))
