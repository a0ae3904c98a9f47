"""A flow as an editor reads it, and what the schema and the loader say of it; where they disagree, and why."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jsonschema import Draft7Validator

from core_client.language.errors import LanguageError
from core_client.language.source import Node, Pairs, Scalar, Source, parse
from flows.errors import FlowError
from flows.reading.loader import load_flow_text
from flows.reading.schema import flow_schema

# What the schema cannot see, and why that is so: by the loader's rule, and by its words where the rule is "shape".
LOADER_ONLY: dict[str, str] = {
    "syntax": "editors tell what is no YAML by themselves; anchors, tags and sizes are our own limits",
    "include": "a schema sees one file, never the files beside it",
    "missing-target": "a schema cannot say that a word is a key of another mapping",
    "expression": "expressions have a grammar and types of their own",
    "unknown-parameter": "which parameters there are hangs on the operation",
    "unknown-outcome": "which outcomes there are hangs on the operation",
    "unhandled-outcome": "which outcomes must be there hangs on the operation",
    "secret-by-text": "what is a secret hangs on the variable's type, and who asks on the graph",
    "code-unconfirmed": "that is a property of the graph",
    "nothing-to-return-to": "that is a property of the graph",
    "begins-itself": "that is a property of the graph",
    "wrong-channel": "that is a property of the graph and of the operation",
    "names": "which variables, gates, schedules, notices and languages there are stands elsewhere in the flow",
    "types": "what has which type stands elsewhere in the flow",
    "notation": "0x10 is a number to an editor; the loader wants one as people write it",
    "numbers": "a comparison of two values, a sum, or a date: more than a pattern can say",
}
SHAPE_WORDS: tuple[tuple[str, str], ...] = (
    (r"unknown (variable|gate|schedule|notice) |is no language of this flow|is a name that every flow has", "names"),
    (r"is a schedule of this flow|is already something else|cannot name an item here|is no variable of this", "names"),
    (r"there is no time zone|is tried already|is itself|is named twice|is there twice", "names"),
    (r"a command begins with a word|has hours already|stands alone", "names"),
    (r"this is |takes .*; this is| is never | can be '|is no flag|is no whole number|needs 'else'", "types"),
    (r"secret|cannot be masked", "types"),
    (r"between 1 and 32 digits|a time between 1ms|a day has the hours|an hour has minutes|the end stands", "numbers"),
    (r"two spans|there is no day|the last day|more than \d+ days|of a hundred|a holiday", "numbers"),
    (r"minutes long|whole seconds|silence that ends|longer than the limit|comes before|later than", "numbers"),
    (r"by voice only", "types"),
    (r"how many digits is written|a whole number is needed|between 1 and 9 tries", "notation"),
)
# What an editor underlines and the server takes, and why.
SCHEMA_ONLY: dict[str, str] = {
    "a number or a flag as a text": "the server reads every word as text; an editor's YAML has numbers and flags",
    "nothing as a text": "the server reads ~ and null as texts, which some names may be; an editor's YAML has null",
    "a quoted number or flag": "the server does not look at quotes; an editor's YAML takes quoted words for texts",
}


def as_an_editor_reads(node: Node) -> Any:
    """Answer the plain values of YAML 1.2's core schema (YAML 1.2.2 §10.3.2), as yaml-language-server does."""
    if isinstance(node, Pairs):
        return {key: as_an_editor_reads(item) for key, item in node.entries.items()}
    if not isinstance(node, Scalar):
        return [as_an_editor_reads(item) for item in node.items]
    return node.text if node.offset else _resolved(node.text)


def _resolved(text: str) -> Any:
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    if re.fullmatch(r"[-+]?[0-9]+", text):
        return int(text)
    if re.fullmatch(r"0o[0-7]+", text):
        return int(text, 0)
    if re.fullmatch(r"0x[0-9a-fA-F]+", text):
        return int(text, 0)
    if re.fullmatch(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", text):
        return float(text)
    return text


@lru_cache(maxsize=1)
def validator() -> Draft7Validator:
    """The schema, ready."""
    return Draft7Validator(flow_schema())


@dataclass(frozen=True)
class Verdict:
    """What the two say of a flow: None where one accepts it."""

    loader: FlowError | None
    schema: str | None

    @property
    def agree(self) -> bool:
        return (self.loader is None) == (self.schema is None)


def verdict(text: str) -> Verdict:
    loader: FlowError | None = None
    try:
        load_flow_text(text, "flow.yaml")
    except FlowError as error:
        loader = error
    try:
        data = as_an_editor_reads(parse(Source("flow.yaml", text, FlowError)))
    except LanguageError:
        return Verdict(loader, None)
    return Verdict(loader, None if validator().is_valid(data) else "refused")


def disagreement(text: str, found: Verdict) -> str | None:
    """Answer the class of a disagreement: a key of one of the tables, or None: it is listed nowhere."""
    if found.loader is not None:
        rule = found.loader.rule
        if rule in LOADER_ONLY:
            return rule
        words = found.loader.message
        return next((class_ for pattern, class_ in SHAPE_WORDS if re.search(pattern, words)), None)
    return _of_schema(text)


def _of_schema(text: str) -> str | None:
    root = parse(Source("flow.yaml", text, FlowError))
    data = as_an_editor_reads(root)
    classes = set()
    for error in _leaves(list(validator().iter_errors(data))):
        value = error.instance
        if value is None:
            classes.add("nothing as a text")
        elif isinstance(value, bool | int | float):
            classes.add("a number or a flag as a text")
        elif isinstance(value, str) and _resolved(value) != value:
            classes.add("a quoted number or flag")
    return min(classes) if classes else None


def _leaves(errors: list[Any]) -> list[Any]:
    found = []
    for error in errors:
        found += _leaves(list(error.context)) if error.context else [error]
    return found


# --- flows as data, to be changed and written again ---


def written(data: Any) -> str:
    """Write plain data as YAML in flow style; a :class:`Bare` word stays without quotes."""
    if isinstance(data, dict):
        return "{" + ", ".join(f"{json.dumps(str(key))}: {written(item)}" for key, item in data.items()) + "}"
    if isinstance(data, list):
        return "[" + ", ".join(written(item) for item in data) + "]"
    if isinstance(data, Bare):
        return str(data)
    return json.dumps(data, ensure_ascii=False)


class Bare(str):
    """A word that is written without quotes."""

    __slots__ = ()


def as_data(node: Node) -> Any:
    """Answer a document as data that can be changed, quotes kept."""
    if isinstance(node, Pairs):
        return {key: as_data(item) for key, item in node.entries.items()}
    if isinstance(node, Scalar):
        plain = re.fullmatch(r"[\w.~+-]+", node.text) and not node.offset
        return Bare(node.text) if plain else node.text
    return [as_data(item) for item in node.items]
