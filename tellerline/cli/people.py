"""``tellerline people``: who may publish and approve, proven by a token."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.table import Table

from core_client.adapters.embedded import EmbeddedBank
from core_client.domain.secret import Secret
from core_client.domain.staff import Person, Role
from tellerline.cli.opened_bank import operator, with_bank
from tellerline.cli.proving import TokenFile, given_token
from tellerline.cli.telling import ConfigOption, Format, FormatOption, err, out

app = typer.Typer(
    no_args_is_help=True,
    help="Who may publish, approve and operate, proven by a token.\n\n"
    "Roles: *author* publishes; *approver* approves what another one published and rolls back; "
    "*operator* switches notices, rolls back and names people. "
    "As long as nobody is an operator, whoever runs this names people; then only operators do: have two, "
    "for the day on which one loses the token.\n\n"
    "Example: `tellerline people add anna --role author`",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="As anna or li.wei: a-z, 0-9, dot, dash, underscore.")]


@app.command()
def add(
    name: Name,
    role: Annotated[list[Role], typer.Option(help="What they may do; may be repeated.")],
    token_file: TokenFile = None,
    format_: FormatOption = Format.TEXT,
    config: ConfigOption = None,
) -> None:
    """Add somebody and print their token, once: only its hash is kept.

    The token is the only line on the standard output, so that it can go straight into a file.

    Examples: `tellerline people add anna --role author`,
    `(umask 077; tellerline people add ben --role approver --role operator > ben.token)`
    """
    given = given_token(token_file)

    async def work(bank: EmbeddedBank) -> Secret:
        return await bank.people.add(name, role, await _names(bank, given))

    _show_token(name, with_bank(config, work, make=True), format_)


@app.command()
def rotate(
    name: Name, token_file: TokenFile = None, format_: FormatOption = Format.TEXT, config: ConfigOption = None
) -> None:
    """Give somebody a new token; the one before is worth nothing from now on.

    Example: `tellerline people rotate anna`
    """
    given = given_token(token_file)

    async def work(bank: EmbeddedBank) -> Secret:
        return await bank.people.rotate(name, await _names(bank, given))

    _show_token(name, with_bank(config, work), format_)


@app.command()
def revoke(name: Name, token_file: TokenFile = None, config: ConfigOption = None) -> None:
    """End somebody's token for ever. What they did stays in the log under their name.

    Example: `tellerline people revoke anna`
    """
    given = given_token(token_file)

    async def work(bank: EmbeddedBank) -> None:
        await bank.people.revoke(name, await _names(bank, given))

    with_bank(config, work)
    out.print(f"{name} is revoked: the token proves nothing any more")


@app.command("list")
def list_(format_: FormatOption = Format.TEXT, config: ConfigOption = None) -> None:
    """List everybody: roles, since when, and who is revoked. Never a token.

    Examples: `tellerline people list`, `tellerline people list --format json`
    """
    people = with_bank(config, lambda bank: bank.people.all())
    if format_ is Format.JSON:
        typer.echo(json.dumps({"people": [_as_json(person) for person in people]}, indent=2))
        return
    if not people:
        out.print("there is nobody yet: `tellerline people add NAME --role author` adds somebody")
        return
    table = Table("name", "roles", "since", "state")
    for person in people:
        state = "[green]active[/]" if person.revoked_at is None else f"[red]revoked {person.revoked_at:%Y-%m-%d}[/]"
        table.add_row(person.name, ", ".join(sorted(person.roles)), f"{person.added_at:%Y-%m-%d}", state)
    out.print(table)


async def _names(bank: EmbeddedBank, given: Secret | None) -> str:
    """Answer, for the log, who names people: an operator by token, or whose login it is while there is none."""
    by = await bank.people.may_name(given)
    return f"staff:{by}" if by is not None else f"cli:{operator()}"


def _show_token(name: str, token: Secret, format_: Format) -> None:
    if format_ is Format.JSON:
        typer.echo(json.dumps({"name": name, "token": token.reveal()}))
        return
    typer.echo(token.reveal())
    err.print(f"[bold]This is {name}'s token, and it is not shown again.[/] Give it to {name} alone, who keeps it in")
    err.print("TELLERLINE_TOKEN, or in a file of mode 600 for --token-file.")


def _as_json(person: Person) -> dict[str, object]:
    revoked = person.revoked_at
    return {
        "name": person.name,
        "roles": sorted(person.roles),
        "added_at": person.added_at.isoformat(),
        "revoked_at": revoked.isoformat() if revoked is not None else None,
    }
