"""A conversation file's nodes: the project's YAML with places, and the questions that the loader asks of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from core_client.language.source import Items, Pairs, Scalar, Source, parse
from core_client.language.source import Node as Raw
from core_client.language.suggest import did_you_mean
from tellerline.trying.conversation import Place

_NAME = re.compile(r"^[a-zA-Z_][a-zA-Z0-9_-]*$")


def nearest(word: str, known: Iterable[str]) -> str:
    """Answer a hint for a misspelt ``word``: the nearest known one, else all of them."""
    names = sorted(known)
    return did_you_mean(word, names) or (f"Known: {', '.join(names)}." if names else "")


def root_of(source: Source) -> Node:
    """Answer the top node of ``source``.

    Raises:
        LanguageError: of the class that the source makes: not YAML, empty, too large, nested too deep.
    """
    return Node(source, parse(source))


@dataclass(frozen=True, slots=True)
class Node:
    """One YAML node with its place."""

    source: Source
    raw: Raw

    @property
    def place(self) -> Place:
        """Where it begins."""
        return Place(self.source.name, self.raw.place.line, self.raw.place.column)

    @property
    def is_text(self) -> bool:
        """Whether it is a scalar."""
        return isinstance(self.raw, Scalar)

    @property
    def is_sequence(self) -> bool:
        """Whether it is a list."""
        return isinstance(self.raw, Items)

    def fail(self, message: str, hint: str = "") -> NoReturn:
        """Raise what is wrong with this node."""
        raise self.source.error(self.raw.place, message, hint)

    def text(self) -> str:
        """Answer the scalar's text."""
        if not isinstance(self.raw, Scalar):
            self.fail("a text is wanted here")
        return self.raw.text

    def name(self) -> str:
        """Answer the text, which must be a plain name."""
        text = self.text()
        if not _NAME.match(text):
            self.fail(f"'{text}' is not a name", "Letters, digits and _ only, beginning with a letter.")
        return text

    def flag(self) -> bool:
        """Answer true or false."""
        text = self.text().lower()
        if text not in {"true", "false"}:
            self.fail(f"'{self.text()}' is neither true nor false")
        return text == "true"

    def one_of(self, known: Iterable[str], what: str) -> str:
        """Answer the text, which must be one of ``known``."""
        text = self.text()
        if text not in known:
            self.fail(f"unknown {what} '{text}'", nearest(text, known))
        return text

    def sequence(self) -> tuple[Node, ...]:
        """Answer the items of a list."""
        if not isinstance(self.raw, Items):
            self.fail("a list is wanted here", "Begin each item with '- ', or write [a, b].")
        return tuple(Node(self.source, item) for item in self.raw.items)

    def pairs(self) -> dict[str, tuple[Node, Node]]:
        """Answer a mapping's keys with their own nodes and their values."""
        raw = self.raw
        if not isinstance(raw, Pairs):
            self.fail("words with values are wanted here", "As in {from: ..., to: ...}.")
        return {
            name: (Node(self.source, Scalar(name, raw.keys[name])), Node(self.source, value))
            for name, value in raw.entries.items()
        }

    def mapping(self, known: tuple[str, ...], required: tuple[str, ...] = ()) -> Mapping[str, Node]:
        """Answer a mapping whose keys are all in ``known`` and hold all of ``required``."""
        pairs = self.pairs()
        for name, (key, _) in pairs.items():
            if name not in known:
                key.fail(f"unknown word '{name}'", nearest(name, known))
        for name in required:
            if name not in pairs:
                self.fail(f"'{name}' is missing")
        return {name: value for name, (_, value) in pairs.items()}

    def only(self, known: tuple[str, ...], what: str) -> tuple[str, Node]:
        """Answer the one pair of a mapping that must have exactly one, of ``known``."""
        pairs = self.mapping(known)
        if len(pairs) != 1:
            self.fail(f"one {what} is wanted here", f"One of: {', '.join(known)}.")
        return next(iter(pairs.items()))
