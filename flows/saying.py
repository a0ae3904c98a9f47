"""What a step says: a list of entries, checked when the flow is loaded, turned into items when it is said.

An entry is a prompt id, ``{money: ...}``, ``{digits: ...}``, ``{number: ...}``, ``{date: ...}``, ``{name: ...}``,
``{text: ...}`` and ``{secret: ...}`` (shown in texts only), ``{reason: reason}`` (the prompt of a refusal),
``{if: ..., say: ..., else: ...}``, ``{attempt: [[first], [second], [later]]}`` (by the visit of the step),
``{each: LIST, as: NAME, say: ...}`` or ``{in: LANGUAGE, say: ...}``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from core_client.language.expressions import Expression, Scope
from core_client.language.source import Place
from core_client.operations import REASONS
from flows.dialogue import Channel, Item, Prompt, SayDate, SayDigits, SayMoney, SayName, SayNumber, SaySecret, SayText
from flows.inputs import dialled
from flows.prompts import REFUSED_PREFIX

VISIT = "#visit"  # asks a scope which visit of its step this is, from 1; no name of a flow can be written so
MAX_EACH = 50  # items of a list that are said; five entries and a dozen accounts are usual

Spoken: TypeAlias = tuple[str | None, Item]  # the language that it must be said in, None: the dialogue's
Emit: TypeAlias = Callable[[Scope], Iterator[Spoken]]
PromptUse: TypeAlias = tuple[str, Place, tuple[str, ...]]  # id, where, in which languages (empty: all of the flow)

VALUE_ITEMS: Mapping[str, Callable[[Any], Item]] = {
    "money": SayMoney,
    "digits": SayDigits,
    "number": lambda value: SayNumber(int(value)),
    "date": SayDate,
    "name": SayName,
    "text": SayText,
    "secret": SaySecret,  # shown in a text, once; never spoken
}


@dataclass(frozen=True, slots=True)
class Saying:
    """Entries, ready to be said. ``fixed`` holds the items when no value stands among them, and stands for them all.

    ``by_visit``: something else is said at each visit of the step, which are counted for it.
    """

    emits: tuple[Emit, ...]
    prompts: tuple[PromptUse, ...]
    fixed: tuple[Item, ...] | None
    by_visit: bool = False
    reads: tuple[tuple[str, Place], ...] = ()  # names that must have a value when it is said

    def spoken(self, scope: Scope) -> list[Spoken]:
        """Answer the items for the values in ``scope``."""
        if self.fixed is not None:
            return [(None, item) for item in self.fixed]
        return [spoken for emit in self.emits for spoken in emit(scope)]


NOTHING = Saying((), (), ())


class Inner:
    """A scope with one more name in it."""

    __slots__ = ("_name", "_outer", "_value")

    def __init__(self, outer: Scope, name: str, value: Any) -> None:
        self._outer = outer
        self._name = name
        self._value = value

    def get(self, name: str, /) -> Any:
        """Answer the value of ``name``, or None."""
        return self._value if name == self._name else self._outer.get(name)


def prompt(said: Prompt) -> Emit:
    """Say a prompt of the catalogue."""
    spoken: Spoken = (None, said)
    return lambda _scope: iter((spoken,))


def value(word: str, expression: Expression) -> Emit:
    """Say a value."""
    make = VALUE_ITEMS[word]

    def emit(scope: Scope) -> Iterator[Spoken]:
        yield None, make(expression.evaluate(scope))

    return emit


def telephone(expression: Expression, country: str) -> Emit:
    """Say a telephone number, as people of ``country`` dial it."""

    def emit(scope: Scope) -> Iterator[Spoken]:
        yield None, SayDigits(dialled(expression.evaluate(scope), country))

    return emit


def refusal(expression: Expression) -> Emit:
    """Say why the bank refused."""

    def emit(scope: Scope) -> Iterator[Spoken]:
        reason = expression.evaluate_or_none(scope)
        yield None, Prompt(REFUSED_PREFIX + (reason if reason in REASONS else "not_permitted"))

    return emit


def when(condition: Expression, then: Saying, otherwise: Saying) -> Emit:
    """Say one of two."""

    def emit(scope: Scope) -> Iterator[Spoken]:
        yield from (then if condition.evaluate(scope) else otherwise).spoken(scope)

    return emit


def by_visit(bodies: tuple[Saying, ...]) -> Emit:
    """Say the first of ``bodies`` at the first visit of the step, the second at the second; the last one stays."""

    def emit(scope: Scope) -> Iterator[Spoken]:
        visit = scope.get(VISIT) or 1
        yield from bodies[min(visit, len(bodies)) - 1].spoken(scope)

    return emit


def each(items: Expression, name: str, body: Saying) -> Emit:
    """Say ``body`` for every item of a list; in a text each begins a line."""

    def emit(scope: Scope) -> Iterator[Spoken]:
        lines = scope.get("channel") == Channel.SMS
        for item in items.evaluate(scope)[:MAX_EACH]:
            if lines:
                yield None, SayText("\n")
            yield from body.spoken(Inner(scope, name, item))

    return emit


def in_language(language: str, body: Saying) -> Emit:
    """Say ``body`` in one language, whatever the dialogue's is."""

    def emit(scope: Scope) -> Iterator[Spoken]:
        for _, item in body.spoken(scope):
            yield language, item

    return emit
