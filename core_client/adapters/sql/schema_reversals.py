"""The table of requests to book transfers back."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, String, Table, Text

from core_client.adapters.sql.schema import metadata

reversals = Table(
    "reversals",
    metadata,
    Column("intent_id", String(64), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("asked_by", String(64), nullable=False),
    Column("asked_us", BigInteger, nullable=False),
    Column("decided_by", String(64)),
    Column("decided_us", BigInteger),
    Index("ix_reversals_state", "state"),
)
