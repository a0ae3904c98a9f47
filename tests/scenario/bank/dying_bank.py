"""A bank process that kills itself with SIGKILL at a labelled point of a transfer. Run by the test beside it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from core_client.domain.money import Money
from core_client.testing.world import world


async def transfer_and_die(folder: Path, label: str) -> None:
    def checkpoint(reached: str) -> None:
        if reached == label:
            os.kill(os.getpid(), signal.SIGKILL)

    async with world(folder=folder, checkpoint=checkpoint) as bank:
        session = await bank.authenticated()
        prepared = await bank.perform(session, "transfers.prepare", payee="1", amount=Money(50_000, "CNY"))
        print(prepared.answer["id"], flush=True)
        await bank.perform(session, "transfers.authorise", request_id="the-order", intent=prepared.answer["id"])
        print("answered", flush=True)


if __name__ == "__main__":
    asyncio.run(transfer_and_die(Path(sys.argv[1]), sys.argv[2]))
