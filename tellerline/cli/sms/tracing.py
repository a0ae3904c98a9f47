"""``tellerline sms trace``: the whole life of a text, masked."""

from __future__ import annotations

from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape

from sms.messages import State
from sms.numbers import masked
from sms.store.lifelines import Life
from tellerline.cli.sms.acting import at_the_sms_office, coloured, lasting, show, shown_at, table_of, zone_here
from tellerline.cli.telling import NO, ConfigOption, Format, FormatOption, config_of, out, tell_error, tell_json
from tellerline.texts.office import SmsOffice

MAX_ANSWERS = 20  # of a customer's text, shown with it


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("trace")(trace)


def trace(
    what: Annotated[
        str, typer.Argument(metavar="ID|NUMBER|REMOTE_ID", help="A text's id, a number, an operator's id.")
    ],
    all_: Annotated[bool, typer.Option("--all", help="Every text of the number, whole, not only the list.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Of a number's texts: the newest so many.")] = 20,
    format_: FormatOption = Format.TEXT,
    config: ConfigOption = None,
) -> None:
    """Follow a text through its whole life: each change with its time, how long it took, and who had it.

    Of a number, its texts are listed, the newest first. Numbers are masked, and no text is shown: it is not kept.

    Examples: `tellerline sms trace staff-0f3c9a1b2d4e5f60`, `tellerline sms trace +8613900000001`,
    `tellerline sms trace 7A31F0`
    """
    settings = config_of(config)
    zone = zone_here(settings)

    async def work(office: SmsOffice) -> list[tuple[Life, list[Life]]]:
        found = []
        for id_ in (await office.find(what))[:limit]:
            life = await office.lives.life(id_)
            if life is not None:
                answers = [await office.lives.life(answer) for answer in life.answers[:MAX_ANSWERS]]
                found.append((life, [answer for answer in answers if answer is not None]))
        return found

    found = at_the_sms_office(settings, work)
    if format_ is Format.JSON:
        tell_json(
            {"texts": [{**_as_json(life), "answered_by": [_as_json(one) for one in more]} for life, more in found]}
        )
    elif not found:
        said = masked(what) if what.lstrip("+").isdecimal() else what
        mend = "Lives are kept for sms.keep_s; an operator's id is known where receipts are asked for."
        tell_error(f"nothing is known of '{said}'\n  mend: {mend}")
    elif len(found) == 1 or all_:
        for life, answers in found:
            for one in (life, *answers):
                _tell(one, zone)
    else:
        _tell_list([life for life, _ in found], zone)
    if not found:
        raise typer.Exit(NO)


def _tell_list(lives: list[Life], zone: ZoneInfo) -> None:
    table = table_of("id", "at", "way", "purpose", "parts", "state", "operator")
    for life in lives:
        way = "from" if life.received else "to"
        binds = {change.bind.partition("/")[0] for change in life.changes if change.bind}
        kind = life.handled.kind if life.handled is not None else ""
        table.add_row(
            life.id,
            shown_at(life.at, zone),
            f"{way} {life.number}",
            life.purpose.value if life.purpose is not None else escape(kind),
            str(life.of),
            coloured(life.state)
            if not life.received
            else ("[green]dealt with[/]" if life.handled else "[yellow]waits[/]"),
            escape(", ".join(sorted(binds)) or life.bind.partition("/")[0]),
        )
    show(table)
    out.print("[dim]tellerline sms trace ID tells one of them whole[/]")


def _tell(life: Life, zone: ZoneInfo) -> None:
    way = f"from {life.number} to {life.address}" if life.received else f"from {life.address} to {life.number}"
    out.print(f"[bold]{escape(life.id)}[/]  {escape(way)}")
    if life.received:
        _tell_received(life, zone)
        return
    purpose = life.purpose.value if life.purpose is not None else "?"
    parts = f"{life.of} part{'s' if life.of != 1 else ''}" if life.of else "not cut yet"
    origin = f", of {escape(life.origin)}" if life.origin else ""
    out.print(f"{purpose}, {parts}{origin}: {coloured(life.state)}")
    table = table_of("at", "after", "part", "state", "bind", "operator's id", "detail")
    before = life.at
    for change in life.changes:
        table.add_row(
            shown_at(change.at, zone, milliseconds=True),
            "" if change.at <= before and change is life.changes[0] else f"+{lasting(max(0.0, change.at - before))}",
            str(change.part) if change.part else "all",
            coloured(change.state),
            escape(change.bind),
            escape(change.remote_id),
            escape(change.detail),
        )
        before = change.at
    show(table)
    if life.state is not None and life.state.last:
        out.print(f"[dim]{lasting(before - life.at)} from beginning to end[/]")
    elif life.state is State.ACCEPTED:
        out.print("[dim]the operator has it; no receipt has come[/]")
    elif life.expires_at:
        out.print(f"[dim]not sent after {shown_at(life.expires_at, zone)}[/]")


def _tell_received(life: Life, zone: ZoneInfo) -> None:
    table = table_of("at", "after", "what", "bind", "detail")
    parts = f"{life.of} part{'s' if life.of != 1 else ''}"
    table.add_row(shown_at(life.at, zone, milliseconds=True), "", "stored, then acknowledged", escape(life.bind), parts)
    handled = life.handled
    if handled is not None:
        answers = ", ".join(handled.answers) or "no answer"
        took = f"+{lasting(max(0.0, handled.at - life.at))}"
        table.add_row(shown_at(handled.at, zone, milliseconds=True), took, escape(handled.kind), "", escape(answers))
    show(table)
    if handled is None:
        out.print("[yellow]it waits for its answer[/]")


def _as_json(life: Life) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": life.id,
        "direction": "in" if life.received else "out",
        "number": life.number,
        "address": life.address,
        "at": life.at,
        "parts": life.of,
    }
    if life.received:
        handled = life.handled
        told |= {"bind": life.bind, "handled": None}
        if handled is not None:
            told["handled"] = {"kind": handled.kind, "at": handled.at, "answers": list(handled.answers)}
        return told
    return told | {
        "purpose": life.purpose.value if life.purpose is not None else None,
        "origin": life.origin,
        "expires_at": life.expires_at,
        "state": life.state.value if life.state is not None else None,
        "parts_state": {str(number): state.value for number, state in life.parts},
        "changes": [
            {
                "at": change.at,
                "part": change.part,
                "state": change.state.value,
                "bind": change.bind,
                "remote_id": change.remote_id,
                "detail": change.detail,
            }
            for change in life.changes
        ],
    }
