"""``tellerline bank billers``: who takes bills and top-ups, what is due to them, and what they were paid."""

from __future__ import annotations

import csv
import datetime
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from core_client.domain.billers import Biller, BillerKind
from core_client.domain.money import Money, MoneyError
from tellerline.cli.opened_bank import operator, with_bank
from tellerline.cli.telling import ConfigOption, out

app = typer.Typer(help="Who takes bills and mobile top-ups.", no_args_is_help=True)

Code = Annotated[str, typer.Argument(metavar="CODE", help="As `tellerline bank billers list` shows it.")]


@app.command("list")
def list_(config: ConfigOption = None) -> None:
    """List the billers and operators, by code.

    Example: `tellerline bank billers list`
    """
    billers = with_bank(config, lambda bank: bank.admin.billers.all())
    if not billers:
        out.print("there are no billers: `tellerline bank billers add` adds one")
        return
    table = Table("code", "name", "for", "account", "number", "amounts", "says what is due", "")
    for one in billers:
        least, most = (Money(minor, one.currency) for minor in one.amounts_minor)
        number = f"{one.length} digits" + (f", {', '.join(one.prefixes)}" if one.prefixes else "")
        table.add_row(
            one.code, escape(one.name), one.kind.value, f"..{one.account_number[-4:]}", number, f"{least} to {most}",
            "yes" if one.told_due else "no", "" if one.is_open else "closed",
        )  # fmt: skip
    out.print(table)


@app.command()
def add(
    code: Annotated[str, typer.Argument(metavar="CODE", help="What customers key or text for it: digits.")],
    name: Annotated[str, typer.Option(metavar="NAME", help="Its name; Chinese and other words may stand together.")],
    account: Annotated[str, typer.Option(metavar="NUMBER", help="The account that is paid.")],
    digits: Annotated[str, typer.Option(metavar="N or N-M", help="How long its customers' numbers are.")],
    least: Annotated[str, typer.Option(metavar="AMOUNT", help="The least of one payment.")] = "1.00 CNY",
    most: Annotated[str, typer.Option(metavar="AMOUNT", help="The most of one payment.")] = "5000.00 CNY",
    due: Annotated[bool, typer.Option("--due", help="It sends what is due: `billers bills` takes its file.")] = False,
    prefixes: Annotated[str, typer.Option(metavar="LIST", help="A mobile operator's, with commas: 13,15.")] = "",
    config: ConfigOption = None,
) -> None:
    """Add a biller, or change the one with that code. With prefixes it is a mobile operator.

    Example: `tellerline bank billers add 104 --name "City Heat 城市供热" --account 990300000104 --digits 8-10 --due`
    """
    shortest, _, longest = digits.partition("-")
    try:
        lowest, highest = Money.parse(least), Money.parse(most)
        biller = Biller(
            code=code,
            name=name,
            kind=BillerKind.TOP_UP if prefixes else BillerKind.BILL,
            account_number=account,
            currency=highest.currency,
            digits=(int(shortest), int(longest or shortest)),
            amounts_minor=(lowest.amount_minor, highest.amount_minor),
            told_due=due,
            prefixes=tuple(part.strip() for part in prefixes.split(",") if part.strip()),
        )
    except (MoneyError, ValueError) as error:
        raise typer.BadParameter(str(error)) from None
    with_bank(config, lambda bank: bank.admin.billers.put(biller, operator()))
    out.print(f"{code} {escape(name)} takes {'top-ups' if prefixes else 'bills'} now")


@app.command()
def close(code: Code, config: ConfigOption = None) -> None:
    """Take no payments for a biller any more; what is prepared already may still be confirmed.

    Example: `tellerline bank billers close 103`
    """
    one = with_bank(config, lambda bank: bank.admin.billers.set_open(code, operator(), is_open=False))
    out.print(f"{one.code} {escape(one.name)} is closed")


@app.command("open")
def open_(code: Code, config: ConfigOption = None) -> None:
    """Take payments for a biller again.

    Example: `tellerline bank billers open 103`
    """
    one = with_bank(config, lambda bank: bank.admin.billers.set_open(code, operator(), is_open=True))
    out.print(f"{one.code} {escape(one.name)} is open")


@app.command()
def bills(
    code: Code,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV: reference,amount,due.")],
    config: ConfigOption = None,
) -> None:
    """Take what a biller says is due: the whole file, or nothing of it.

    Example: `tellerline bank billers bills 101 water-2026-11.csv`
    """
    text = file.read_text(encoding="utf-8-sig")
    count = with_bank(config, lambda bank: bank.admin.billers.take_bills(code, text, operator()))
    out.print(f"{count} bills of {code} are taken")


@app.command()
def paid(
    code: Code,
    day: Annotated[str, typer.Argument(metavar="DAY", help="One of the bank's days: 2026-11-23.")],
    config: ConfigOption = None,
) -> None:
    """Write what a biller was paid on a day as CSV, for the biller. Who took it is written into the audit chain.

    Example: `tellerline bank billers paid 101 2026-11-23 > water.csv`
    """
    try:
        wanted = datetime.date.fromisoformat(day)
    except ValueError:
        raise typer.BadParameter(f"'{day}' is not a day: write it as 2026-11-23") from None
    found = with_bank(config, lambda bank: bank.admin.billers.paid(code, wanted, operator()))
    writer = csv.writer(sys.stdout)
    writer.writerow(("reference", "amount", "currency", "booked", "at"))
    for one in found:
        at = one.authorised_at.isoformat(timespec="seconds")
        writer.writerow((one.reference, one.amount.plain(), one.amount.currency, one.booked_reference, at))
