"""The whole server bound to an SMSC, and the bank's truth read past it: straight from the ledger's file."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from core_client.adapters import demo_world
from tellerline import bootstrap
from tellerline.config import Agi, Bank, Config, Health, Server, Sms
from tellerline.trying.world import QUICK_PINS
from tests.peers.sms.node_smsc import NodeSmsc

WANG, SMITH, LI_LEI, HAN_MEIMEI = (demo_world.CUSTOMERS[index] for index in range(4))
BANK = "95500"
CODE = re.compile(r"(?<!\d)\d{6}(?!\d)")


@asynccontextmanager
async def bank_line(
    folder: Path, smsc_port: int, system_id: str, password: str, **sms: Any
) -> AsyncIterator[bootstrap.Node]:
    """Run a node with the demo bank inside the block, everything in ``folder``, nothing on a fixed port."""
    settings: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": smsc_port,
        "system_id": system_id,
        "password": password,
        "reconnect_first_s": 0.05,
        "reconnect_most_s": 0.2,
        "short_code": BANK,
        **sms,
    }
    config = Config(
        server=Server(state_dir=folder / "state"),
        agi=Agi(port=0),
        sms=Sms(**settings),
        bank=Bank(demo=True),
        health=Health(port=None),
    )
    async with bootstrap.running(config, bootstrap.Seams(pin_cost=QUICK_PINS)) as node:
        yield node


class Ledger:
    """What the bank's file says, by SQL of the test's own."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "state" / "bank.db"

    def booked(self, account: str) -> int:
        """Answer what an account's entries sum to, in minor units."""
        return int(
            self._one(
                "SELECT coalesce(sum(e.amount_minor), 0) FROM entries e JOIN accounts a ON a.id = e.account_id"
                " WHERE a.number = ?",
                account,
            )
        )

    def transfers(self) -> int:
        """Answer how many transfers are booked."""
        return int(self._one("SELECT count(*) FROM journals WHERE kind = 'transfer'"))

    def last_intent(self) -> tuple[int, str]:
        """Answer amount and state of the newest intent."""
        with closing(self._open()) as connection:
            row = connection.execute("SELECT amount_minor, state FROM intents ORDER BY prepared_us DESC").fetchone()
        return int(row[0]), str(row[1])

    def card_states(self, last4: str) -> list[str]:
        with closing(self._open()) as connection:
            return [row[0] for row in connection.execute("SELECT state FROM cards WHERE last4 = ?", (last4,))]

    def _one(self, sql: str, *values: str) -> Any:
        with closing(self._open()) as connection:
            return connection.execute(sql, values).fetchone()[0]

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self._file}?mode=ro", uri=True)


def yuan(minor: int) -> str:
    """Write an amount as texts do, by the test's own rule."""
    return f"{minor // 100:,}.{minor % 100:02d}"


def code_in(text: str) -> str:
    """Answer the one six-digit code of a text."""
    codes = CODE.findall(text)
    assert len(codes) == 1, "one code was expected"
    return str(codes[0])


def number_of(customer: demo_world.DemoCustomer) -> str:
    assert customer.line is not None
    return customer.line


def account_of(customer: demo_world.DemoCustomer) -> str:
    return customer.accounts[0].number


async def settled(node: bootstrap.Node, smsc: NodeSmsc, within_s: float = 15.0) -> None:
    """Return when the node has nothing left to answer or to send, and all that it sent is told."""
    assert node.texting is not None
    async with asyncio.timeout(within_s):
        while len(node.texting.inbox) or len(node.texting.outbox):  # noqa: ASYNC110 - nothing tells of a length
            await asyncio.sleep(0.01)
    await smsc.behave()
