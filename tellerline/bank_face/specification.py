"""The GSMA Mobile Money API 1.2 as it is checked: which operations there are, and what their requests may hold.

The schemas are the specification's own (``gsma/requests-1.2.0.json``, MIT, see ``gsma/LICENSE``), so that a request is
refused by the text of the specification and by nobody's copy of it. :func:`faults` knows the words that it uses
(OpenAPI 3.0 schema objects), and refuses to be given others.
"""

from __future__ import annotations

import datetime
import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, TypeAlias

Schema: TypeAlias = Mapping[str, Any]
SPECIFICATION = "gsma/requests-1.2.0.json"
MAX_FAULTS = 5  # told of one request
_KNOWN = frozenset(
    {"$ref", "type", "enum", "pattern", "minLength", "maxLength", "required", "properties", "items", "minItems",
     "maxItems", "allOf", "anyOf", "format", "minimum", "maximum", "exclusiveMinimum", "deprecated", "nullable"}
)  # fmt: skip
_DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]*", re.ASCII)
_INT32, _INT64 = 2**31, 2**63


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a path, the query or the header."""

    name: str
    place: str
    required: bool
    schema: Schema


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. ``answers`` are the statuses that the specification has for it."""

    id: str
    method: str
    path: str
    summary: str
    parameters: Sequence[Parameter]
    body: Schema | None
    answers: frozenset[int]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a request, as an errorCode of the specification and where."""

    code: str
    where: str


@functools.cache
def _loaded() -> Mapping[str, Any]:
    read: Mapping[str, Any] = json.loads(files(__package__).joinpath(SPECIFICATION).read_text("utf-8"))
    return read


@functools.cache
def operations() -> tuple[Operation, ...]:
    """Answer every operation of the specification, in its order."""
    return tuple(
        Operation(
            told["operationId"],
            method.upper(),
            path,
            told["summary"],
            tuple(Parameter(one["name"], one["in"], one["required"], one["schema"]) for one in told["parameters"]),
            told["body"],
            frozenset(told["answers"]),
        )
        for path, methods in _loaded()["paths"].items()
        for method, told in methods.items()
    )


def faults(schema: Schema, value: object, where: str = "body") -> Iterator[Fault]:
    """Answer what is wrong with a value, by a schema of the specification."""
    unknown = schema.keys() - _KNOWN
    if unknown:
        raise ValueError(f"a schema says what is not understood here: {sorted(unknown)}")
    if "$ref" in schema:
        yield from faults(_loaded()["schemas"][schema["$ref"].rsplit("/", 1)[1]], value, where)
        return
    for part in schema.get("allOf", ()):
        yield from faults(part, value, where)
    if "anyOf" in schema and all(any(True for _ in faults(part, value, where)) for part in schema["anyOf"]):
        yield Fault("mandatoryValueNotSupplied", where)
    if "enum" in schema and value not in schema["enum"]:
        yield Fault("formatError", where)
        return
    check = _CHECKS.get(schema.get("type", ""))
    if check is not None:
        yield from check(schema, value, where)


def _text(schema: Schema, value: object, where: str) -> Iterator[Fault]:
    if not isinstance(value, str):
        yield Fault("formatError", where)
        return
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        yield Fault("lengthError", where)
        return
    unlike = "pattern" in schema and re.search(_ecma(schema["pattern"]), value) is None
    if unlike or not _has_format(schema.get("format"), value):
        yield Fault("formatError", where)


@functools.cache
def _ecma(pattern: str) -> re.Pattern[str]:
    """A pattern of JSON Schema is ECMA 262's: there ``$`` is the very end, not before a last line feed."""
    return re.compile(re.sub(r"(?<!\\)\$$", r"\\Z", pattern))


def _has_format(form: object, value: str) -> bool:
    if form == "date-time":
        if _DATE_TIME.fullmatch(value) is None:
            return False
        try:
            datetime.datetime.fromisoformat(value.upper())
        except ValueError:
            return False
        return True
    if form == "date":
        try:
            return len(value) == 10 and datetime.date.fromisoformat(value) is not None
        except ValueError:
            return False
    return form != "uri" or _URI.fullmatch(value) is not None


def _number(schema: Schema, value: object, where: str) -> Iterator[Fault]:
    whole = schema["type"] == "integer"
    if isinstance(value, bool) or not isinstance(value, int | float) or (whole and value != int(value)):
        yield Fault("formatError", where)
        return
    most = {"int32": _INT32, "int64": _INT64}.get(schema.get("format", ""))
    least = schema.get("minimum")
    too_little = least is not None and (value <= least if schema.get("exclusiveMinimum") else value < least)
    if too_little or (most is not None and not -most <= value < most) or value > schema.get("maximum", value):
        yield Fault("formatError", where)


def _boolean(_schema: Schema, value: object, where: str) -> Iterator[Fault]:
    if not isinstance(value, bool):
        yield Fault("formatError", where)


def _array(schema: Schema, value: object, where: str) -> Iterator[Fault]:
    if not isinstance(value, list):
        yield Fault("formatError", where)
        return
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        yield Fault("lengthError", where)
    for place, item in enumerate(value):
        yield from faults(schema.get("items", {}), item, f"{where}[{place}]")


def _object(schema: Schema, value: object, where: str) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield Fault("formatError", where)
        return
    for name in schema.get("required", ()):
        if name not in value:
            yield Fault("mandatoryValueNotSupplied", f"{where}.{name}")
    for name, part in schema.get("properties", {}).items():
        if name in value:
            yield from faults(part, value[name], f"{where}.{name}")


_CHECKS = {
    "string": _text,
    "integer": _number,
    "number": _number,
    "boolean": _boolean,
    "array": _array,
    "object": _object,
}
