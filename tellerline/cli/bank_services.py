"""``tellerline bank requests``, ``sheet`` and ``appointments``: what services need of the bank's people."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.markup import escape
from rich.table import Table

from core_client.adapters.embedded import EmbeddedBank
from core_client.domain.appointments import Appointment
from core_client.domain.information import Information, SheetError
from core_client.domain.service_requests import RequestKind, ServiceRequest
from core_client.errors import Declined
from tellerline.cli.opened_bank import operator, with_bank
from tellerline.cli.telling import BAD_INPUT, ConfigOption, Format, FormatOption, out, tell_error, tell_json

requests = typer.Typer(help="What customers asked the bank's people for: statements, cheque books, complaints.")
sheet = typer.Typer(help="Rates, products and branches: what phone and text tell anybody.", no_args_is_help=True)
appointments = typer.Typer(help="Who comes to a branch.", no_args_is_help=True)
MAX_SHEET_BYTES = 1_000_000  # two hundred rows of each kind are a tenth of that

Reference = Annotated[str, typer.Argument(metavar="REFERENCE", help="As `tellerline bank requests list` shows it.")]


def add_to(app: typer.Typer) -> None:
    """Put the three below ``tellerline bank``."""
    app.add_typer(requests, name="requests")
    app.add_typer(sheet, name="sheet")
    app.add_typer(appointments, name="appointments")


@requests.command("list")
def list_(
    kind: Annotated[RequestKind | None, typer.Option(help="Only this kind.")] = None,
    closed: Annotated[bool, typer.Option("--closed", help="Those that are closed instead.")] = False,
    format_: FormatOption = Format.TEXT,
    config: ConfigOption = None,
) -> None:
    """List what waits, the earliest due first. What a customer said is in `show` only.

    Examples: `tellerline bank requests list`, `tellerline bank requests list --kind complaint --format json`
    """

    async def work(bank: EmbeddedBank) -> list[tuple[ServiceRequest, bool]]:
        today = bank.ports.profile.limits.local_date(bank.ports.clock.now())
        return [(one, one.is_overdue(today)) for one in await bank.admin.requests.listed(kind, closed=closed)]

    found = with_bank(config, work)
    if format_ is Format.JSON:
        tell_json({"requests": [{**_as_json(one), "overdue": late} for one, late in found]})
        return
    if not found:
        out.print("nothing is closed" if closed else "nothing waits")
        return
    table = Table("reference", "due", "kind", "customer", "by")
    for one, late in found:
        due = f"[bold red]{one.due} overdue[/]" if late else str(one.due)
        table.add_row(one.reference, due, one.kind.value, _customer(one), one.channel)
    out.print(table)


@requests.command()
def show(reference: Reference, format_: FormatOption = Format.TEXT, config: ConfigOption = None) -> None:
    """Show one with everything that was said. Who looked is written into the audit chain.

    Example: `tellerline bank requests show 40213377`
    """
    one = with_bank(config, lambda bank: bank.admin.requests.show(reference, operator()))
    if format_ is Format.JSON:
        tell_json({**_as_json(one), "detail": dict(one.detail)})
        return
    out.print(f"{one.reference}  {one.kind.value}, due {one.due}, {one.state.value}", style="bold")
    out.print(f"customer  {_customer(one)}, {one.language or 'any language'}, by {one.channel}")
    for name, value in one.detail.items():
        out.print(f"{name:<9} {escape(str(value))}")
    if one.outcome:
        out.print(f"outcome   {escape(one.outcome)}")


@requests.command()
def close(
    reference: Reference,
    outcome: Annotated[str, typer.Option(metavar="TEXT", help="What came of it, for whoever looks later.")] = "",
    config: ConfigOption = None,
) -> None:
    """Close one: it was done, or need not be.

    Example: `tellerline bank requests close 40213377 --outcome "sent by post"`
    """
    one = with_bank(config, lambda bank: bank.admin.requests.close(reference, operator(), outcome))
    out.print(f"{one.reference} is closed")


@sheet.command("show")
def show_sheet(config: ConfigOption = None) -> None:
    """Show what is told now.

    Example: `tellerline bank sheet show`
    """
    _tell(with_bank(config, lambda bank: bank.admin.sheet.current()))


@sheet.command()
def publish(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The whole sheet, in YAML.", exists=True)],
    config: ConfigOption = None,
) -> None:
    """Check a sheet and put it in force: phone and text tell from it at once, on every node.

    Example: `tellerline bank sheet publish rates.yaml`
    """
    if file.stat().st_size > MAX_SHEET_BYTES:
        tell_error(f"{file} has more than {MAX_SHEET_BYTES} bytes: that is no sheet")
        sys.exit(BAD_INPUT)
    try:
        data = yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader)
        found = with_bank(config, lambda bank: bank.admin.sheet.publish(data, operator()))
    except (SheetError, yaml.YAMLError, UnicodeDecodeError) as error:
        tell_error(f"{file}: {error}\nNothing was published; what was told before is still told.")
        sys.exit(BAD_INPUT)
    _tell(found)


@appointments.command("list")
def list_appointments(
    branch: Annotated[str, typer.Argument(metavar="BRANCH", help="Its code on the sheet.")],
    config: ConfigOption = None,
) -> None:
    """List who comes to a branch from now on.

    Example: `tellerline bank appointments list 101`
    """

    async def work(bank: EmbeddedBank) -> Sequence[tuple[Appointment, str]] | None:
        try:
            found = await bank.admin.appointments.at_branch(branch)
        except Declined:
            return None
        limits = bank.ports.profile.limits
        return [(one, f"{limits.local(one.at):%Y-%m-%d %H:%M}") for one in found]

    found = with_bank(config, work)
    if found is None:
        tell_error(f"no branch has the code {branch}: `tellerline bank sheet show` lists them")
        sys.exit(BAD_INPUT)
    if not found:
        out.print("nobody comes")
        return
    table = Table("at", "reference", "customer", "about", "language")
    for one, at in found:
        table.add_row(at, one.reference, str(one.customer_id), one.topic.value, one.language or "")
    out.print(table)


def _tell(told: Information) -> None:
    out.print(f"in force since {told.since}", style="bold")
    rates = ", ".join(f"{months} months {rate}" for months, rate in told.deposits)
    out.print(f"deposits  {rates or 'none'}")
    for row in told.exchange:
        out.print(f"exchange  {row.unit}: buys at {row.buys_at}, sells at {row.sells_at}")
    for product in told.products:
        out.print(f"product   {escape(product.code)}: {product.rate}, from {product.minimum}")
    for branch in told.branches:
        seats = f"{branch.seats} at a time" if branch.seats else "no appointments"
        what = "machine" if branch.is_machine else seats
        out.print(f"branch    {branch.code} {escape(branch.name['en'])} {branch.postcode}: {what}")
    if told.lending is not None:
        low, high = told.lending.months
        out.print(f"lending   {told.lending.rate}, {told.lending.least} to {told.lending.most}, {low} to {high} months")


def _customer(one: ServiceRequest) -> str:
    if one.customer_id is None:
        return "not known"
    return str(one.customer_id) if one.proved else f"{one.customer_id}, not proved"


def _as_json(one: ServiceRequest) -> dict[str, Any]:
    return {
        "reference": one.reference,
        "kind": one.kind.value,
        "customer_id": one.customer_id,
        "proved": one.proved,
        "channel": one.channel,
        "language": one.language,
        "asked_at": one.asked_at.isoformat(),
        "due": one.due.isoformat(),
        "state": one.state.value,
        "closed_by": one.closed_by,
        "outcome": one.outcome,
    }
