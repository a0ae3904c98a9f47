"""Two nodes on one store, with a bind each and one that may exist once: when one is killed, the other goes on for both.

A node's lease and a bind's are their real ones, so most of the time is spent waiting for them.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from sms.smpp import Status
from sms.testing.fake_smsc import Account, FakeSmsc
from tests.scenario.chaos import bank_line
from tests.scenario.chaos.node_process import NodeProcess
from tests.scenario.chaos.running import Storm
from tests.scenario.chaos.store_process import store_process

LOADED_S = 15.0 if os.environ.get("TELLERLINE_PROOF") else 4.0  # before one is killed, and after
LONE = "lone"
LEASE_TAKEN_S = 10.0


def operators(smsc: FakeSmsc) -> str:
    """One operator for customers and strangers; one with a bind that may exist once for what the bank tells."""
    address = f'host = "127.0.0.1"\nport = {smsc.port}'
    return f"""
[[sms.operators]]
name = "main"
prefixes = ["+86138", "+86139"]
receipts = true
[[sms.operators.binds]]
{address}
password = "demo"
[[sms.operators]]
name = "north"
prefixes = ["+86137"]
receipts = true
[[sms.operators.binds]]
name = "once"
{address}
system_id = "{LONE}"
password = "demo"
single = true
"""


@pytest.mark.proof
@pytest.mark.timeout(300)
async def test_a_node_goes_on_with_what_a_killed_one_left_and_takes_over_its_bind(tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with store_process(tmp_path / "store") as store:
        sealer = await bank_line.opened(state, store)
        async with bank_line.centre(1, Account(LONE, "demo", only_once=True)) as smsc:
            first, second = (
                NodeProcess(tmp_path, name, bank_line.settings(state, store, smsc, name, operators(smsc)))
                for name in ("a", "b")
            )

            async def one_dies() -> None:
                await asyncio.sleep(LOADED_S)
                assert (first.said("bind.lease_taken"), second.said("bind.lease_taken")) == (1, 0)
                before = len(smsc.log)
                await first.kill()
                await asyncio.sleep(LOADED_S)
                assert len(smsc.log) > before  # over the bind that was the second one's before

            try:
                await first.start()
                await smsc.wait_bound(LEASE_TAKEN_S, LONE)
                verdict = await Storm(smsc, store, [first, second], sealer, state).blow(one_dies)
                left = second.said("node.adopted")
            finally:
                for node in (first, second):
                    await node.end()
    assert not verdict.wrong, "\n".join(verdict.wrong[:40])
    assert left, "the second node adopted nothing"
    assert second.said("bind.lease_taken") == 1
    assert smsc.binds.count(LONE) >= 2  # once by each; a slow machine may drop a link in between
    assert (LONE, Status.RALYBND) not in smsc.refused_binds
    assert verdict.counts["not repeatable: delivered"]
