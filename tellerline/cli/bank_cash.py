"""``tellerline bank cash``: what a cash machine's driver asks for cash that was ordered without a card."""

from __future__ import annotations

from typing import Annotated

import typer

from core_client.domain.secret import Secret
from core_client.services.cash import Payout
from tellerline.cli.opened_bank import with_bank
from tellerline.cli.telling import NO, ConfigOption, out

app = typer.Typer(help="Cash that was ordered without a card.", no_args_is_help=True)

Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The mobile number that was keyed, as +8613900000001.")]
Terminal = Annotated[str, typer.Option(metavar="NAME", help="Which machine asks.")]
RequestId = Annotated[str, typer.Option("--request", metavar="ID", help="Of this attempt; the same to ask again.")]
UNKNOWN = 3  # exit code: pay nothing, ask again


@app.command()
def collect(number: Number, terminal: Terminal, request: RequestId, config: ConfigOption = None) -> None:
    """Ask whether a machine may pay out. The code is read from the terminal or from standard input, never shown.

    Exit code 0: pay what is printed. 1: refused. 3: nobody knows yet, pay nothing, ask again with the same --request.

    Example: `tellerline bank cash collect +8613900000001 --terminal ATM-7 --request 20261123-000017`
    """
    code = Secret(typer.prompt("code", hide_input=True))
    answer = with_bank(config, lambda bank: bank.client.cash.collect(number, code, terminal, request))
    if answer.payout is Payout.PAY:
        out.print(f"pay {answer.amount}  {answer.reference}")
        return
    out.print("refused" if answer.payout is Payout.REFUSED else "unknown: pay nothing, ask again")
    raise typer.Exit(NO if answer.payout is Payout.REFUSED else UNKNOWN)


@app.command("not-paid-out")
def not_paid_out(number: Number, terminal: Terminal, request: RequestId, config: ConfigOption = None) -> None:
    """Say that a machine could not pay out what it was told to: it is booked back. Safe to say again.

    Example: `tellerline bank cash not-paid-out +8613900000001 --terminal ATM-7 --request 20261123-000017`
    """
    if not with_bank(config, lambda bank: bank.client.cash.not_paid_out(number, terminal, request)):
        out.print("refused: no payout of this machine has that request")
        raise typer.Exit(NO)
    out.print("booked back")
