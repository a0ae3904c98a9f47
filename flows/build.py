"""What builds a step out of its YAML: expressions, sayings and targets, each error at its own word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from pydantic import BaseModel

from core_client.language import types as t
from core_client.language.errors import ExpressionError
from core_client.language.expressions import Expression, compile_expression
from core_client.language.source import Items, Node, Pairs, Scalar, Source
from core_client.language.suggest import did_you_mean
from core_client.language.types import ExprType
from flows import saying
from flows.dialogue import Channel, Prompt
from flows.inputs import COUNTRY
from flows.model import Edge, Gate, Variable, Way
from flows.names import FUNCTIONS
from flows.saying import NOTHING, Emit, PromptUse, Saying
from flows.schedules import Schedule
from flows.shape import DefaultsShape, check_shape

M = TypeVar("M", bound=BaseModel)

_SAY_TYPES: Mapping[str, tuple[str, ...]] = {
    "money": (t.MONEY,),
    "number": (t.NUMBER,),
    "date": (t.DATE,),
    "digits": ("digits", "account", "phone"),
    "name": (t.TEXT, "payee"),
    "text": (t.TEXT, "digits", "payee", "account", "phone"),
}
_ENTRY_WORDS = (*_SAY_TYPES, "reason", "if", "each", "in", "attempt")
MAX_ATTEMPTS = 9  # whoever comes to a step a tenth time hears what the ninth did


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
    retries: tuple[tuple[Saying, ...], tuple[Saying, ...]] = ((), ())  # the defaults for no input, no match
    local: dict[str, ExprType] = field(default_factory=dict)
    country: str = COUNTRY  # of telephone numbers that are written without one
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    notices: Mapping[str, Saying] = field(default_factory=dict)

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
            return compile_expression(node.text, names if names is not None else self._all(), FUNCTIONS)
        except ExpressionError as problem:
            place = self.source.inside(node, problem.column)
            raise self.source.error(place, problem.message, problem.hint, "expression") from None

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
        return Edge(node.text, node.place, way, word)

    def language(self, node: Node) -> str:
        """Take one of the flow's languages."""
        text = self._word(node, "a language of the flow is needed here")
        if text not in self.languages:
            hint = f"The flow speaks: {', '.join(self.languages)}."
            raise self.source.error(node.place, f"'{text}' is no language of this flow", hint)
        return text

    def saying(self, node: Node | None) -> Saying:
        """Check what is said: one entry or a list of them."""
        if node is None:
            return NOTHING
        prompts: list[PromptUse] = []
        entries = node.items if isinstance(node, Items) else (node,)
        emits = [self._entry(entry, prompts) for entry in entries]
        plain = all(isinstance(entry, Scalar) for entry in entries)
        fixed = tuple(Prompt(entry.text) for entry in entries if isinstance(entry, Scalar)) if plain else None
        return Saying(tuple(emits), tuple(prompts), fixed, any(_by_visit(entry) for entry in entries))

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
            return frozenset(Channel)
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

    def _entry(self, node: Node, prompts: list[PromptUse]) -> Emit:
        if isinstance(node, Scalar):
            self._prompt_id(node)
            prompts.append((node.text, node.place, ()))
            return saying.prompt(node.text)
        if not isinstance(node, Pairs):
            raise self.source.error(node.place, "a list cannot stand here", "An entry is a prompt or one {mapping}.")
        word = next((key for key in node.entries if key in _ENTRY_WORDS), None)
        if word is None:
            first = next(iter(node.entries), "")
            hint = did_you_mean(first, _ENTRY_WORDS) or f"There are: {', '.join(_ENTRY_WORDS)}."
            raise self.source.error(node.keys.get(first, node.place), f"'{first}' is nothing that can be said", hint)
        match word:
            case "if":
                self._only(node, ("if", "say", "else"))
                then, otherwise = self._body(node, "say", prompts), self._optional(node, "else", prompts)
                return saying.when(self.condition(node.entries["if"]), then, otherwise)
            case "each":
                return self._each(node, prompts)
            case "in":
                self._only(node, ("in", "say"))
                language = self.language(node.entries["in"])
                inside: list[PromptUse] = []
                body = self._body(node, "say", inside)
                prompts.extend((id_, place, (language,)) for id_, place, _ in inside)
                return saying.in_language(language, body)
            case "attempt":
                return self._attempts(node, prompts)
            case "reason":
                self._only(node, ("reason",))
                return saying.refusal(self._typed(node.entries["reason"], "reason", ("reason",)))
            case _:
                self._only(node, (word,))
                value = self._typed(node.entries[word], word, _SAY_TYPES[word])
                telephone = value.type.name == "phone" and word == "digits"
                return saying.telephone(value, self.country) if telephone else saying.value(word, value)

    def _attempts(self, node: Pairs, prompts: list[PromptUse]) -> Emit:
        self._only(node, ("attempt",))
        given = node.entries["attempt"]
        if not (isinstance(given, Items) and 1 <= len(given.items) <= MAX_ATTEMPTS):
            message = f"'attempt' takes a list of 1 to {MAX_ATTEMPTS}: what is said at the first visit, the second, ..."
            raise self.source.error(given.place, message, "As in: attempt: [[welcome], [welcome_back]]")
        bodies = tuple(self.saying(item) for item in given.items)
        prompts.extend(use for body in bodies for use in body.prompts)
        return saying.by_visit(bodies)

    def _typed(self, node: Node, word: str, wanted: tuple[str, ...]) -> Expression:
        expression = self.expression(node)
        if expression.type.name not in wanted:
            raise self.source.error(node.place, f"'{word}' says {' or '.join(wanted)}; this is {expression.type}")
        return expression

    def _each(self, node: Pairs, prompts: list[PromptUse]) -> Emit:
        self._only(node, ("each", "as", "say"))
        items = self.expression(node.entries["each"])
        if items.type.name != t.LIST or items.type.item is None:
            raise self.source.error(node.entries["each"].place, f"'each' goes over a list; this is {items.type}")
        name = self.local_name(node)
        with_item = self.inside(name, items.type.item)
        return saying.each(items, name, with_item._body(node, "say", prompts))  # noqa: SLF001 - its own kind

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

    def _body(self, node: Pairs, key: str, prompts: list[PromptUse]) -> Saying:
        if key not in node.entries:
            raise self.source.error(node.place, f"'{key}' is missing: what is said")
        return self._optional(node, key, prompts)

    def _optional(self, node: Pairs, key: str, prompts: list[PromptUse]) -> Saying:
        found = self.saying(node.get(key))
        prompts.extend(found.prompts)
        return found

    def _only(self, node: Pairs, known: tuple[str, ...]) -> None:
        for key, place in node.keys.items():
            if key not in known:
                raise self.source.error(place, f"unknown key '{key}' in what is said", did_you_mean(key, known))

    def _prompt_id(self, node: Scalar) -> None:
        text = node.text
        if not text or len(text) > 64 or not text.replace("_", "a").isalnum() or not text.isascii():
            raise self.source.error(
                node.place, f"'{text[:64]}' is no prompt id", "What is said stands in the catalogue, under an id."
            )


def _by_visit(node: Node) -> bool:
    """Answer whether something in ``node`` is said by the visit of its step."""
    if isinstance(node, Items):
        return any(_by_visit(item) for item in node.items)
    return isinstance(node, Pairs) and ("attempt" in node.entries or any(map(_by_visit, node.entries.values())))
