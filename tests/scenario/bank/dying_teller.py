"""A node that owes a customer a text, and dies by SIGKILL with it handed over. Run by the test beside it.

``python -m tests.scenario.bank.dying_teller URL FOLDER PORT LABEL``: with a label, a text of that kind comes to be owed
and the node dies there; without one, it looks after what is owed, sends a last text, and waits to be killed.
"""

from __future__ import annotations

import asyncio
import datetime
import sys
from pathlib import Path

from core_client.adapters.valkey import open_store
from core_client.domain.money import Money
from core_client.domain.notices import Notice, NoticeKind
from core_client.domain.values import Value
from core_client.testing.clock import ManualClock
from core_client.testing.faulty_bank import Fault
from core_client.testing.world import World, world
from flows.vault import Vault
from sms.gateway import SmsGateway
from sounds.catalogue import Catalogue
from tellerline.late_results import LateResults
from tellerline.notices import Notices
from tests.scenario.bank.killing import die
from tests.unit.sms.sms_world import WANG, gateway_on

LAST = "that is all"


async def owe(bank: World, label: str) -> None:
    """Have a text come to be owed."""
    if label == "result.texted":
        session = await bank.authenticated(WANG)
        prepared = await bank.perform(session, "transfers.prepare", payee="1", amount=Money(50_000, "CNY"))
        bank.faulty.faults["post"] = Fault.LOST_REPLY
        await bank.perform(session, "transfers.authorise", intent=prepared.answer["id"])
        bank.faulty.faults.clear()
    else:
        now = bank.clock.now()
        said: dict[str, Value] = {"amount": Money(-50_000, "CNY"), "text": "Li Lei", "last4": "1101", "booked_us": 1}
        await bank.bank.ports.notices.owe(
            Notice("alert-1", NoticeKind.ALERT, 1, said, now, now + datetime.timedelta(days=1))
        )


async def look(bank: World, gateway: SmsGateway) -> None:
    """Hand over everything that is owed, as a node does now and then."""
    catalogue = Catalogue.load()
    await LateResults(bank.bank, catalogue, gateway, Vault()).look()
    await Notices(bank.bank.ports, catalogue, gateway.send).look()


async def main(url: str, folder: Path, port: int, label: str) -> None:
    """Serve until killed."""

    def checkpoint(here: str) -> None:
        if here == label:
            die()

    clock = ManualClock()
    async with open_store(None, folder) as store, world(database_url=url, clock=clock, checkpoint=checkpoint) as bank:
        if label:
            await owe(bank, label)
        clock.advance(61)
        async with gateway_on(store, bank, port) as gateway:
            for _ in range(2):
                await look(bank, gateway)
            await gateway.send(WANG, LAST, "last")
            await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
