"""``tellerline sms outbox``: what waits to be sent, and what may be done with it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from core_client.domain.staff import Person
from sms.messages import Outgoing, Purpose
from sms.numbers import masked
from sms.people.quiet import QuietHours
from sms.sending.routing import Routes
from tellerline.cli.proving import By, TokenFile, token_of
from tellerline.cli.sms.acting import at_the_sms_office, lasting, proven, show, shown_at, table_of, zone_here
from tellerline.cli.telling import ConfigOption, Format, FormatOption, config_of, out, tell_json
from tellerline.config import Config
from tellerline.config_people import manners_of
from tellerline.texts.office import SmsOffice, ways_of
from tellerline.texts.shelf import Entry, Order, What

app = typer.Typer(invoke_without_command=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="As `tellerline sms outbox` shows it.")]


@app.callback()
def outbox(
    context: typer.Context,
    purpose: Annotated[Purpose | None, typer.Option(help="Only texts of this kind.")] = None,
    operator: Annotated[str | None, typer.Option(metavar="NAME", help="Only texts that go by this operator.")] = None,
    stuck: Annotated[
        bool, typer.Option("--stuck", help="Only those that wait longer than sms.alarms.queue_age_s.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="The oldest so many.")] = 50,
    format_: FormatOption = Format.TEXT,
    config: ConfigOption = None,
) -> None:
    """Show what waits to be sent: by purpose and operator, then text by text, the oldest first.

    Numbers are masked, and no text is shown. A text that waits for the morning is not stuck.

    Examples: `tellerline sms outbox`, `tellerline sms outbox --stuck`, `tellerline sms outbox --format json`,
    `tellerline sms outbox hold staff-0f3c9a1b2d4e5f60 --by olga`
    """
    if context.invoked_subcommand is not None:
        return
    settings = config_of(config)

    quiet = manners_of(settings.sms.people, settings.sms.short_code).quiet

    async def work(office: SmsOffice) -> tuple[list[_Waits], Mapping[str, Order], int]:
        nodes = await office.nodes()
        routes = Routes(office.operators, ways_of(office.operators, nodes))
        now = time.time()
        found, unreadable = [], 0
        for entry in await office.waiting():
            if entry.outgoing is None:
                unreadable += 1
                continue
            operator_now = routes.of(entry.outgoing).first
            found.append(_Waits(entry, entry.outgoing, operator_now, now, settings, quiet))
        return found, await office.shelf.orders(), unreadable

    found, orders, unreadable = at_the_sms_office(settings, work)
    found = [
        one
        for one in found
        if (purpose is None or one.outgoing.purpose is purpose)
        and (operator is None or one.operator == operator)
        and (not stuck or one.is_stuck)
    ]
    found.sort(key=lambda one: one.outgoing.at)
    if format_ is Format.JSON:
        tell_json(
            {"texts": [one.as_json(orders) for one in found[:limit]], "count": len(found), "unreadable": unreadable}
        )
        return
    _tell(found, orders, limit, settings)
    if unreadable:
        out.print(f"[red]{unreadable} cannot be opened[/]: sealed under another key, or by another release")


_ORDERED = {What.HOLD: "held", What.GIVE_UP: "given up"}


class _Waits:
    """A text that waits, and for what."""

    def __init__(
        self, entry: Entry, outgoing: Outgoing, operator: str, now: float, config: Config, quiet: QuietHours
    ) -> None:
        self.entry = entry
        self.outgoing = outgoing
        self.operator = operator
        due = max(outgoing.at, outgoing.not_before)
        self.age_s = now - outgoing.at
        self.late_s = max(0.0, now - due)
        morning = quiet.over_at(outgoing.purpose, now) or 0.0
        self.waits_until = max(morning, outgoing.not_before if outgoing.not_before > now else 0.0)
        limit_s = config.sms.alarms.queue_age_s.get(outgoing.purpose, float("inf"))
        self.is_stuck = not self.waits_until and self.late_s > limit_s

    def as_json(self, orders: Mapping[str, Order]) -> dict[str, Any]:
        order = orders.get(self.entry.id)
        return {
            "id": self.entry.id,
            "node": self.entry.node,
            "number": masked(self.outgoing.destination),
            "purpose": self.outgoing.purpose.value,
            "operator": self.operator,
            "age_s": round(self.age_s, 1),
            "waits_until": self.waits_until or None,
            "expires_at": self.outgoing.expires_at,
            "stuck": self.is_stuck,
            "order": order.what.value if order is not None else None,
            "ordered_by": order.by if order is not None else None,
        }


def _tell(found: list[_Waits], orders: Mapping[str, Order], limit: int, config: Config) -> None:
    if not found:
        out.print("[green]nothing waits[/]")
        return
    zone = zone_here(config)
    totals: dict[tuple[int, str], list[_Waits]] = {}
    for one in found:
        totals.setdefault((one.outgoing.purpose.rank, one.operator), []).append(one)
    summary = table_of("purpose", "operator", "texts", "oldest", "stuck")
    for (_, operator), some in sorted(totals.items()):
        stuck = sum(one.is_stuck for one in some)
        oldest = lasting(max(one.late_s for one in some))
        colour = "red" if stuck else "dim"
        kind = some[0].outgoing.purpose.value
        summary.add_row(kind, escape(operator) or "none", str(len(some)), oldest, f"[{colour}]{stuck}[/]")
    show(summary)
    table = table_of("id", "node", "number", "purpose", "operator", "age", "remark")
    for one in found[:limit]:
        order = orders.get(one.entry.id)
        remark = f"waits until {shown_at(one.waits_until, zone)}" if one.waits_until else ""
        if order is not None:
            remark = f"[yellow]{_ORDERED[order.what]}, by {escape(order.by)}[/]"
        elif one.is_stuck:
            remark = "[red]stuck[/]"
        table.add_row(
            escape(one.entry.id),
            escape(one.entry.node),
            masked(one.outgoing.destination),
            one.outgoing.purpose.value,
            escape(one.operator),
            lasting(max(0.0, one.age_s)),
            remark,
        )
    show(table)
    if len(found) > limit:
        out.print(f"… and {len(found) - limit} more: --limit shows more of them")


def _with_person(
    config: Path | None, by: str, token_file: Path | None, work: Callable[[SmsOffice, Person], Awaitable[None]]
) -> None:
    token = token_of(token_file, by)

    async def proved(office: SmsOffice) -> None:
        await work(office, await proven(office, token, by))

    at_the_sms_office(config_of(config), proved)


@app.command()
def hold(id_: Id, by: By, token_file: TokenFile = None, config: ConfigOption = None) -> None:
    """Hold a text until it is released, or too old. A node obeys within a second or so, unless it is being sent.

    Example: `tellerline sms outbox hold staff-0f3c9a1b2d4e5f60 --by olga`
    """
    _with_person(config, by, token_file, lambda office, person: office.order(id_, What.HOLD, person))
    out.print(f"{id_} is held: `tellerline sms outbox release {id_} --by NAME` lets it go")


@app.command("give-up")
def give_up(id_: Id, by: By, token_file: TokenFile = None, config: ConfigOption = None) -> None:
    """Never send a text. A node obeys within a second or so, unless it is being sent.

    Example: `tellerline sms outbox give-up staff-0f3c9a1b2d4e5f60 --by olga`
    """
    _with_person(config, by, token_file, lambda office, person: office.order(id_, What.GIVE_UP, person))
    out.print(f"{id_} is given up when its node next looks at it: `tellerline sms trace {id_}` shows it rejected")


@app.command()
def release(id_: Id, by: By, token_file: TokenFile = None, config: ConfigOption = None) -> None:
    """Take back what was ordered of a text: it is sent as ever.

    Example: `tellerline sms outbox release staff-0f3c9a1b2d4e5f60 --by olga`
    """
    _with_person(config, by, token_file, lambda office, person: office.release(id_, person))
    out.print(f"{id_} is released")
