"""``tellerline bank keys``: the keys that personal data in SQL is sealed under."""

from __future__ import annotations

from collections.abc import Callable

import typer
from rich.table import Table

from core_client.adapters.embedded import EmbeddedBank
from core_client.adapters.sql.resealing import KeysStanding, rotate, standing
from core_client.domain.audit import AuditRecord
from tellerline.cli.opened_bank import operator, with_bank
from tellerline.cli.telling import ConfigOption, out

app = typer.Typer(help="The keys that names, numbers and documents are sealed under.", no_args_is_help=True)


@app.command()
def status(config: ConfigOption = None) -> None:
    """Show the data keys, and how many rows still wait to be sealed under the newest.

    Example: `tellerline bank keys status`
    """
    stands = with_bank(config, lambda bank: standing(bank.database, bank.personal))
    table = Table("key", "made", "state")
    for key in stands.keys:
        state = "destroyed" if key.retired else ("seals" if key.superseded is None else "opens what is left")
        table.add_row(str(key.id), f"{key.made:%Y-%m-%d %H:%M}", state)
    out.print(table)
    _tell_left(stands)


@app.command("rotate")
def rotate_(config: ConfigOption = None) -> None:
    """Seal everything under a new data key, beside a running server; the older key is destroyed at the end.

    One that was broken off goes on where it was: give the command again.

    Example: `tellerline bank keys rotate`
    """

    async def work(bank: EmbeddedBank) -> tuple[int, KeysStanding]:
        now = bank.ports.clock.now()
        await bank.ports.audit.append(AuditRecord(now, f"cli:{operator()}", "keys.rotation_asked", "data_keys"))
        rows = await rotate(bank.database, bank.personal, now, _progress())
        return rows, await standing(bank.database, bank.personal)

    rows, stands = with_bank(config, work)
    out.print(f"{rows} rows are sealed under key {max(key.id for key in stands.keys)}")
    _tell_left(stands)


def _progress() -> Callable[[str, int], None]:
    return lambda table, rows: out.print(f"{table}: {rows} rows", style="dim")


def _tell_left(stands: KeysStanding) -> None:
    if stands.rotating or stands.left:
        out.print(f"{stands.left} rows are under an older key: `tellerline bank keys rotate` goes on")
    else:
        out.print("every row is under the newest key")
