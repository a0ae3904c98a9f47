"""A bank process that kills itself with SIGKILL. Run by the tests beside it.

``python -m tests.scenario.bank.dying_bank URL WHERE [cancel]``: WHERE is a labelled point, or ``commit:N`` and
``committed:N`` for just before and just after the Nth commit of the order. With ``cancel`` the order is called off.
"""

from __future__ import annotations

import asyncio
import datetime
import os
import signal
import sys
from typing import Any

from core_client.adapters.sql.statements import Tx
from core_client.domain.limits import CancelWindow, LimitProfile, Which
from core_client.domain.money import Money
from core_client.domain.profile import BankProfile
from core_client.domain.transfers import Purpose
from core_client.testing.world import world

AMOUNT = Money(50_000, "CNY")
MINUTES_TO_CANCEL = 30
_WINDOW = CancelWindow(Which(frozenset({Purpose.PAYEE})), datetime.timedelta(minutes=MINUTES_TO_CANCEL))
PROFILE = BankProfile(limits=LimitProfile(cancel_windows=(_WINDOW,)))


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_commit(where: str, number: int) -> None:
    """Die at the Nth commit from now on; on PostgreSQL the driver's, on SQLite the writer's."""
    left = number

    def due() -> bool:
        nonlocal left
        left -= 1
        return left == 0

    really = Tx.control

    def control(tx: Tx, sql: str) -> None:
        dying = sql == "COMMIT" and due()
        if dying and where == "commit":
            die()
        really(tx, sql)
        if dying:
            die()

    Tx.control = control  # type: ignore[method-assign, assignment]  # this process dies of it


async def transfer_and_die(url: str, where: str, cancel: bool) -> None:
    def checkpoint(reached: str) -> None:
        if reached == where:
            die()

    async with world(database_url=url, checkpoint=checkpoint, profile=PROFILE if cancel else None) as bank:
        session = await bank.authenticated()
        prepared = await bank.perform(session, "transfers.prepare", "voice", "the-wish", payee="1", amount=AMOUNT)
        intent = prepared.answer["id"]
        print(intent, flush=True)
        at, _, number = where.partition(":")
        if number:
            die_at_commit(at, int(number))
        given: dict[str, Any] = {"cancellable": True} if cancel else {}
        await bank.perform(session, "transfers.authorise", "voice", "the-order", intent=intent, **given)
        if cancel:
            print("held", flush=True)
            await bank.perform(session, "transfers.cancel", "voice", "the-second-thought", intent=intent)
        print("answered", flush=True)


if __name__ == "__main__":
    asyncio.run(transfer_and_die(sys.argv[1], sys.argv[2], "cancel" in sys.argv))
