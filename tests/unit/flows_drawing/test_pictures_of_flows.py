"""Pictures are valid, complete, the same every time, and nothing in them lies over anything else."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Iterator
from itertools import combinations, pairwise
from xml.etree import ElementTree

import pytest

from flows.drawing import as_data, chart_of, mermaid_of, svg_of
from flows.drawing.layout import GAP_X, Box, Link, Placed, forward, place
from flows.drawing.looks import GLYPHS, family_of, fitted, text_width
from flows.figures import read
from flows.model import Flow, Way
from flows.reading.loader import load_flow_text
from flows.steps import KINDS
from flows.store import FlowStore
from tests.unit.flows.flow_texts import SMALL
from tests.unit.flows_drawing import mermaid_grammar

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<b>&\"'`;|{}[]()#\\ 中文 \u202e ]]> -->"


def flow_of(*pairs: tuple[str, str]) -> Flow:
    text = SMALL
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    return load_flow_text(text, "small.yaml")


def cards(picture: str) -> dict[str, ElementTree.Element]:
    root = ElementTree.fromstring(picture)
    return {g.attrib["id"].removeprefix("step-"): g for g in root.iter(f"{SVG}g") if "id" in g.attrib}


def said(element: ElementTree.Element) -> str:
    return " ".join("".join(text.itertext()) for text in element.iter(f"{SVG}text"))


# --- SVG ---


def test_every_step_stands_once_with_its_kind_its_ways_and_what_it_needs() -> None:
    flow = flow_of()
    picture = svg_of(chart_of(flow))
    found = cards(picture)
    assert sorted(found) == sorted(flow.steps)
    for name, step in flow.steps.items():
        words = said(found[name])
        assert words.startswith(name) or f" {name} " in words
        title = found[name].findtext(f"{SVG}title") or ""
        assert title.startswith(f"{'hangup' if name == 'bye' else step.kind} {name} (line ")
        for edge in step.branches():
            assert edge.way is Way.UNIVERSAL or f"→ {edge.target}" in title
            if edge.way is Way.OUTCOME:
                assert edge.word in title
    assert "identified (sms)" in said(found["balance"])
    assert "BAL" in said(found["balance"])
    assert "1–9 digits" in said(found["amount"])
    uses = {name: [use.attrib["href"] for use in card.iter(f"{SVG}use")] for name, card in found.items()}
    assert "#g-menu" in uses["main"]
    assert "#g-start" in uses["main"]
    assert "#g-lock" in uses["send"]
    assert "#g-text" in uses["prepare"]
    assert "#g-hangup" in uses["bye"]


def test_the_picture_says_what_it_is() -> None:
    flow = flow_of()
    root = ElementTree.fromstring(svg_of(chart_of(flow)))
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-labelledby"] == "chart-title chart-desc"
    assert root.findtext(f"{SVG}title") == f"Flow small, version {flow.version}"
    assert "Gate auth" in (root.findtext(f"{SVG}desc") or "")
    style = root.findtext(f"{SVG}style") or ""
    assert "@media (prefers-color-scheme:dark)" in style
    words = said(root)
    assert f"version {flow.version}" in words
    assert "* back · 0 agent · 9 repeat" in words
    for title in ("Gate auth", "Gate identified", "a text begins here", "needs this gate first"):
        assert title in words


def test_gates_sub_flows_and_keys_are_parts_of_their_own() -> None:
    sub = "  sub: {call: inner, next: bye}\n  inner: {say: [i], next: end}\n  end: {say: [e], next: return}"
    flow = flow_of(
        ('"3": {label: Bye, go: bye}', '"3": {label: Bye, go: bye}\n      "4": sub'),
        ("  bye:", f"{sub}\n  bye:"),
    )  # fmt: skip
    sections = {section.title: section for section in chart_of(flow).sections}
    assert set(sections["Gate auth"].nodes) == {"pin", "pin_check"}
    assert set(sections["Gate identified"].nodes) == {"who"}
    assert set(sections["Sub-flow inner"].nodes) == {"inner", "end"}
    assert sections["Sub-flow inner"].note == "called by sub"
    everything = [name for section in sections.values() for name in section.nodes]
    assert sorted(everything) == sorted(flow.steps)
    shipped = chart_of(FlowStore().current("retail"))
    assert any(section.kind == "key" for section in shipped.sections)


def test_what_nobody_can_reach_or_take_is_marked() -> None:
    flow = flow_of(
        ("  bye:", '  lost: {if: channel == "sms", then: bye, else: main}\n  bye:'),
        ("  told_no:", '  voice_only: {if: channel == "sms", then: lost, else: bye}\n  told_no:'),
        ('"3": {label: Bye, go: bye}', '"3": {label: Bye, go: voice_only}'),
    )
    chart = chart_of(flow)
    assert [node.name for node in chart.nodes.values() if node.dead] == ["lost"]
    dead = {(node.name, way.target) for node in chart.nodes.values() for way in node.exits if way.dead}
    assert dead == {("voice_only", "lost")}
    found = cards(svg_of(chart))
    assert "never reached" in said(found["lost"])
    assert "nobody can" in said(found["voice_only"])
    assert "Never reached: lost." in svg_of(chart)
    ends = {node.name for node in chart.nodes.values() for way in node.exits if way.ends_text}
    assert ends == set()  # every say of this flow is heard by voice too


def test_a_way_that_only_a_text_would_take_is_told_as_the_end_of_the_text() -> None:
    flow = flow_of(
        ('"BAL": balance', '"BAL": balance\n    "HELP": help'), ("  bye:", "  help: {say: [h], next: main}\n  bye:")
    )
    (way,) = chart_of(flow).nodes["help"].exits
    assert (way.ends_text, way.dead) == (True, False)
    assert "the text ends" in said(cards(svg_of(chart_of(flow)))["help"])


@pytest.mark.parametrize("figured", [False, True])
def test_labels_may_hold_anything(figured: bool) -> None:
    flow = flow_of(("label: Send", f"label: {json.dumps(HOSTILE, ensure_ascii=True)}"))
    figures = read("small", "v", {"main visits": 3}) if figured else None
    chart = chart_of(flow, figures)
    root = ElementTree.fromstring(svg_of(chart))
    (title,) = [t.text or "" for t in root.iter(f"{SVG}title") if (t.text or "").startswith("menu main")]
    assert HOSTILE in title
    assert not list(root.iter(f"{SVG}b"))
    label = next(label for _, _, label, _ in mermaid_grammar.read(mermaid_of(chart)).edges if "<b>" in label)
    assert label.startswith(f"key 2  {HOSTILE}")


def test_figures_lie_over_the_picture() -> None:
    counts = {
        "* begun voice": 100, "* ended done": 60, "main visits": 100, "main waits": 100, "main ms": 250_000,
        "main ended party_left": 20, "main way key 1": 64, "main way key 3": 4, "bye visits": 4,
    }  # fmt: skip
    chart = chart_of(flow_of(), read("small", "v", counts))
    picture = svg_of(chart)
    found = cards(picture)
    assert "100 visits · 20.0% hang up · 2.5 s" in said(found["main"])
    assert any("s-heat3" in path.attrib.get("class", "") for path in found["main"].iter(f"{SVG}path"))
    assert "64" in said(found["main"])
    widths = {
        (path.findtext(f"{SVG}title") or "").partition(",")[0]: float(path.attrib["stroke-width"])
        for path in ElementTree.fromstring(picture).iter(f"{SVG}path")
        if "link" in path.attrib.get("class", "")
    }
    assert widths["main: 1 → balance"] == 7.0
    assert widths["main: 3  Bye → bye"] == 2.5
    assert "100 dialogues (100 by voice); ended: done 60" in said(ElementTree.fromstring(picture))


def test_a_picture_is_the_same_every_time() -> None:
    flow = FlowStore().current("retail")
    assert svg_of(chart_of(flow)) == svg_of(chart_of(flow))
    assert mermaid_of(chart_of(flow)) == mermaid_of(chart_of(flow))


def test_every_kind_of_step_has_a_look_of_its_own() -> None:
    for kind in KINDS:
        assert kind in GLYPHS, kind
        assert family_of(kind) != "say" or kind in ("say", "notice", "go", "set", "call"), kind


@pytest.mark.parametrize("name", ["retail"])
def test_the_shipped_line_is_drawn(name: str) -> None:
    flow = FlowStore().current(name)
    chart = chart_of(flow)
    assert set(cards(svg_of(chart))) == set(flow.steps)
    graph = mermaid_grammar.read(mermaid_of(chart))
    assert {f"s_{step}" for step in flow.steps} <= set(graph.nodes)


def long_flow(steps: int, rng: random.Random) -> Flow:
    def to(number: int) -> str:
        return f"s{rng.randint(max(0, number - 10), min(steps - 1, number + 12))}"

    lines = [
        "flow: long", "languages: [en]", "start: s0", "defaults: {on_fail: s0}", "steps:",
        *(
            f'  s{n}: {{menu: [p{n}], choices: {{"1": {to(n)}, "2": {to(n)}, "3": s{min(n + 1, steps - 1)}}}}}'
            if n % 3
            else f"  s{n}: {{if: party.identified, then: {to(n)}, else: s{min(n + 1, steps - 1)}}}"
            for n in range(steps)
        ),
    ]  # fmt: skip
    return load_flow_text("\n".join(lines) + "\n", "long.yaml")


def test_200_steps_are_drawn_within_a_second() -> None:
    flow = long_flow(200, random.Random(1))
    began = time.process_time()
    picture = svg_of(chart_of(flow))
    assert time.process_time() - began < 1.0
    assert len(cards(picture)) == 200


# --- the layout ---


def random_graph(rng: random.Random) -> tuple[list[Box], list[Link]]:
    count = rng.randint(1, 40)
    boxes = [Box(f"b{n}", 240.0, rng.choice([40.0, 90.0, 160.0]), 15.0) for n in range(count)]
    links = []
    for _ in range(rng.randint(0, count * 2)):
        source, target = rng.sample(range(count), 2) if count > 1 else (0, 0)
        if source != target:
            links.append(Link(f"b{source}", f"b{target}", rng.uniform(20, boxes[source].height - 5)))
    onward = forward(boxes, links)
    return boxes, [link for number, link in enumerate(links) if number in onward]


def passes(placed: Placed, boxes: list[Box]) -> Iterator[tuple[str, int]]:
    """Answer boxes that a line's straight parts lie in; curves stay between the layers."""
    for number, points in placed.lines.items():
        curves = zip(points[::2], points[1::2], strict=True)
        assert all(right - x <= GAP_X + 1e-6 for (x, _), (right, _) in curves), "a curve stays between two layers"
        for (x, y), (right, low) in zip(points[1:-1:2], points[2:-1:2], strict=True):
            assert y == low, "a line passes a layer level"
            for box in boxes:
                left, top = placed.at[box.id]
                if left < right and x < left + box.width and top < y < top + box.height:
                    yield box.id, number


@pytest.mark.parametrize("seed", range(60))
def test_no_box_lies_over_another_and_no_line_runs_through_one(seed: int) -> None:
    boxes, links = random_graph(random.Random(seed))
    placed = place(boxes, links)
    height = {box.id: box.height for box in boxes}
    for (one, (x, y)), (other, (left, top)) in combinations(placed.at.items(), 2):
        assert abs(x - left) >= 240 + GAP_X or y + height[one] <= top or top + height[other] <= y, (one, other)
    assert list(passes(placed, boxes)) == []
    for link, points in zip(links, placed.lines.values(), strict=True):
        assert placed.at[link.source][0] < placed.at[link.target][0], "lines lead from left to right"
        (x, y), (left, top) = placed.at[link.source], placed.at[link.target]
        assert points[0] == pytest.approx((x + 240, y + link.port))
        assert points[-1] == pytest.approx((left, top + 15))
        assert all(right >= x for (x, _), (right, _) in pairwise(points))
    assert all(x >= 0 and y >= -1e-9 for x, y in placed.at.values())
    assert all(y + height[name] <= placed.height + 1e-6 for name, (_, y) in placed.at.items())


def test_every_step_can_be_come_to_from_the_left_although_flows_go_round() -> None:
    boxes = [Box(name, 10, 10, 5) for name in "abc"]
    links = [Link("a", "b", 1), Link("b", "c", 1), Link("c", "a", 1), Link("b", "a", 1)]
    assert forward(boxes, links) == {0, 1}


def test_a_chain_is_one_straight_line() -> None:
    boxes = [Box(f"b{n}", 100, 50, 20) for n in range(5)]
    links = [Link(f"b{n}", f"b{n + 1}", 20) for n in range(4)]
    assert {y for _, y in place(boxes, links).at.values()} == {0.0}
    assert place([], []).width == 0


def test_nothing_to_cross_is_not_crossed() -> None:
    boxes = [Box(name, 100, 50, 20) for name in ("a", "b", "x", "y")]
    placed = place(boxes, [Link("a", "y", 20), Link("b", "x", 20)])
    assert placed.at["a"][1] < placed.at["b"][1]
    assert placed.at["y"][1] < placed.at["x"][1]
    placed = place(boxes, [Link("a", "x", 30), Link("a", "y", 20), Link("b", "x", 20)])
    assert placed.at["y"][1] < placed.at["x"][1]


def test_texts_are_cut_to_their_room() -> None:
    assert fitted("short", 100, 11) == "short"
    for text in ("a quite long text of a label", "这是一个很长的标签这是一个很长的标签"):
        cut = fitted(text, 80, 11)
        assert cut.endswith("…")
        assert text_width(cut, 11) <= 80
        assert text.startswith(cut[:-1])


# --- Mermaid and JSON ---


def test_mermaid_says_the_same_as_the_flow() -> None:
    flow = flow_of(("  bye:", "  lost: {say: [lost], next: main}\n  bye:"))
    graph = mermaid_grammar.read(mermaid_of(chart_of(flow)))
    assert graph.nodes["s_main"] == "menu: main\nmain_menu"
    assert graph.nodes["text_prepare"] == "SEND {amount} {payee}"
    assert ("s_main", "s_payee", "key 2  Send", "-->") in graph.edges
    assert ("begin", "s_main", "", "-->") in graph.edges
    assert graph.styles["s_lost"] == "dead"
    assert graph.styles["s_main"] == "input"
    inside = {name for names in graph.parts.values() for name in names}
    assert {"s_pin", "s_pin_check", "s_who", "s_lost"} <= inside


@pytest.mark.parametrize("seed", range(10))
def test_mermaid_of_any_flow_is_a_flowchart(seed: int) -> None:
    flow = long_flow(30, random.Random(seed))
    graph = mermaid_grammar.read(mermaid_of(chart_of(flow)))
    wanted = sum(len(node.exits) for node in chart_of(flow).nodes.values()) + 1
    assert len(graph.edges) == wanted


def test_the_grammar_refuses_what_is_no_flowchart() -> None:
    good = mermaid_of(chart_of(flow_of()))
    for old, new in (('"menu: main', '"menu: "main'), ("-->|", "->|"), ("s_main{{", "end{{"), ("ends", "end")):
        assert old in good
        with pytest.raises((AssertionError, ValueError)):
            mermaid_grammar.read(good.replace(old, new))


def test_data_holds_every_step_and_way() -> None:
    flow = flow_of()
    data = json.loads(json.dumps(as_data(chart_of(flow, read("small", "v", {"main visits": 2, "main way key 1": 2})))))
    assert {step["name"] for step in data["steps"]} == set(flow.steps)
    main = next(step for step in data["steps"] if step["name"] == "main")
    assert (main["kind"], main["starts"], main["figures"]["visits"]) == ("menu", True, 2)
    edge = next(edge for edge in data["edges"] if edge["from"] == "main" and edge["to"] == "balance")
    assert edge["ways"] == [{"way": "key", "word": "1"}]
    assert edge["taken"] == 2
    assert re.fullmatch(r"[0-9a-f]{16}", data["version"])
