"""``set``: give variables a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, ClassVar

from pydantic import Field

from core_client.domain.values import Value
from core_client.language import types as t
from core_client.language.errors import EvaluationError
from core_client.language.expressions import Expression
from core_client.language.source import Node, Pairs, Scalar
from core_client.language.types import ExprType
from flows.dialogue import Channel
from flows.engine.draft import Checked, Draft
from flows.masking import keeps_mask
from flows.model import Edge, Go, Read, Step
from flows.reading.build import Build
from flows.reading.names import built_in, fits
from flows.reading.shape import Expr, Name, StepShape

MAX_SET = 10  # of one step
MAX_NUMBER = 10**15  # a number that is set again and again in a round must not grow without end
MAX_TEXT = 1000  # characters; the longest text that a bank operation answers takes 140


class SetShape(StepShape):
    """Give variables a value."""

    set_: dict[Name, Expr] = Field(min_length=1, max_length=MAX_SET)
    next: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Set(Step):
    """Give variables a value, one after another: a later one can be worked out of an earlier one."""

    kind: ClassVar[str] = "set"

    values: Mapping[str, Expression]
    next: Edge

    def enter(self, draft: Draft) -> Go:
        """Set them. What does not hold is not kept: the dialogue ends as one whose flow has a fault.

        Raises:
            EvaluationError: a value cannot be worked out, or a variable's check does not hold.
        """
        for name, expression in self.values.items():
            value = settable(expression, expression.evaluate(draft))
            variable = draft.flow.variables.get(name)
            if (
                variable is not None
                and variable.check is not None
                and not variable.check.evaluate(Checked(draft, value))
            ):
                raise EvaluationError(f"'{expression.text}' does not fit '{name}'")
            draft.variables[name] = value
        return self.next

    def reads(self) -> tuple[Read, ...]:
        """See :class:`Step`."""
        found: list[Read] = []
        known: set[str] = set()
        for name, expression in self.values.items():
            found += [read for read in expression.reads() if read[0] not in known]
            known.add(name)
        return tuple(found)

    def sets(self, edge: Edge) -> frozenset[str]:
        """See :class:`Step`."""
        return frozenset(self.values)

    def masks(self, masked: frozenset[str]) -> frozenset[str]:
        """See :class:`Step`."""
        return frozenset(name for name, given in self.values.items() if keeps_mask(given, masked))

    def edges(self, channel: Channel) -> tuple[Edge, ...]:
        """See :class:`Step`."""
        return (self.next,)


def settable(expression: Expression, value: Any) -> Value:
    """Answer ``value`` as a session keeps it: numbers are whole, nothing is longer than a variable needs.

    Raises:
        EvaluationError: it is too large.
    """
    if isinstance(value, Decimal):
        value = int(value.to_integral_value(ROUND_HALF_UP))
    too_large = abs(value) > MAX_NUMBER if isinstance(value, int) else isinstance(value, str) and len(value) > MAX_TEXT
    if too_large:
        raise EvaluationError(f"'{expression.text}' is too large")
    kept: Value = value
    return kept


def learn_set(build: Build, entry: Pairs) -> Iterator[tuple[Node, ExprType]]:
    """Answer the new names that a step sets, with the types of their expressions."""
    what = entry.get("set")
    if not isinstance(what, Pairs):
        return  # the step's shape says so
    for name, node in what.entries.items():
        if name in build.names or not isinstance(node, Scalar):
            continue  # building the step says whether it fits
        type_ = build.expression(node).type
        yield Scalar(name, what.keys[name]), t.money if type_.name == t.MONEY else type_.bare()


def build_set(build: Build, shape: SetShape, node: Pairs, common: dict[str, Any]) -> Set:
    """Make a step that sets variables of its YAML."""
    what = node.entries["set"]
    assert isinstance(what, Pairs)  # noqa: S101 - its shape was checked
    return Set(
        **common,
        values={name: _value(build, what, name) for name in what.entries},
        next=build.edge(node.entries["next"]),
    )


def _value(build: Build, what: Pairs, name: str) -> Expression:
    if name in built_in(build.languages) or name in build.schedules:
        raise build.source.error(what.keys[name], f"'{name}' is a name that every flow has", "Take another one.")
    node = what.entries[name]
    expression = build.expression(node)
    if holds_secret(expression.type):
        raise build.source.error(node.place, "a secret cannot be set", "It opens once, where it was asked for.")
    wanted = build.names[name]
    if holds_secret(wanted):
        raise build.source.error(
            what.keys[name], f"'{name}' is a secret: it cannot be set", "Only a question fills it."
        )
    if not fits(expression.type, wanted):
        raise build.source.error(node.place, f"'{name}' is {wanted}; this is {expression.type}")
    return expression


def holds_secret(type_: ExprType) -> bool:
    """Answer whether a value of ``type_`` is a secret or has one inside."""
    inside = (*type_.fields.values(), *(() if type_.item is None else (type_.item,)))
    return type_.name == t.SECRET or any(holds_secret(part) for part in inside)
