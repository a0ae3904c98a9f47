"""``tellerline flows graph | diff | stats``: see a flow, its changes and what callers do in it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.markup import escape

from flows.differences import Change, differences, summary_of
from flows.drawing import MAX_EDGES, Chart, as_data, chart_of, mermaid_of, svg_of
from flows.figures import VersionFigures
from flows.releases.bundle import Bundle
from tellerline.cli.flows.acting import FlowName, told
from tellerline.cli.flows.figured import Sort, as_csv, as_json, figures_as_data, rows_of, tell_table
from tellerline.cli.telling import ConfigOption, Format, FormatOption, config_of, err, out, tell_json
from tellerline.config import Config
from tellerline.named_versions import LIVE, Registered, Versions, figures_of, open_registered

T = TypeVar("T")

Days = Annotated[
    int | None, typer.Option("--days", metavar="N", min=1, max=400, help="Only dialogues of the last N days.")
]


class Picture(StrEnum):
    """How a flow is drawn."""

    SVG = "svg"
    MERMAID = "mermaid"
    JSON = "json"


class Printed(StrEnum):
    """How figures are printed."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"


_ENDINGS = {".svg": Picture.SVG, ".mmd": Picture.MERMAID, ".mermaid": Picture.MERMAID, ".json": Picture.JSON}


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(graph)
    app.command()(diff)
    app.command()(stats)


def graph(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[FLOW|FILE|VERSION]", help="A flow, its file or folder, a version, live, pending or draft."
        ),
    ] = None,
    format_: Annotated[
        Picture | None, typer.Option("--format", help="How it is drawn; none: by the file's ending, else svg.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where it goes; none: to standard output.")
    ] = None,
    stats: Annotated[bool, typer.Option("--stats", help="Show what callers do: how many, where they hang up.")] = False,
    days: Days = None,
    flow: FlowName = None,
    config: ConfigOption = None,
) -> None:
    """Draw a flow: its steps by kind, the ways between them, gates, commands, and what nobody can reach.

    Examples: `tellerline flows graph -o line.svg`, `tellerline flows graph live --stats -o today.svg`,
    `tellerline flows graph my/retail.yaml --format mermaid`
    """
    chosen = format_ or (_ENDINGS.get(file.suffix.lower()) if file is not None else None) or Picture.SVG
    settings = config_of(config)
    versions = Versions(settings, flow)
    with told():
        live = LIVE if stats and versions.published else None
        bundle = _bundle(settings, versions, what or live)
        figures = None
        if stats:
            counted = versions.counted_as(bundle)
            figures = _asked(settings, lambda found: figures_of(found, bundle.name, counted, days))
        chart = chart_of(versions.flow(bundle), figures)
    drawn = _drawn(chart, chosen)
    ways = sum(len(node.exits) for node in chart.nodes.values())
    if chosen is Picture.MERMAID and ways > MAX_EDGES:
        err.print(
            f"[yellow]{ways} ways: Mermaid draws {MAX_EDGES} unless its page sets maxEdges. An SVG has no limit.[/]"
        )
    if file is None:
        typer.echo(drawn, nl=False)
        return
    try:
        file.write_text(drawn, encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"cannot write {file}: {error.strerror}") from None
    err.print(f"[green]drawn[/] {escape(str(file))}: flow {bundle.name}, version {bundle.version}")


def _drawn(chart: Chart, picture: Picture) -> str:
    match picture:
        case Picture.SVG:
            return svg_of(chart)
        case Picture.MERMAID:
            return mermaid_of(chart)
        case Picture.JSON:
            return as_json(as_data(chart))


def diff(
    before: Annotated[
        str, typer.Argument(metavar="[A]", help="A version, live, pending, draft, a file or a folder.")
    ] = LIVE,
    after: Annotated[
        str | None, typer.Argument(metavar="[B]", help="Another one; none: the flow's folder as it is now.")
    ] = None,
    flow: FlowName = None,
    format_: FormatOption = Format.TEXT,
    config: ConfigOption = None,
) -> None:
    """Tell in words what is otherwise in B than in A: steps, ways, questions, gates, prompts and recordings.

    What lets somebody act with less proof than before is marked.

    Examples: `tellerline flows diff`, `tellerline flows diff live pending`, `tellerline flows diff old/ new/`
    """
    settings = config_of(config)
    versions = Versions(settings, flow)
    with told(format_):
        a, b = _bundle(settings, versions, before), _bundle(settings, versions, after)
        found = differences(a, b)
    if format_ is Format.JSON:
        tell_json(
            {
                "flow": b.name,
                "before": a.version,
                "after": b.version,
                "summary": summary_of(found),
                "changes": [_as_data(change) for change in found],
            }
        )
        return
    _tell_changes(found)
    out.print(f"\n[dim]{a.version} → {b.version}:[/] {escape(summary_of(found))}" if found else "nothing changed")


def _tell_changes(found: tuple[Change, ...]) -> None:
    styles = {"new": "green", "gone": "yellow", "renamed": "cyan"}
    last = ("", "")
    for change in found:
        at = (change.area, change.name)
        if last[0] and at != last and (change.area != last[0] or change.area == "step"):
            out.print()
        last = at
        if change.security:
            out.print(f"[bold red]{escape(str(change))}[/]  [red](security)[/]")
        else:
            out.print(escape(str(change)), style=styles.get(change.what, ""))


def _as_data(change: Change) -> dict[str, object]:
    return {
        "area": change.area,
        "name": change.name,
        "what": change.what,
        "words": str(change),
        "security": change.security,
        "path": list(change.path),
        "was": change.was,
        "now": change.now,
    }


def stats(
    version: Annotated[
        str | None,
        typer.Option("--version", metavar="V", help="A version, live, pending or draft; none: the live one."),
    ] = None,
    days: Days = None,
    sort: Annotated[Sort, typer.Option("--sort", help="What comes first.")] = Sort.VISITS,
    format_: Annotated[Printed, typer.Option("--format", help="For people, for programs, or for a spreadsheet.")] = (
        Printed.TEXT
    ),
    flow: FlowName = None,
    config: ConfigOption = None,
) -> None:
    """Show what callers do in a version: visits, answers, silence, where they hang up, and how long they take.

    Examples: `tellerline flows stats --sort hangups`, `tellerline flows stats --days 7 --format csv > week.csv`
    """
    settings = config_of(config)
    versions = Versions(settings, flow)
    with told():
        figures, others = _asked(settings, lambda found: _counted(found, versions, version, days))
    rows = rows_of(figures, sort)
    match format_:
        case Printed.JSON:
            typer.echo(as_json(figures_as_data(figures, rows)), nl=False)
        case Printed.CSV:
            typer.echo(as_csv(rows), nl=False)
        case Printed.TEXT:
            tell_table(figures, rows, days)
            if not rows and others:
                out.print(f"counted were: {', '.join(others)} (--version)")


async def _counted(
    found: Registered, versions: Versions, version: str | None, days: int | None
) -> tuple[VersionFigures, list[str]]:
    """Answer the figures of ``version``, and which other versions were counted, the last first."""
    name = versions.name
    counted = await found.figures.versions(name)
    begin_so = [one for one in counted if version is not None and one.startswith(version)]
    chosen: str | None
    if len(begin_so) == 1:
        chosen = begin_so[0]  # counted, though perhaps not kept any more
    elif version is not None:
        chosen = await versions.version(version, found.releases)
    else:
        chosen = await found.releases.live(name) if versions.published else None
        chosen = chosen or next(iter(counted), "")
    figures = await figures_of(found, name, chosen, days)
    return figures, [one for one in counted if one != chosen]


def _bundle(settings: Config, versions: Versions, what: str | None) -> Bundle:
    """Answer what ``what`` names; None is the flow as it stands in its folder."""
    if what is None:
        return versions.of_folder(versions.name)
    found = versions.of_files(what)
    if found is not None:
        return found
    if versions.is_flow(what):
        return versions.of_folder(what)
    return _asked(settings, lambda registered: versions.of_register(what, registered.releases))


def _asked(settings: Config, ask: Callable[[Registered], Awaitable[T]]) -> T:
    async def run() -> T:
        async with open_registered(settings) as registered:
            return await ask(registered)

    return asyncio.run(run())
