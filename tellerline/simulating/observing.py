"""Triggers that write down every change that the books make, in the transaction that makes it.

They are part of the simulated database alone. What a batch committed is read from them the moment after, before
anybody is answered: what changed and changed back inside one commit is seen all the same.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

_LOG = """
CREATE TABLE sim_log (seq INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT NOT NULL, key TEXT,
                      a TEXT, b TEXT, c TEXT, d TEXT, e TEXT);
"""
_NOTE = "INSERT INTO sim_log(what, key, a, b, c, d, e) VALUES "
_TRIGGERS = {
    "AFTER INSERT ON intents": f"{_NOTE}('intent', new.id, NULL, new.state, new.authorised_by, new.reference, NULL)",
    "AFTER UPDATE ON intents": f"{_NOTE}('intent', new.id, old.state, new.state, new.authorised_by, new.reference, "
    "(old.amount_minor <> new.amount_minor) + (old.creditor_number <> new.creditor_number) "
    "+ (old.debtor_account <> new.debtor_account) + (old.currency <> new.currency))",
    "AFTER DELETE ON intents": f"{_NOTE}('deleted', 'intent ' || old.id, NULL, NULL, NULL, NULL, NULL)",
    "AFTER INSERT ON holds": f"{_NOTE}('hold', new.intent_id, NULL, new.state, new.debtor_id, new.amount_minor, NULL)",
    "AFTER UPDATE ON holds": f"{_NOTE}('hold', new.intent_id, old.state, new.state, new.debtor_id, new.amount_minor, "
    "old.amount_minor <> new.amount_minor)",
    "AFTER DELETE ON holds": f"{_NOTE}('deleted', 'hold ' || old.intent_id, NULL, NULL, NULL, NULL, NULL)",
    "AFTER INSERT ON journals": f"{_NOTE}('journal', new.id, new.kind, new.intent_id, new.reference, NULL, NULL)",
    "AFTER UPDATE ON journals": f"{_NOTE}('changed', 'journal ' || old.id, NULL, NULL, NULL, NULL, NULL)",
    "AFTER DELETE ON journals": f"{_NOTE}('deleted', 'journal ' || old.id, NULL, NULL, NULL, NULL, NULL)",
    "AFTER INSERT ON entries": f"{_NOTE}('entry', new.id, new.journal_id, new.account_id, new.amount_minor, "
    "new.currency, typeof(new.amount_minor))",
    "AFTER UPDATE ON entries": f"{_NOTE}('changed', 'entry ' || old.id, NULL, NULL, NULL, NULL, NULL)",
    "AFTER DELETE ON entries": f"{_NOTE}('deleted', 'entry ' || old.id, NULL, NULL, NULL, NULL, NULL)",
    "AFTER UPDATE OF booked_minor, held_minor ON accounts": f"{_NOTE}('account', new.id, new.booked_minor, "
    "new.held_minor, new.floor_minor, typeof(new.booked_minor), typeof(new.held_minor))",
    "AFTER UPDATE OF frozen ON accounts": f"{_NOTE}('frozen', new.id, new.frozen, NULL, NULL, NULL, NULL)",
    "AFTER INSERT ON accounts": f"{_NOTE}('opened', new.id, new.booked_minor, new.held_minor, new.floor_minor, "
    "new.currency, NULL)",
    "AFTER INSERT ON attempts": f"{_NOTE}('attempt', new.subject, new.failures, 0, NULL, NULL, NULL)",
    "AFTER UPDATE ON attempts": f"{_NOTE}('attempt', new.subject, new.failures, old.in_flight, NULL, NULL, NULL)",
    "AFTER DELETE ON attempts": f"{_NOTE}('attempt', old.subject, 0, old.in_flight, NULL, NULL, NULL)",
    "AFTER INSERT ON audit": f"{_NOTE}('audit', new.seq, new.hash, new.body, NULL, NULL, NULL)",
    "AFTER UPDATE ON audit": f"{_NOTE}('changed', 'audit row ' || old.seq, NULL, NULL, NULL, NULL, NULL)",
    "AFTER DELETE ON audit": f"{_NOTE}('deleted', 'audit row ' || old.seq, NULL, NULL, NULL, NULL, NULL)",
}


def observe(file: Path) -> None:
    """Put the triggers into a database that is there."""
    connection = sqlite3.connect(file, isolation_level=None)
    try:
        connection.execute(_LOG)
        for n, (when, then) in enumerate(_TRIGGERS.items()):
            connection.execute(f"CREATE TRIGGER sim_{n} {when} BEGIN {then}; END")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.close()
