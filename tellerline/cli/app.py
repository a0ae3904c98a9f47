"""Puts the commands together."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from tellerline.cli import bank, check, config, demo, doctor, fakes, flows, people, serve, sounds, trying

app = typer.Typer(
    name="tellerline",
    help="Phone and SMS banking: YAML call flows through Asterisk and SMPP, on one shared core.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tellerline {version('tellerline')}")
        raise typer.Exit


@app.callback()
def _top(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Nothing to do before a command."""


demo.add_to(app)
serve.add_to(app)
trying.add_to(app)
check.add_to(app)
doctor.add_to(app)
fakes.add_to(app)
app.add_typer(config.app, name="config")
app.add_typer(flows.app, name="flows")
app.add_typer(bank.app, name="bank")
app.add_typer(people.app, name="people")
app.add_typer(sounds.app, name="sounds")
