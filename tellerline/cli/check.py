"""``tellerline check``: what is wrong in settings, flows, conversations and sounds, before a caller finds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.syntax import Syntax
from rich.table import Table

from core_client.language.errors import caret
from core_client.language.suggest import did_you_mean
from flows.inspect import Finding, Rule, Severity
from flows.inspect.sarif import sarif
from tellerline.checking import RULES, check_line, check_paths
from tellerline.cli.telling import NO, ConfigOption, config_of, out, tell_json

MAX_SHOWN = 50  # a missing sounds folder is one fault, not fifteen hundred
_COLOURS = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow"}


class Format(StrEnum):
    """How findings are printed."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(check)


def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PATH]...", help="Flows, conversations, settings, folders; none: the configured line."),
    ] = None,
    format_: Annotated[
        Format,
        typer.Option("--format", help="For people; for programs; for code hosts (SARIF 2.1.0); for GitHub's log."),
    ] = Format.TEXT,
    rules: Annotated[bool, typer.Option("--rules", help="List the rules that are checked, and stop.")] = False,
    explain: Annotated[
        str | None, typer.Option("--explain", metavar="RULE", help="Say what a rule asks for, with examples, and stop.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Check flows, conversations, settings and sounds. Exit code 1 when there are errors; warnings alone pass.

    A warning is allowed by a comment on its line or above it: `# check: allow RULE the reason`.

    Examples: `tellerline check`, `tellerline check flows/ --format sarif > check.sarif`,
    `tellerline check --explain money-outside-gate`
    """
    if rules or explain is not None:
        _tell_rules([_rule(explain)] if explain is not None else list(RULES.values()), format_, whole=not rules)
        return
    settings = config_of(config)
    for path in paths or ():
        if not path.exists():
            raise typer.BadParameter(f"there is no '{path}'")
    findings = list(check_paths(paths, settings) if paths else check_line(settings))
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    match format_:
        case Format.JSON:
            rows = [{**asdict(finding), "severity": finding.severity.value} for finding in findings]
            tell_json({"errors": errors, "findings": rows})
        case Format.SARIF:
            tell_json(sarif(findings, RULES, version("tellerline"), Path.cwd()))
        case Format.GITHUB:
            for finding in findings:
                typer.echo(github(finding))
        case Format.TEXT:
            _tell(findings, errors)
    if errors:
        raise typer.Exit(NO)


# --- for people ---


def _tell(findings: Sequence[Finding], errors: int) -> None:
    for finding in findings[:MAX_SHOWN]:
        out.print(_shown(finding))
    if len(findings) > MAX_SHOWN:
        out.print(f"… and {len(findings) - MAX_SHOWN} more")
    if not findings:
        out.print("[green]nothing is wrong[/]")
        return
    files = len({finding.file for finding in findings})
    told = f"{_count(errors, 'error')}, {_count(len(findings) - errors, 'warning')} in {_count(files, 'file')}"
    out.print(f"[{'red' if errors else 'yellow'}]{told}[/]")
    out.print("[dim]tellerline check --explain RULE says more about a rule in brackets[/]")


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _shown(finding: Finding) -> str:
    """Answer the same as ``str(finding)``, with colours."""
    colour = _COLOURS[finding.severity]
    place = f"[bold]{escape(finding.file)}:{finding.line}:{finding.column}:[/]"
    end = "" if finding.message.endswith((".", "?", "!")) or not finding.hint else "."
    head = f"{place} [{colour}]{finding.severity}:[/] {escape(finding.message)}{end}"
    if finding.hint:
        head += f" {escape(finding.hint)}"
    if finding.rule:
        head += f" [dim]{escape(f'[{finding.rule}]')}[/]"
    if not finding.source_line.strip():
        return head
    line, _, mark = caret(finding.source_line, finding.column).partition("\n")
    return f"{head}\n[dim]{escape(line)}[/]\n[{colour}]{mark}[/]"


# --- for code hosts ---


def github(finding: Finding) -> str:
    """Answer a workflow command, which GitHub shows at the line."""
    place = {"file": finding.file, "line": str(finding.line), "col": str(finding.column)}
    if finding.end_column > finding.column:
        place["endColumn"] = str(finding.end_column)
    place["title"] = finding.rule
    words = ",".join(f"{key}={_of_property(value)}" for key, value in place.items())
    told = f"{finding.message}. {finding.hint}" if finding.hint else finding.message
    return f"::{finding.severity} {words}::{_of_message(told)}"


def _of_message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _of_property(text: str) -> str:
    return _of_message(text).replace(":", "%3A").replace(",", "%2C")


# --- rules ---


def _rule(name: str) -> Rule:
    if name not in RULES:
        hint = did_you_mean(name, RULES) or "--rules lists them."
        raise typer.BadParameter(f"there is no rule '{name}'. {hint}")
    return RULES[name]


def _tell_rules(rules: Sequence[Rule], format_: Format, *, whole: bool) -> None:
    if format_ is Format.JSON:
        rows: list[dict[str, Any]] = [
            {**asdict(rule), "severity": rule.severity.value, "level": rule.level.value} for rule in rules
        ]
        tell_json({"rules": rows})
        return
    if not whole:
        table = Table(box=None, pad_edge=False)
        table.add_column("rule", style="bold", no_wrap=True)
        table.add_column("is")
        table.add_column("finds")
        for rule in rules:
            table.add_row(rule.id, f"[{_COLOURS[rule.severity]}]{rule.severity}[/]", rule.title)
        out.print(table)
        return
    for rule in rules:
        out.print(f"[bold]{rule.id}[/] ([{_COLOURS[rule.severity]}]{rule.severity}[/]): {escape(rule.title)}\n")
        out.print(escape(rule.help))
        for words, example in (("[green]good[/]", rule.good), ("[red]bad[/]", rule.bad)):
            out.print(f"\n{words}")
            out.print(Syntax(example.strip("\n"), "yaml", background_color="default", word_wrap=True))
