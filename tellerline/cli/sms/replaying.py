"""``tellerline sms replay``: send again what did not arrive."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

import typer
from rich.markup import escape

from sms.messages import State
from tellerline.cli.proving import TokenFile, token_of
from tellerline.cli.sms.acting import (
    ago_of,
    at_the_sms_office,
    coloured,
    lasting,
    progress_bar,
    proven,
    show,
    table_of,
    zone_here,
)
from tellerline.cli.telling import NO, ConfigOption, Format, FormatOption, config_of, err, out, tell_json
from tellerline.texts.office import AGAIN, Candidate, SmsOffice, operators_in

MAX_SHOWN = 50


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("replay")(replay)


def replay(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Texts; none: those of --state.")] = None,
    state: Annotated[
        list[State] | None, typer.Option(help="All texts of this state: unknown, rejected, expired, undeliverable.")
    ] = None,
    since: Annotated[
        str, typer.Option(metavar="TIME", help="With --state: made since then, as 30m, 2h or 7d ago.")
    ] = "1d",
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="With --state: made before then, as 10m ago.")
    ] = None,
    operator: Annotated[str, typer.Option(metavar="NAME", help="With --state: those that this operator had.")] = "",
    most: Annotated[int, typer.Option(min=1, max=100_000, help="Refuse to send more than so many.")] = 1000,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show them, and send nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: they were looked at with --dry-run.")] = False,
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Who you are; not needed with --dry-run.")
    ] = None,
    token_file: TokenFile = None,
    format_: FormatOption = Format.TEXT,
    config: ConfigOption = None,
) -> None:
    """Send again what is unknown, rejected, expired or undeliverable: shown first, then asked, then stored.

    A text keeps its id and its life; parts that an operator has are not sent again. One that anything happened to since
    it was shown is left alone, so two who replay at once send it once. What is unknown may have arrived: the customer
    may get it twice. Nobody sends again what people's rules refused (STOP), nor a code.

    Examples: `tellerline sms replay --state unknown --since 2h --dry-run`,
    `tellerline sms replay staff-0f3c9a1b2d4e5f60 --by olga`,
    `tellerline sms replay --state rejected --operator north --by olga`
    """
    settings = config_of(config)
    if bool(ids) == bool(state):
        raise typer.BadParameter("name texts by their ids, or all of a kind with --state")
    states = frozenset(state or ())
    if not states <= AGAIN:
        raise typer.BadParameter(f"only what is {', '.join(sorted(AGAIN))} is sent again")
    if by is None and not dry_run:
        raise typer.BadParameter("--by NAME is missing: texts are sent by somebody; --dry-run needs nobody")
    now = time.time()
    begin, end = ago_of(since, now), ago_of(until, now) if until else now
    token = None if dry_run else token_of(token_file, by)
    zone_here(settings)

    async def look(office: SmsOffice) -> list[Candidate]:
        if token is not None:
            await proven(office, token, by or "")
        if ids:
            return [await office.candidate(id_) for id_ in dict.fromkeys(ids)]
        return await office.candidates(states, begin, end, operator)

    found = at_the_sms_office(settings, look)
    if format_ is Format.TEXT:
        _tell(found)
    if len(found) > most:
        err.print(f"{len(found)} texts are more than --most {most}: nothing is sent", style="red")
        raise typer.Exit(NO)
    if dry_run or not found:
        if format_ is Format.JSON:
            tell_json({"dry_run": dry_run, "texts": [_as_json(one) for one in found]})
        return
    if not yes and not _confirmed(found):
        out.print("nothing is sent")
        raise typer.Exit(NO)

    async def again(office: SmsOffice) -> dict[str, str | None]:
        if token is None:
            raise AssertionError("asked for above")
        person = await proven(office, token, by or "")
        done: dict[str, str | None] = {}
        with progress_bar() as bar:
            task = bar.add_task("sending again", total=len(found))
            for one in found:
                done[one.outgoing.id] = await office.replay(one, person)
                bar.advance(task)
        return done

    done = at_the_sms_office(settings, again)
    left = [id_ for id_, node in done.items() if node is None]
    if format_ is Format.JSON:
        tell_json({"sent_again": [id_ for id_, node in done.items() if node is not None], "left_alone": left})
    else:
        out.print(f"{len(done) - len(left)} stored to be sent again")
        for id_ in left:
            out.print(f"{escape(id_)} was left alone: something happened to it since it was shown", style="yellow")
    if left:
        raise typer.Exit(NO)


def _confirmed(found: list[Candidate]) -> bool:
    unknown = sum(one.life.state is State.UNKNOWN for one in found)
    warning = f" {unknown} of them may have arrived: those customers may get them twice." if unknown else ""
    if not sys.stdin.isatty():
        err.print(f"nobody is there to be asked: add --yes.{warning}", style="yellow")
        return False
    return typer.confirm(f"Send {len(found)} text{'s' if len(found) != 1 else ''} again?{warning}", default=False)


def _tell(found: list[Candidate]) -> None:
    if not found:
        out.print("nothing of that kind: nothing to send again")
        return
    now = time.time()
    table = table_of("id", "number", "purpose", "parts", "state", "age", "operator", "last word")
    for one in found[:MAX_SHOWN]:
        life = one.life
        table.add_row(
            escape(life.id),
            life.number,
            life.purpose.value if life.purpose is not None else "",
            str(life.of),
            coloured(life.state),
            lasting(max(0.0, now - life.at)),
            escape(", ".join(sorted(operators_in(life)))),
            escape(life.changes[-1].detail if life.changes else ""),
        )
    show(table)
    if len(found) > MAX_SHOWN:
        out.print(f"… and {len(found) - MAX_SHOWN} more")


def _as_json(one: Candidate) -> dict[str, Any]:
    life = one.life
    return {
        "id": life.id,
        "number": life.number,
        "purpose": life.purpose.value if life.purpose is not None else None,
        "state": life.state.value if life.state is not None else None,
        "at": life.at,
        "operators": sorted(operators_in(life)),
        "last_word": life.changes[-1].detail if life.changes else "",
    }
