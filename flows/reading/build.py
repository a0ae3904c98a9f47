"""What builds a step out of its YAML: expressions, sayings and targets, each error at its own word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from pydantic import BaseModel

from core_client.domain.filling import quick
from core_client.language import types as t
from core_client.language.errors import ExpressionError
from core_client.language.expressions import Expression, compile_expression
from core_client.language.source import Items, Node, Pairs, Place, Scalar, Source
from core_client.language.suggest import did_you_mean
from core_client.language.types import ExprType
from flows.dialogue import Channel
from flows.inputs import COUNTRY
from flows.model import Edge, Gate, Notice, Variable, Way
from flows.reading.names import FUNCTIONS
from flows.reading.shape import DefaultsShape, check_shape
from flows.reading.wording import saying_of
from flows.saying import Saying
from flows.schedules import Schedule

M = TypeVar("M", bound=BaseModel)


_edge = quick(Edge)
_ALL_CHANNELS = frozenset(Channel)


@dataclass
class Build:
    """What the building of one flow's steps knows."""

    source: Source
    defaults: DefaultsShape
    languages: tuple[str, ...]
    currency: str
    names: dict[str, ExprType]
    variables: dict[str, Variable]
    gates: Mapping[str, Gate]
    keys: Mapping[str, Edge]
    default_filler: Node | None = None  # the prompt said while the bank takes long
    on_fail: Node | None = None  # the way out that steps take when they name none
    retries: tuple[tuple[Saying, ...], tuple[Saying, ...]] = ((), ())  # the defaults for no input, no match
    local: dict[str, ExprType] = field(default_factory=dict)
    hints: bool = True  # False: errors are only caught, and the nearest of many names takes long to find
    country: str = COUNTRY  # of telephone numbers that are written without one
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    notices: Mapping[str, Notice] = field(default_factory=dict)

    def shape(self, model: type[M], node: Node, what: str) -> M:
        """Check the keys of one mapping."""
        return check_shape(model, node, self.source, what)

    def filler(self, node: Pairs) -> Saying:
        """Check what is said while the bank takes long."""
        wait = node.get("wait")
        own = wait.get("prompt") if isinstance(wait, Pairs) else None
        return self.saying(own or self.default_filler)

    def expression(self, node: Node, *, names: Mapping[str, ExprType] | None = None) -> Expression:
        """Check one expression."""
        if not isinstance(node, Scalar):
            raise self.source.error(node.place, "an expression is needed here", 'As in: channel == "voice"')
        try:
            at = node.place
            if node.offset:
                at = Place(at.line, at.column + node.offset, at.file)
            return compile_expression(node.text, names if names is not None else self._all(), FUNCTIONS, at)
        except ExpressionError as problem:
            place = self.source.inside(node, problem.column)
            hint = problem.hint if self.hints else ""
            raise self.source.error(place, problem.message, hint, "expression") from None

    def condition(self, node: Node) -> Expression:
        """Check an expression that must be true or false."""
        found = self.expression(node)
        if found.type.name != t.FLAG:
            raise self.source.error(node.place, f"this is {found.type}; a condition is needed", "Compare it.")
        return found

    def edge(self, node: Node, way: Way = Way.NEXT, word: str = "") -> Edge:
        """Take a target; whether there is such a step is the graph's business."""
        if not isinstance(node, Scalar):
            raise self.source.error(node.place, "the name of a step is needed here")
        return _edge(node.text, node.place, way, word)

    def language(self, node: Node) -> str:
        """Take one of the flow's languages."""
        text = self._word(node, "a language of the flow is needed here")
        if text not in self.languages:
            hint = f"The flow speaks: {', '.join(self.languages)}."
            raise self.source.error(node.place, f"'{text}' is no language of this flow", hint)
        return text

    def saying(self, node: Node | None) -> Saying:
        """Check what is said: one entry or a list of them."""
        return saying_of(self, node)

    def by_attempt(self, node: Node | None) -> tuple[Saying, ...]:
        """Check what is said at the first failed attempt, the second, and so on: a list of lists, or one list."""
        if node is None:
            return ()
        if isinstance(node, Items) and node.items and all(isinstance(item, Items) for item in node.items):
            return tuple(self.saying(item) for item in node.items)
        return (self.saying(node),)

    def needs(self, node: Node | None) -> dict[Channel, tuple[str, ...]]:
        """Check ``needs``: a gate, a list of them, or those by channel."""
        if node is None:
            return {}
        if not isinstance(node, Pairs):
            gates = self._gates(node)
            return dict.fromkeys(Channel, gates)
        found: dict[Channel, tuple[str, ...]] = {}
        for key, entry in node.entries.items():
            if key not in tuple(Channel):
                raise self.source.error(node.keys[key], f"'{key}' is no channel", did_you_mean(key, Channel))
            found[Channel(key)] = self._gates(entry)
        return found

    def channels(self, node: Node | None) -> frozenset[Channel]:
        """Check ``channels``; without it a step runs on all."""
        if not isinstance(node, Items):
            return _ALL_CHANNELS
        for item in node.items:
            word = self._word(item, "a channel is needed here")
            if word not in tuple(Channel):
                hint = did_you_mean(word, Channel) or "There are voice and sms."
                raise self.source.error(item.place, f"'{word}' is no channel", hint)
        return frozenset(Channel(item.text) for item in node.items if isinstance(item, Scalar))

    def _gates(self, node: Node) -> tuple[str, ...]:
        names = []
        for item in node.items if isinstance(node, Items) else (node,):
            name = self._word(item, "the name of a gate is needed here")
            if name not in self.gates:
                raise self.source.error(item.place, f"unknown gate '{name}'", did_you_mean(name, self.gates))
            names.append(name)
        return tuple(names)

    def _all(self) -> Mapping[str, ExprType]:
        return {**self.names, **self.local} if self.local else self.names

    def _word(self, node: Node, wanted: str) -> str:
        if not isinstance(node, Scalar):
            raise self.source.error(node.place, wanted)
        return node.text

    def local_name(self, node: Pairs) -> str:
        """Take the name after ``as``: a new one."""
        found = node.get("as")
        if found is None:
            raise self.source.error(node.place, "'as' is missing: the name of one item of the list")
        name = self._word(found, "a name is needed here")
        if not name.isidentifier() or name in self._all():
            raise self.source.error(found.place, f"'{name}' cannot name an item here", "Take a name of its own.")
        return name

    def inside(self, name: str, type_: ExprType) -> Build:
        """Answer the same, with one more name known."""
        return replace(self, local={**self.local, name: type_})
