"""The registry's own tables: keys of personal data, the change-log, identity documents."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, String, Table, Text, UniqueConstraint

from core_client.adapters.sql.schema import _Id, metadata

data_keys = Table(
    "data_keys",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("purpose", String(8), nullable=False),  # data, or index: of blind look-ups
    Column("wrapped", LargeBinary),  # sealed under the key beside the configuration; empty: retired, gone for good
    Column("made_us", BigInteger, nullable=False),
    Column("superseded_us", BigInteger),  # nothing is sealed under it any more
)
registry_changes = Table(
    "registry_changes",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("customer_id", BigInteger),  # empty: of no single customer; no foreign key: the log outlives rows
)
registry_head = Table(
    "registry_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("sealed_us", BigInteger),  # since when nothing is in clear that older versions wrote so
)
documents = Table(
    "documents",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("customer_id", ForeignKey("customers.id"), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("number_index", String(20), nullable=False),  # blind: finds an equal number, says nothing of it
    Column("sealed", Text, nullable=False),
    Column("added_us", BigInteger, nullable=False),
    UniqueConstraint("kind", "number_index"),
)
