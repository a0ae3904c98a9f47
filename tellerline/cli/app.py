"""Puts the commands together."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Annotated, ClassVar

import typer

from tellerline.cli.lazy import Lazy, LazyGroup


class Commands(LazyGroup):
    """All commands, each with the module that has it."""

    lazy: ClassVar[Mapping[str, Lazy]] = {
        "demo": Lazy("tellerline.cli.demo", "Start a whole demo bank line and pick up the telephone in this terminal."),
        "phone": Lazy(
            "tellerline.cli.demo",
            "Call a server from this terminal through the test exchange: a keypad, and what is said as text.",
        ),
        "serve": Lazy(
            "tellerline.cli.serve",
            "Run the server until SIGTERM or Ctrl-C; then finish the calls in progress, up to server.drain_s.",
        ),
        "check": Lazy(
            "tellerline.cli.check",
            "Check flows, conversations, settings and sounds. Exit code 1 when there are errors; warnings alone pass.",
        ),
        "try": Lazy(
            "tellerline.cli.trying",
            "Play conversations, each on a fresh demo bank, and say which went otherwise.",
        ),
        "flows": Lazy("tellerline.cli.flows", "Make, look at, try, publish and watch call flows."),
        "people": Lazy("tellerline.cli.people", "Who may publish, approve and operate, proven by a token."),
        "bank": Lazy(
            "tellerline.cli.bank",
            "Look after the embedded bank: customers, locks, callbacks, transfers without a last word.",
        ),
        "sounds": Lazy("tellerline.cli.sounds", "Build, add, copy and look up what the line says."),
        "doctor": Lazy(
            "tellerline.cli.doctor",
            "Say what is missing on this machine and how to get it. Exit code 1 when the server could not do its work.",
        ),
        "config": Lazy("tellerline.cli.config", "Show the settings and what each means."),
        "sms": Lazy("tellerline.cli.sms", "Send texts, follow one through its life, look after binds and what waits."),
        "text": Lazy(
            "tellerline.cli.fakes", "Text the bank from this terminal as a customer does, one text or line by line."
        ),
        "simulate": Lazy(
            "tellerline.cli.simulating",
            "Play the bank through crashes, lost answers and races in virtual time, and check every invariant.",
        ),
        "fake-pbx": Lazy(
            "tellerline.cli.fakes",
            "Place one call as Asterisk 22 would, press keys, and print what is heard until the call ends.",
        ),
        "fake-smsc": Lazy(
            "tellerline.cli.fakes",
            "Run a message centre that the server can bind to (system_id tellerline, password demo) until Ctrl-C.",
        ),
    }


app = typer.Typer(
    name="tellerline",
    cls=Commands,
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
