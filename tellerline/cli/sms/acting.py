"""What the commands for texts share: the office, who acts, times and states as people read them."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import os
import re
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar
from zoneinfo import ZoneInfo

import typer
from rich import box
from rich.console import RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from core_client.domain.secret import Secret
from core_client.domain.staff import Person, Role
from core_client.errors import BankError
from flows.zones import zone_of
from sms.messages import State
from sms.store.journal import JournalDown
from tellerline.cli.opened_bank import tell_bank_error
from tellerline.cli.telling import NO, PlainConsole, err, out, tell_error
from tellerline.config import Config
from tellerline.texts.office import SmsOffice, SmsOfficeError, open_sms_office

T = TypeVar("T")

STATES = {
    State.QUEUED: "yellow",
    State.SENT: "yellow",
    State.ACCEPTED: "cyan",
    State.DELIVERED: "green",
    State.UNDELIVERABLE: "red",
    State.EXPIRED: "red",
    State.REJECTED: "red",
    State.UNKNOWN: "magenta",
}
PIPE_WIDTH = 180  # columns, where the output is no terminal
_AGO = re.compile(r"([1-9][0-9]{0,4})(s|m|h|d)")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def at_the_sms_office(config: Config, work: Callable[[SmsOffice], Awaitable[T]]) -> T:
    """Do ``work`` with the office; what it refuses is told, and ends the command with code 1."""

    async def run() -> T:
        async with open_sms_office(config) as office:
            return await work(office)

    with refusals_told():
        return asyncio.run(run())


@contextlib.contextmanager
def refusals_told() -> Iterator[None]:
    """Tell what was refused, and end with code 1."""
    try:
        yield
    except SmsOfficeError as error:
        tell_error(error)
    except JournalDown as error:
        tell_error(f"{error}: it is not known whether it is stored\n  mend: tellerline sms trace tells.")
    except BankError as error:
        tell_bank_error(error)
    else:
        return
    raise typer.Exit(NO)


async def proven(office: SmsOffice, token: Secret, name: str) -> Person:
    """Answer the operator whose token it is."""
    return await office.people.prove(token, name, Role.OPERATOR)


def zone_here(config: Config) -> ZoneInfo:
    """Answer the zone in which times are shown and read: that of the quiet hours."""
    return zone_of(config.sms.people.quiet_zone)


def shown_at(at: float, zone: ZoneInfo, *, milliseconds: bool = False) -> str:
    """Answer a moment as people read it."""
    moment = datetime.datetime.fromtimestamp(at, zone)
    return moment.strftime("%Y-%m-%d %H:%M:%S") + (f".{moment.microsecond // 1000:03d}" if milliseconds else "")


def moment_of(text: str, zone: ZoneInfo, now: float) -> float:
    """Answer the moment that is meant: ``18:00`` of today or tomorrow, ``2026-10-01 18:00``, or ``2h`` from now.

    Raises:
        typer.BadParameter: none is.
    """
    delta = _AGO.fullmatch(text.strip())
    if delta:
        return now + int(delta[1]) * _UNITS[delta[2]]
    here = datetime.datetime.fromtimestamp(now, zone)
    with contextlib.suppress(ValueError):
        clock = datetime.time.fromisoformat(text.strip())
        found = datetime.datetime.combine(here.date(), clock, zone)
        return (found if found > here else found + datetime.timedelta(days=1)).timestamp()
    with contextlib.suppress(ValueError):
        return datetime.datetime.fromisoformat(text.strip()).replace(tzinfo=zone).timestamp()
    raise typer.BadParameter(f"'{text}' is no time: write 18:00, '2026-10-01 18:00', or 2h")


def ago_of(text: str, now: float) -> float:
    """Answer the moment that was ``2h`` ago.

    Raises:
        typer.BadParameter: that is no such time.
    """
    found = _AGO.fullmatch(text.strip())
    if not found:
        raise typer.BadParameter(f"'{text}' is no time: write 30m, 2h or 7d")
    return now - int(found[1]) * _UNITS[found[2]]


def lasting(seconds: float) -> str:
    """Answer a length of time as people read it."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
    if seconds < 86_400:
        return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"
    return f"{seconds // 86_400:.0f} d {seconds % 86_400 // 3600:.0f} h"


def coloured(state: State | None) -> str:
    """Answer a state with its colour."""
    return f"[{STATES[state]}]{state.value}[/]" if state is not None else ""


def table_of(*columns: str) -> Table:
    """Answer an empty table whose first column, an id or a time, is never cut."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=number == 0, overflow="fold")
    return table


def show(table: RenderableType) -> None:
    """Print a table, wide enough for all of it where no terminal has a width."""
    if out.is_terminal or "COLUMNS" in os.environ:
        out.print(table, soft_wrap=False)
        return
    PlainConsole(file=out.file, highlight=False, emoji=False, width=PIPE_WIDTH).print(table, soft_wrap=False)


def progress_bar() -> Progress:
    """Answer a bar for what takes long, on a terminal alone."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal)
