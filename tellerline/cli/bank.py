"""``tellerline bank``: what an operator may do with the embedded bank, each of it written into its audit chain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from core_client.adapters.embedded import EmbeddedBank
from core_client.domain.records import Document
from core_client.services.admin import CustomerView, Resolution
from tellerline.cli import (
    bank_audit,
    bank_billers,
    bank_cash,
    bank_copies,
    bank_keys,
    bank_reports,
    bank_reversals,
    bank_serve,
    bank_services,
    callbacks,
    customers,
)
from tellerline.cli.opened_bank import operator, with_bank
from tellerline.cli.telling import NO, ConfigOption, out

app = typer.Typer(help="Look after the embedded bank: customers, locks, callbacks, transfers without a last word.")
customer = typer.Typer(help="One customer.", no_args_is_help=True)
unknown = typer.Typer(help="Transfers whose outcome is unknown.", no_args_is_help=True)
app.add_typer(customer, name="customer")
app.add_typer(unknown, name="unknown")
app.add_typer(bank_keys.app, name="keys")
customers.add_commands(customer)
app.add_typer(bank_reversals.app, name="reversal")
app.add_typer(callbacks.app, name="callbacks")
app.add_typer(bank_audit.app, name="audit")
app.add_typer(bank_billers.app, name="billers")
app.add_typer(bank_cash.app, name="cash")
bank_copies.add_to(app)
bank_reports.add_to(app)
bank_serve.add_to(app)
bank_services.add_to(app)

Who = Annotated[str, typer.Argument(metavar="CUSTOMER", help="Customer number (10000001) or line (+8613900000001).")]


@customer.command()
def show(who: Who, config: ConfigOption = None) -> None:
    """Show a customer: language, lines (masked), failures, accounts, payees, cards. Never a PIN.

    Example: `tellerline bank customer show 10000001`
    """

    async def work(bank: EmbeddedBank) -> tuple[CustomerView, Sequence[Document]]:
        seen = await bank.admin.show(who)
        return seen, await bank.records.documents(seen.customer)

    view, documents = with_bank(config, work)
    out.print(f"{view.customer.number}  {escape(view.customer.name)}", style="bold")
    out.print(f"language  {view.customer.language or 'not chosen'}")
    out.print(f"class     {view.customer.customer_class}")
    out.print(f"lines     {', '.join(view.lines) or 'none'}")
    for document in documents:
        until = f"  until {document.valid_until}" if document.valid_until else ""
        out.print(f"document  {document.kind}  ..{document.last4}{until}")
    if view.customer.bars:
        out.print(f"barred    {escape(', '.join(str(bar) for bar in sorted(view.customer.bars)))}")
    out.print(f"access    {'[red]locked[/]' if view.locked else 'open'}, {view.failures} failures")
    for account in view.accounts:
        state = "  frozen" if account.frozen else ""
        out.print(f"account   ..{account.number[-4:]}  {account.product}  {account.available}{state}")
    for payee in view.payees:
        out.print(f"payee     {payee.short_number}  {escape(payee.alias)}  {escape(payee.name)}  ..{payee.last4}")
    for card in view.cards:
        out.print(f"card      ..{card.last4}  {card.state}")


@customer.command()
def unlock(who: Who, config: ConfigOption = None) -> None:
    """Forget a customer's failures, after you have checked who it is. The PIN stays what it was.

    Example: `tellerline bank customer unlock 10000001`
    """
    found = with_bank(config, lambda bank: bank.admin.unlock(who, operator()))
    out.print(f"{found.number} {escape(found.name)} is unlocked")


@customer.command()
def unfreeze(who: Who, config: ConfigOption = None) -> None:
    """Lift what a customer froze, after you have checked who it is. What the bank itself froze stays frozen.

    Example: `tellerline bank customer unfreeze 10000001`
    """

    async def work(bank: EmbeddedBank) -> int:
        found = await bank.admin.find_customer(who)
        return len(await bank.admin.freezes.lift(found.id, operator()))

    lifted = with_bank(config, work)
    out.print(f"the freeze of {who} is lifted" if lifted else f"{who} has frozen nothing")


@customer.command("unblock-card")
def unblock_card(
    who: Who,
    last4: Annotated[str, typer.Argument(metavar="LAST4", help="The card's last four digits.")],
    config: ConfigOption = None,
) -> None:
    """Have a blocked card pay again, after you have checked who asks.

    Example: `tellerline bank customer unblock-card 10000001 4821`
    """

    async def work(bank: EmbeddedBank) -> bool:
        found = await bank.admin.find_customer(who)
        return await bank.admin.freezes.unblock_card(found.id, last4, operator())

    done = with_bank(config, work)
    out.print(f"the card ending in {last4} pays again" if done else f"{who} has no blocked card ending in {last4}")
    if not done:
        raise typer.Exit(NO)


@customer.command("set-language")
def set_language(
    who: Who,
    language: Annotated[str, typer.Argument(help="zh or en.")],
    config: ConfigOption = None,
) -> None:
    """Remember the language that a customer is spoken to in.

    Example: `tellerline bank customer set-language 10000001 en`
    """
    if language not in ("zh", "en"):
        raise typer.BadParameter(f"'{language}' is not spoken here; zh or en")
    found = with_bank(config, lambda bank: bank.admin.set_language(who, language, operator()))
    out.print(f"{found.number} {escape(found.name)} is spoken to in {language}")


@unknown.command("list")
def list_unknown(config: ConfigOption = None) -> None:
    """List the transfers that have no last word, oldest first.

    Example: `tellerline bank unknown list`
    """
    intents = with_bank(config, lambda bank: bank.admin.unknown())
    if not intents:
        out.print("no transfer is without its last word")
        return
    table = Table("intent", "since", "amount", "to")
    for intent in intents:
        table.add_row(intent.id, f"{intent.prepared_at:%Y-%m-%d %H:%M}", str(intent.amount), f"..{intent.payee_last4}")
    out.print(table)


@unknown.command()
def resolve(
    intent: Annotated[str, typer.Argument(help="As `tellerline bank unknown list` shows it.")],
    how: Annotated[
        Resolution,
        typer.Option(help="query: ask the ledger; post or void: give it its last word; reverse: undo a posted one."),
    ] = Resolution.QUERY,
    note: Annotated[str, typer.Option(help="Why, for the audit.")] = "",
    config: ConfigOption = None,
) -> None:
    """Give a transfer its last word.

    Example: `tellerline bank unknown resolve 5f0c… --how query`
    """
    resolved = with_bank(config, lambda bank: bank.admin.resolve(intent, how, operator(), note))
    reference = f", reference {resolved.reference}" if resolved.reference else ""
    out.print(f"{intent}: {resolved.outcome}{reference}")
