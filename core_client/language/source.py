"""YAML as people write it, with the place of every word kept: everything is text until a schema decides.

Built from the parser's events, never by composing: libyaml's composer recurses in C and takes the interpreter down on
60,000 nested brackets. Anchors, aliases, tags and duplicate keys are refused: each makes a file mean something else
than what a reader sees.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import yaml

from core_client.language.errors import LanguageError

MAX_BYTES = 256 * 1024  # of one file; a bank's whole line takes 30 KiB
MAX_DEPTH = 16  # flow, steps, step, menu, say, each, say, entry: 8
MAX_NODES = 20_000
MAX_SCALAR = 4_000  # characters of one text; a paragraph that is spoken takes 500

# What YAML 1.1 §5.1 does not allow in a stream at all.
_ODD = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


class Place(NamedTuple):
    """Where something stands; ``line`` and ``column`` count from 1.

    ``file`` is empty in the file that was asked for, and the name of an included one in that.
    """

    line: int
    column: int
    file: str = ""


class Scalar(NamedTuple):
    """One text. ``offset`` is what an opening quote takes: text column 0 stands at ``place.column + offset``."""

    text: str
    place: Place
    offset: int = 0


class Items(NamedTuple):
    """A list."""

    items: tuple[Node, ...]
    place: Place


class Pairs(NamedTuple):
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
    """One file's text: makes errors that show their line, also at places of the files that belong to it."""

    def __init__(self, name: str, text: str, error: type[LanguageError] = LanguageError, file: str = "") -> None:
        self.name = name
        self.text = text
        self.file = file
        self.family: dict[str, Source] = {file: self}  # the files that places may name; shared by all of them
        self._error = error
        self._lines: list[str] | None = None

    def line(self, number: int) -> str:
        """Answer a line's text, counted from 1; empty beyond the end."""
        if self._lines is None:
            self._lines = self.text.splitlines()
        return self._lines[number - 1] if 0 < number <= len(self._lines) else ""

    def error(self, place: Place, message: str, hint: str = "", rule: str = "") -> LanguageError:
        """Make the error that says what is wrong at ``place`` and how to mend it."""
        at = self.family.get(place.file, self)
        return self._error(at.name, place.line, place.column, message, hint, at.line(place.line), rule)

    def adopt(self, other: Source) -> None:
        """Make ``other`` one of the files whose places these errors show."""
        self.family[other.file] = other
        other.family = self.family

    def inside(self, scalar: Scalar, column: int) -> Place:
        """Answer where character ``column`` of a text stands; its beginning when it is not written as it reads."""
        place, text = scalar.place, scalar.text
        begin = place.column - 1 + scalar.offset
        if not self.family.get(place.file, self).line(place.line).startswith(text, begin):
            return place  # written over several lines, or with escapes
        return Place(place.line, begin + 1 + column, place.file)


def read_source(
    path: Path, error: type[LanguageError] = LanguageError, name: str | None = None, file: str = ""
) -> Source:
    """Read a file as UTF-8 text.

    Args:
        name: what errors call it, when not by its path.
        file: what places in it name; see :class:`Place`.

    Raises:
        LanguageError: it cannot be read, is too large, or is no UTF-8.
    """
    shown = name or str(path)
    try:
        with path.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
            size = os.fstat(opened.fileno()).st_size
    except OSError as problem:
        raise error(shown, 1, 1, f"cannot read it: {problem.strerror or type(problem).__name__}") from problem
    if len(data) > MAX_BYTES:
        raise error(shown, 1, 1, *_too_large(max(size, len(data))))
    return decode_source(data, shown, error, file)


def decode_source(data: bytes, name: str, error: type[LanguageError] = LanguageError, file: str = "") -> Source:
    """Decode a file's bytes. Raises as :func:`read_source` does."""
    if len(data) > MAX_BYTES:
        raise error(name, 1, 1, *_too_large(len(data)))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise _no_utf8(data, problem.start, name, error) from problem
    return Source(name, text, error, file)


def _too_large(size: int) -> tuple[str, str]:
    message = f"this file has {-(-size // 1024)} KiB; at most {MAX_BYTES // 1024} KiB are read"
    return message, "Split it into several files."


def _no_utf8(data: bytes, at: int, name: str, error: type[LanguageError]) -> LanguageError:
    begin = data.rfind(b"\n", 0, at) + 1
    line = data.count(b"\n", 0, at) + 1
    # ``at`` counts without the mark at a file's beginning.
    text = data[begin:].split(b"\n", 1)[0].decode("utf-8-sig", errors="replace").rstrip("\r")
    column = text.find("�") + 1 or 1
    return error(name, line, column, "this is not UTF-8 text", "Save the file as UTF-8.", text)


def parse(source: Source) -> Node:
    """Read the one YAML document of ``source``.

    Raises:
        LanguageError: it is no YAML, or uses what this reader refuses.
    """
    if len(source.text) > MAX_BYTES:
        raise source.error(Place(1, 1, source.file), *_too_large(len(source.text.encode(errors="replace"))))
    if "\ufeff" in source.text:
        raise source.error(_first_odd(source), "a byte order mark, which nobody sees, inside the file", "Remove it.")
    try:
        root = _read(source)
    except (yaml.YAMLError, UnicodeError) as problem:
        # The parser only knows how many bytes in such a character stands.
        raise source.error(_first_odd(source), "a character that has no place in a YAML file") from problem
    if root is None:
        raise source.error(Place(1, 1, source.file), "the file is empty")
    return root


def plain(node: Node) -> Plain:
    """Answer the bare texts, lists and dicts, for a schema to validate."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    return {key: plain(item) for key, item in node.entries.items()}


def _read(source: Source) -> Node | None:
    loader = yaml.CBaseLoader(source.text)
    try:
        return _of_events(source, loader.get_event)
    finally:
        loader.dispose()


def _of_events(source: Source, next_event: Callable[[], Any]) -> Node | None:
    """Build nodes of the parser's events, without recursion. Every load spends most of its time here."""
    new, file = tuple.__new__, source.file  # a call of the class costs twice as much, a thousand times a file
    roots: list[Node] = []
    # What is being read: a list has items; a mapping has none, but entries, keys, and the key of the value to come.
    opened: Place | None = None
    items: list[Node] | None = roots
    entries: dict[str, Node] = {}
    keys: dict[str, Place] = {}
    key: str | None = None
    around: list[tuple[Any, ...]] = []  # the same of those that this one stands in
    nodes = 0
    while True:
        try:
            event = next_event()
        except yaml.MarkedYAMLError as problem:
            raise _syntax(source, problem, opened) from problem
        kind = type(event)
        if kind is yaml.ScalarEvent:
            nodes += 1
            mark, text = event.start_mark, event.value
            place = new(Place, (mark.line + 1, mark.column + 1, file))
            if event.anchor is not None or event.tag is not None or nodes > MAX_NODES or len(text) > MAX_SCALAR:
                raise _refused(source, event, place)
            if items is None and key is None:
                if text in keys:
                    raise source.error(place, f"'{text[:64]}' stands here twice", f"See line {keys[text].line}.")
                key = text
                keys[text] = place
                continue
            node: Node = new(Scalar, (text, place, 1 if event.style in ("'", '"') else 0))
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            nodes += 1
            mark = event.start_mark
            place = new(Place, (mark.line + 1, mark.column + 1, file))
            if event.anchor is not None or event.tag is not None or nodes > MAX_NODES:
                raise _refused(source, event, place)
            if len(around) >= MAX_DEPTH:
                raise source.error(place, f"nested deeper than {MAX_DEPTH}")
            if items is None and key is None:
                raise source.error(place, "a key must be a plain text")
            around.append((opened, items, entries, keys, key))
            opened, key = place, None
            if kind is yaml.MappingStartEvent:
                items, entries, keys = None, {}, {}
            else:
                items = []
            continue
        elif (kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent) and opened is not None:
            node = new(Pairs, (entries, keys, opened)) if items is None else new(Items, (tuple(items), opened))
            opened, items, entries, keys, key = around.pop()
        elif kind is yaml.StreamEndEvent:
            return roots[0] if roots else None
        elif kind is yaml.AliasEvent or (kind is yaml.DocumentStartEvent and roots):
            raise _refused(source, event, Place(event.start_mark.line + 1, event.start_mark.column + 1, file))
        else:
            continue  # the stream or the document begins, or the document ends
        if items is not None:
            items.append(node)
        elif key is not None:
            entries[key] = node
            key = None


def _refused(source: Source, event: yaml.Event, place: Place) -> LanguageError:
    """Make the error of an event that may not stand in a file of ours."""
    if isinstance(event, yaml.AliasEvent):
        return source.error(place, "an alias (*) is not allowed here", "Write it out, or quote the text.")
    if isinstance(event, yaml.DocumentStartEvent):
        return source.error(place, "a second document in one file", "Use one file for each.")
    if getattr(event, "anchor", None) is not None:
        return source.error(place, "an anchor (&) is not allowed here", "Write it out, or quote the text.")
    if getattr(event, "tag", None) is not None:
        return source.error(place, "a tag (!) is not allowed here", "Quote the text when the ! is meant.")
    if isinstance(event, yaml.ScalarEvent) and len(event.value) > MAX_SCALAR:
        return source.error(place, f"a text longer than {MAX_SCALAR} characters")
    return source.error(place, f"more than {MAX_NODES} values in one file", "Split it.")


# libyaml's words, ours, the mend, and whether the place is where that began which went wrong.
_WORDS = (
    ("tab character", "a tab cannot indent here", "Use spaces.", False),
    ("cannot start any token", "a text cannot begin with this character", "Quote the text.", False),
    (
        "mapping values are not allowed",
        "a ':' that cannot stand here",
        "Quote the text, or mend the indentation.",
        False,
    ),
    ("did not find expected key", "the indentation does not fit the lines above", "", False),
    ("expected '-' indicator", "the indentation does not fit the lines above", "", False),
    ("could not find expected ':'", "a ':' is missing behind this", "", True),
    ("alphabetic or numeric character", "a text cannot begin with * or &", "Quote the text.", True),
    (
        "unknown escape character",
        "in double quotes this is no escape",
        "Write \\\\ for a \\, or use single quotes.",
        False,
    ),
    ("node content", "this cannot stand here", "Is a value missing before it?", False),
    ("<document start>", "a second document in one file", "Use one file for each.", False),
    ("unexpected end of stream", "this quote is never closed", "", True),
)


def _syntax(source: Source, problem: yaml.MarkedYAMLError, opened: Place | None) -> LanguageError:
    """Make the error of what is no YAML. ``opened`` is the innermost list or mapping that is not closed yet."""
    words = problem.problem or "this is not YAML"
    mark = problem.problem_mark or problem.context_mark
    place = Place(mark.line + 1, mark.column + 1, source.file) if mark else Place(1, 1, source.file)
    line = source.line(place.line)
    if line[place.column - 1 : place.column] == "\t":
        words = "tab character"
    at_end = not line[place.column - 1 :].strip() and not source.line(place.line + 1)
    bracket = source.line(opened.line)[opened.column - 1 : opened.column] if opened is not None else ""
    if opened is not None and bracket in ("[", "{") and at_end:
        return source.error(opened, f"this '{bracket}' is never closed")
    for known, ours, mend, at_beginning in _WORDS:
        if known in words:
            begin = problem.context_mark if at_beginning else None
            at = Place(begin.line + 1, begin.column + 1, source.file) if begin else place
            return source.error(at, ours, mend)
    return source.error(place, words)


def _first_odd(source: Source) -> Place:
    found = _ODD.search(source.text)
    if found is None:
        return Place(1, 1, source.file)
    before = (source.text[: found.start()] + "x").splitlines()
    return Place(len(before), len(before[-1]), source.file)
