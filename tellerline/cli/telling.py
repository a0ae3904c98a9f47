"""How the command line speaks: to whom, in what words, with which exit code.

Exit codes: 0 it is well; 1 the answer is no (a conversation failed, a check found errors, something is missing);
2 what was given cannot be used (options, files, settings).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment

from core_client.adapters.sealing import SealError
from core_client.adapters.valkey import StoreError
from core_client.language.errors import LanguageError
from sounds.errors import SoundsError
from tellerline.config import Config, load_config
from tellerline.errors import TellerlineError

NO, BAD_INPUT = 1, 2
TOLD = (TellerlineError, LanguageError, SoundsError, StoreError, SealError)

# What a terminal would obey or could not show: controls but tab and line end, what turns the direction of writing
# round, and bytes of an argument or a file's name that are no UTF-8.
_NOT_SHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SHOWN_INSTEAD = "\N{REPLACEMENT CHARACTER}"


class PlainConsole(Console):
    """A console whose colours are its own: what people and files wrote never commands the terminal."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render as ever, and replace what is not text."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else plain(text), style, control)


out = PlainConsole(highlight=False, soft_wrap=True, emoji=False)  # a file's ":1:" and ":x:" are no pictures
err = PlainConsole(stderr=True, highlight=False, soft_wrap=True, emoji=False)

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="Settings in TOML; else the file that TELLERLINE_CONFIG names, else ./tellerline.toml where there is one.",
    ),
]


class Format(StrEnum):
    """How data is printed."""

    TEXT = "text"
    JSON = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="For people or for machines.")]


def is_plain(text: str) -> bool:
    """Answer whether a terminal shows all of ``text``, and obeys none of it."""
    return _NOT_SHOWN.search(text) is None


def plain(text: str) -> str:
    """Answer ``text`` with a sign in the place of whatever a terminal would obey or could not show."""
    return _NOT_SHOWN.sub(_SHOWN_INSTEAD, text)


def tell_json(data: dict[str, Any]) -> None:
    """Print data for machines."""
    text = json.dumps(data, ensure_ascii=False, indent=2)
    typer.echo(_NOT_SHOWN.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def tell_error(error: BaseException | str) -> None:
    """Print what is wrong, to the error stream."""
    err.print(f"[bold red]tellerline:[/] {escape(str(error))}")


def config_of(file: Path | None) -> Config:
    """Answer the settings of ``file``, of the file that the environment names, or of the folder one stands in."""
    here = Path("tellerline.toml")
    if file is None and "TELLERLINE_CONFIG" not in os.environ and here.is_file():
        file = here
    return load_config(file)
