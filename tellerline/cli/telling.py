"""How the command line speaks: to whom, in what words, with which exit code.

Exit codes: 0 it is well; 1 the answer is no (a conversation failed, a check found errors, something is missing);
2 what was given cannot be used (options, files, settings).
"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from core_client.adapters.sealing import SealError
from core_client.adapters.valkey import StoreError
from core_client.language.errors import LanguageError
from sounds.errors import SoundsError
from tellerline.config import Config, load_config
from tellerline.errors import TellerlineError

NO, BAD_INPUT = 1, 2
TOLD = (TellerlineError, LanguageError, SoundsError, StoreError, SealError)

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

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


def tell_error(error: BaseException) -> None:
    """Print what is wrong, to the error stream."""
    err.print(f"[bold red]tellerline:[/] {escape(str(error))}")


def config_of(file: Path | None) -> Config:
    """Answer the settings of ``file``, of the file that the environment names, or of the folder one stands in."""
    here = Path("tellerline.toml")
    if file is None and "TELLERLINE_CONFIG" not in os.environ and here.is_file():
        file = here
    return load_config(file)
