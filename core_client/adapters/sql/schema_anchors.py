"""What the database remembers of its own anchors; see :mod:`core_client.domain.anchors`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table

from core_client.adapters.sql.schema import metadata

audit_anchors = Table(
    "audit_anchors",
    metadata,
    Column("log", String(32), primary_key=True),  # the file or stream that the anchor lies in
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("mac", String(64), nullable=False),
    Column("anchored_us", BigInteger, nullable=False),
)
