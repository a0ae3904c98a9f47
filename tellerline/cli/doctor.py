"""``tellerline doctor``: what this machine lacks, and how to get it."""

from __future__ import annotations

import typer
from rich.markup import escape

from tellerline.cli.telling import NO, ConfigOption, config_of, out
from tellerline.doctor import Verdict, examine

_MARKS = {Verdict.WELL: "[green]ok     [/]", Verdict.NOTE: "[yellow]note   [/]", Verdict.MISSING: "[red]missing[/]"}


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(config: ConfigOption = None) -> None:
    """Say what is missing on this machine and how to get it. Exit code 1 when the server could not do its work.

    Example: `tellerline doctor -c /etc/tellerline/tellerline.toml`
    """
    missing = 0
    for finding in examine(config_of(config)):
        missing += finding.verdict is Verdict.MISSING
        out.print(f"{_MARKS[finding.verdict]}  {finding.what:18} {escape(finding.detail)}")
        if finding.mend:
            out.print(f"         {'':18} [dim]{escape(finding.mend)}[/]")
    if missing:
        raise typer.Exit(NO)
