"""``tellerline sms send``: one text to one number, or one to every number of a file."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape

from core_client.domain.secret import Secret
from sms.messages import Purpose, State
from sms.people.verdicts import Refuse, Wait
from sms.store.lifelines import Life
from tellerline.cli.proving import TokenFile, token_of
from tellerline.cli.sms.acting import (
    at_the_sms_office,
    coloured,
    lasting,
    moment_of,
    progress_bar,
    proven,
    shown_at,
    zone_here,
)
from tellerline.cli.telling import (
    NO,
    ConfigOption,
    Format,
    FormatOption,
    config_of,
    err,
    is_plain,
    out,
    tell_json,
)
from tellerline.config import Config
from tellerline.texts.office import PURPOSES, Asked, Planned, SmsOffice, SmsOfficeError, told
from tellerline.texts.recipients import Recipients, read_recipients

MAX_INPUT_BYTES = 64 * 1024
MAX_REFUSED_SHOWN = 20
LOOK_S = 0.5  # between two looks at a text that is waited for
_CAMPAIGN = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("send")(send)


def send(
    to: Annotated[str | None, typer.Option("--to", metavar="NUMBER", help="Who is texted, as +8613900000001.")] = None,
    text: Annotated[str | None, typer.Option("--text", help="The text; none: from the standard input.")] = None,
    to_file: Annotated[
        Path | None,
        typer.Option("--to-file", metavar="FILE", help="Numbers, one a line, or a CSV with a column number."),
    ] = None,
    campaign: Annotated[
        str | None, typer.Option(metavar="NAME", help="With --to-file: each number is texted once under this name.")
    ] = None,
    purpose: Annotated[
        Purpose | None,
        typer.Option(help="What it is for: alert, result or campaign. Default: alert; campaign with a file."),
    ] = None,
    source: Annotated[str, typer.Option("--from", metavar="SENDER", help="Number or name; none: sms.short_code.")] = "",
    operator: Annotated[str, typer.Option(metavar="NAME", help="The operator that must carry it.")] = "",
    not_before: Annotated[
        str | None, typer.Option(metavar="TIME", help="18:00, '2026-10-01 18:00', or 2h; in sms.people.quiet_zone.")
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Who you are; not needed with --dry-run.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would happen, and send nothing.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the text until its last state.")] = False,
    wait_s: Annotated[float, typer.Option(min=0.1, max=86_400, help="With --wait: at most so long.")] = 120.0,
    token_file: TokenFile = None,
    format_: FormatOption = Format.TEXT,
    config: ConfigOption = None,
) -> None:
    """Send a text to one number, or to every number of a file, as an operator whose token proves it.

    The text is stored first; a node that runs, or the next one that starts, sends it. People's rules hold: STOP, the
    night, rates, senders. Its id is printed, for `tellerline sms trace`. A campaign may be run again: who was texted
    under its name is not texted twice.

    With --wait, exit code 1 when it was not delivered (or, without receipts, not accepted).

    Examples: `tellerline sms send --to +8613900000001 --text "Your card is ready." --by olga`,
    `tellerline sms send --to-file vips.csv --campaign spring --text "..." --dry-run`
    """
    settings = config_of(config)
    zone = zone_here(settings)
    if (to is None) == (to_file is None):
        raise typer.BadParameter("give --to with one number, or --to-file with many")
    if to_file is not None and campaign is None:
        raise typer.BadParameter("--to-file needs --campaign NAME: by it nobody is texted twice")
    if campaign is not None and (to_file is None or not _CAMPAIGN.fullmatch(campaign)):
        raise typer.BadParameter(
            "--campaign goes with --to-file, and is as spring-2026: a-z, 0-9, dot, dash, underscore"
        )
    if wait and to_file is not None:
        raise typer.BadParameter("--wait follows one text; `tellerline sms outbox` shows what is left of many")
    asked = Asked(
        text=_text(text),
        purpose=purpose or (Purpose.ALERT if to_file is None else Purpose.CAMPAIGN),
        source=source,
        not_before=moment_of(not_before, zone, time.time()) if not_before else 0.0,
        operator=operator,
    )
    if by is None and not dry_run:
        raise typer.BadParameter("--by NAME is missing: texts are sent by somebody; --dry-run needs nobody")
    token = None if dry_run else token_of(token_file, by)
    if to_file is not None:
        recipients = read_recipients(to_file, settings.bank.region)
        _many(settings, asked, recipients, campaign or "", (token, by or ""), format_, zone)
        return
    _one(settings, asked, to or "", (token, by or ""), format_, zone, wait_s if wait else 0.0)


def _text(given: str | None) -> str:
    if given is None:
        if sys.stdin.isatty():
            err.print("The text, then Ctrl-D:", style="dim")
        given = sys.stdin.buffer.read(MAX_INPUT_BYTES).decode("utf-8", "replace").rstrip("\n")
    if not is_plain(given):
        raise typer.BadParameter("there are control characters in the text")
    return given


# --- one ---


def _one(
    config: Config,
    asked: Asked,
    to: str,
    who: tuple[Secret | None, str],
    format_: Format,
    zone: ZoneInfo,
    wait_s: float,
) -> None:
    token, by = who

    async def work(office: SmsOffice) -> None:
        office.check(asked)
        outgoing = office.outgoing(asked, office.number(to), f"staff:{by}")
        planned = await office.plan(outgoing, await office.nodes())
        if token is None:
            _tell_plan(planned, format_, zone)
            if isinstance(planned.verdict, Refuse) or not planned.parts:
                raise typer.Exit(NO)
            return
        person = await proven(office, token, by)
        _refuse_hopeless(planned, zone)
        sent = await office.send(outgoing, person)
        if format_ is Format.TEXT:
            out.print(sent.id)
            node = "no node runs; the next one that starts sends it" if sent.node == "nobody" else f"node {sent.node}"
            err.print(
                f"stored for {planned.number}: {planned.parts} part(s) by {planned.operator}; {node}", style="dim"
            )
            if isinstance(planned.verdict, Wait):
                err.print(_said(planned, zone), style="yellow")
            elif not planned.flows:
                err.print("no operator can take it now: it waits; `tellerline sms binds` says why", style="yellow")
        life = await _followed(office, sent.id, wait_s, zone, quiet=format_ is Format.JSON) if wait_s else None
        if format_ is Format.JSON:
            state = life.state.value if life is not None and life.state is not None else "queued"
            tell_json({"id": sent.id, "node": sent.node, "state": state, **_as_json(planned, zone)})
        if life is not None and life.state not in (State.DELIVERED, State.ACCEPTED):
            raise typer.Exit(NO)

    at_the_sms_office(config, work)


def _refuse_hopeless(planned: Planned, zone: ZoneInfo) -> None:
    """Refuse what would be stored only to be rejected."""
    if isinstance(planned.verdict, Refuse):
        raise SmsOfficeError(f"{planned.number}: {_said(planned, zone)}; nothing is stored")
    if not planned.parts:
        raise SmsOfficeError(
            f"{planned.number}: no operator carries it\n  mend: tellerline sms send --dry-run says why."
        )


async def _followed(office: SmsOffice, id_: str, wait_s: float, zone: ZoneInfo, *, quiet: bool) -> Life | None:
    """Follow a text until its last state; ``accepted`` is one where no receipt was asked for."""
    receipts = {operator.name: operator.receipts for operator in office.operators}
    until = time.monotonic() + wait_s
    shown = 0
    life = None
    while time.monotonic() < until:
        life = await office.lives.life(id_)
        if life is not None:
            for change in life.changes[shown:]:
                if not quiet:
                    part = f"part {change.part} " if change.part and life.of > 1 else ""
                    detail = f"  [dim]{escape(change.detail)}[/]" if change.detail else ""
                    err.print(f"{shown_at(change.at, zone)}  {part}{coloured(change.state)}  {change.bind}{detail}")
            shown = len(life.changes)
            accepted = life.state is State.ACCEPTED and not any(
                receipts.get(change.bind.partition("/")[0]) for change in life.changes
            )
            if accepted or (life.state is not None and life.state.last):
                return life
        await asyncio.sleep(LOOK_S)
    if not quiet:
        err.print(f"no last state within {lasting(wait_s)}: tellerline sms trace {id_} tells more", style="yellow")
    return life


# --- many ---


def _many(
    config: Config,
    asked: Asked,
    recipients: Recipients,
    campaign: str,
    who: tuple[Secret | None, str],
    format_: Format,
    zone: ZoneInfo,
) -> None:
    token, by = who
    numbers = [number for _, number in recipients.numbers]

    async def work(office: SmsOffice) -> dict[str, Any]:
        office.check(asked)
        told: dict[str, Any] = {"campaign": campaign, "numbers": len(numbers), "refused": len(recipients.refused)}
        if token is None:
            texted = await office.shelf.has_texted(campaign, numbers)
            new = [number for number, was in zip(numbers, texted, strict=True) if not was]
            told |= {"dry_run": True, "would_text": len(new), "texted_before": sum(texted)}
            if new:
                planned = await office.plan(office.outgoing(asked, new[0], ""), await office.nodes())
                if format_ is Format.TEXT:
                    _tell_plan(replace(planned, number=f"{planned.number}, the first of {len(new)}"), format_, zone)
                told |= {"parts_each": planned.parts, "cost": planned.cost * len(new)}
            return told
        person = await proven(office, token, by)
        if numbers:
            first = await office.plan(office.outgoing(asked, numbers[0], ""), await office.nodes())
            if not first.parts:
                _refuse_hopeless(first, zone)
        with progress_bar() as bar:
            task = bar.add_task(campaign, total=len(numbers))
            texted_now, known = await office.campaign(
                campaign, asked, numbers, person, lambda count: bar.advance(task, count)
            )
        return told | {"texted": texted_now, "texted_before": known}

    found = at_the_sms_office(config, work)
    refused = recipients.refused
    if format_ is Format.JSON:
        lines = [{"line": one.line, "reason": one.reason} for one in refused]
        tell_json({**found, "refused_lines": lines})
    else:
        for one in refused[:MAX_REFUSED_SHOWN]:
            err.print(f"line {one.line}: {escape(one.reason)}", style="yellow")
        if len(refused) > MAX_REFUSED_SHOWN:
            err.print(f"… and {len(refused) - MAX_REFUSED_SHOWN} more lines that cannot be used", style="yellow")
        verb = "would be texted" if token is None else "texted"
        count = found["would_text"] if token is None else found["texted"]
        tail = f", {len(refused)} lines refused" if refused else ""
        out.print(f"campaign {campaign}: {count} {verb}, {found['texted_before']} were before{tail}")
        if token is None and "cost" in found:
            out.print(f"cost: {found['cost']} for {found['parts_each']} part(s) each, at most")
    if refused:
        raise typer.Exit(NO)


# --- telling ---


def _said(planned: Planned, zone: ZoneInfo) -> str:
    return told(planned.verdict, lambda at: shown_at(at, zone))


def _tell_plan(planned: Planned, format_: Format, zone: ZoneInfo) -> None:
    if format_ is Format.JSON:
        tell_json({"dry_run": True, **_as_json(planned, zone)})
        return
    out.print(f"to        {planned.number}")
    parts = f"{planned.parts} in {planned.alphabet}" if planned.parts else "[red]it has too many parts, or no way[/]"
    out.print(f"parts     {parts}")
    out.print(f"operator  {escape(planned.operator) or '[red]none[/]'}")
    for reason in planned.why:
        detail = f", {escape(reason.detail)}" if reason.detail else ""
        out.print(f"          [dim]{escape(reason.operator)}: {reason.why.value}, {reason.state.value}{detail}[/]")
    colour = "red" if isinstance(planned.verdict, Refuse) else "green"
    out.print(f"rules     [{colour}]{escape(_said(planned, zone))}[/]")
    out.print(f"cost      {planned.cost}")


def _as_json(planned: Planned, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "number": planned.number,
        "parts": planned.parts,
        "alphabet": planned.alphabet,
        "operator": planned.operator,
        "candidates": [
            {"operator": one.operator, "why": one.why.value, "state": one.state.value, "detail": one.detail}
            for one in planned.why
        ],
        "rules": _said(planned, zone),
        "cost": planned.cost,
    }


__all__ = ["PURPOSES", "add_to", "send"]
