"""``choose``: one item of a list that the bank answered. One item is chosen by itself.

By voice each item is said with its key, eight to a page; the hash key goes on to the next page, and from the last one
back to the first. A text shows them all, numbered.
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
from flows.dialogue import (
    AwaitText,
    Channel,
    DigitsReceived,
    Prompt,
    Resume,
    SayNumber,
    SayText,
    TextReceived,
)
from flows.engine.draft import Draft
from flows.inputs import plain_text
from flows.model import BACK, REPEAT, Edge, Go, Read, Step, Way
from flows.reading.build import Build
from flows.reading.shape import Expr, InputShape, Name, Says, Shape
from flows.saying import Inner, Saying, Spoken
from flows.steps.asking import Asking, build_asking, nothing_keyed, universal

PAGE = 8  # items that one key picks from: 9 and 0 are universal
ITEM_KEYS = "12345678"  # always an item of the page that was heard, on every page, never a universal key
NEXT_PAGE = "#"
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
            go = self._keyed(draft, resume.digits, items) if isinstance(resume, DigitsReceived) else None
            if isinstance(resume, TextReceived):
                go = self._picked(draft, plain_text(resume.text).rstrip("."), items)
            if go is not None:
                return go
            nothing = False
        repeats = self.asking.missed(draft, nothing=nothing)
        if repeats is None:
            return self.asking.on_fail
        return self._ask(draft, items) if repeats else self._wait(draft)

    def again(self, draft: Draft, resume: Resume) -> Go:
        """Ask once more on another line: the page that was being heard."""
        draft.heard_again = True
        return self.enter(draft)

    def _items(self, draft: Draft) -> tuple[Value, ...]:
        found: tuple[Value, ...] = self.items.evaluate(draft)
        return tuple(found[:MAX_CHOICES])

    def _picked(self, draft: Draft, number: str, items: tuple[Value, ...]) -> Go | None:
        """Keep the item of a number from 1; None when it is none."""
        if not (number.isascii() and number.isdigit() and 1 <= int(number[:4]) <= len(items)):
            return None
        draft.variables[self.save] = items[int(number) - 1]
        return self.next

    def _keyed(self, draft: Draft, key: str, items: tuple[Value, ...]) -> Go | None:
        """Do what a key does on the page that was heard; None when it does nothing."""
        if key in ITEM_KEYS:
            return self._picked(draft, key, _page_of(draft, items))
        if key == NEXT_PAGE and len(items) > PAGE:
            page = _page(draft, items) + 1
            draft.page = page if page < _pages(items) else 0
            draft.no_inputs = draft.no_matches = 0
            return self._ask(draft, items)
        return universal(draft, key)

    def _ask(self, draft: Draft, items: tuple[Value, ...]) -> Go:
        spoken: list[Spoken] = self.prompt.spoken(draft)
        for number, item in enumerate(items if draft.sms else _page_of(draft, items), start=1):
            said = self.item.spoken(Inner(draft, self.item_name, item))
            if draft.sms:
                spoken += [(None, SayText(f"\n{number}. ")), *said]
            else:
                spoken += [*said, (None, Prompt(prompts.CHOOSE_PRESS)), (None, SayNumber(number))]
        if draft.sms:
            spoken += [(None, SayText("\n")), (None, Prompt(prompts.CHOOSE_REPLY))]
        elif len(items) > PAGE:
            last = _page(draft, items) == _pages(items) - 1
            spoken.append((None, Prompt(prompts.CHOOSE_FROM_START if last else prompts.CHOOSE_MORE)))
        draft.say_spoken(spoken, barge_in=self.asking.barge_in)
        return self._wait(draft)

    def _wait(self, draft: Draft) -> Go:
        return AwaitText(draft.flow.text_timeout_s) if draft.sms else self.asking.keys(1, 1)

    def edges(self, channel: Channel) -> tuple[Edge, ...]:
        """See :class:`Step`."""
        others: tuple[Edge, ...] = ()
        if channel is Channel.VOICE:
            others = tuple(
                edge
                for key, edge in self.universal.items()
                if edge.target not in (BACK, REPEAT) and key not in ITEM_KEYS
            )
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


def _pages(items: tuple[Value, ...]) -> int:
    return -(-len(items) // PAGE)


def _page(draft: Draft, items: tuple[Value, ...]) -> int:
    """Answer the page that is heard: the first where the list has become shorter than that."""
    return draft.page if 0 <= draft.page < _pages(items) else 0


def _page_of(draft: Draft, items: tuple[Value, ...]) -> tuple[Value, ...]:
    """Answer the items of the page that is heard."""
    first = _page(draft, items) * PAGE
    return items[first : first + PAGE]


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
