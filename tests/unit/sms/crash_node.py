"""A node with the demo bank that dies by SIGKILL at a labelled point: ``python -m ... FOLDER PORT [LABEL TIMES]``."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from core_client.adapters.valkey import open_store
from core_client.testing.world import world as open_world
from tests.unit.sms.sms_world import gateway_on


async def main(folder: Path, port: int, label: str, times: int) -> None:
    """Serve until killed."""
    reached = 0

    def checkpoint(here: str) -> None:
        nonlocal reached
        reached += here == label
        if here == label and reached == times:
            os.kill(os.getpid(), signal.SIGKILL)

    async with (
        open_world(folder=folder, checkpoint=checkpoint) as bank,
        open_store(None, folder) as store,
        gateway_on(store, bank, port, checkpoint=checkpoint),
    ):
        await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
