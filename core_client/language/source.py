"""YAML as people write it, with the place of every word kept: everything is text until a schema decides.

Built from the parser's events, never by composing: libyaml's composer recurses in C and takes the interpreter down on
60,000 nested brackets. Anchors, aliases, tags and duplicate keys are refused: each makes a file mean something else
than what a reader sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import yaml

from core_client.language.errors import LanguageError

MAX_BYTES = 256 * 1024  # a bank's whole line takes 20 KiB
MAX_DEPTH = 16  # flow, steps, step, menu, say, each, say, entry: 8
MAX_NODES = 20_000
MAX_SCALAR = 4_000  # characters of one text; a paragraph that is spoken takes 500


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a file; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Scalar:
    """One text. ``offset`` is what an opening quote takes: text column 0 stands at ``place.column + offset``."""

    text: str
    place: Place
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Pairs:
    """A mapping; ``keys`` holds the place of each key."""

    entries: dict[str, Node]
    keys: dict[str, Place]
    place: Place

    def get(self, key: str) -> Node | None:
        """Answer the value of ``key``, or None."""
        return self.entries.get(key)


Node: TypeAlias = Scalar | Items | Pairs
Plain: TypeAlias = "str | list[Plain] | dict[str, Plain]"


class Source:
    """One file's text: makes errors that show their line."""

    def __init__(self, name: str, text: str, error: type[LanguageError] = LanguageError) -> None:
        self.name = name
        self.text = text
        self._error = error
        self._lines: list[str] | None = None

    def line(self, number: int) -> str:
        """Answer a line's text, counted from 1; empty beyond the end."""
        if self._lines is None:
            self._lines = self.text.splitlines()
        return self._lines[number - 1] if 0 < number <= len(self._lines) else ""

    def error(self, place: Place, message: str, hint: str = "", rule: str = "") -> LanguageError:
        """Make the error that says what is wrong at ``place`` and how to mend it."""
        return self._error(self.name, place.line, place.column, message, hint, self.line(place.line), rule)


def read_source(path: Path, error: type[LanguageError] = LanguageError, name: str | None = None) -> Source:
    """Read a file as UTF-8 text.

    Raises:
        LanguageError: it cannot be read, is too large, or is no UTF-8.
    """
    shown = name or str(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as problem:
        raise error(shown, 1, 1, f"cannot read it: {problem.strerror or type(problem).__name__}") from problem
    return decode_source(data, shown, error)


def decode_source(data: bytes, name: str, error: type[LanguageError] = LanguageError) -> Source:
    """Decode a file's bytes. Raises as :func:`read_source` does."""
    if len(data) > MAX_BYTES:
        raise error(name, 1, 1, f"larger than {MAX_BYTES // 1024} KiB", "Split it into several files.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise error(name, line, 1, "this is not UTF-8 text", "Save the file as UTF-8.") from problem
    return Source(name, text, error)


def parse(source: Source) -> Node:
    """Read the one YAML document of ``source``.

    Raises:
        LanguageError: it is no YAML, or uses what this reader refuses.
    """
    if len(source.text) > MAX_BYTES:
        raise source.error(Place(1, 1), f"larger than {MAX_BYTES // 1024} KiB", "Split it into several files.")
    builder = _Builder(source)
    try:
        for event in yaml.parse(source.text, Loader=yaml.CBaseLoader):
            builder.take(event)
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
        raise source.error(place, _plain_words(problem.problem or "this is not YAML")) from problem
    except (yaml.YAMLError, UnicodeError) as problem:
        # A character that YAML does not allow: the reader only knows how far in it stands.
        raise source.error(_first_odd(source.text), "a character that has no place in a YAML file") from problem
    if builder.root is None:
        raise source.error(Place(1, 1), "the file is empty")
    return builder.root


def plain(node: Node) -> Plain:
    """Answer the bare texts, lists and dicts, for a schema to validate."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    return {key: plain(item) for key, item in node.entries.items()}


class _Open:
    """A list or mapping that is being read."""

    __slots__ = ("entries", "items", "key", "keys", "place")

    def __init__(self, place: Place, mapping: bool) -> None:
        self.place = place
        self.items: list[Node] | None = None if mapping else []
        self.entries: dict[str, Node] = {}
        self.keys: dict[str, Place] = {}
        self.key: str | None = None


class _Builder:
    """Takes parser events and builds nodes, without recursion."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._stack: list[_Open] = []
        self._nodes = 0
        self.root: Node | None = None

    def take(self, event: yaml.Event) -> None:
        mark = event.start_mark
        place = Place(mark.line + 1, mark.column + 1) if mark is not None else Place(1, 1)
        match event:
            case yaml.AliasEvent():
                raise self._source.error(place, "an alias (*) is not allowed here", "Write it out, or quote the text.")
            case yaml.ScalarEvent():
                self._refuse_extras(event, place)
                if len(event.value) > MAX_SCALAR:
                    raise self._source.error(place, f"a text longer than {MAX_SCALAR} characters")
                offset = 1 if event.style in ("'", '"') else 0
                self._scalar(Scalar(event.value, place, offset))
            case yaml.CollectionStartEvent():
                self._refuse_extras(event, place)
                self._open(place, isinstance(event, yaml.MappingStartEvent))
            case yaml.CollectionEndEvent():
                self._close()
            case yaml.DocumentStartEvent() if self.root is not None:
                raise self._source.error(place, "a second document in one file", "Use one file for each.")
            case _:
                pass

    def _refuse_extras(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, place: Place) -> None:
        if event.anchor is not None:
            raise self._source.error(place, "an anchor (&) is not allowed here", "Write it out, or quote the text.")
        if event.tag is not None:
            raise self._source.error(place, "a tag (!) is not allowed here", "Quote the text when the ! is meant.")
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise self._source.error(place, f"more than {MAX_NODES} values in one file", "Split it.")

    def _open(self, place: Place, mapping: bool) -> None:
        if len(self._stack) >= MAX_DEPTH:
            raise self._source.error(place, f"nested deeper than {MAX_DEPTH}")
        if self._stack and self._stack[-1].items is None and self._stack[-1].key is None:
            raise self._source.error(place, "a key must be a plain text")
        self._stack.append(_Open(place, mapping))

    def _close(self) -> None:
        done = self._stack.pop()
        node: Node
        if done.items is not None:
            node = Items(tuple(done.items), done.place)
        else:
            node = Pairs(done.entries, done.keys, done.place)
        self._add(node)

    def _scalar(self, scalar: Scalar) -> None:
        top = self._stack[-1] if self._stack else None
        if top is not None and top.items is None and top.key is None:
            if scalar.text in top.keys:
                first = top.keys[scalar.text].line
                raise self._source.error(scalar.place, f"'{scalar.text[:64]}' stands here twice", f"See line {first}.")
            top.key = scalar.text
            top.keys[scalar.text] = scalar.place
            return
        self._add(scalar)

    def _add(self, node: Node) -> None:
        if not self._stack:
            self.root = node
            return
        top = self._stack[-1]
        if top.items is not None:
            top.items.append(node)
            return
        if top.key is None:
            raise AssertionError("a value without its key")
        top.entries[top.key] = node
        top.key = None


def _plain_words(problem: str) -> str:
    """Put libyaml's words as a person would."""
    if "found character that cannot start any token" in problem:
        return "a character that cannot stand here: texts that begin with @, `, %, or a tab need quotes"
    if "mapping values are not allowed" in problem:
        return "a ':' that cannot stand here: quote the text, or mend the indentation"
    if "did not find expected key" in problem:
        return "the indentation does not fit the lines above"
    return problem


def _first_odd(text: str) -> Place:
    line = column = 1
    for char in text:
        if char == "\n":
            line, column = line + 1, 1
        elif char != "\t" and char != "\r" and (not char.isprintable() and not char.isspace()):
            return Place(line, column)
        else:
            column += 1
    return Place(1, 1)
