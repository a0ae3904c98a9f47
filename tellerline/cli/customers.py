"""``tellerline bank customer``: staff add and change customers. Nothing is shown whole, everything is audited."""

from __future__ import annotations

import datetime
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.markup import escape

from core_client.adapters.embedded import EmbeddedBank
from core_client.domain.customers import Customer
from core_client.domain.records import DocumentKind, NewCustomer
from core_client.domain.registry_changes import EVERY, Bar
from core_client.services.admin import masked
from tellerline.cli.opened_bank import operator, with_bank
from tellerline.cli.telling import ConfigOption, out

T = TypeVar("T")
Who = Annotated[str, typer.Argument(metavar="CUSTOMER", help="Customer number (10000001) or line (+8613900000001).")]
Line = Annotated[str, typer.Argument(metavar="NUMBER", help="As +8613900000001.")]
Kind = Annotated[DocumentKind, typer.Argument(help="What kind of document.")]
Born = Annotated[datetime.datetime | None, typer.Option("--born", formats=["%Y-%m-%d"], help="Date of birth.")]
ClassOption = Annotated[str | None, typer.Option("--class", help="standard, vip or staff: limits and priority.")]
Channel = Annotated[str, typer.Option(help="voice, sms or * for every channel.")]
Function = Annotated[
    str, typer.Argument(help="A theme (transfers), an operation (transfers.prepare), or * for all but help and blocks.")
]


def add_commands(app: typer.Typer) -> None:
    """Add the commands that write the registry to ``tellerline bank customer``."""
    commands = (add, set_, add_line, remove_line, add_document, remove_document, bar, allow)
    for command in commands:
        app.command(command.__name__.strip("_").replace("_", "-"))(command)
    app.command("changes")(changes)


def of(config: Path | None, who: str, work: Callable[[EmbeddedBank, Customer], Awaitable[T]]) -> tuple[Customer, T]:
    """Do ``work`` with the bank and the customer that ``who`` names."""

    async def find(bank: EmbeddedBank) -> tuple[Customer, T]:
        found = await bank.admin.find_customer(who)
        return found, await work(bank, found)

    return with_bank(config, find)


def add(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The new customer number: 4 to 16 digits.")],
    name: Annotated[str, typer.Option(prompt=True, help="Asked for when not given: a shell remembers arguments.")],
    born: Born = None,
    language: Annotated[str | None, typer.Option(help="zh or en.")] = None,
    class_: ClassOption = None,
    config: ConfigOption = None,
) -> None:
    """Add a customer. Numbers and documents are added next; a PIN is set by the customer.

    Example: `tellerline bank customer add 20000001 --born 1990-02-03`
    """
    if language not in (None, "zh", "en"):
        raise typer.BadParameter(f"'{language}' is not spoken here; zh or en")

    async def work(bank: EmbeddedBank) -> int:
        who = NewCustomer(number, name, born.date() if born else None, language, class_ or "standard")
        return await bank.records.add(who, operator())

    with_bank(config, work)
    out.print(f"{number} is a customer")


def set_(
    who: Who,
    name: Annotated[str | None, typer.Option(help="The new name.")] = None,
    born: Born = None,
    class_: ClassOption = None,
    config: ConfigOption = None,
) -> None:
    """Change a customer's name, birth date or class.

    Example: `tellerline bank customer set 10000001 --class vip`
    """
    if name is None and born is None and class_ is None:
        raise typer.BadParameter("say what to change: --name, --born, --class")
    day = born.date() if born else None
    found, _ = of(
        config,
        who,
        lambda bank, one: bank.records.change(one, operator(), name=name, born=day, customer_class=class_),
    )
    out.print(f"{found.number} is changed")


def add_line(who: Who, line: Line, config: ConfigOption = None) -> None:
    """Register a number: who calls from it is known as this customer.

    Example: `tellerline bank customer add-line 10000001 +8613700001234`
    """
    found, _ = of(config, who, lambda bank, one: bank.records.set_line(one, line, True, operator()))
    out.print(f"{found.number} has {masked(line)}")


def remove_line(who: Who, line: Line, config: ConfigOption = None) -> None:
    """Take a number away: from now on it identifies nobody, in calls that go on too.

    Example: `tellerline bank customer remove-line 10000001 +8613700001234`
    """
    found, _ = of(config, who, lambda bank, one: bank.records.set_line(one, line, False, operator()))
    out.print(f"{found.number} has {masked(line)} no longer")


def add_document(
    who: Who,
    kind: Kind,
    number: Annotated[str, typer.Option(prompt=True, help="Asked for when not given.")],
    valid_until: Annotated[datetime.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Its last day.")] = None,
    config: ConfigOption = None,
) -> None:
    """Note an identity document; it is sealed, and one customer's only.

    Example: `tellerline bank customer add-document 10000001 id_card`
    """
    day = valid_until.date() if valid_until else None
    found, _ = of(config, who, lambda bank, one: bank.records.add_document(one, kind, number, day, operator()))
    out.print(f"{found.number} has a document ..{number[-4:]}")


def remove_document(
    who: Who,
    kind: Kind,
    last4: Annotated[str, typer.Argument(help="The end of its number.")],
    config: ConfigOption = None,
) -> None:
    """Take a document out.

    Example: `tellerline bank customer remove-document 10000001 passport 5678`
    """
    found, _ = of(config, who, lambda bank, one: bank.records.remove_document(one, kind, last4, operator()))
    out.print(f"{found.number} has no document ..{last4}")


def bar(who: Who, function: Function, channel: Channel = EVERY, config: ConfigOption = None) -> None:
    """Bar a customer from a function. Every node obeys from this moment; cards can be blocked all the same.

    Example: `tellerline bank customer bar 10000001 transfers --channel sms`
    """
    _set_bar(who, Bar(channel, function), True, config)


def allow(who: Who, function: Function, channel: Channel = EVERY, config: ConfigOption = None) -> None:
    """Let a customer use a function again that `bar` took away.

    Example: `tellerline bank customer allow 10000001 transfers --channel sms`
    """
    _set_bar(who, Bar(channel, function), False, config)


def _set_bar(who: str, what: Bar, barred: bool, config: Path | None) -> None:
    found, bars = of(config, who, lambda bank, one: bank.records.set_bar(one, what, barred, operator()))
    out.print(f"{found.number} is barred from {escape(', '.join(str(one) for one in sorted(bars)) or 'nothing')}")


def changes(
    after: Annotated[int, typer.Option(help="Those that follow this number.")] = 0,
    most: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    config: ConfigOption = None,
) -> None:
    """List what changed in the registry: numbers, kinds and customers' ids, never what to.

    Example: `tellerline bank customer changes --after 120`
    """
    for change in with_bank(config, lambda bank: bank.records.changes(after, most)):
        whose = "" if change.customer_id is None else f"customer {change.customer_id}"
        out.print(f"{change.seq:>8}  {change.at:%Y-%m-%d %H:%M:%S}  {change.kind}  {whose}")
