"""YAML with places: nodes that know where they stand and fail with line, column, caret and mend."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NoReturn

import yaml

from tellerline.errors import ConversationError
from tellerline.trying.conversation import Place

MAX_FILE_BYTES = 256 * 1024  # a conversation is a page or two
MAX_DEPTH = 12  # the language needs 5; compose would recurse as deep as a file likes
MAX_SHOWN = 160  # characters of a source line that an error shows
_NAME = re.compile(r"^[a-zA-Z_][a-zA-Z0-9_-]*$")


def nearest(word: str, known: Iterable[str]) -> str:
    """Answer a hint for a misspelt ``word``: the nearest known one, else all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1)
    if close:
        return f"Did you mean '{close[0]}'?"
    return f"Known: {', '.join(names)}." if names else ""


class Document:
    """One file's text, parsed no further than YAML's own nodes."""

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self.lines = text.splitlines()
        self._text = text

    def root(self) -> Node:
        """Answer the top node.

        Raises:
            ConversationError: not YAML, empty, too large or nested too deep.
        """
        if len(self._text.encode()) > MAX_FILE_BYTES:
            raise ConversationError(self.name, 1, 1, f"larger than {MAX_FILE_BYTES // 1024} KiB", "Split it.")
        try:
            self._check_events()
            root = yaml.compose(self._text, Loader=yaml.CBaseLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line, mark.column) if mark else (0, 0)
            self.fail(line, column, f"not YAML: {error.problem or error.context}")
        except yaml.reader.ReaderError as error:
            self.fail(0, 0, f"not YAML: a character that is not allowed, at offset {error.position}")
        if root is None:
            self.fail(0, 0, "the file is empty", "Begin with 'conversation: its name'.")
        return Node(self, root)

    def _check_events(self) -> None:
        depth = 0
        for event in yaml.parse(self._text, Loader=yaml.CBaseLoader):
            mark = event.start_mark
            line, column = (mark.line, mark.column) if mark else (0, 0)
            tag = getattr(event, "tag", None)
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                self.fail(line, column, "anchors and aliases are not used here", "Write it out.")
            if tag not in (None, "!"):
                self.fail(line, column, f"a tag ({tag}) is not used here", "Leave it out.")
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > MAX_DEPTH:
                    self.fail(line, column, f"nested deeper than {MAX_DEPTH}")
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1

    def fail(self, line: int, column: int, message: str, hint: str = "") -> NoReturn:
        """Raise the error of what stands at ``line`` and ``column``, counted from 0."""
        source = self.lines[line] if line < len(self.lines) else ""
        raise ConversationError(self.name, line + 1, column + 1, message, hint, source[:MAX_SHOWN])


@dataclass(frozen=True, slots=True)
class Node:
    """One YAML node with its place."""

    document: Document
    raw: yaml.Node

    @property
    def place(self) -> Place:
        """Where it begins."""
        mark = self.raw.start_mark
        return Place(self.document.name, mark.line + 1, mark.column + 1)

    @property
    def is_text(self) -> bool:
        """Whether it is a scalar."""
        return isinstance(self.raw, yaml.ScalarNode)

    @property
    def is_sequence(self) -> bool:
        """Whether it is a list."""
        return isinstance(self.raw, yaml.SequenceNode)

    def fail(self, message: str, hint: str = "") -> NoReturn:
        """Raise what is wrong with this node."""
        mark = self.raw.start_mark
        self.document.fail(mark.line, mark.column, message, hint)

    def text(self) -> str:
        """Answer the scalar's text."""
        if not isinstance(self.raw, yaml.ScalarNode):
            self.fail("a text is wanted here")
        return str(self.raw.value)

    def name(self) -> str:
        """Answer the text, which must be a plain name."""
        text = self.text()
        if not _NAME.match(text):
            self.fail(f"'{text}' is not a name.", "Letters, digits and _ only, beginning with a letter.")
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
            self.fail(f"unknown {what} '{text}'.", nearest(text, known))
        return text

    def sequence(self) -> tuple[Node, ...]:
        """Answer the items of a list."""
        if not isinstance(self.raw, yaml.SequenceNode):
            self.fail("a list is wanted here", "Begin each item with '- ', or write [a, b].")
        return tuple(Node(self.document, item) for item in self.raw.value)

    def pairs(self) -> dict[str, tuple[Node, Node]]:
        """Answer a mapping's keys with their own nodes and their values; a key that comes twice is an error."""
        if not isinstance(self.raw, yaml.MappingNode):
            self.fail("words with values are wanted here", "As in {from: ..., to: ...}.")
        found: dict[str, tuple[Node, Node]] = {}
        for key, value in self.raw.value:
            node = Node(self.document, key)
            name = node.text()
            if name in found:
                node.fail(f"'{name}' stands here twice.", f"The first is in line {found[name][0].place.line}.")
            found[name] = (node, Node(self.document, value))
        return found

    def mapping(self, known: tuple[str, ...], required: tuple[str, ...] = ()) -> Mapping[str, Node]:
        """Answer a mapping whose keys are all in ``known`` and hold all of ``required``."""
        pairs = self.pairs()
        for name, (key, _) in pairs.items():
            if name not in known:
                key.fail(f"unknown word '{name}'.", nearest(name, known))
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
