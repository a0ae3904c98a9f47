"""Makes the part of the GSMA specification that the bank's HTTP face checks requests by, from the whole text.

    python tests/tools/condense_gsma.py

What remains: every path, its methods, their parameters, the schema of the body and the statuses of the answers.
Descriptions, examples, callbacks and the answers' schemas are left out; nothing is changed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
WHOLE = ROOT / "tests" / "fixtures" / "gsma" / "gsma-mobile-money-api-1.2.0.yaml"
CONDENSED = ROOT / "tellerline" / "bank_face" / "gsma" / "requests-1.2.0.json"
_PROSE = ("description", "example", "examples")


def condense(spec: dict[str, Any]) -> dict[str, Any]:
    """Answer what the face needs of ``spec``."""
    components = spec["components"]

    def parameter(found: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in found:
            found = components["parameters"][found["$ref"].rsplit("/", 1)[1]]
        return {key: _bare(found[key]) for key in ("name", "in", "required", "schema")}

    def body(operation: dict[str, Any]) -> Any:
        found = operation.get("requestBody")
        if found is None:
            return None
        if "$ref" in found:
            found = components["requestBodies"][found["$ref"].rsplit("/", 1)[1]]
        return _bare(found["content"]["application/json"]["schema"])

    paths: dict[str, Any] = {}
    for path, methods in spec["paths"].items():
        shared = methods.get("parameters", [])
        paths[path] = {
            method: {
                "operationId": operation["operationId"],
                "summary": operation["summary"],
                "parameters": [parameter(one) for one in [*shared, *operation.get("parameters", [])]],
                "body": body(operation),
                "answers": sorted(int(status) for status in operation["responses"]),
            }
            for method, operation in methods.items()
            if method != "parameters"
        }
    return {"version": spec["info"]["version"], "paths": paths, "schemas": _bare(components["schemas"])}


def _bare(found: Any) -> Any:
    if isinstance(found, dict):
        return {
            key: _bare(value)
            for key, value in found.items()
            if key not in _PROSE or not isinstance(value, str | int | float | list | bool | type(None))
        }
    return [_bare(item) for item in found] if isinstance(found, list) else found


def condensed_text() -> str:
    """Answer the condensed specification as it is shipped."""
    spec = yaml.load(WHOLE.read_text("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return json.dumps(condense(spec), separators=(",", ":"), sort_keys=True, default=str) + "\n"


if __name__ == "__main__":
    CONDENSED.write_text(condensed_text(), "utf-8")
