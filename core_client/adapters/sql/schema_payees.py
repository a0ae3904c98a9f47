"""The tables of payees that are added and removed, freezes, billers, bills and cash codes."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from core_client.adapters.sql.schema import _Id, metadata

payee_requests = Table(
    "payee_requests",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("request_id", String(128), nullable=False),
    Column("customer_id", ForeignKey("customers.id"), nullable=False),
    Column("channel", String(16), nullable=False),
    Column("action", String(8), nullable=False),
    Column("payee_id", _Id),
    Column("name", Text, nullable=False),
    Column("alias", Text, nullable=False),
    Column("account_number", String(34), nullable=False),
    Column("prepared_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("done_by", String(128)),
    Column("code_mac", LargeBinary),
    Column("code_expires_us", BigInteger),
    Column("code_used_by", String(128)),
    UniqueConstraint("customer_id", "request_id"),
    Index("ix_payee_requests_customer_id_prepared_us", "customer_id", "prepared_us"),
)
freezes = Table(
    "freezes",
    metadata,
    Column("customer_id", ForeignKey("customers.id"), primary_key=True, autoincrement=False),
    Column("account", String(34), primary_key=True),  # empty: every account, also those to come
    Column("frozen_us", BigInteger, nullable=False),
    Column("reference", String(16), nullable=False),
)
billers = Table(
    "billers",
    metadata,
    Column("code", String(8), primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("account_number", String(34), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("digits_least", Integer, nullable=False),
    Column("digits_most", Integer, nullable=False),
    Column("least_minor", BigInteger, nullable=False),
    Column("most_minor", BigInteger, nullable=False),
    Column("told_due", Boolean(create_constraint=False), nullable=False),  # it sends us what is due
    Column("prefixes", Text, nullable=False),  # of the mobile numbers that it tops up, with commas
    Column("is_open", Boolean(create_constraint=False), nullable=False),
    CheckConstraint("least_minor > 0 AND least_minor <= most_minor", "amounts"),
    CheckConstraint("digits_least > 0 AND digits_least <= digits_most", "digits"),
)
bills = Table(
    "bills",
    metadata,
    Column("biller", ForeignKey("billers.code"), primary_key=True),
    Column("reference", String(34), primary_key=True),
    Column("amount_minor", BigInteger, CheckConstraint("amount_minor >= 0", "owed"), nullable=False),
    Column("due", String(10), nullable=False),
    Column("issued_us", BigInteger, nullable=False),  # what was paid from here on counts against it
)
bill_payments = Table(
    "bill_payments",  # what an intent pays: which bill it counts against is asked of the intent's state
    metadata,
    Column("intent_id", String(64), primary_key=True),
    Column("biller", ForeignKey("billers.code"), nullable=False),
    Column("reference", String(34), nullable=False),  # of a top-up: the keyed hash of the number
    Column("sealed_number", Text),  # of a top-up: the number itself, for the operator's file
    Index("ix_bill_payments_biller_reference", "biller", "reference"),
)
cash_orders = Table(
    "cash_orders",
    metadata,
    Column("intent_id", String(64), primary_key=True),
    Column("customer_id", ForeignKey("customers.id"), nullable=False),
    Column(
        "party", String(64), nullable=False, index=True
    ),  # keyed hash of the line whose number is keyed at the machine
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("code_mac", LargeBinary, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("collected_by", String(128)),
    Column("terminal", String(32)),
    Index("ix_cash_orders_state_expires_us", "state", "expires_us"),
)
