"""``bank``: ask the bank for one operation of the registry, and go on by its outcome."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from core_client.domain.filling import quick
from core_client.domain.values import SecretHandle, Value
from core_client.language.expressions import Expression
from core_client.language.source import Node, Pairs, Scalar
from core_client.language.suggest import did_you_mean
from core_client.language.types import RECORD, SECRET, ExprType
from core_client.operations import REGISTRY, UNAUTHENTICATED, Field, Kind, Operation
from flows import prompts
from flows.dialogue import SECRET_LOST, Channel, End, OperationAnswered, Perform, Resume, Say
from flows.engine.draft import Draft
from flows.masking import argument as as_told
from flows.model import BY_CODE, Edge, Go, Read, Step, Way
from flows.reading.build import Build
from flows.reading.names import fits, type_of
from flows.reading.shape import Expr, Name, StepShape, WaitShape
from flows.saying import Saying

_perform = quick(Perform)
_MONEY = Kind.MONEY
LEFT = "left"  # the built-in name: the highest amount that would still be possible, after a refusal that says one


class BankShape(StepShape):
    """Ask the bank for one operation."""

    bank: str
    with_: dict[str, Expr] | None = None
    save: Name | None = None
    wait: WaitShape = WaitShape()
    on: dict[str, Name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank(Step):
    """Ask the bank for one operation, and go on by its outcome."""

    kind: ClassVar[str] = "bank"

    operation: Operation
    arguments: Mapping[str, Expression]
    save: str | None
    outcomes: Mapping[str, Edge]
    filler: Saying
    filler_after_s: float
    limit_s: float

    @property
    def moves_money(self) -> bool:
        """See :class:`Step`."""
        return self.operation.kind is _MONEY

    def enter(self, draft: Draft) -> Go:
        """Ask."""
        arguments = self.given(draft)
        # No key ends a filler: it asks nothing, and what is pressed meanwhile answers no later question.
        filler = Say(self.filler.fixed, draft.language, barge_in=False) if self.filler.fixed and not draft.sms else None
        return _perform(self.operation.name, arguments, draft.request_id, self.limit_s, filler, self.filler_after_s)

    def given(self, draft: Draft) -> dict[str, Value]:
        """Answer the arguments that have a value now.

        Raises:
            EvaluationError: one that the operation needs has none, or one cannot be worked out.
        """
        arguments: dict[str, Value] = {}
        parameters = self.operation.parameters
        for name, expression in self.arguments.items():
            value = expression.evaluate(draft) if parameters[name].required else expression.evaluate_or_none(draft)
            if value is not None:
                arguments[name] = as_told(draft.flow, self.operation.name, name, expression, value)
        return arguments

    def answer(self, draft: Draft, resume: Resume) -> Go:
        """Go on by the outcome."""
        if not isinstance(resume, OperationAnswered):
            return self.enter(draft)
        outcome = resume.outcome
        if outcome == UNAUTHENTICATED:
            return self._prove_again(draft)
        self._drop_secrets(draft)
        if outcome == SECRET_LOST:
            return self._ask_again(draft)
        if draft.retried == self.name:
            draft.retried = ""
        draft.reason = resume.reason or ""
        draft.variables.pop(LEFT, None)
        if outcome == "refused" and (left := resume.answer.get(LEFT)) is not None:
            draft.variables[LEFT] = left
        saved = self.saved(outcome)
        if saved is not None:
            draft.variables[saved] = resume.answer
        edge = self.outcomes.get(outcome)
        if edge is None:
            raise KeyError(outcome)  # an outcome that the registry does not have: the core broke its word
        return edge

    def saved(self, outcome: str) -> str | None:
        """See :class:`Step`."""
        return self.save if outcome == "ok" else None

    def _prove_again(self, draft: Draft) -> Go:
        """Begin the proof anew, once: the proof that the core remembers is gone or too old."""
        if draft.sms and any(draft.flow.gates[name].sms == BY_CODE for name in self.needs.get(Channel.SMS, ())):
            draft.say_prompt(prompts.CODE_EXPIRED)
            return End("expired")
        if draft.retried == self.name:
            draft.retried = ""
            return self.outcomes["down"]
        draft.retried = self.name
        draft.gates = ()
        return self.name

    def _ask_again(self, draft: Draft) -> Go:
        """Go back to the question whose secret answer is gone."""
        for expression in self.arguments.values():
            for name in expression.names:
                if name in draft.flow.asked_by and name not in draft.variables:
                    return draft.flow.asked_by[name]
        return self.outcomes["down"]

    def _drop_secrets(self, draft: Draft) -> None:
        """Forget the handles that this operation opened: they open once."""
        for expression in self.arguments.values():
            for name in expression.names:
                if isinstance(draft.variables.get(name), SecretHandle):
                    del draft.variables[name]

    def edges(self, channel: Channel) -> tuple[Edge, ...]:
        """See :class:`Step`."""
        return tuple(self.outcomes.values())

    def reads(self) -> tuple[Read, ...]:
        """See :class:`Step`."""
        parameters = self.operation.parameters
        needed = (given for name, given in self.arguments.items() if parameters[name].required)
        return tuple(read for given in needed for read in given.reads())

    def sets(self, edge: Edge) -> frozenset[str]:
        """See :class:`Step`."""
        return frozenset({self.save}) if self.save is not None and edge.word == "ok" else frozenset()

    def drops(self) -> frozenset[str]:
        """See :class:`Step`."""
        secret = (given for given in self.arguments.values() if given.type.name == SECRET)
        return frozenset(name for given in secret for name in given.names)

    def sayings(self) -> tuple[Saying, ...]:
        """See :class:`Step`."""
        return (self.filler,)


def build_bank(build: Build, shape: BankShape, node: Pairs, common: dict[str, Any]) -> Bank:
    """Make a bank step of its YAML, checked against the registry."""
    operation = operation_of(build, node)
    filler = build.filler(node)
    after, limit = shape.wait.after, shape.wait.limit
    return Bank(
        **common,
        operation=operation,
        arguments=_arguments(build, operation, node),
        save=shape.save,
        outcomes=outcomes(build, operation, node),
        filler=filler,
        filler_after_s=after or build.defaults.wait.after or FILLER_AFTER_S,
        limit_s=limit or build.defaults.wait.limit or LIMIT_S,
    )


def learn_bank(build: Build, entry: Pairs) -> Iterator[tuple[Node, ExprType]]:
    """Answer the name that a bank step saves: a record of what the operation answers."""
    operation = operation_of(build, entry)
    saved = entry.get("save")
    if saved is not None:
        yield saved, answer_type(build, operation)


def answer_type(build: Build, operation: Operation) -> ExprType:
    """Answer the type of what ``operation`` answers."""
    return _answer_type(operation.name, build.languages)


@functools.lru_cache(maxsize=256)
def _answer_type(operation: str, languages: tuple[str, ...]) -> ExprType:
    answer = REGISTRY[operation].answer
    return ExprType(RECORD, fields={name: type_of(field, languages) for name, field in answer.items()})


FILLER_AFTER_S = 1.5
LIMIT_S = 8.0


def operation_of(build: Build, node: Pairs) -> Operation:
    """Answer the operation that a bank step names."""
    name = node.entries["bank"]
    if not isinstance(name, Scalar) or name.text not in REGISTRY:
        shown = name.text if isinstance(name, Scalar) else "?"
        hint = did_you_mean(shown, REGISTRY)
        raise build.source.error(name.place, f"unknown bank operation '{shown}'", hint, "unknown-operation")
    return REGISTRY[name.text]


def _arguments(build: Build, operation: Operation, node: Pairs) -> dict[str, Expression]:
    given = node.get("with")
    entries: dict[str, Node] = given.entries if isinstance(given, Pairs) else {}
    for name in entries:
        if name not in operation.parameters:
            place = given.keys[name] if isinstance(given, Pairs) else node.place
            hint = did_you_mean(name, operation.parameters) or _takes(operation)
            message = f"'{operation.name}' has no parameter '{name}'"
            raise build.source.error(place, message, hint, "unknown-parameter")
    for name, field in operation.parameters.items():
        if field.required and name not in entries:
            place = given.place if given is not None else node.entries["bank"].place
            message = f"'{operation.name}' needs '{name}'"
            raise build.source.error(place, message, f"Under 'with': {name}: ...", "unknown-parameter")
    return {name: argument(build, name, operation.parameters[name], entry) for name, entry in entries.items()}


def argument(build: Build, name: str, field: Field, node: Node) -> Expression:
    """Check one argument against the parameter that it is for."""
    expression = build.expression(node)
    wanted = type_of(field, build.languages)
    if not fits(expression.type, wanted):
        raise build.source.error(node.place, f"'{name}' takes {wanted}; this is {expression.type}")
    return expression


def _takes(operation: Operation) -> str:
    return f"It takes: {', '.join(operation.parameters) or 'nothing'}."


def outcomes(build: Build, operation: Operation, node: Pairs) -> dict[str, Edge]:
    """Take the ways of ``on``: each outcome of ``operation`` has one, and no others."""
    on = node.entries["on"]
    assert isinstance(on, Pairs)  # noqa: S101 - its shape was checked
    for outcome in on.entries:
        if outcome == UNAUTHENTICATED:
            hint = "The engine asks for the proof again by itself."
            message = "a flow does not handle 'unauthenticated'"
            raise build.source.error(on.keys[outcome], message, hint, "unknown-outcome")
        if outcome not in operation.outcomes:
            hint = did_you_mean(outcome, operation.outcomes) or f"It can be: {', '.join(operation.outcomes)}."
            message = f"'{operation.name}' never answers '{outcome}'"
            raise build.source.error(on.keys[outcome], message, hint, "unknown-outcome")
    missing = [outcome for outcome in operation.outcomes if outcome not in on.entries]
    if missing:
        message = f"'{operation.name}' can answer '{missing[0]}', and 'on' does not say what then"
        hint = f"Add {', '.join(f'{m}: STEP' for m in missing)}."
        raise build.source.error(on.place, message, hint, "unhandled-outcome")
    return {outcome: build.edge(target, Way.OUTCOME, outcome) for outcome, target in on.entries.items()}
