"""The baseline of money: the same rows by the standard library's sqlite3, one commit after the other.

No ledger, no check, no event loop: the statements that a transfer cannot do without, with the same durability (WAL,
synchronous FULL, foreign keys on) on a copy of the same database.
"""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Callable
from pathlib import Path

_HOLD = (
    "INSERT INTO holds (intent_id, state, order_digest, debtor_id, creditor_number, amount_minor, currency, text,"
    " held_us, fee_minor) VALUES (?, ?, ?, ?, '440100003303', 1, 'CNY', 'x', 1, 0)"
)
_JOURNAL = "INSERT INTO journals (reference, kind, intent_id, booked_us) VALUES (?, 'transfer', ?, 1) RETURNING id"
_ENTRY = (
    "INSERT INTO entries (journal_id, account_id, amount_minor, currency, text, booked_us)"
    " VALUES (?, ?, ?, 'CNY', 'x', 1)"
)


class Raw:
    """One connection to a database that nobody else has open."""

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(file, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
            self._connection.execute(f"PRAGMA {pragma}")
        find = "SELECT id FROM accounts WHERE number IN ('440100001101', '440100003303') ORDER BY number"
        self._debtor, self._creditor = (row[0] for row in self._connection.execute(find))

    def two_commits(self, count: int) -> float:
        """Hold and post as the product does: two commits a transfer. Answer transfers per second."""

        def one(intent: str) -> None:
            run = self._connection.execute
            run("BEGIN IMMEDIATE")
            self._read(intent)
            run("UPDATE accounts SET held_minor = held_minor + 1 WHERE id = ?", (self._debtor,))
            run(_HOLD, (intent, "held", "d" * 64, self._debtor))
            run("COMMIT")
            run("BEGIN IMMEDIATE")
            run("SELECT * FROM holds WHERE intent_id = ?", (intent,)).fetchone()
            run("UPDATE accounts SET held_minor = held_minor - 1 WHERE id = ?", (self._debtor,))
            self._book(intent)
            run("UPDATE holds SET state = 'posted' WHERE intent_id = ?", (intent,))
            run("COMMIT")

        return self._rate(one, count)

    def one_commit(self, count: int) -> float:
        """The same rows in one commit: what a ledger without a hold of its own would do."""

        def one(intent: str) -> None:
            run = self._connection.execute
            run("BEGIN IMMEDIATE")
            self._read(intent)
            run(_HOLD, (intent, "posted", "d" * 64, self._debtor))
            self._book(intent)
            run("COMMIT")

        return self._rate(one, count)

    def balances(self, count: int) -> float:
        """One balance after the other, by its primary key."""
        find = "SELECT booked_minor, held_minor, floor_minor FROM accounts WHERE id = ?"
        return self._rate(lambda _: self._connection.execute(find, (self._debtor,)).fetchone(), count)

    def close(self) -> None:
        """Let the file go."""
        self._connection.close()

    def _read(self, intent: str) -> None:
        run = self._connection.execute
        run("SELECT state FROM holds WHERE intent_id = ?", (intent,)).fetchone()
        run("SELECT booked_minor, held_minor, floor_minor FROM accounts WHERE id = ?", (self._debtor,)).fetchone()

    def _book(self, intent: str) -> None:
        run = self._connection.execute
        journal = run(_JOURNAL, (intent[:10], intent)).fetchone()[0]
        for account, by in ((self._debtor, -1), (self._creditor, 1)):
            run("UPDATE accounts SET booked_minor = booked_minor + ? WHERE id = ?", (by, account))
            run(_ENTRY, (journal, account, by))

    @staticmethod
    def _rate(one: Callable[[str], object], count: int) -> float:
        began = time.perf_counter()
        for _ in range(count):
            one(uuid.uuid4().hex)
        return count / (time.perf_counter() - began)
