"""``tellerline bank callbacks``: who wants to be called, by when, and that somebody did."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from core_client.adapters.embedded import EmbeddedBank
from core_client.domain.callbacks import Callback, CallbackState
from core_client.services.admin import masked
from tellerline.cli.opened_bank import operator, with_bank
from tellerline.cli.telling import ConfigOption, Format, FormatOption, out, tell_json

app = typer.Typer(help="Customers who asked to be called back.", no_args_is_help=True)

Reference = Annotated[str, typer.Argument(metavar="REFERENCE", help="As `tellerline bank callbacks list` shows it.")]


@app.command("list")
def list_(
    queue: Annotated[str | None, typer.Option(metavar="NAME", help="Only this queue.")] = None,
    closed: Annotated[bool, typer.Option("--closed", help="Those that are closed instead.")] = False,
    format_: FormatOption = Format.TEXT,
    config: ConfigOption = None,
) -> None:
    """List who waits to be called, the earliest due first. Numbers are masked; `show` has the whole one.

    Examples: `tellerline bank callbacks list`, `tellerline bank callbacks list --queue retail --format json`
    """

    async def work(bank: EmbeddedBank) -> list[tuple[Callback, bool]]:
        desk = bank.admin.callbacks
        today = bank.ports.profile.limits.local_date(bank.ports.clock.now())
        found = await (desk.closed(queue) if closed else desk.waiting(queue))
        return [(one, one.is_overdue(today)) for one in found]

    found = with_bank(config, work)
    if format_ is Format.JSON:
        rows = [_as_json(one, masked(one.number), late) for one, late in found]
        tell_json({"callbacks": rows})
        return
    if not found:
        out.print("nothing is closed" if closed else "nobody waits for a call")
        return
    table = Table("reference", "due", "number", "queue", "language", "state", "about")
    for one, late in found:
        due = f"[bold red]{one.due} overdue[/]" if late else str(one.due)
        table.add_row(
            one.reference, due, masked(one.number), one.queue, one.language or "", _state(one), escape(_about(one))
        )
    out.print(table)


@app.command()
def show(reference: Reference, format_: FormatOption = Format.TEXT, config: ConfigOption = None) -> None:
    """Show one with its whole number, so that somebody can call. Who looked is written into the audit chain.

    Example: `tellerline bank callbacks show 40213377`
    """
    one = with_bank(config, lambda bank: bank.admin.callbacks.show(reference, operator()))
    if format_ is Format.JSON:
        tell_json(_as_json(one, one.number, late=False))
        return
    out.print(f"{one.reference}  {one.number}", style="bold")
    out.print(f"queue     {one.queue}, due {one.due}, {_state(one)}")
    out.print(f"customer  {one.customer_id if one.customer_id is not None else 'not known'}, {one.language or 'any'}")
    for note in one.notes:
        what = ", ".join(
            part for part in (note.about, note.recording, f"{note.seconds} s" if note.seconds else "") if part
        )
        out.print(f"asked     {note.at:%Y-%m-%d %H:%M} UTC by {one.channel}{': ' if what else ''}{escape(what)}")
    if one.outcome:
        out.print(f"outcome   {escape(one.outcome)}")


@app.command()
def take(reference: Reference, config: ConfigOption = None) -> None:
    """Take one, so that nobody else calls too; then it is yours to close.

    Example: `tellerline bank callbacks take 40213377`
    """
    one = with_bank(config, lambda bank: bank.admin.callbacks.take(reference, operator()))
    out.print(f"{one.reference} is yours: `tellerline bank callbacks show {one.reference}` has the number")


@app.command()
def close(
    reference: Reference,
    outcome: Annotated[str, typer.Option(metavar="TEXT", help="What came of it, for whoever looks later.")] = "",
    config: ConfigOption = None,
) -> None:
    """Close one: the customer was called, or need not be.

    Example: `tellerline bank callbacks close 40213377 --outcome "explained the fee"`
    """
    one = with_bank(config, lambda bank: bank.admin.callbacks.close(reference, operator(), outcome))
    out.print(f"{one.reference} is closed")


def _state(one: Callback) -> str:
    match one.state:
        case CallbackState.TAKEN:
            return f"{one.taken_by} has it"
        case CallbackState.CLOSED:
            return f"closed by {one.closed_by}"
        case _:
            return "open"


def _about(one: Callback) -> str:
    """Answer what was said last, and how often it was said."""
    said = next((note.about for note in reversed(one.notes) if note.about), "")
    spoken = "recording" if any(note.recording for note in one.notes) else ""
    again = f"asked {len(one.notes)} times" if len(one.notes) > 1 else ""
    return ", ".join(part for part in (said, spoken, again) if part)


def _as_json(one: Callback, number: str, late: bool) -> dict[str, Any]:
    return {
        "reference": one.reference,
        "number": number,
        "queue": one.queue,
        "channel": one.channel,
        "language": one.language,
        "customer_id": one.customer_id,
        "state": one.state.value,
        "asked_at": one.asked_at.isoformat(),
        "due": one.due.isoformat(),
        "overdue": late,
        "taken_by": one.taken_by,
        "closed_by": one.closed_by,
        "outcome": one.outcome,
        "notes": [
            {"at": note.at.isoformat(), "about": note.about, "recording": note.recording, "seconds": note.seconds}
            for note in one.notes
        ],
    }
