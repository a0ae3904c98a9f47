"""``tellerline check``: what is wrong in settings, flows, conversations and sounds, before a caller finds it."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from flows.inspect import Severity
from tellerline.checking import check_line, check_paths
from tellerline.cli.telling import NO, ConfigOption, config_of, out

MAX_SHOWN = 50  # a missing sounds folder is one fault, not fifteen hundred


class Format(StrEnum):
    """How findings are printed."""

    TEXT = "text"
    JSON = "json"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(check)


def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PATH]...", help="Flows, conversations, settings, folders; none: the configured line."),
    ] = None,
    format_: Annotated[Format, typer.Option("--format", help="For people or for machines.")] = Format.TEXT,
    config: ConfigOption = None,
) -> None:
    """Check flows, conversations, settings and sounds. Exit code 1 when there are errors; warnings alone pass.

    Examples: `tellerline check`, `tellerline check flows/ --format json`
    """
    settings = config_of(config)
    for path in paths or ():
        if not path.exists():
            raise typer.BadParameter(f"there is no '{path}'")
    findings = list(check_paths(paths, settings) if paths else check_line(settings))
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    if format_ is Format.JSON:
        rows = [{**asdict(finding), "severity": finding.severity.value} for finding in findings]
        typer.echo(json.dumps({"errors": errors, "findings": rows}, ensure_ascii=False, indent=2))
    else:
        for finding in findings[:MAX_SHOWN]:
            out.print(escape(str(finding)), style="yellow" if finding.severity is Severity.WARNING else "red")
        if len(findings) > MAX_SHOWN:
            out.print(f"… and {len(findings) - MAX_SHOWN} more")
        warnings = len(findings) - errors
        out.print(f"{errors} errors, {warnings} warnings" if findings else "[green]nothing is wrong[/]")
    if errors:
        raise typer.Exit(NO)
