"""Commands whose code is loaded when they are used: a command does not wait for the libraries of all others.

Loading everything takes about three seconds of CPU; what one command needs takes some tenths.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True, slots=True)
class Lazy:
    """A command: the module that has it, and its help in one line for the list of commands.

    The module has ``add_to(app)``, which adds it among others, or ``app``, which is it.
    """

    module: str
    help: str


class LazyGroup(TyperGroup):
    """A group that loads a command's module when the command is asked for. Subclasses say which there are."""

    lazy: ClassVar[Mapping[str, Lazy]] = {}

    def __init__(self, **attributes: Any) -> None:
        """Stand for every command with its name and its line of help: enough to list and to suggest them."""
        super().__init__(**attributes)
        self.commands = {name: TyperCommand(name, help=row.help) for name, row in self.lazy.items()}

    def list_commands(self, ctx: Any) -> list[str]:
        """Answer the names, in the order in which they are written down."""
        return list(self.lazy)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Load the command; None when there is none of that name."""
        row = self.lazy.get(cmd_name)
        return None if row is None else loaded(cmd_name, row)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help from the lines that are written down, without loading any command."""
        listed = TyperGroup(
            name=self.name,
            commands=dict(self.commands),
            params=self.params,
            help=self.help,
            epilog=self.epilog,
            rich_markup_mode=self.rich_markup_mode,
        )
        listed.format_help(ctx, formatter)


def loaded(name: str, row: Lazy) -> Any:
    """Load the command of ``row``."""
    module = importlib.import_module(row.module)
    around = typer.Typer(context_settings={"help_option_names": ["-h", "--help"]}, pretty_exceptions_enable=False)
    around.callback()(_nothing)  # with a callback, one command too makes a group
    if hasattr(module, "add_to"):
        module.add_to(around)
    else:
        around.add_typer(module.app, name=name)
    group = typer.main.get_command(around)
    return group.commands[name]  # type: ignore[attr-defined]  # a Typer with a callback is a group


def _nothing() -> None:
    """Nothing to do before a command."""
