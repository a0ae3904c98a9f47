"""200 orders at once for money that covers eight of them, by voice and SMS, from two nodes on one database."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from core_client.adapters.sql.reconciling import reconcile
from core_client.adapters.sql.statements import Tx
from core_client.domain.transfers import TransferState
from core_client.testing.world import world

NODES, EACH = 2, 100
FEN = 150_000  # of 1,234,567: eight win, and 34,567 stay
WINNERS, LEFT = 8, 34_567
_ROOT = Path(__file__).parents[3]
_WATCH = "SELECT min(booked_minor - held_minor) FROM accounts WHERE id = 1"


async def run_nodes(url: str) -> list[dict[str, Any]]:
    nodes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.scenario.bank.racing_node", url, f"node{n}", str(EACH), str(FEN),
            cwd=_ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )
        for n in range(NODES)
    ]  # fmt: skip
    async with asyncio.timeout(150):
        for node in nodes:
            assert node.stdout is not None
            assert await node.stdout.readline() == b"ready\n"
        for node in nodes:
            assert node.stdin is not None
            node.stdin.write(b"go\n")
        said = [(await node.communicate())[0] for node in nodes]
    assert [node.returncode for node in nodes] == [0] * NODES
    return [told for out in said for told in json.loads(out)]


async def test_200_orders_race_for_money_that_covers_eight(bank_url: str) -> None:
    async with world(database_url=bank_url):
        pass
    told = await run_nodes(bank_url)
    assert len(told) == NODES * EACH
    outcomes = Counter((one["outcome"], one["reason"]) for one in told)
    assert outcomes == {("ok", None): WINNERS, ("refused", "insufficient_funds"): NODES * EACH - WINNERS}
    assert len({one["reference"] for one in told if one["outcome"] == "ok"}) == WINNERS
    async with world(database_url=bank_url) as bank:

        def least(tx: Tx) -> int:
            cursor = tx.connection.connection.cursor()
            cursor.execute(_WATCH)
            row: tuple[int] = cursor.fetchone()  # type: ignore[assignment]  # the driver's own row
            return row[0]

        assert await bank.bank.database.read(least) == LEFT
        for one in told:
            found = await bank.bank.ports.intents.get(one["intent"])
            assert found is not None
            assert found.state is (TransferState.POSTED if one["outcome"] == "ok" else TransferState.VOIDED)
        found_all = await reconcile(bank.bank.database)
        assert (found_all.differences, found_all.open) == ([], [])
        await bank.bank.ledger.check_books()
        assert (await bank.bank.admin.check_audit()).broken_at is None
