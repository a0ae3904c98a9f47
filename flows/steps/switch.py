"""``switch``: one way of several, by a value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from core_client.domain.values import Value
from core_client.language import types as t
from core_client.language.errors import EvaluationError
from core_client.language.expressions import Expression
from core_client.language.source import Pairs, Place
from core_client.language.suggest import did_you_mean
from core_client.language.types import ExprType
from flows.dialogue import Channel
from flows.engine.draft import Draft
from flows.model import Edge, Go, Read, Step, Way
from flows.reading.build import Build
from flows.reading.shape import Expr, Name, StepShape

MAX_CASES = 50  # as many as a table on a page; more is data, and data is the bank's

_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,17})")
_FLAGS = {"true": True, "false": False}


class SwitchShape(StepShape):
    """One way of several."""

    switch: Expr
    cases: dict[str, Name] = Field(min_length=1, max_length=MAX_CASES)
    else_: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch(Step):
    """One way of several, by a value. A value that is not there yet goes the way of ``else``."""

    kind: ClassVar[str] = "switch"

    value: Expression
    cases: Mapping[Value, Edge]
    otherwise: Edge | None  # None: the cases are all that there can be

    def enter(self, draft: Draft) -> Go:
        """Take the way of the case that the value is."""
        if self.otherwise is None:
            return self._way(self.value.evaluate(draft))
        try:
            return self._way(self.value.evaluate_or_none(draft))
        except EvaluationError:  # a part of it has no value: the number of a caller who withholds it
            return self.otherwise

    def _way(self, value: Value) -> Edge:
        edge = self.cases.get(value) or self.otherwise
        if edge is None:
            raise EvaluationError(f"'{self.value.text}' is none of the cases")
        return edge

    def reads(self) -> tuple[Read, ...]:
        """Answer none where there is an ``else``: a value that is missing goes that way."""
        return self.value.reads() if self.otherwise is None else ()

    def sets(self, edge: Edge) -> frozenset[str]:
        """Answer the names that the value is of, on the ways of the cases."""
        return frozenset() if edge == self.otherwise else self.value.names

    def edges(self, channel: Channel) -> tuple[Edge, ...]:
        """Answer the ways that are possible on ``channel``: a switch on ``channel`` leaves one."""
        if self.value.names == {"channel"}:
            return (self._way(self.value.evaluate({"channel": channel.value})),)
        return self.branches()

    def branches(self) -> tuple[Edge, ...]:
        """See :class:`Step`."""
        return (*self.cases.values(), *(() if self.otherwise is None else (self.otherwise,)))


def build_switch(build: Build, shape: SwitchShape, node: Pairs, common: dict[str, Any]) -> Switch:
    """Make a switch of its YAML."""
    value = build.expression(node.entries["switch"])
    cases, otherwise = node.entries["cases"], node.get("else")
    assert isinstance(cases, Pairs)  # noqa: S101 - its shape was checked
    if not (value.type.textual or value.type.name in (t.NUMBER, t.FLAG)):
        message = f"a switch looks at a text, a number or a flag; this is {value.type}"
        raise build.source.error(node.entries["switch"].place, message, "Compare it, in an 'if'.")
    found: dict[Value, Edge] = {}
    for word, target in cases.entries.items():
        case = _case(build, value.type, word, cases.keys[word])
        if case in found:
            raise build.source.error(cases.keys[word], f"case '{word}' is there twice", "Each value has one way.")
        found[case] = build.edge(target, Way.CASE, word)
    if otherwise is None:
        _all_there(build, value.type, found, node)
    return Switch(
        **common,
        value=value,
        cases=found,
        otherwise=None if otherwise is None else build.edge(otherwise, Way.CASE, "else"),
    )


def _case(build: Build, type_: ExprType, word: str, place: Place) -> Value:
    if type_.name == t.FLAG:
        if word not in _FLAGS:
            raise build.source.error(place, f"'{word}' is no flag", "A flag is true or false.")
        return _FLAGS[word]
    if type_.name == t.NUMBER:
        if not _NUMBER.fullmatch(word):
            raise build.source.error(place, f"'{word[:64]}' is no whole number", "The cases of a number are numbers.")
        return int(word)
    if type_.choices and word not in type_.choices:
        hint = did_you_mean(word, type_.choices) or f"It can be: {', '.join(type_.choices)}."
        raise build.source.error(place, f"{type_} is never '{word[:64]}'", hint)
    return word


def _all_there(build: Build, type_: ExprType, found: Mapping[Value, Edge], node: Pairs) -> None:
    """Without ``else`` the cases must be all that there can be."""
    place = node.entries["cases"].place
    choices: tuple[Value, ...] = (True, False) if type_.name == t.FLAG else type_.choices
    if not choices:
        raise build.source.error(place, "a switch needs 'else'", f"A {type_} can be something else than its cases.")
    missing = [_written(choice) for choice in choices if choice not in found]
    if missing:
        message = f"{type_} can be '{missing[0]}', and the switch does not say what then"
        raise build.source.error(place, message, f"Add {', '.join(f'{m}: STEP' for m in missing)}, or 'else: STEP'.")


def _written(choice: Value) -> str:
    return str(choice).lower() if isinstance(choice, bool) else str(choice)
