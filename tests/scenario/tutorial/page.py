"""A page that can be run: its commands, what they print, the edits between them.

Blocks: ``console`` (commands after ``$``, and what they print), ``console second`` (a command that runs until the end),
``diff FILE`` (lines that an editor changes), ``toml FILE`` and ``yaml FILE`` (lines added at the end). Within what a
command prints, a line that begins with ``>`` is typed by the reader; a line ``...`` stands for any lines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

BLOCK = re.compile(
    r"^```(?P<kind>console second|console|diff|toml|yaml)(?: (?P<file>[\w./-]+))?\n(?P<text>.*?)^```",
    re.MULTILINE | re.DOTALL,
)


@dataclass
class Command:
    """One command, and what the page says that it prints."""

    line: str
    printed: list[str] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)


@dataclass
class Block:
    """One block of the page."""

    kind: str
    file: str
    text: str
    start: int
    end: int

    def commands(self) -> list[Command]:
        """Answer the commands of a console block."""
        found: list[Command] = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                found.append(Command(line[2:]))
            else:
                found[-1].printed.append(line)
                if line.startswith("> "):
                    found[-1].typed.append(line[2:])
        return found


def blocks(page: Path) -> list[Block]:
    """Answer the blocks of ``page``, in order; YAML that is only shown is none."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(found["kind"], found["file"] or "", found["text"], found.start("text"), found.end("text"))
        for found in BLOCK.finditer(text)
        if found["file"] or found["kind"].startswith("console")
    ]


def edit(file: Path, diff: str) -> None:
    """Change ``file`` as ``diff`` says: each removed line is there once."""
    old = "".join(line[1:] + "\n" for line in diff.splitlines() if line.startswith("-"))
    new = "".join(line[1:] + "\n" for line in diff.splitlines() if line.startswith("+"))
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file.name} has not exactly one {old!r}"
    file.write_text(text.replace(old, new), encoding="utf-8")


VARYING = (
    (re.compile(r"\b[0-9a-f]{16}\b|\b[0-9a-f]{8}\b"), "VERSION"),
    (re.compile(r"\btellerline_[\w-]{43}"), "TOKEN"),
    (re.compile(r"\d{4}-\d\d-\d\d(T[\d:.]+Z|[ \d:]*)"), "WHEN"),
    (re.compile(r"\b\d+(\.\d+)? m?s\b"), "TIME"),
    (re.compile(r"^ +\d+\.\d\d  |^\d\d:\d\d\.\d "), "AT "),
    (re.compile(r"127\.0\.0\.1:\d+"), "ADDRESS"),
)


def plain(line: str) -> str:
    """Answer a line without what is another thing at each run."""
    for pattern, word in VARYING:
        line = pattern.sub(word, line)
    return line.rstrip()


def agrees(said: list[str], printed: list[str]) -> bool:
    """Answer whether the page says what was printed; ``...`` stands for any lines."""
    if not said:
        return not printed
    if said[0] == "...":
        return any(agrees(said[1:], printed[start:]) for start in range(len(printed) + 1))
    return bool(printed) and plain(said[0]) == plain(printed[0]) and agrees(said[1:], printed[1:])
