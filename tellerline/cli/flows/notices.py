"""``tellerline flows notice``: announcements that staff switch on and off without a new version."""

from __future__ import annotations

import datetime
import re
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.table import Table

from core_client.domain.secret import Secret
from core_client.domain.staff import Role
from flows.model import Flow
from flows.releases.register import Notice
from sounds.catalogue import Catalogue
from tellerline.cli.flows.acting import FlowName, at_the_office, told
from tellerline.cli.proving import By, TokenFile, token_of
from tellerline.cli.telling import ConfigOption, Format, FormatOption, config_of, out, tell_json
from tellerline.config import Config
from tellerline.office import Office

app = typer.Typer(
    no_args_is_help=True,
    help="Announcements that staff switch on and off without a new version.\n\n"
    "Example: `tellerline flows notice on outage --until 18:00 --by olga`",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="As the flow's `notices` call it.")]
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_LONGEST = datetime.timedelta(days=366)


@app.command("list")
def list_(flow: FlowName = None, format_: FormatOption = Format.TEXT, config: ConfigOption = None) -> None:
    """List the notices of the live flow: which are on, until when, and who switched them.

    Examples: `tellerline flows notice list`, `tellerline flows notice list --format json`
    """
    settings = config_of(config)
    name = flow or settings.agi.flow

    async def work(office: Office) -> tuple[Flow, dict[str, Notice]]:
        live = await office.live_flow(name, Catalogue.load(overlay=settings.sounds.dir))
        return live, await office.releases.notices(name)

    with told(format_):
        live, switched = at_the_office(settings, work)
        now = datetime.datetime.now(datetime.UTC)
        rows = [(notice, switched.get(notice)) for notice in sorted(live.notices)]
        if format_ is Format.JSON:
            tell_json({"flow": name, "notices": [_as_json(notice, set_, now) for notice, set_ in rows]})
            return
        if not rows:
            out.print(f"flow '{escape(name)}' has no notices")
            return
        table = Table("notice", "is", "until", "by")
        for notice, set_ in rows:
            on = set_ is not None and set_.is_on(now)
            until = f"{set_.until.astimezone(live.zone):%Y-%m-%d %H:%M}" if on and set_ and set_.until else ""
            table.add_row(notice, "[yellow]on[/]" if on else "off", until, escape(set_.by) if set_ else "")
        out.print(table)


@app.command()
def on(
    name: Name,
    by: By,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="18:00, or '2026-10-01 18:00', in the flow's time zone; none: until it is off."
        ),
    ] = None,
    flow: FlowName = None,
    token_file: TokenFile = None,
    format_: FormatOption = Format.TEXT,
    config: ConfigOption = None,
) -> None:
    """Switch a notice on, on every node at once. An operator may.

    Examples: `tellerline flows notice on outage --by olga`, `tellerline flows notice on outage --until 18:00 --by olga`
    """
    settings = config_of(config)
    _switch(settings, flow, name, token_of(token_file, by), by, until, format_, on=True)


@app.command()
def off(
    name: Name,
    by: By,
    flow: FlowName = None,
    token_file: TokenFile = None,
    format_: FormatOption = Format.TEXT,
    config: ConfigOption = None,
) -> None:
    """Switch a notice off, on every node at once. An operator may.

    Example: `tellerline flows notice off outage --by olga`
    """
    settings = config_of(config)
    _switch(settings, flow, name, token_of(token_file, by), by, None, format_, on=False)


def _switch(
    config: Config,
    flow: str | None,
    notice: str,
    token: Secret,
    by: str,
    until: str | None,
    format_: Format,
    *,
    on: bool,
) -> None:
    async def work(office: Office) -> tuple[Notice, ZoneInfo]:
        person = await office.people.prove(token, by, Role.OPERATOR)
        live = await office.live_flow(flow or config.agi.flow, Catalogue.load(overlay=config.sounds.dir))
        end = moment(until, live.zone, datetime.datetime.now(datetime.UTC)) if until is not None else None
        return await office.set_notice(live, notice, person, on=on, until=end), live.zone

    with told(format_):
        made, zone = at_the_office(config, work)
        if format_ is Format.JSON:
            tell_json({"done": True, **_as_json(notice, made, made.at)})
            return
        end = f" until {made.until.astimezone(zone):%Y-%m-%d %H:%M}" if made.until is not None else ""
        out.print(f"notice '{escape(made.name)}' is [bold]{'on' if made.on else 'off'}[/]{end}")


def moment(text: str, zone: ZoneInfo, now: datetime.datetime) -> datetime.datetime:
    """Answer the moment that ``text`` names: a time is the next one that comes.

    Raises:
        typer.BadParameter: it is none, has passed, or is more than a year away.
    """
    local = now.astimezone(zone)
    clock = _CLOCK.fullmatch(text.strip())
    if clock is not None:
        at = local.replace(hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0)
        return at if at > local else at + datetime.timedelta(days=1)
    try:
        at = datetime.datetime.strptime(text.strip(), "%Y-%m-%d %H:%M").replace(tzinfo=zone)
    except ValueError:
        raise typer.BadParameter(f"'{text}' is no time: write 18:00, or '2026-10-01 18:00'") from None
    if not local < at <= local + _LONGEST:
        raise typer.BadParameter(f"{at:%Y-%m-%d %H:%M} has passed, or is more than a year away")
    return at


def _as_json(name: str, notice: Notice | None, now: datetime.datetime) -> dict[str, object]:
    return {
        "name": name,
        "on": notice is not None and notice.is_on(now),
        "until": notice.until.isoformat() if notice is not None and notice.until is not None else None,
        "by": notice.by if notice is not None else None,
    }
