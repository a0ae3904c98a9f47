"""Draws a chart as a Mermaid flowchart: for wikis and code hosts that render it from text."""

from __future__ import annotations

from collections.abc import Iterator

from flows.drawing.chart import LINE, RETURN, Chart, Node, Section
from flows.drawing.looks import END, family_of
from flows.model import Way

_SHAPES = {
    "input": ("{{", "}}"),
    "bank": ("[[", "]]"),
    "choice": ("{", "}"),
    "say": ("(", ")"),
    "people": ("[/", "/]"),
    "end": ("([", "])"),
}
_COLOURS = {
    "input": "fill:#e9f0fd,stroke:#1d5fd1,color:#16202e",
    "bank": "fill:#e4f5ed,stroke:#0f7b52,color:#16202e",
    "choice": "fill:#fcf1dd,stroke:#b26a00,color:#16202e",
    "say": "fill:#f0ecfb,stroke:#6b4fbb,color:#16202e",
    "people": "fill:#fbe8f4,stroke:#b03082,color:#16202e",
    "ends": "fill:#e9ecf0,stroke:#55606e,color:#16202e",
    "entry": "fill:#0e7490,stroke:#0e7490,color:#ffffff",
    "dead": "fill:#ffffff,stroke:#b42318,color:#b42318,stroke-dasharray:5 4",
}


MAX_EDGES = 500  # that Mermaid draws unless the page that shows it allows more


def mermaid_of(chart: Chart) -> str:
    """Draw ``chart``."""
    return "\n".join(_lines(chart)) + "\n"


def _lines(chart: Chart) -> Iterator[str]:
    yield "---"
    yield f"title: {_title(chart)}"
    yield "---"
    yield "flowchart LR"
    for number, section in enumerate(chart.sections):
        yield from _section(chart, section, number)
    yield from _edges(chart)
    for name, colours in _COLOURS.items():
        yield f"  classDef {name} {colours}"


def _style(family: str) -> str:
    return "ends" if family == END else family  # ``end`` closes a subgraph, wherever it stands


def _title(chart: Chart) -> str:
    return f'"{chart.flow}, version {chart.version}"'  # names and hashes: nothing that YAML would read otherwise


def _section(chart: Chart, section: Section, number: int) -> Iterator[str]:
    inside = "  " if section.kind == LINE else "    "
    if section.kind != LINE:
        yield f"  subgraph part_{number}[{_text(f'{section.title}: {section.note}')}]"
    for name in section.nodes:
        node = chart.nodes[name]
        opens, closes = _SHAPES[family_of(node.kind)]
        style = "dead" if node.dead else _style(family_of(node.kind))
        yield f"{inside}s_{name}{opens}{_text(*_said(node))}{closes}:::{style}"
    if section.kind != LINE:
        yield "  end"


def _said(node: Node) -> Iterator[str]:
    yield f"{node.kind}: {node.name}"
    if node.detail:
        yield node.detail
    if node.gates:
        yield f"needs {', '.join(node.gates)}"
    if (figures := node.figures) is not None:
        yield f"{figures.visits:,} visits, {figures.hangup_share:.1%} hang up"


def _edges(chart: Chart) -> Iterator[str]:
    for node in chart.nodes.values():
        if node.starts:
            yield f"  begin([{_text('call')}]):::entry --> s_{node.name}"
        if node.entries:
            yield f"  text_{node.name}>{_text(*node.entries)}]:::entry --> s_{node.name}"
        for number, way in enumerate(node.exits):
            target = f"s_{way.target}"
            if way.target == RETURN:
                target = f"return_{node.name}_{number}"
                yield f"  {target}(({_text('return')})):::ends"
            count = "" if way.taken is None else f" ({way.taken:,})"
            arrow = "-.->" if way.dead or way.ends_text else "-->"
            dead = ", nobody" if way.dead else ", not by text" if way.ends_text else ""
            # A label that begins as "* " or "# " would be taken for a list or a heading.
            key = "key " if way.ways[0][0] == Way.KEY else ""
            yield f"  s_{node.name} {arrow}|{_text(key + way.label + dead + count)}| {target}"


def _text(*lines: str) -> str:
    """Answer a quoted text. What Mermaid or HTML would read as their own is written as a character's number."""
    return '"' + "<br/>".join("".join(_character(each) for each in line) for line in lines) + '"'


def _character(each: str) -> str:
    if each in '"#<>&`;\\|{}[]()' or not each.isprintable():
        return f"#{ord(each)};"
    return each
