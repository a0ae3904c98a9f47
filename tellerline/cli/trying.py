"""``tellerline try``: play conversation files and say whether the line did as they expect."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from tellerline.cli.telling import NO, ConfigOption, config_of, out
from tellerline.config import Config
from tellerline.telemetry import configure_logging
from tellerline.trying.beside import is_conversation, with_flows_of
from tellerline.trying.conversation import Conversation
from tellerline.trying.junit import write_junit
from tellerline.trying.loader import load_conversation
from tellerline.trying.play import Result
from tellerline.trying.runs import run_conversation


class Wire(StrEnum):
    """What a conversation is played through."""

    ENGINE = "engine"
    FASTAGI = "fastagi"
    ASTERISK = "asterisk"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("try")(try_)


def try_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Conversation files, or folders of them.")],
    through: Annotated[
        Wire,
        typer.Option(
            help="engine: flows and bank alone, no waiting; fastagi: a whole node over real FastAGI and SMPP; "
            "asterisk: a real Asterisk 22, judged by the recorded call."
        ),
    ] = Wire.FASTAGI,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML here.")] = None,
    speed: Annotated[
        float | None, typer.Option(min=1, max=100, help="With fastagi: how much faster than a person. Default 10.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the transcript of failures only.")] = False,
    config: ConfigOption = None,
) -> None:
    """Play conversations, each on a fresh demo bank, and print what was said. Exit code 1 when one went otherwise.

    A conversation that lies in DIR/conversations is played on the flows of DIR, unless the settings name others.

    Examples: `tellerline try balance.yaml`, `tellerline try conversations/ --through engine --junit out.xml`
    """
    configure_logging("console", "error")
    settings = config_of(config)
    conversations = [load_conversation(file) for file in _expanded(files)]
    results: list[Result] = []
    for conversation in conversations:
        if through.value not in conversation.through:
            out.print(f"[dim]skipped  {escape(conversation.file)}: not meant for {through.value}[/]")
            continue
        results.append(_one(conversation, through, speed, quiet=quiet, config=settings))
    if junit is not None:
        write_junit(results, junit)
    failed = [result for result in results if not result.passed]
    if len(results) != 1:
        out.print(f"{len(results) - len(failed)} of {len(results)} conversations passed through {through.value}")
    if failed:
        raise typer.Exit(NO)


def _one(conversation: Conversation, through: Wire, speed: float | None, *, quiet: bool, config: Config) -> Result:
    began_s = time.monotonic()
    pace = speed if through is Wire.FASTAGI else None
    settings = with_flows_of(config, conversation)
    result = run_conversation(conversation, through.value, pace=pace, config=settings)
    took_s = time.monotonic() - began_s
    if not quiet or not result.passed:
        out.print(f"[bold]{escape(conversation.name)}[/]")
        out.print(result.transcript.table())
    if result.mismatch is not None:
        out.print(f"[bold red]failed[/]   {escape(str(result.mismatch))}")
    else:
        out.print(f"[green]passed[/]   {escape(conversation.file)}  {took_s:.1f} s")
    return result


def _expanded(files: list[Path]) -> list[Path]:
    found: list[Path] = []
    for file in files:
        inside = [path for path in sorted(file.rglob("*.yaml")) if is_conversation(path)] if file.is_dir() else [file]
        if not inside:
            raise typer.BadParameter(f"there is no conversation in {file}")
        found += inside
    return found
