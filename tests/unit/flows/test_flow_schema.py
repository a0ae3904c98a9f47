from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft7Validator

from core_client.language.source import Node, Pairs, Scalar, Source, parse
from flows.reading.schema import flow_schema
from flows.store import DEFINITIONS
from tests.unit.flows.flow_texts import SMALL


def as_an_editor_reads(node: Node) -> Any:
    """YAML 1.2: true, false and numbers are no texts, unless quoted."""
    if isinstance(node, Pairs):
        return {key: as_an_editor_reads(item) for key, item in node.entries.items()}
    if not isinstance(node, Scalar):
        return [as_an_editor_reads(item) for item in node.items]
    if node.offset:
        return node.text
    if node.text in ("true", "false"):
        return node.text == "true"
    return int(node.text) if node.text.isdigit() else node.text


def problems(text: str) -> list[str]:
    return [
        error.message
        for error in Draft7Validator(flow_schema()).iter_errors(as_an_editor_reads(parse(Source("f", text))))
    ]


def test_it_is_a_schema_and_the_shipped_flows_fit_it() -> None:
    Draft7Validator.check_schema(flow_schema())
    assert problems(SMALL) == []
    for path in DEFINITIONS.glob("*.yaml"):
        assert problems(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    no_match: [[", "    no_mach: [["),
        ("start: main\n", ""),
        ("limit: 20s", "limit: 20 seconds"),
        ("bye: {say: [goodbye], hangup: true}", "bye: {sya: [goodbye], hangup: true}"),
        ('"1": {', '"11": {'),
    ],
)
def test_a_slip_shows_in_the_editor(old: str, new: str) -> None:
    text = SMALL.replace('"1": balance', '"1": {go: balance}')
    assert old in text
    assert problems(text.replace(old, new)) != []


def test_it_names_no_machine_and_is_plain_json() -> None:
    assert json.loads(json.dumps(flow_schema())) == flow_schema()
