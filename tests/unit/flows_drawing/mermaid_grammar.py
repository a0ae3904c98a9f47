"""A strict reader of the part of Mermaid's flowchart grammar that we write; it refuses everything else.

Rules are those of Mermaid's own grammar (packages/mermaid/src/diagrams/flowchart/parser/flow.jison): a quoted text
ends at the next quote, entities are ``#number;``, ids are words, ``end`` closes a subgraph and is no id.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_ID = r"[A-Za-z][A-Za-z0-9_]*"
_TEXT = r'"(?P<{0}>(?:[^"#<>&`;\\|{{}}()\[\]]|#\d+;|<br/>)+)"'
_SHAPES = (("{{", "}}"), ("[[", "]]"), ("([", "])"), ("((", "))"), ("[/", "/]"), ("{", "}"), ("(", ")"), (">", "]"))
_SHAPE = "|".join(re.escape(a) + _TEXT.format(f"t{n}") + re.escape(b) for n, (a, b) in enumerate(_SHAPES))
_NODE = re.compile(rf"(?P<id>{_ID})(?:{_SHAPE})(?::::(?P<style>{_ID}))?")
_STEP = re.compile(rf"^ +{_NODE.pattern}$")
_BEGIN = re.compile(rf"^  {_NODE.pattern} --> (?P<to>{_ID})$")
_EDGE = re.compile(rf"^  (?P<from>{_ID}) (?P<arrow>-->|-\.->)\|{_TEXT.format('label')}\| (?P<to>{_ID})$")
_PART = re.compile(rf"^  subgraph (?P<id>{_ID})\[{_TEXT.format('title')}\]$")
_CLASS = re.compile(rf"^  classDef (?P<id>{_ID}) [a-z-]+:[#a-z0-9 ]+(?:,[a-z-]+:[#a-z0-9 ]+)*$")
RESERVED = {"end", "graph", "flowchart", "subgraph", "style", "class", "click", "default", "linkStyle", "classDef"}


@dataclass
class Read:
    """What a flowchart says."""

    nodes: dict[str, str] = field(default_factory=dict)
    edges: list[tuple[str, str, str, str]] = field(default_factory=list)  # from, to, label, arrow
    parts: dict[str, list[str]] = field(default_factory=dict)
    styles: dict[str, str] = field(default_factory=dict)
    classes: set[str] = field(default_factory=set)


def read(text: str) -> Read:
    """Read a flowchart; AssertionError where it is none."""
    head, *lines = text.removeprefix("---\n").split("\n---\n")
    assert re.fullmatch(r'title: "[^"\\\n]*"', head), head
    (body,) = lines
    first, *rest = body.rstrip("\n").split("\n")
    assert first == "flowchart LR"
    found, part = Read(), ""
    for line in rest:
        if (at := _PART.match(line)) is not None:
            assert not part
            part = at["id"]
            found.parts[part] = []
        elif line == "  end":
            assert part
            part = ""
        elif (at := _CLASS.match(line)) is not None:
            found.classes.add(at["id"])
        elif (at := _EDGE.match(line)) is not None:
            found.edges.append((at["from"], at["to"], _plain(at["label"]), at["arrow"]))
        elif (at := _BEGIN.match(line)) is not None:
            _take(found, at, part)
            found.edges.append((at["id"], at["to"], "", "-->"))
        else:
            at = _STEP.match(line)
            assert at is not None, f"no line of a flowchart: {line!r}"
            _take(found, at, part)
    assert not part
    ends = {end for edge in found.edges for end in edge[:2]}
    assert ends <= set(found.nodes), ends - set(found.nodes)
    assert set(found.styles.values()) <= found.classes
    assert not RESERVED & {*found.nodes, *found.parts, *found.classes}
    return found


def _take(found: Read, at: re.Match[str], part: str) -> None:
    assert at["id"] not in found.nodes
    said = next(said for said in (at[f"t{n}"] for n in range(len(_SHAPES))) if said is not None)
    found.nodes[at["id"]] = _plain(said)
    if at["style"]:
        found.styles[at["id"]] = at["style"]
    if part:
        found.parts[part].append(at["id"])


def _plain(text: str) -> str:
    return re.sub(r"#(\d+);", lambda found: chr(int(found[1])), text.replace("<br/>", "\n"))
