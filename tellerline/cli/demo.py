"""``tellerline demo`` and ``tellerline phone``: pick up the receiver."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ivr.testing import FakePbx
from sounds.catalogue import Catalogue
from tellerline.cli.telling import NO, ConfigOption, config_of, out
from tellerline.demo import BUILT_IN, demo_phone, demo_subscribers
from tellerline.phone import PhoneApp, Subscriber
from tellerline.telemetry import configure_logging
from tellerline.trying.fastagi import sounds_of
from tellerline.trying.loader import load_conversation
from tellerline.trying.runs import run_conversation
from tellerline.trying.world import CatalogueWords

SPEED = 10.0


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(demo)
    app.command()(phone)


def demo(
    script: Annotated[
        Path | None, typer.Option("--script", metavar="FILE", help="Play this conversation instead of the telephone.")
    ] = None,
    speed: Annotated[float, typer.Option(min=1, max=100, help="With a script: how much faster than a person.")] = SPEED,
) -> None:
    """Start a whole demo bank line and pick up the telephone in this terminal.

    Everything is fresh and gone afterwards: bank, store, exchange, message centre, on free ports of this machine.
    Without a terminal (in a pipe, in CI) a built-in conversation is played and its transcript printed.

    Examples: `tellerline demo`, `tellerline demo --script my_conversation.yaml --speed 20`
    """
    if script is None and sys.stdin.isatty() and sys.stdout.isatty():
        out.print("Starting a demo bank line. Nothing of it stays on this machine.", style="bold")
        asyncio.run(demo_phone(lambda part: out.print(f"  {escape(part)} …", style="dim")))
        return
    configure_logging("console", "error")
    conversation = load_conversation(script or BUILT_IN)
    out.print(f"A fresh demo bank line plays: {escape(conversation.name)}", style="bold")
    result = run_conversation(conversation, "fastagi", pace=speed)
    out.print(result.transcript.table())
    if result.mismatch is not None:
        out.print(f"[bold red]{escape(str(result.mismatch))}[/]")
        raise typer.Exit(NO)
    out.print(f"[green]As written, in {result.took_s:.0f} s of the customer's time.[/]")


def phone(
    host: Annotated[str, typer.Option(help="Where the server takes calls.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Its FastAGI port; none: as configured.")] = None,
    caller: Annotated[
        str | None, typer.Option(help="Number that calls, as +8613900000001; none: pick a demo customer.")
    ] = None,
    to: Annotated[str, typer.Option(help="Number that is called.")] = "95500",
    config: ConfigOption = None,
) -> None:
    """Call a Tellerline server from this terminal, through the test exchange: a keypad, and what is said as text.

    The server must allow this machine (agi.allow) and sees what Asterisk would send. For a demo that brings its own
    server: `tellerline demo`.

    Examples: `tellerline phone --port 4573`, `tellerline phone --caller +8613900000002`
    """
    settings = config_of(config)
    catalogue = Catalogue.load(overlay=settings.sounds.dir)
    if not sys.stdin.isatty():
        raise typer.BadParameter("the telephone needs a terminal; scripts use `tellerline try` or `demo --script`")
    subscribers = (Subscriber(caller, "You"),) if caller is not None else demo_subscribers()

    async def run() -> None:
        async with FakePbx(sounds_of(catalogue, settings.agi.sound_prefix), speed=1.0) as pbx:
            app = PhoneApp(
                pbx, host, port or settings.agi.port, CatalogueWords(catalogue), subscribers=subscribers, service=to
            )
            await app.run_async()

    asyncio.run(run())
