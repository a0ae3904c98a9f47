"""``tellerline flows coverage``: what of a flow no conversation visits."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from flows.coverage import Coverage, Item, Kind, by_kind
from tellerline.cli.telling import NO, ConfigOption, config_of, err, out, tell_json
from tellerline.config import Config
from tellerline.telemetry import configure_logging
from tellerline.trying.beside import conversations_of, with_folder
from tellerline.trying.covering import Covered, cover

MAX_SHOWN = 60  # of what was not visited; the first conversations of a new flow cover little


class Format(StrEnum):
    """How it is printed."""

    TEXT = "text"
    JSON = "json"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(coverage)


def coverage(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="Folder of the flows; none: that of the settings.")
    ] = None,
    conversations: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of conversations. Default: DIR/conversations, else the shipped ones."),
    ] = None,
    language: Annotated[
        str | None, typer.Option(metavar="zh,en", help="Only these languages. Default: all of the flow.")
    ] = None,
    format_: Annotated[Format, typer.Option("--format", help="For people or for machines.")] = Format.TEXT,
    fail_under: Annotated[
        float, typer.Option(min=0, max=100, metavar="PERCENT", help="Exit code 1 when any language is below.")
    ] = 0,
    all_: Annotated[bool, typer.Option("--all", help=f"List everything, not only the first {MAX_SHOWN}.")] = False,
    config: ConfigOption = None,
) -> None:
    """Play all conversations on the engine and say which steps, choices and outcomes none of them visits.

    What counts is what a caller or a texter can get to in that language, on any channel. Each line says how to get
    there. Prompts that were never said are told too, and do not count.

    Examples: `tellerline flows coverage`, `tellerline flows coverage my_flows --language en --fail-under 100`
    """
    configure_logging("console", "error")
    settings = with_folder(config_of(config), folder)
    files = conversations_of(settings, conversations)
    if not files:
        raise typer.BadParameter(f"there is no conversation in {conversations or 'the folder of the flows'}")
    covered = _cover(files, settings)
    languages = _languages(language, covered)
    if format_ is Format.JSON:
        tell_json(_as_json(covered, languages))
    else:
        _print(covered, languages, None if all_ else MAX_SHOWN)
    low = [name for name in languages if covered.coverage.percent(name) < fail_under]
    if low or (covered.failures and fail_under):
        raise typer.Exit(NO)


def _languages(wanted: str | None, covered: Covered) -> tuple[str, ...]:
    spoken = covered.flow.languages
    if wanted is None:
        return spoken
    chosen = tuple(name.strip() for name in wanted.split(","))
    for name in chosen:
        if name not in spoken:
            raise typer.BadParameter(f"the flow does not speak '{name}': it speaks {', '.join(spoken)}")
    return chosen


def _cover(files: list[Path], settings: Config) -> Covered:
    bar = Progress(
        TextColumn("playing"),
        BarColumn(),
        MofNCompleteColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
    with bar:
        task = bar.add_task("playing", total=len(files))
        return cover(files, settings, progress=lambda count: bar.advance(task, count))


def _print(covered: Covered, languages: tuple[str, ...], most: int | None) -> None:
    flow, result = covered.flow, covered.coverage
    for failure in covered.failures:
        out.print(f"[red]failed[/]  {escape(failure)}")
    title = f"{flow.name} {flow.version[:8]}: {covered.count} conversations"
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2))
    table.add_column("")
    counts = {name: by_kind(result, name) for name in languages}
    for name in languages:
        table.add_column(name, justify="right")
    for kind in (kind for kind in Kind if any(kind in of for of in counts.values())):
        style = "dim" if kind is Kind.PROMPT else ""
        table.add_row(kind.value, *(_share(*counts[name].get(kind, (0, 0))) for name in languages), style=style)
    table.add_row("all but prompts", *(_share(*result.count(name)) for name in languages), style="bold")
    out.print(table)
    _list("not visited", [item for item in result.missing if item.language in languages], most)
    _list("never said", [item for item in result.unsaid if item.language in languages], most)


def _share(visited: int, total: int) -> str:
    if not total:
        return "[dim]-[/]"
    colour = "green" if visited == total else "yellow"
    return f"[{colour}]{visited}/{total}  {100 * visited / total:.1f} %[/]".replace("100.0 %", "100 %")


def _list(title: str, items: list[Item], most: int | None) -> None:
    if not items:
        return
    out.print(f"\n[bold]{title}[/]")
    for item in items[:most]:
        out.print(f"[yellow]{escape(str(item))}[/]\n    [dim]{escape(item.hint)}[/]")
    if most is not None and len(items) > most:
        out.print(f"… and {len(items) - most} more: --all lists them")


def _as_json(covered: Covered, languages: tuple[str, ...]) -> dict[str, Any]:
    result: Coverage = covered.coverage
    return {
        "flow": covered.flow.name,
        "version": covered.flow.version,
        "conversations": covered.count,
        "failures": list(covered.failures),
        "languages": {
            name: {
                "percent": round(result.percent(name), 2),
                **{kind.value: {"visited": v, "of": n} for kind, (v, n) in by_kind(result, name).items()},
            }
            for name in languages
        },
        "not_visited": [_row(item) for item in result.missing if item.language in languages],
        "never_said": [_row(item) for item in result.unsaid if item.language in languages],
    }


def _row(item: Item) -> dict[str, Any]:
    return {
        "kind": item.kind.value,
        "language": item.language,
        "step": item.step,
        "way": item.way,
        "word": item.word,
        "what": item.what,
        "file": item.file,
        "line": item.line,
        "hint": item.hint,
    }
