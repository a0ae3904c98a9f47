"""Where in a TOML file a setting stands: a fault in the third bind of the second operator is told with its line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Step: TypeAlias = "str | int"

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_.\s-])+?)\s*=""")
_NAME = re.compile(r"""\s*("[^"]*"|'[^']*'|[^."'\s]+)\s*""")


class Places:
    """The lines of a file's tables and keys."""

    def __init__(self, text: str) -> None:
        """Read ``text`` line by line; what stands inside a value of several lines is found at that value's line."""
        self._lines: dict[tuple[Step, ...], int] = {}
        counts: dict[tuple[Step, ...], int] = {}
        table: tuple[Step, ...] = ()
        for number, line in enumerate(text.splitlines(), start=1):
            header = _HEADER.match(line)
            if header:
                table = _path(_names(header[2]), counts, new_item=header[1] == "[[")
                self._lines.setdefault(table, number)
                continue
            key = _KEY.match(line)
            if key:
                self._lines.setdefault((*table, *_names(key[1])), number)

    def line(self, path: Sequence[Step]) -> int | None:
        """Answer the line of what ``path`` names, or of the nearest thing around it that has a line."""
        for length in range(len(path), 0, -1):
            found = self._lines.get(tuple(path[:length]))
            if found is not None:
                return found
        return None


def _names(dotted: str) -> list[str]:
    return [name.strip("\"'") for name in _NAME.findall(dotted)]


def _path(names: Sequence[str], counts: dict[tuple[Step, ...], int], *, new_item: bool) -> tuple[Step, ...]:
    """Answer the path of a table; below an array of tables, that of its newest item."""
    path: tuple[Step, ...] = ()
    for position, name in enumerate(names, start=1):
        path = (*path, name)
        if position == len(names) and new_item:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def named(path: Sequence[Step], values: Mapping[str, Any]) -> str:
    """Answer a path for people, items of an array by their ``name``: ``sms.operators[north].binds[a].host``."""
    told = ""
    here: Any = values
    for step in path:
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            here = None
        if isinstance(step, int):
            name = here.get("name") if isinstance(here, Mapping) else None
            told += f"[{name if isinstance(name, str) and name else step + 1}]"
        elif not step.startswith("["):  # pydantic's '[key]': the fault is in a table's key, not in its value
            told += f".{step}" if told else step
    return told
