"""``tellerline bank reconcile`` and ``bank statements``: does everything agree, and what was booked on a day."""

from __future__ import annotations

import contextlib
import datetime
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.markup import escape
from rich.table import Table

from core_client.adapters.embedded import EmbeddedBank
from core_client.adapters.sql.days import day_statements
from core_client.adapters.sql.reconciling import reconcile
from core_client.ports.reconciliation import Difference, Reconciliation
from tellerline.bootstrap import store_url
from tellerline.camt053 import Camt053, CsvStatements
from tellerline.cli.opened_bank import with_bank
from tellerline.cli.telling import NO, ConfigOption, Format, FormatOption, config_of, out, tell_error, tell_json
from tellerline.config import Config
from tellerline.errors import ConfigError

SETTLE_S = 60  # after midnight: what was begun before it is booked by then
_FIRST_YEAR = 1970
_LATE = "late-result-"  # ids of the texts that tell a result late
_STATEMENT_MODE = 0o600  # whole account numbers are in it


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("reconcile")(compare)
    app.command("statements")(write_statements)


def compare(
    drained: Annotated[
        bool, typer.Option("--drained", help="After a drain: what is under way is a difference too.")
    ] = False,
    as_: FormatOption = Format.TEXT,
    config: ConfigOption = None,
) -> None:
    """Hold ledger, intents, audit chain and the log of texts against each other. Exit code 1 when they differ.

    One snapshot; a server may run beside it. What is under way is listed, and is no difference unless `--drained`.

    Example: `tellerline bank reconcile --drained --format json`
    """
    settings = config_of(config)
    _assert_books(settings)

    async def work(bank: EmbeddedBank) -> Reconciliation:
        return await reconcile(bank.database, await texted(settings))

    found = with_bank(config, work)
    if as_ is Format.JSON:
        tell_json(_as_json(found))
    else:
        _tell(found)
    if found.differences or (drained and any(one.differing.value != "untold" for one in found.open)):
        raise typer.Exit(NO)


def _assert_books(settings: Config) -> None:
    """Stop where the accounts are elsewhere: the books here are empty, and would be told as complete."""
    if settings.core.kind != "embedded":
        raise ConfigError("core.kind", "the books are in another bank", "Ask for this where the accounts are.")


async def texted(settings: Config) -> dict[str, str]:
    """Answer the intents whose result was texted late, with the state of the text, as the store still knows them."""
    from core_client.adapters.valkey import reach_store  # the store's client takes a while to load
    from sms.store.lifelines import life_of

    found: dict[str, str] = {}
    async with reach_store(store_url(settings), settings.server.state_dir) as store:
        redis: Any = store.redis  # typed for every mode of the client; this one answers bytes
        async for key in redis.scan_iter(match=f"tellerline:{{sms}}:life:{_LATE}*", count=1_000):
            id_ = key.decode().partition(":life:")[2]
            life = life_of(id_, [line.decode() for line in await redis.lrange(key, 0, -1)])
            found[id_.removeprefix(_LATE)] = life.state.value if life.state is not None else "nothing yet"
    return found


def write_statements(
    day: Annotated[str, typer.Argument(metavar="DAY", help="The day, as 2026-11-23, by the bank's clock.")],
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Where the two files go.")] = Path(),
    every: Annotated[bool, typer.Option("--all", help="Also accounts on which nothing was booked.")] = False,
    config: ConfigOption = None,
) -> None:
    """Write the statements of a day that is over: camt.053.001.08 and CSV. The same day gives the same again.

    Example: `tellerline bank statements 2026-11-23 --to /srv/statements`
    """
    settings = config_of(config)
    _assert_books(settings)
    try:
        date = datetime.date.fromisoformat(day)
    except ValueError:
        raise typer.BadParameter(f"'{day}' is no day; write it as 2026-11-23") from None
    if not _FIRST_YEAR <= date.year < datetime.MAXYEAR:
        raise typer.BadParameter(f"nothing is booked on {day}; write a day as 2026-11-23")
    zone = datetime.timezone(datetime.timedelta(minutes=settings.transfers.utc_offset_minutes))
    begin = datetime.datetime.combine(date, datetime.time(), zone)
    end = begin + datetime.timedelta(days=1)

    async def work(bank: EmbeddedBank) -> int:
        now = bank.ports.clock.now()
        if now < end + datetime.timedelta(seconds=SETTLE_S):
            raise ConfigError("DAY", f"{date} is not over", f"ask again after {end:%Y-%m-%d %H:%M}, a minute later")
        with pair_of_files(to, date) as (xml, table):
            message, rows = Camt053(xml, date, zone, now), CsvStatements(table, zone)
            async for statement in day_statements(bank.database, begin, end, all_accounts=every):
                message.add(statement)
                rows.add(statement)
            message.close()
        return message.statements

    try:
        count = with_bank(config, work)
    except OSError as error:
        tell_error(f"{error.filename or to}: {error.strerror}")
        raise typer.Exit(NO) from None
    if not count:
        for name in names(date):  # a message without a statement is none
            (to / name).unlink()
        out.print(f"nothing was booked on {date}; no files")
        return
    for name in names(date):
        out.print(f"{escape(str(to / name))}  {(to / name).stat().st_size:,} bytes")
    out.print(f"{count:,} accounts")


def names(day: datetime.date) -> tuple[str, str]:
    """Answer the names of a day's files."""
    return f"camt053-{day:%Y%m%d}.xml", f"statements-{day:%Y%m%d}.csv"


@contextlib.contextmanager
def pair_of_files(folder: Path, day: datetime.date) -> Iterator[tuple[TextIO, TextIO]]:
    """Answer two files to write, for the owner's eyes only; both get their names at the end, or neither."""
    parts = [folder / f".{name}.{secrets.token_hex(4)}.part" for name in names(day)]
    try:
        with contextlib.ExitStack() as stack:
            files = [stack.enter_context(_made(part)) for part in parts]
            yield files[0], files[1]
            for file in files:
                file.flush()
                os.fsync(file.fileno())
        for part, name in zip(parts, names(day), strict=True):
            part.replace(folder / name)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)


def _made(path: Path) -> TextIO:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _STATEMENT_MODE)
    return os.fdopen(descriptor, "w", encoding="utf-8", newline="")


def _as_json(found: Reconciliation) -> dict[str, Any]:
    def rows(differences: Iterator[Difference]) -> list[dict[str, str]]:
        return [{"differing": one.differing.value, "about": one.about, "words": one.words} for one in differences]

    return {
        "empty": found.empty,
        "intents": found.intents,
        "holds": found.holds,
        "journals": found.journals,
        "audit_rows": found.audit_rows,
        "differences": rows(iter(found.differences)),
        "open": rows(iter(found.open)),
    }


def _tell(found: Reconciliation) -> None:
    out.print(
        f"{found.intents:,} intents, {found.holds:,} holds, {found.journals:,} journals, "
        f"{found.audit_rows:,} rows of audit held against each other"
    )
    for title, rows in (("differs", found.differences), ("under way", found.open)):
        if rows:
            table = Table(title, "about", "what")
            for one in rows:
                table.add_row(one.differing.value, escape(one.about), escape(one.words))
            out.print(table)
    if found.empty:
        out.print("[green]no difference[/]" + ("" if not found.open else "; what is under way, a drain settles"))
