"""``tellerline bank reversal``: book a transfer back, asked for by one person and approved by another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.markup import escape
from rich.table import Table

from core_client.adapters.embedded import EmbeddedBank
from core_client.domain.secret import Secret
from core_client.domain.staff import Person
from tellerline.cli.opened_bank import with_bank
from tellerline.cli.proving import By, TokenFile, token_of
from tellerline.cli.telling import ConfigOption, out

T = TypeVar("T")

app = typer.Typer(
    help="Book a transfer back by a second entry: an operator asks, an approver who is somebody else approves.",
    no_args_is_help=True,
)
Which = Annotated[str, typer.Argument(metavar="INTENT", help="The transfer's id, as the audit and the lists show it.")]


def _as_person(config: Path | None, token: Secret, by: str, work: Callable[[EmbeddedBank, Person], Awaitable[T]]) -> T:
    async def proven(bank: EmbeddedBank) -> T:
        return await work(bank, await bank.people.prove(token, by))

    return with_bank(config, proven)


@app.command()
def ask(
    intent: Which,
    by: By,
    reason: Annotated[str, typer.Option(help="Why: for the customer and the auditor.")],
    token_file: TokenFile = None,
    config: ConfigOption = None,
) -> None:
    """Ask for a booked transfer to be booked back. Moves nothing.

    Example: `tellerline bank reversal ask 5f0c… --by mei --reason "paid twice by our mistake"`
    """
    token = token_of(token_file, by)
    asked = _as_person(config, token, by, lambda bank, person: bank.reversals.ask(intent, person, reason))
    out.print(f"{intent}: {asked.state}, asked by {asked.asked_by}; an approver who is somebody else decides")


@app.command("list")
def list_waiting(config: ConfigOption = None) -> None:
    """List the reversals that wait for an approval, oldest first.

    Example: `tellerline bank reversal list`
    """
    waiting = with_bank(config, lambda bank: bank.reversals.waiting())
    if not waiting:
        out.print("no reversal waits")
        return
    table = Table("intent", "asked", "by", "amount", "to", "reason")
    for one, intent in waiting:
        at = f"{one.asked_at:%Y-%m-%d %H:%M}"
        table.add_row(
            one.intent_id, at, one.asked_by, str(intent.amount), f"..{intent.payee_last4}", escape(one.reason)
        )
    out.print(table)


@app.command()
def approve(intent: Which, by: By, token_file: TokenFile = None, config: ConfigOption = None) -> None:
    """Approve a reversal that somebody else asked for: it is booked at once, and its customer is texted.

    Example: `tellerline bank reversal approve 5f0c… --by ben`
    """
    token = token_of(token_file, by)
    done = _as_person(config, token, by, lambda bank, person: bank.reversals.approve(intent, person))
    out.print(f"{intent}: {done.outcome}, reference {done.reference}")


@app.command()
def refuse(intent: Which, by: By, token_file: TokenFile = None, config: ConfigOption = None) -> None:
    """Refuse a reversal, or take your own request back.

    Example: `tellerline bank reversal refuse 5f0c… --by ben`
    """
    token = token_of(token_file, by)
    refused = _as_person(config, token, by, lambda bank, person: bank.reversals.refuse(intent, person))
    out.print(f"{intent}: the reversal is {refused.state}")
