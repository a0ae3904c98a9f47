"""The tables of services: the information sheet, requests, cheques, loans, alerts and notices, appointments."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    text,
)

from core_client.adapters.sql.schema import _Id, metadata

info_sheets = Table(
    "info_sheets",  # the newest is in force; the others tell what was told before
    metadata,
    Column("id", _Id, primary_key=True),
    Column("body", Text, nullable=False),  # JSON
    Column("since_us", BigInteger, nullable=False),
    Column("published_by", String(64), nullable=False),
)
service_requests = Table(
    "service_requests",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("reference", String(16), nullable=False, unique=True),
    Column("request_id", String(128), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("customer_id", ForeignKey("customers.id"), index=True),
    Column("proved", Boolean(create_constraint=False), nullable=False),
    Column("channel", String(16), nullable=False),
    Column("language", String(16)),
    Column("asked_us", BigInteger, nullable=False),
    Column("due", String(10), nullable=False),
    Column("detail", Text, nullable=False),  # JSON
    Column("state", String(16), nullable=False),
    Column("closed_by", String(64)),
    Column("closed_us", BigInteger),
    Column("outcome", Text),
    Index("ix_service_requests_state_due", "state", "due"),
)
cheque_books = Table(
    "cheque_books",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("first_number", BigInteger, nullable=False),
    Column("last_number", BigInteger, nullable=False),
    Column("issued_us", BigInteger, nullable=False),
    CheckConstraint("first_number <= last_number", "order"),
)
cheques = Table(
    "cheques",  # those that something became of; one of a book that is not here is outstanding
    metadata,
    Column("account_id", ForeignKey("accounts.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("state", String(16), nullable=False),
    Column("changed_us", BigInteger, nullable=False),
    Column("reference", String(16)),
)
loans = Table(
    "loans",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("customer_id", ForeignKey("customers.id"), nullable=False, index=True),
    Column("number", String(34), nullable=False, unique=True),
    Column("product", String(32), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("outstanding_minor", BigInteger, CheckConstraint("outstanding_minor >= 0", "owed"), nullable=False),
    Column("next_minor", BigInteger, nullable=False),
    Column("next_due", String(10), nullable=False),
)
alerts = Table(
    "alerts",
    metadata,
    Column("customer_id", ForeignKey("customers.id"), primary_key=True, autoincrement=False),
    Column("threshold_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("since_us", BigInteger, nullable=False),
)
alert_marks = Table(
    "alert_marks",  # one row: up to which entry alerts were looked for
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("entry_id", BigInteger, nullable=False),
)
notices = Table(
    "notices",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("customer_id", ForeignKey("customers.id"), nullable=False, index=True),
    Column("party", String(64)),
    Column("language", String(16)),
    Column("body", Text, nullable=False),  # JSON
    Column("not_before_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("told_us", BigInteger),
    Index("ix_notices_owed", "not_before_us", sqlite_where=text("told_us IS NULL"),
          postgresql_where=text("told_us IS NULL")),
)  # fmt: skip
appointments = Table(
    "appointments",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("reference", String(16), nullable=False, unique=True),
    Column("request_id", String(128), nullable=False, unique=True),
    Column("customer_id", ForeignKey("customers.id"), nullable=False, index=True),
    Column("branch", String(8), nullable=False),
    Column("topic", String(16), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("seat", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("booked_us", BigInteger, nullable=False),
    Column("language", String(16)),
    # A seat at a time is one customer's: two who take the last one at once do not both get it.
    Index("uq_appointments_seat", "branch", "at_us", "seat", unique=True, sqlite_where=text("state = 'booked'"),
          postgresql_where=text("state = 'booked'")),
)  # fmt: skip
