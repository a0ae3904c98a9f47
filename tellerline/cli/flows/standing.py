"""``tellerline flows log | status``: what happened to a flow, and how it stands."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from flows.releases.register import Entry, State
from tellerline.cli.flows.acting import FlowName, approving, at_the_office, entry_as_json, told
from tellerline.cli.telling import ConfigOption, Format, FormatOption, config_of, out, tell_json
from tellerline.config import Config
from tellerline.office import Office, Standing, names_of

_STYLES = {
    State.LIVE: "bold green",
    State.PENDING: "bold yellow",
    State.DRAFT: "yellow",
    State.ROLLED_BACK: "red",
    State.WITHDRAWN: "red",
}

_NARROW = 72  # columns: below, a table would leave some of its own out


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(log)
    app.command()(status)


def log(
    count: Annotated[
        int, typer.Option("--count", "-n", min=1, max=1000, help="So many entries, the newest first.")
    ] = 20,
    flow: FlowName = None,
    format_: FormatOption = Format.TEXT,
    config: ConfigOption = None,
) -> None:
    """Show what happened to a flow: who published, approved and took back which version, when and why.

    Examples: `tellerline flows log`, `tellerline flows log -n 5 --format json`
    """
    settings = config_of(config)
    name = flow or settings.agi.flow
    with told(format_):
        entries = at_the_office(settings, lambda office: office.releases.log(name, count))
        if format_ is Format.JSON:
            tell_json({"flow": name, "entries": [entry_as_json(entry) for entry in entries]})
            return
        if not entries:
            out.print(f"nothing of flow '{escape(name)}' was published yet")
            return
        if out.width < _NARROW:
            for entry in entries:
                state = f"[{_STYLES.get(entry.state, 'dim')}]{entry.state.value.replace('_', ' ')}[/]"
                out.print(f"{entry.number}  {state}, {entry.act.value}\n   {_line(entry)}")
            return
        table = Table("", "version", "state", "act, at (UTC)", "by", "message")
        table.columns[1].no_wrap = table.columns[2].no_wrap = True  # a version is there to be copied
        for entry in entries:
            table.add_row(
                str(entry.number),
                entry.version,
                f"[{_STYLES.get(entry.state, 'dim')}]{entry.state.value.replace('_', ' ')}[/]",
                f"{entry.act.value}\n[dim]{entry.at:%Y-%m-%d %H:%M}[/]",
                _people(entry),
                escape(entry.message),
            )
        out.print(table)


def status(flow: FlowName = None, format_: FormatOption = Format.TEXT, config: ConfigOption = None) -> None:
    """Show what callers get now, what waits for whom, which draft can be called, and which notices are on.

    Examples: `tellerline flows status`, `tellerline flows status --format json`
    """
    settings = config_of(config)
    names = (flow,) if flow is not None else tuple(names_of(settings))
    with told(format_):
        found = at_the_office(settings, lambda office: _standings(office, names))
        if format_ is Format.JSON:
            tell_json({"flows": [_as_json(one) for one in found]})
            return
        for one in found:
            _tell(one, settings)


async def _standings(office: Office, names: tuple[str, ...]) -> list[Standing]:
    return [await office.standing(name) for name in names]


def _tell(one: Standing, config: Config) -> None:
    out.print(escape(one.name), style="bold")
    out.print(f"  live     {_line(one.live) if one.live is not None else '[red]nothing[/]'}")
    if one.pending is not None:
        who = " or ".join(one.may_approve) or "an approver, and there is none but its author"
        out.print(f"  waits    {_line(one.pending)}")
        out.print(f"           [yellow]for {escape(who)}[/]: {approving(one.name, one.pending, config)}")
    if one.draft is not None:
        where = f"  (call {config.flows.draft_number})" if config.flows.draft_number else ""
        out.print(f"  draft    {_line(one.draft)}{where}")
    for notice in one.notices:
        until = f" until {notice.until:%Y-%m-%d %H:%M} UTC" if notice.until is not None else ""
        out.print(f"  notice   [yellow]{escape(notice.name)}[/] on{until}, by {escape(notice.by)}")


def _people(entry: Entry) -> str:
    if not entry.approver:
        return escape(entry.author)
    done = "withdrawn" if entry.state is State.WITHDRAWN else "approved"
    return f"{escape(entry.author)}\n[dim]{done} by[/] {escape(entry.approver)}"


def _line(entry: Entry) -> str:
    approved = f", approved by {escape(entry.approver)}" if entry.approver else ""
    return (
        f"{entry.version}  by {escape(entry.author)}{approved}, {entry.at:%Y-%m-%d %H:%M} UTC: {escape(entry.message)}"
    )


def _as_json(one: Standing) -> dict[str, object]:
    return {
        "flow": one.name,
        "live": entry_as_json(one.live),
        "pending": entry_as_json(one.pending),
        "draft": entry_as_json(one.draft),
        "may_approve": list(one.may_approve),
        "notices": [
            {
                "name": notice.name,
                "until": notice.until.isoformat() if notice.until is not None else None,
                "by": notice.by,
            }
            for notice in one.notices
        ],
    }
