"""``callback``: the bank is asked to call the party back. By both channels.

It is a bank step of one operation, so that a flow need not know the operation's name and parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar

from core_client.domain.values import Value
from core_client.language.errors import EvaluationError
from core_client.language.expressions import Expression, compile_expression
from core_client.language.source import Node, Pairs, Scalar
from core_client.language.types import ExprType
from core_client.operations import REGISTRY
from flows.engine.draft import Draft
from flows.masking import argument as as_told
from flows.model import Read
from flows.reading.build import Build
from flows.reading.shape import Expr, Name, Shape, StepShape
from flows.steps.bank import FILLER_AFTER_S, LIMIT_S, Bank, answer_type, argument, outcomes

OPERATION = REGISTRY["service.request_callback"]


class AboutShape(Shape):
    """Which number, for whom, and what about. Without a number it is the one of this call or text."""

    number: Expr = None
    queue: Name | None = None
    about: Expr = None
    recording: Expr = None
    seconds: Expr = None


class CallbackShape(StepShape):
    """The bank calls the party back."""

    callback: AboutShape
    save: Name | None = None
    on: dict[str, Name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback(Bank):
    """The bank calls the party back."""

    kind: ClassVar[str] = "callback"

    def given(self, draft: Draft) -> dict[str, Value]:
        """Answer what there is to tell. What has no value is left out: a caller who withholds the number, say.

        People read what it is about: what is masked they see the end of. The number they need whole.
        """
        arguments: dict[str, Value] = {}
        for name, expression in self.arguments.items():
            with suppress(EvaluationError):
                value = expression.evaluate_or_none(draft)
                if value is not None:
                    arguments[name] = as_told(draft.flow, OPERATION.name, name, expression, value)
        return arguments

    def reads(self) -> tuple[Read, ...]:
        """Answer none: what has no value is left out."""
        return ()


def learn_callback(build: Build, entry: Pairs) -> Iterator[tuple[Node, ExprType]]:
    """Answer the name that the bank's answer is kept under: its reference, and when it calls."""
    saved = entry.get("save")
    if saved is not None:
        yield saved, answer_type(build, OPERATION)


def build_callback(build: Build, shape: CallbackShape, node: Pairs, common: dict[str, Any]) -> Callback:
    """Make a request to be called back of its YAML."""
    what = node.entries["callback"]
    assert isinstance(what, Pairs)  # noqa: S101 - its shape was checked
    filler, wait = build.filler(node), build.defaults.wait
    return Callback(
        **common,
        operation=OPERATION,
        arguments={name: _part(build, name, entry) for name, entry in what.entries.items()},
        save=shape.save,
        outcomes=outcomes(build, OPERATION, node),
        filler=filler,
        filler_after_s=wait.after or FILLER_AFTER_S,
        limit_s=wait.limit or LIMIT_S,
    )


def _part(build: Build, name: str, node: Node) -> Expression:
    if name == "queue" and isinstance(node, Scalar):
        return compile_expression(f'"{node.text}"', {})  # a name, as in a transfer: no expression
    return argument(build, name, OPERATION.parameters[name], node)
