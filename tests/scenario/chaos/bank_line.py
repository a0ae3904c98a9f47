"""The settings of a node under bad weather, and its bank with customers enough."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from pydantic import SecretStr

from core_client.adapters.demo_world import CUSTOMERS, crowd
from core_client.adapters.pin_hashing import PinCost
from core_client.adapters.sealing import Sealer
from core_client.adapters.seeding import seed
from sms.smpp import Limits
from sms.testing.fake_smsc import Account, FakeSmsc
from tellerline.bootstrap import Seams, running
from tellerline.config import Agi, Bank, Config, Flows, Health, Server, Store
from tellerline.state import open_state
from tests.scenario.chaos.store_process import StoreProcess

GUESTS = 1000  # the last few of them pay, the others ask for their balance
PAYERS = 4
_CHEAP = PinCost(memory_kib=64, passes=1)


def centre(seed: int, *accounts: Account) -> FakeSmsc:
    """A message centre that brings again what is not acknowledged for as long as it takes, and reports all."""
    limits = Limits(window=50, response_timeout_s=2.0)
    smsc = FakeSmsc(seed=seed, accounts=accounts, limits=limits, max_deliveries=100_000)
    smsc.behaviour.receipts = smsc.behaviour.receipts_unanswered = True
    smsc.behaviour.outcomes = ("DELIVRD", "DELIVRD", "UNDELIV", "DELIVRD", "EXPIRED", "DELIVRD", "REJECTD")
    return smsc


def settings(state: Path, store: StoreProcess, smsc: FakeSmsc, node: str, operators: str = "") -> str:
    """Answer the settings of one node; ``operators`` instead of one bind."""
    one = "" if operators else f'host = "127.0.0.1"\nport = {smsc.port}\npassword = "demo"\nreceipts = true\n'
    return f"""
[server]
state_dir = "{state}"
drain_s = 20
[store]
url = "{store.url}"
[agi]
port = 0
[health]
port = 0
[bank]
demo = true
[sms]
node = "{node}"
{one}window = 20
response_timeout_s = 1.5
reconnect_first_s = 0.05
reconnect_most_s = 0.3
enquire_link_s = 2
[sms.people]
quiet = ""
answers = "1000000/1h"
retry_s = 0.3
to_number = {{ code = "1000000/1h" }}
{operators}"""


async def opened(state: Path, store: StoreProcess) -> Sealer:
    """Fill the bank, and answer what opens what its nodes seal."""
    config = Config(
        server=Server(state_dir=state),
        store=Store(url=SecretStr(store.url)),
        agi=Agi(port=0),
        bank=Bank(demo=False),
        health=Health(port=None),
        flows=Flows(serve="folder"),
    )
    async with running(config, Seams(pin_cost=_CHEAP)) as node:
        await seed(node.bank, [*CUSTOMERS, *crowd(GUESTS)])
    return Sealer(open_state(state).seal)


def guests() -> dict[str, str]:
    """Answer the numbers of customers that ask for nothing but their balance, each with its figure."""
    return {
        who.line: f"{who.accounts[0].booked.amount_minor / 100:,.2f}" for who in crowd(GUESTS)[:-PAYERS] if who.line
    }


def payers() -> list[tuple[str, str]]:
    """Answer the numbers of customers that pay, each with the name of a payee."""
    some = [(who.line, "LILEI") for who in crowd(GUESTS)[-PAYERS:] if who.line]
    return [("+8613900000001", "LILEI"), ("+8613900000003", "WANG"), *some]


def intents(state: Path) -> dict[int, int]:
    """Answer how many intents to pay the bank has of each amount in minor units."""
    with sqlite3.connect(f"file:{state / 'bank.db'}?mode=ro", uri=True) as bank:
        return dict(bank.execute("SELECT amount_minor, count(*) FROM intents GROUP BY amount_minor"))
