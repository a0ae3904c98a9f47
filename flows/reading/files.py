"""The files of one flow: its own, and those that it includes, each read once, in the order in which they are named."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Protocol

from core_client.language.errors import LanguageError
from core_client.language.source import Items, Pairs, Place, Scalar, Source, decode_source, parse, read_source
from core_client.language.suggest import did_you_mean
from flows.errors import FlowError

MAX_FILES = 40  # that one flow includes; a bank's largest line is split into a dozen
MAX_DEPTH = 8  # of files that include files; deeper, nobody finds what stands where

MAIN_ONLY = ("flow", "languages", "start", "currency", "keys", "fallback", "time_zone", "country")
_NAME = re.compile(r"[A-Za-z0-9_][\w.-]*(?:/[A-Za-z0-9_][\w.-]*)*\.ya?ml", re.ASCII)
_FLOW_KEY = re.compile(r"^(?:flow|'flow'|\"flow\")[ \t]*:", re.MULTILINE)


class Shelf(Protocol):
    """Where the files beside a flow are taken from."""

    def read(self, name: str) -> Source | None:
        """Answer the file of that name below the flow's folder; None where there is none."""
        ...

    def names(self) -> Iterable[str]:
        """Answer the files that could be meant."""
        ...


@dataclass(frozen=True, slots=True)
class FlowFile:
    """One file of a flow."""

    source: Source
    root: Pairs

    def section(self, name: str) -> Pairs:
        """Answer the mapping at the top that is called ``name``; an empty one where there is none."""
        found = self.root.get(name)
        return found if isinstance(found, Pairs) else Pairs({}, {}, self.root.place)


class Beside:
    """The folder of the flow in ``path``."""

    def __init__(self, path: Path) -> None:
        self._folder = path.parent

    def read(self, name: str) -> Source | None:
        """See :class:`Shelf`."""
        found = self._folder / name
        if not found.is_file() or not found.resolve().is_relative_to(self._real_folder):
            return None
        return read_source(found, FlowError, file=name)

    @cached_property
    def _real_folder(self) -> Path:
        return self._folder.resolve()

    def names(self) -> Iterable[str]:
        """See :class:`Shelf`."""
        return (path.name for path in self._folder.glob("*.yaml"))


class Among:
    """Files in memory, beside the one that is called ``main``."""

    def __init__(self, main: str, files: Mapping[str, str]) -> None:
        self._folder = PurePosixPath(main).parent
        self._files = files

    def read(self, name: str) -> Source | None:
        """See :class:`Shelf`."""
        shown = str(self._folder / name)
        text = self._files.get(shown)
        return None if text is None else source_of(text, shown, name)

    def names(self) -> Iterable[str]:
        """See :class:`Shelf`."""
        return self._files


def source_of(text: str, name: str, file: str = "") -> Source:
    """Make a source of text.

    Raises:
        FlowError: it is no Unicode, or too long.
    """
    try:
        data = text.encode()
    except UnicodeEncodeError as problem:
        raise FlowError(name, 1, 1, "this is not Unicode text", rule="syntax") from problem
    return decode_source(data, name, FlowError, file)


def gather(main: Source, shelf: Shelf) -> tuple[FlowFile, ...]:
    """Read the flow's own file and all that it includes; a file comes before those that it includes.

    Raises:
        FlowError: one cannot be read, is included in a round, or holds what only the flow's own file can.
    """
    return tuple(_Gathering(main, shelf).files())


class _Gathering:
    def __init__(self, main: Source, shelf: Shelf) -> None:
        self._main = main
        self._shelf = shelf
        self._found: dict[str, FlowFile] = {}

    def files(self) -> list[FlowFile]:
        root = parse(self._main)
        if not isinstance(root, Pairs):
            raise self._main.error(root.place, "the flow must be a mapping of keys", "As in: flow: ..., steps: ...")
        self._found[""] = FlowFile(self._main, root)
        if "include" in root.entries:
            self._include(self._found[""], ())
        return list(self._found.values())

    def _include(self, file: FlowFile, way: tuple[str, ...]) -> None:
        """Read what ``file`` includes. ``way`` are the files that led to it."""
        node = file.root.get("include")
        if node is None:
            return
        if not isinstance(node, Items):
            raise self._error(node.place, "'include' takes a list of files", "As in: include: [common.yaml]")
        named: set[str] = set()
        for item in node.items:
            if not isinstance(item, Scalar):
                raise self._error(item.place, "the name of a file is needed here", "As in: include: [common.yaml]")
            if item.text in named:
                raise self._error(item.place, f"'{item.text[:64]}' is included here twice", "Once is enough.")
            named.add(item.text)
            self._take(item, (*way, file.source.file))

    def _take(self, item: Scalar, way: tuple[str, ...]) -> None:
        name = item.text
        if not _NAME.fullmatch(name):
            hint = "Write a *.yaml file beside the flow, or below its folder, as in parts/common.yaml."
            raise self._error(item.place, f"'{name[:64]}' cannot be included", hint)
        if name in way or name == PurePosixPath(self._main.name.replace("\\", "/")).name:
            round_ = " -> ".join([*(each or "the flow" for each in way), name])
            raise self._error(item.place, f"files that include each other: {round_}", "Take one of them out.")
        if name in self._found:
            return  # named by two files: read once
        if len(way) > MAX_DEPTH:
            raise self._error(item.place, f"files that include files, deeper than {MAX_DEPTH}", "Include it above.")
        if len(self._found) > MAX_FILES:
            raise self._error(item.place, f"more than {MAX_FILES} files in one flow", "Put some of them together.")
        source = self._shelf.read(name)
        if source is None:
            hint = did_you_mean(name, self._shelf.names())
            raise self._error(item.place, f"there is no file '{name}' beside the flow", hint)
        self._main.adopt(source)
        root = parse(source)
        if not isinstance(root, Pairs):
            raise source.error(root.place, "an included file must be a mapping of keys", "As in: steps: ...")
        for key in MAIN_ONLY:
            if key in root.keys:
                message = f"'{key}' cannot stand in an included file"
                raise source.error(root.keys[key], message, "It stands in the flow's own file.", "include")
        self._found[name] = FlowFile(source, root)
        self._include(self._found[name], way)

    def _error(self, place: Place, message: str, hint: str = "") -> LanguageError:
        return self._main.error(place, message, hint, "include")


def is_only_included(source: Source) -> bool:
    """Answer whether a file is no flow of its own, but written to be included: it has no key that only flows have."""
    if _FLOW_KEY.search(source.text):
        return False
    try:
        root = parse(source)
    except FlowError:
        return False  # whoever loads it tells what is wrong
    return isinstance(root, Pairs) and bool(root.entries) and not any(key in root.entries for key in MAIN_ONLY)
