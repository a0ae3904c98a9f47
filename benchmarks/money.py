"""Money: durable transfers, balances and look-ups a second, and what a million entries or customers change.

    python -m benchmarks.money [--transfers 3000] [--rounds 5] [--entries 1000000] [--customers 1000000] [--save]

Ratios are against the standard library's sqlite3 in the same run, on a copy of the same database on the same disk,
round after round in turns; the best round of each counts. Nothing is written to memory where a disk is meant.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import shutil
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from redis.asyncio import Redis
from sqlalchemy import create_engine, make_url, text

from benchmarks.machine import machine
from benchmarks.raw_money import Raw
from core_client.adapters.auth_sessions import RedisAuthSessions
from core_client.adapters.clock import SystemClock
from core_client.adapters.demo_world import CUSTOMERS, crowd
from core_client.adapters.embedded import EmbeddedBank, open_bank
from core_client.adapters.pin_hashing import PinCost
from core_client.adapters.sealing import Sealer
from core_client.adapters.seeding import seed
from core_client.adapters.sql.database import sqlite_url
from core_client.domain.money import Money
from core_client.domain.profile import BankProfile
from core_client.domain.transfers import TransferOrder
from tests.contract.postgres_server import postgres_url

IN_FLIGHT = 50
CUSTOMER = 1
FEW = 1_000  # entries that a million are held against
KNOWN = 500  # customers that are looked up, among all of them
PEPPER = b"a pepper of benchmarks, 32 bytes"
RESULTS = Path(__file__).parent / "results" / "money.json"
WITHOUT_HASH = PinCost(memory_kib=8, passes=1)  # what a PIN costs is decided, not measured


@contextlib.asynccontextmanager
async def bank_at(url: str, guests: int = 0) -> AsyncIterator[EmbeddedBank]:
    """Open a bank with the demo customers and ``guests`` more. Nobody authenticates: no store is asked."""
    nobody = Redis()
    sessions = RedisAuthSessions(nobody, BankProfile().session_life, Sealer(bytes(32)))
    opened = open_bank(url, pepper=PEPPER, clock=SystemClock(), auth_sessions=sessions, pin_cost=WITHOUT_HASH)
    async with opened as bank:
        await seed(bank, (*CUSTOMERS, *crowd(guests)))
        yield bank
    await nobody.aclose()


async def rate(one: Callable[[int], Awaitable[object]], count: int) -> float:
    """Answer how many a second, ``IN_FLIGHT`` at once."""
    numbers = iter(range(count))

    async def work() -> None:
        for n in numbers:
            await one(n)

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
    return count / (time.perf_counter() - began)


def lookups(bank: EmbeddedBank) -> Callable[[int], Awaitable[object]]:
    """Answer what finds customers by their registered numbers."""
    lines = [who.line or "" for who in crowd(KNOWN)]
    return lambda n: bank.ports.registry.customer_by_line(lines[n % KNOWN])


async def transfers_a_second(bank: EmbeddedBank, count: int) -> float:
    """Hold and post: two durable transactions each, with every check of the ledger."""
    debtor = await bank.ledger.account(CUSTOMER, None)

    async def one(_: int) -> None:
        order = TransferOrder(uuid.uuid4().hex, debtor.id, "440100003303", Money(1, "CNY"), "x")
        await bank.ledger.hold(order)
        await bank.ledger.post(order.intent_id)

    return await rate(one, count)


async def writes(folder: Path, count: int, rounds: int) -> dict[str, float]:
    """Compare transfers and balances with the standard library, in turns."""
    url, best = sqlite_url(folder / "bank.db"), dict[str, float]()

    def keep(name: str, figure: float) -> None:
        best[name] = max(best.get(name, 0.0), figure)

    for number in range(rounds):
        async with bank_at(url, KNOWN) as bank:
            keep("transfers", await transfers_a_second(bank, count))
            keep("balances", await rate(lambda _: bank.ledger.accounts(CUSTOMER), count * 2))
            keep("lookups", await rate(lookups(bank), count * 2))
            await bank.ledger.check_books()
        copy = folder / f"raw-{number}.db"
        shutil.copyfile(folder / "bank.db", copy)
        keep("raw_two_commits", await asyncio.to_thread(_raw, copy, "two_commits", count))
        keep("raw_one_commit", await asyncio.to_thread(_raw, copy, "one_commit", count))
        keep("raw_balances", await asyncio.to_thread(_raw, copy, "balances", count * 2))
        copy.unlink()
    return best


def _raw(copy: Path, what: str, count: int) -> float:
    raw = Raw(copy)
    try:
        figure: float = getattr(raw, what)(count)
        return figure
    finally:
        raw.close()


def add_entries(url: str, entries: int) -> None:
    """Book ``entries`` on the customer's account, each in a journal of its own with the bank's other line."""
    series = (
        "WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < :count)"
        if make_url(url).get_backend_name() == "sqlite"
        else "WITH series(n) AS (SELECT generate_series(1, :count))"
    )
    engine = create_engine(url)
    with engine.begin() as connection:
        find = text("SELECT id FROM accounts WHERE number = :number")
        mine = connection.execute(find, {"number": "440100001101"}).scalar_one()
        other = connection.execute(find, {"number": "OPENING-CNY"}).scalar_one()
        first = connection.execute(text("SELECT max(id) + 1 FROM journals")).scalar_one()
        count = {"count": entries, "first": first}
        connection.execute(
            text(
                f"INSERT INTO journals (id, reference, kind, booked_us) {series} "
                "SELECT :first + n, 'B' || n, 'bulk', n FROM series"
            ),
            count,
        )
        for account, by in ((mine, 1), (other, -1)):
            connection.execute(
                text(
                    "INSERT INTO entries (journal_id, account_id, amount_minor, currency, text, booked_us) "
                    f"{series} SELECT :first + n, :account, :by, 'CNY', 'bulk', n FROM series"
                ),
                {**count, "account": account, "by": by},
            )
            connection.execute(
                text("UPDATE accounts SET booked_minor = booked_minor + :by WHERE id = :account"),
                {"by": by * entries, "account": account},
            )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    engine.dispose()


async def reads(url: str, entries: int, rounds: int) -> dict[str, float]:
    """Answer the microseconds of a balance and of a mini statement with ``entries`` on the account, one at a time."""
    async with bank_at(url):
        pass
    await asyncio.to_thread(add_entries, url, entries)
    best = {"balance": float("inf"), "mini_statement": float("inf")}
    async with bank_at(url) as bank:
        for _ in range(rounds * 2):
            for name, one in (
                ("balance", lambda: bank.ledger.accounts(CUSTOMER)),
                ("mini_statement", lambda: bank.ledger.recent(CUSTOMER, None, 5)),
            ):
                began = time.perf_counter()
                for _ in range(200):
                    await one()
                best[name] = min(best[name], (time.perf_counter() - began) / 200 * 1e6)
    return best


async def sizes(folder: Path, entries: int, rounds: int) -> dict[str, dict[str, float]]:
    """Hold a million entries against a thousand, on both databases."""
    found: dict[str, dict[str, float]] = {}

    async def compare(name: str, few: str, many: str) -> None:
        small, large = await reads(few, FEW, rounds), await reads(many, entries, rounds)
        found[name] = {f"{what}_ratio": large[what] / small[what] for what in small}
        found[name] |= {f"{what}_us": large[what] for what in large}

    await compare("sqlite", sqlite_url(folder / "few.db"), sqlite_url(folder / "many.db"))
    with postgres_url() as server:
        engine = create_engine(server, isolation_level="AUTOCOMMIT")
        urls = []
        for name in ("few", "many"):
            with engine.connect() as connection:
                connection.execute(text(f"CREATE DATABASE {name}"))
            urls.append(make_url(server).set(database=name).render_as_string(hide_password=False))
        engine.dispose()
        await compare("postgresql", *urls)
    return found


async def memory(folder: Path, customers: int) -> dict[str, float]:
    """Answer what a node holds in memory with ``customers`` in the registry, and how quickly it finds some of them."""
    url = sqlite_url(folder / "customers.db")
    async with bank_at(url, KNOWN):
        pass
    await asyncio.to_thread(_add_customers, url, customers)
    async with bank_at(url) as bank:
        before = _resident_mb()
        best = max([await rate(lookups(bank), 5_000) for _ in range(3)])
        balances = max([await rate(lambda n: bank.ledger.accounts(n * 97 % customers), 5_000) for _ in range(3)])
        return {"before_mb": before, "after_mb": _resident_mb(), "lookups": best, "balances": balances}


def _add_customers(url: str, count: int) -> None:
    """Add customers with a line and an account each, copies of one whose record can be opened."""
    series = "WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < :count)"
    like = "(SELECT min(id) FROM customers)"
    customers = (
        f"INSERT INTO customers (id, number, name, language, customer_class, birth_sealed, bars) {series} "
        f"SELECT 1000000 + n, 'x' || n, c.name, 'zh', 'standard', c.birth_sealed, '' FROM series "
        f"JOIN customers c ON c.id = {like}"
    )
    registered = (
        f"INSERT INTO lines (number_index, customer_id, registered_us) {series} "
        "SELECT 'x' || n, 1000000 + n, 1 FROM series"
    )
    accounts = (
        "INSERT INTO accounts (number, customer_id, product, currency, is_default, frozen, floor_minor, booked_minor, "
        f"held_minor) {series} SELECT 'x' || n, 1000000 + n, 'current', 'CNY', true, false, 0, 0, 0 FROM series"
    )
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in (customers, registered, accounts):
            connection.execute(text(statement), {"count": count})
    engine.dispose()


def _resident_mb() -> float:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def tell(found: dict[str, object]) -> None:
    """Print figures as name and value, deeper ones with their path."""
    for name, value in found.items():
        if isinstance(value, dict):
            tell({f"{name}.{inner}": deeper for inner, deeper in value.items()})
        else:
            print(f"{name:42} {value:,.2f}" if isinstance(value, float) else f"{name:42} {value}")


async def measure(given: argparse.Namespace) -> dict[str, object]:
    """Run all parts in a folder on the disk."""
    with tempfile.TemporaryDirectory(prefix="tellerline-bench-", dir=given.dir) as name:
        folder = Path(name)
        best = await writes(folder, given.transfers, given.rounds)
        ratios = {
            "transfers_to_raw_two_commits": best["transfers"] / best["raw_two_commits"],
            "transfers_to_raw_one_commit": best["transfers"] / best["raw_one_commit"],
            "balances_to_raw": best["balances"] / best["raw_balances"],
        }
        return {
            "a_second": best,
            "ratios": ratios,
            "entries": await sizes(folder, given.entries, given.rounds),
            "customers": await memory(folder, given.customers),
        }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--transfers", type=int, default=3_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--dir", default=tempfile.gettempdir(), help="a folder on a real disk")
    parser.add_argument("--save", action="store_true", help=f"keep the figures in {RESULTS.name}")
    given = parser.parse_args()
    found = asyncio.run(measure(given))
    tell(found)
    if given.save:
        RESULTS.write_text(json.dumps({"machine": machine(), **found}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
