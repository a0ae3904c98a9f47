"""The JSON Schema of flow files, for editors: draft-07, which yaml-language-server reads. Made from the shapes.

It says what keys there are; what it cannot say (targets, types, channels) the loader and the lints do.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from flows.shape import FlowShape
from flows.steps import KINDS

_DRAFT = "http://json-schema.org/draft-07/schema#"


def flow_schema() -> dict[str, Any]:
    """Answer the schema of a flow file."""
    shapes: list[type[BaseModel]] = list(dict.fromkeys([FlowShape, *(kind.shape for kind in KINDS.values())]))
    _, made = models_json_schema(
        [(shape, "validation") for shape in shapes], by_alias=True, ref_template="#/definitions/{model}"
    )
    definitions: dict[str, Any] = made["$defs"]
    steps = [{"$ref": f"#/definitions/{shape.__name__}"} for shape in shapes if shape is not FlowShape]
    for shape in shapes:
        definitions[shape.__name__].pop("title", None)
    flow = definitions.pop(FlowShape.__name__)
    flow["properties"]["steps"] = {"type": "object", "additionalProperties": {"anyOf": steps}}
    _closed(flow)
    _closed(definitions)
    return {"$schema": _DRAFT, "title": "A Tellerline call flow", **flow, "definitions": definitions}


def _closed(schema: Any) -> None:
    """Refuse keys that no pattern names: pydantic leaves them open."""
    if isinstance(schema, dict):
        if "patternProperties" in schema:
            schema["additionalProperties"] = False
        for part in schema.values():
            _closed(part)
    elif isinstance(schema, list):
        for part in schema:
            _closed(part)
