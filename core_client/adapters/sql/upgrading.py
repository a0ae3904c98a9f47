"""Bring a database to the newest schema. Runs at every start; two nodes that start at once take turns."""

from __future__ import annotations

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

_ALONE = threading.Lock()  # Alembic keeps what it migrates in module globals: one migration a process
_LOCK = 7_316_842_905  # any number, the same on every node: PostgreSQL's advisory lock of migrations


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Migrate inside the open transaction of ``connection``; all or nothing on both databases.

    SQLite's transaction was begun IMMEDIATE and so is alone; on PostgreSQL an advisory lock says whose turn it is.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    with _ALONE:
        command.upgrade(config, revision)
