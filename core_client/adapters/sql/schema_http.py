"""The table of what other systems asked for over HTTP: one row a correlation id."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, String, Table, Text, UniqueConstraint

from core_client.adapters.sql.schema import metadata

http_requests = Table(
    "http_requests",
    metadata,
    Column("client", String(64), primary_key=True),
    Column("correlation_id", String(36), primary_key=True),
    Column("server_correlation_id", String(36), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("reference", String(64), nullable=False),
    Column("details", Text, nullable=False),  # JSON of what is to be done, so that another process can finish it
    Column("done", Boolean(create_constraint=False), nullable=False),
    Column("refused", Text),  # JSON of the error object, when the answer was no
    Column("asked_us", BigInteger, nullable=False),
    UniqueConstraint("server_correlation_id"),
    Index("ix_http_requests_kind_reference", "kind", "reference"),
    Index("ix_http_requests_done", "done"),
)
