"""What the schema accepts and the loader refuses, or the other way: each such class is listed, with its reason."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from core_client.language.source import Source, parse, read_source
from flows.errors import FlowError
from flows.inspect import RULES
from flows.inspect.rule import Level, whole
from flows.reading.schema import FLOW_SCHEMA, PART_SCHEMA, flow_schema, part_schema
from flows.reading.schema import written as schema_text
from flows.store import DEFINITIONS
from tests.flows.schema_and_loader import (
    LOADER_ONLY,
    SCHEMA_ONLY,
    Bare,
    as_an_editor_reads,
    as_data,
    disagreement,
    validator,
    verdict,
    written,
)
from tests.flows.test_broken_flows import BROKEN
from tests.unit.flows.flow_texts import SMALL

GOOD = [
    SMALL,
    *(whole(rule.good) for rule in RULES.values() if rule.level is not Level.FOLDER and rule.id != "include"),
]
EXAMPLES = 5_000 if os.environ.get("TELLERLINE_PROOF") else 200
STALE = "run python -m flows.reading.schema"

# Flows that an editor underlines and the server takes: one of each class at least.
TAKEN = {
    "a number or a flag as a text": ('"3": {label: Bye, go: bye}', '"3": {label: 3, go: bye}'),
    "nothing as a text": ('"3": {label: Bye, go: bye}', '"3": {label: , go: bye}'),
    "a quoted number or flag": ("bye: {say: [goodbye], hangup: true}", 'bye: {say: [goodbye], hangup: "true"}'),
}


def test_the_shipped_schemas_are_the_ones_that_are_made() -> None:
    for file, made in ((FLOW_SCHEMA, flow_schema()), (PART_SCHEMA, part_schema())):
        Draft7Validator.check_schema(made)
        assert file.read_text(encoding="utf-8") == schema_text(made), STALE
        assert json.loads(json.dumps(made)) == made


@pytest.mark.parametrize("number", range(len(GOOD)))
def test_flows_that_are_right_fit_both(number: int) -> None:
    found = verdict(GOOD[number])
    assert (found.loader, found.schema) == (None, None)


def test_every_shipped_file_fits_its_schema() -> None:
    parts = Draft7Validator(part_schema())
    files = sorted(DEFINITIONS.rglob("*.yaml"))
    assert len(files) > 1
    for file in files:
        root = parse(read_source(file))
        data = as_an_editor_reads(root)
        schema = validator() if "flow" in data else parts
        assert [error.message for error in schema.iter_errors(data)] == [], file.name


@pytest.mark.parametrize("path", sorted(BROKEN.glob("*.yaml")), ids=lambda path: path.stem)
def test_where_the_two_disagree_of_a_broken_flow_is_listed(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = verdict(text)
    assert found.loader is not None
    if not found.agree:
        assert disagreement(text, found) in LOADER_ONLY, str(found.loader)


def test_every_class_of_the_tables_is_there_for_a_flow_that_shows_it() -> None:
    shown = set()
    for path in BROKEN.glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        found = verdict(text)
        if not found.agree:
            shown.add(disagreement(text, found))
    assert shown | {"include"} == set(LOADER_ONLY)  # a text has no files beside it
    for class_, (old, new) in TAKEN.items():
        assert old in SMALL
        text = SMALL.replace(old, new)
        found = verdict(text)
        assert (found.loader, found.schema) == (None, "refused"), str(found.loader)
        assert disagreement(text, found) == class_
    assert set(TAKEN) == set(SCHEMA_ONLY)


def test_a_part_may_hold_no_keys_of_a_flow() -> None:
    parts = Draft7Validator(part_schema())
    assert parts.is_valid({"steps": {"bye": {"say": ["goodbye"], "hangup": True}}})
    assert not parts.is_valid({"languages": ["en"], "steps": {}})


# --- any change of a flow ---

WORDS = [
    Bare(word)
    for word in (
        *(
            "",
            "~",
            "null",
            "true",
            "no",
            "on",
            "3",
            "0",
            "100",
            "-1",
            "1.5",
            "0123",
            "0x10",
            "6s",
            "25h",
            "1..9",
            "9..1",
        ),
        *("main", "bye", "welcome", "en", "fr", "voice", "fax", "by_code", "accounts.balance", "money", "secret"),
        *("known(pin)", "Main", "2026-02-30", "09:00-17:30"),
    )
]
KEYS = (
    *("say", "next", "hangup", "menu", "choices", "go", "if", "then", "else", "bank", "with", "on", "save", "needs"),
    *(
        "channels",
        "wait",
        "limit",
        "tries",
        "timeout",
        "label",
        "language",
        "digits",
        "end",
        "prompt",
        "1",
        "11",
        "each",
    ),
    *("unknown", "in", "as", "money", "attempt", "no_input", "barge_in", "set", "switch", "cases", "split", "shares"),
)
_DATA = [as_data(parse(Source("good.yaml", text, FlowError))) for text in GOOD]


def _spots(data: Any) -> list[tuple[Any, Any]]:
    """Answer every place in a document: its owner, and its key or number there."""
    found: list[tuple[Any, Any]] = []
    waiting = [data]
    while waiting:
        owner = waiting.pop()
        keys = list(owner) if isinstance(owner, dict) else range(len(owner)) if isinstance(owner, list) else ()
        for key in keys:
            found.append((owner, key))
            waiting.append(owner[key])
    return found


@st.composite
def changed_flows(draw: st.DrawFn) -> str:
    data = copy.deepcopy(draw(st.sampled_from(_DATA)))
    for _ in range(draw(st.integers(1, 2))):
        owner, key = draw(st.sampled_from(_spots(data)))
        match draw(st.sampled_from(("word", "quoted", "list", "mapping", "gone", "renamed", "added"))):
            case "word":
                owner[key] = draw(st.sampled_from(WORDS))
            case "quoted":
                owner[key] = str(draw(st.sampled_from(WORDS)))
            case "list":
                owner[key] = [owner[key]]
            case "mapping":
                owner[key] = {draw(st.sampled_from(KEYS)): owner[key]}
            case "renamed" if isinstance(owner, dict):
                owner[draw(st.sampled_from(KEYS))] = owner.pop(key)
            case "added" if isinstance(owner, dict):
                owner[draw(st.sampled_from(KEYS))] = draw(st.sampled_from(WORDS))
            case _:
                del owner[key]
    return written(data) + "\n"


@pytest.mark.proof
@pytest.mark.timeout(900)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changed_flows())
def test_where_the_two_disagree_of_any_changed_flow_is_listed(text: str) -> None:
    found = verdict(text)
    if not found.agree:
        table = SCHEMA_ONLY if found.loader is None else LOADER_ONLY
        assert disagreement(text, found) in table, f"{text}\n{found.loader}"
