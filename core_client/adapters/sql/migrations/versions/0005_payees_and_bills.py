"""Payees that are added and removed, freezes, billers, bills and cash codes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    _payees()
    _billers()
    op.create_table(
        "cash_orders",
        sa.Column("intent_id", sa.String(length=64), nullable=False),
        sa.Column("customer_id", _id(), nullable=False),
        sa.Column("party", sa.String(length=64), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("code_mac", sa.LargeBinary(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("collected_by", sa.String(length=128), nullable=True),
        sa.Column("terminal", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_cash_orders_customer_id")),
        sa.PrimaryKeyConstraint("intent_id", name=op.f("pk_cash_orders")),
    )
    op.create_index("ix_cash_orders_party", "cash_orders", ["party"], unique=False)
    op.create_index("ix_cash_orders_state_expires_us", "cash_orders", ["state", "expires_us"], unique=False)


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _payees() -> None:
    op.create_table(
        "payee_requests",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=128), nullable=False),
        sa.Column("customer_id", _id(), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("action", sa.String(length=8), nullable=False),
        sa.Column("payee_id", _id(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("account_number", sa.String(length=34), nullable=False),
        sa.Column("prepared_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("done_by", sa.String(length=128), nullable=True),
        sa.Column("code_mac", sa.LargeBinary(), nullable=True),
        sa.Column("code_expires_us", sa.BigInteger(), nullable=True),
        sa.Column("code_used_by", sa.String(length=128), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_payee_requests_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payee_requests")),
        sa.UniqueConstraint("customer_id", "request_id", name=op.f("uq_payee_requests_customer_id_request_id")),
    )
    op.create_index(
        "ix_payee_requests_customer_id_prepared_us", "payee_requests", ["customer_id", "prepared_us"], unique=False
    )
    op.create_table(
        "freezes",
        sa.Column("customer_id", _id(), autoincrement=False, nullable=False),
        sa.Column("account", sa.String(length=34), nullable=False),
        sa.Column("frozen_us", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_freezes_customer_id")),
        sa.PrimaryKeyConstraint("customer_id", "account", name=op.f("pk_freezes")),
    )


def _billers() -> None:
    op.create_table(
        "billers",
        sa.Column("code", sa.String(length=8), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("account_number", sa.String(length=34), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("digits_least", sa.Integer(), nullable=False),
        sa.Column("digits_most", sa.Integer(), nullable=False),
        sa.Column("least_minor", sa.BigInteger(), nullable=False),
        sa.Column("most_minor", sa.BigInteger(), nullable=False),
        sa.Column("told_due", sa.Boolean(), nullable=False),
        sa.Column("prefixes", sa.Text(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.CheckConstraint("least_minor > 0 AND least_minor <= most_minor", name=op.f("ck_billers_amounts")),
        sa.CheckConstraint("digits_least > 0 AND digits_least <= digits_most", name=op.f("ck_billers_digits")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_billers")),
    )
    op.create_table(
        "bills",
        sa.Column("biller", sa.String(length=8), nullable=False),
        sa.Column("reference", sa.String(length=34), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.String(length=10), nullable=False),
        sa.Column("issued_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_bills_owed")),
        sa.ForeignKeyConstraint(["biller"], ["billers.code"], name=op.f("fk_bills_biller")),
        sa.PrimaryKeyConstraint("biller", "reference", name=op.f("pk_bills")),
    )
    op.create_table(
        "bill_payments",
        sa.Column("intent_id", sa.String(length=64), nullable=False),
        sa.Column("biller", sa.String(length=8), nullable=False),
        sa.Column("reference", sa.String(length=34), nullable=False),
        sa.Column("sealed_number", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["biller"], ["billers.code"], name=op.f("fk_bill_payments_biller")),
        sa.PrimaryKeyConstraint("intent_id", name=op.f("pk_bill_payments")),
    )
    op.create_index("ix_bill_payments_biller_reference", "bill_payments", ["biller", "reference"], unique=False)
