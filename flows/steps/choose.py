"""``choose``: one item of a list that the bank answered. One item is chosen by itself.

By voice each item is said with its key; a text shows them numbered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from core_client.domain.values import Value
from core_client.language import types as t
from core_client.language.expressions import Expression
from core_client.language.source import Node, Pairs
from core_client.language.types import ExprType
from flows import prompts
from flows.build import Build
from flows.dialogue import (
    AwaitText,
    Channel,
    DigitsReceived,
    Prompt,
    Resume,
    SayDigits,
    SayNumber,
    SayText,
    TextReceived,
)
from flows.engine.draft import Draft
from flows.inputs import plain_text
from flows.model import BACK, REPEAT, Edge, Go, Read, Step, Way
from flows.saying import Inner, Saying, Spoken
from flows.shape import Expr, InputShape, Name, Says, Shape
from flows.steps.asking import Asking, build_asking, nothing_keyed, universal

ONE_KEY = 8  # choices that one key picks from: 9 and 0 are universal; more take two keys each
MAX_CHOICES = 20  # nobody listens to more


class FromShape(Shape):
    """What is chosen from, and how each item is said."""

    from_: Expr
    as_: Name
    prompt: Says
    item: Says


class ChooseShape(InputShape):
    """One item of a list."""

    choose: FromShape
    save: Name
    next: Name
    none: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Choose(Step):
    """One item of a list."""

    kind: ClassVar[str] = "choose"
    takes_input: ClassVar[bool] = True

    items: Expression
    item_name: str
    prompt: Saying
    item: Saying
    save: str
    next: Edge
    none: Edge
    universal: Mapping[str, Edge]
    asking: Asking

    def enter(self, draft: Draft) -> Go:
        """Offer the items, unless there is nothing to choose."""
        items = self._items(draft)
        if not items:
            return self.none
        if len(items) == 1:
            draft.variables[self.save] = items[0]
            return self.next
        draft.asked(self.name)
        return self._ask(draft, items)

    def answer(self, draft: Draft, resume: Resume) -> Go:
        """Keep the chosen item."""
        items = self._items(draft)
        nothing = nothing_keyed(resume)
        if nothing is None:
            if not isinstance(resume, DigitsReceived | TextReceived):
                return self.enter(draft)
            keyed = resume.digits if isinstance(resume, DigitsReceived) else plain_text(resume.text).rstrip(".")
            if keyed.isascii() and keyed.isdigit() and 1 <= int(keyed[:4]) <= len(items):
                draft.variables[self.save] = items[int(keyed) - 1]
                return self.next
            go = universal(draft, keyed) if isinstance(resume, DigitsReceived) else None
            if go is not None:
                return go
            nothing = False
        repeats = self.asking.missed(draft, nothing=nothing)
        if repeats is None:
            return self.asking.on_fail
        return self._ask(draft, items) if repeats else self._wait(draft, items)

    def _items(self, draft: Draft) -> tuple[Value, ...]:
        found: tuple[Value, ...] = self.items.evaluate(draft)
        return tuple(found[:MAX_CHOICES])

    def _ask(self, draft: Draft, items: tuple[Value, ...]) -> Go:
        spoken: list[Spoken] = self.prompt.spoken(draft)
        for number, item in enumerate(items, start=1):
            said = self.item.spoken(Inner(draft, self.item_name, item))
            if draft.sms:
                spoken += [(None, SayText(f"\n{number}. ")), *said]
            else:
                key = SayNumber(number) if len(items) <= ONE_KEY else SayDigits(f"{number:02}")
                spoken += [*said, (None, Prompt(prompts.CHOOSE_PRESS)), (None, key)]
        if draft.sms:
            spoken += [(None, SayText("\n")), (None, Prompt(prompts.CHOOSE_REPLY))]
        draft.say_spoken(spoken, barge_in=self.asking.barge_in)
        return self._wait(draft, items)

    def _wait(self, draft: Draft, items: tuple[Value, ...]) -> Go:
        if draft.sms:
            return AwaitText(draft.flow.text_timeout_s)
        if len(items) <= ONE_KEY:
            return self.asking.keys(1, 1)
        return self.asking.keys(2, 2, escapes="".join(key for key in self.universal if key in "*#"))

    def edges(self, channel: Channel) -> tuple[Edge, ...]:
        """See :class:`Step`."""
        others: tuple[Edge, ...] = ()
        if channel is Channel.VOICE:
            others = tuple(edge for edge in self.universal.values() if edge.target not in (BACK, REPEAT))
        return (self.next, self.none, *others, self.asking.on_fail)

    def reads(self) -> tuple[Read, ...]:
        """See :class:`Step`."""
        return self.items.reads()

    def sets(self, edge: Edge) -> frozenset[str]:
        """See :class:`Step`."""
        return frozenset({self.save}) if edge == self.next else frozenset()

    def sayings(self) -> tuple[Saying, ...]:
        """See :class:`Step`."""
        return (self.prompt, self.item, *self.asking.sayings())


def learn_choose(build: Build, entry: Pairs) -> Iterator[tuple[Node, ExprType]]:
    """Answer the name that a choice saves: one item of its list."""
    what, saved = entry.get("choose"), entry.get("save")
    items = what.get("from") if isinstance(what, Pairs) else None
    if items is not None and saved is not None:
        item = build.expression(items).type.item
        if item is not None:
            yield saved, item


def build_choose(build: Build, shape: ChooseShape, node: Pairs, common: dict[str, Any]) -> Choose:
    """Make a choice from a list of its YAML."""
    what = node.entries["choose"]
    assert isinstance(what, Pairs)  # noqa: S101 - its shape was checked
    items = build.expression(what.entries["from"])
    if items.type.name != t.LIST or items.type.item is None:
        raise build.source.error(what.entries["from"].place, f"'from' takes a list; this is {items.type}")
    name = build.local_name(what)
    return Choose(
        **common,
        items=items,
        item_name=name,
        prompt=build.saying(what.get("prompt")),
        item=build.inside(name, items.type.item).saying(what.get("item")),
        save=shape.save,
        next=build.edge(node.entries["next"]),
        none=build.edge(node.entries["none"], Way.NONE),
        universal=build.keys,
        asking=build_asking(build, shape, node),
    )
