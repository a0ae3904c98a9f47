"""The JSON Schemas of flow files, for editors: draft-07, which yaml-language-server reads. Made from the shapes.

They say which keys and words there are, and their forms; what hangs on other parts of the flow (targets, names, types,
outcomes, channels) the loader and the lints say. ``python -m flows.reading.schema`` writes the shipped files anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from core_client.operations import REGISTRY
from flows.dialogue import Channel
from flows.model import BY_CODE, BY_NUMBER
from flows.reading.reader import VARIABLE_TYPES
from flows.reading.shape import FlowShape, PartShape, Shape
from flows.reading.wording import ENTRY_WORDS, MAX_ATTEMPTS
from flows.steps import KINDS
from flows.steps.menu import ChoiceShape
from flows.steps.say import SayShape

FLOW_SCHEMA = Path(__file__).parents[1] / "definitions" / "flow.schema.json"
PART_SCHEMA = Path(__file__).parents[1] / "definitions" / "part.schema.json"

_DRAFT = "http://json-schema.org/draft-07/schema#"
_NAME = {"type": "string", "pattern": r"^[a-z][a-z0-9_]{0,63}$"}
_EXPRESSION = {"type": ["string", "number", "boolean"], "description": "an expression"}
_SAYS = {"$ref": "#/definitions/Says"}
_LIST = {"type": "array", "items": {"$ref": "#/definitions/Entry"}}


def flow_schema() -> dict[str, Any]:
    """Answer the schema of a flow file."""
    return _schema(FlowShape, "A Tellerline call flow")


def part_schema() -> dict[str, Any]:
    """Answer the schema of a file that flows include."""
    return _schema(PartShape, "A part of Tellerline call flows, which include it")


def _schema(shape: type[Shape], title: str) -> dict[str, Any]:
    kinds: list[type[BaseModel]] = list(dict.fromkeys(kind.shape for kind in KINDS.values()))
    shapes: list[type[BaseModel]] = [shape, ChoiceShape, *kinds]
    _, made = models_json_schema(
        [(each, "validation") for each in shapes], by_alias=True, ref_template="#/definitions/{model}"
    )
    definitions: dict[str, Any] = made["$defs"]
    _each(definitions, _plainly)
    root = definitions.pop(shape.__name__)
    root.pop("description", None)
    _sharpened(root, definitions)
    root["properties"]["steps"] = {
        "type": "object",
        "propertyNames": _NAME,
        "additionalProperties": {"anyOf": [{"$ref": f"#/definitions/{kind.__name__}"} for kind in kinds]},
    }
    definitions |= _said()
    return {"$schema": _DRAFT, "title": title, **root, "definitions": dict(sorted(definitions.items()))}


def _each(schema: Any, change: Callable[[dict[str, Any]], None]) -> None:
    """Change every mapping of a schema, the inner ones first."""
    if isinstance(schema, dict):
        for part in schema.values():
            _each(part, change)
        change(schema)
    elif isinstance(schema, list):
        for part in schema:
            _each(part, change)


def _plainly(schema: dict[str, Any]) -> None:
    """Leave out what only pydantic says, and say what it leaves open: keys that no pattern names."""
    if isinstance(schema.get("title"), str):
        del schema["title"]
    if schema.get("default", "") is None:
        del schema["default"]
    if "patternProperties" in schema:
        schema["additionalProperties"] = False
    some = [part for part in schema.get("anyOf", ()) if part != {"type": "null"}]  # nothing is no value in a flow
    if "anyOf" in schema and len(some) == 1:
        del schema["anyOf"]
        schema.update(some[0])
    if str(schema.get("description", "")).startswith("prompt ids and values"):
        schema.clear()
        schema.update(_SAYS)


def _sharpened(root: dict[str, Any], definitions: dict[str, Any]) -> None:
    """Say what the shapes leave to the loader, though it hangs on nothing else in the flow."""
    gates = {**_some(_NAME), "description": "a gate, several of them, or those by channel"}
    by_channel = {"type": "object", "properties": {str(channel): gates for channel in Channel}}
    needs = {"anyOf": [gates, {**by_channel, "additionalProperties": False}]}
    channels = {"type": "array", "items": {"enum": [str(channel) for channel in Channel]}}
    for definition in definitions.values():
        properties = definition["properties"]
        if "needs" in properties:
            properties |= {"needs": needs, "channels": channels}
        for word in {"no_input", "no_match"} & properties.keys():
            properties[word] = {"anyOf": [_SAYS, {"type": "array", "minItems": 1, "items": _LIST}]}
    definitions["VariableShape"]["properties"]["type"] = {"enum": list(VARIABLE_TYPES)}
    definitions["GateShape"]["properties"]["sms"] = {"enum": [BY_NUMBER, BY_CODE]}
    definitions["BankShape"]["properties"]["bank"] = {"enum": list(REGISTRY)}
    choices = definitions["MenuShape"]["properties"]["choices"]
    choice = {"anyOf": [_NAME, {"$ref": "#/definitions/ChoiceShape"}]}
    choices["patternProperties"] = dict.fromkeys(choices["patternProperties"], choice)
    ends = {"required": ["hangup"], "properties": {"hangup": {"const": True}, "next": False}}
    goes_on = {"required": ["say", "next"], "properties": {"hangup": {"const": False}}}
    definitions[SayShape.__name__]["oneOf"] = [goes_on, ends]
    if "languages" in root["properties"]:
        root["properties"]["languages"]["minItems"] = 1


def _some(one: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [one, {"type": "array", "items": one}]}


def _said() -> dict[str, Any]:
    """Answer what can be said: a prompt, a value, a choice of them, or a list."""
    entry = {"$ref": "#/definitions/Entry"}
    language = {"type": "string", "pattern": "^[a-z]{2,3}$"}
    special: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
        "if": (("if", "say"), {"if": _EXPRESSION, "say": _SAYS, "else": _SAYS}),
        "each": (("each", "as", "say"), {"each": _EXPRESSION, "as": {"type": "string"}, "say": _SAYS}),
        "in": (("in", "say"), {"in": language, "say": _SAYS}),
        "attempt": (
            ("attempt",),
            {"attempt": {"type": "array", "minItems": 1, "maxItems": MAX_ATTEMPTS, "items": _SAYS}},
        ),
    }
    forms = [
        _mapping(*special[word]) if word in special else _mapping((word,), {word: _EXPRESSION}) for word in ENTRY_WORDS
    ]
    prompt = {"type": "string", "pattern": "^[A-Za-z0-9_]{1,64}$", "description": "a prompt of the catalogue"}
    return {
        "Entry": {"anyOf": [prompt, *forms]},
        "Says": {
            "description": "prompt ids and values: [your_balance_is, {money: x}]",
            "anyOf": [entry, _LIST],
        },
    }


def _mapping(required: Iterable[str], properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(required),
        "properties": properties,
        "additionalProperties": False,
    }


def written(schema: dict[str, Any]) -> str:
    """Answer a schema as its file holds it."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FLOW_SCHEMA.write_text(written(flow_schema()), encoding="utf-8")
    PART_SCHEMA.write_text(written(part_schema()), encoding="utf-8")
