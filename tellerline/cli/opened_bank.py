"""The embedded bank, opened for one command of a person: beside a running server, or without one."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import typer

from core_client.adapters.embedded import EmbeddedBank
from core_client.domain.records import RecordError
from core_client.errors import BankError
from core_client.services.admin import NotFoundError
from core_client.services.billers import BillerError
from core_client.services.callbacks import CallbackError
from core_client.services.service_requests import RequestError
from core_client.services.staff import StaffError
from tellerline.bootstrap import open_bank_only
from tellerline.cli.telling import NO, config_of, tell_error

T = TypeVar("T")
# What they say is the whole story.
_SAY_ALL = (RecordError, NotFoundError, BillerError, CallbackError, RequestError, StaffError)


def with_bank(config: Path | None, work: Callable[[EmbeddedBank], Awaitable[T]], *, make: bool = False) -> T:
    """Do ``work`` with the bank; what the bank refuses is told, and ends the command with code 1.

    Args:
        config: the settings' file, as the command was given it.
        work: gets the open bank.
        make: make the bank where there is none yet.
    """

    async def run() -> T:
        async with open_bank_only(config_of(config), make=make) as bank:
            return await work(bank)

    try:
        return asyncio.run(run())
    except BankError as error:
        tell_bank_error(error)
        raise typer.Exit(NO) from None


def tell_bank_error(error: BankError) -> None:
    """Print what the bank refused."""
    tell_error(error if isinstance(error, _SAY_ALL) else BankError(f"the bank refused: {error}"))


def operator() -> str:
    """Answer whose login runs this command."""
    return getpass.getuser()
