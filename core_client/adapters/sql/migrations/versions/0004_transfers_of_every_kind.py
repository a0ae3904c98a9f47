"""Transfers of every kind: their purpose, fee, time to cancel, and who was told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Whoever has an old transfer with a last word was told it: nobody is texted about it now."""
    with op.batch_alter_table("intents") as intents:
        intents.alter_column(
            "payee_id", existing_type=sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        )
        intents.add_column(sa.Column("purpose", sa.String(length=16), server_default="payee", nullable=False))
        intents.add_column(sa.Column("fee_minor", sa.BigInteger(), server_default="0", nullable=False))
        intents.add_column(sa.Column("payee_added_us", sa.BigInteger(), nullable=True))
        intents.add_column(sa.Column("text", sa.Text(), server_default="", nullable=False))
        intents.add_column(sa.Column("cancel_us", sa.BigInteger(), nullable=True))
        intents.add_column(sa.Column("told_us", sa.BigInteger(), nullable=True))
        intents.create_check_constraint(op.f("ck_intents_fee"), "fee_minor >= 0")
    op.execute(
        "UPDATE intents SET told_us = authorised_us"
        " WHERE authorised_us IS NOT NULL AND state IN ('posted', 'voided', 'expired', 'reversed')"
    )
    owed = sa.text("told_us IS NULL AND authorised_us IS NOT NULL")
    op.create_index(
        "ix_intents_owed", "intents", ["authorised_us"], unique=False, sqlite_where=owed, postgresql_where=owed
    )
    op.add_column(
        "customers", sa.Column("customer_class", sa.String(length=16), server_default="standard", nullable=False)
    )
    op.add_column("holds", sa.Column("fee_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.execute(
        "INSERT INTO accounts (number, product, currency, is_default, frozen, booked_minor, held_minor)"
        " SELECT REPLACE(number, 'SETTLEMENT-', 'FEES-'), product, currency, is_default, frozen, 0, 0 FROM accounts"
        " WHERE number LIKE 'SETTLEMENT-%'"
    )
    op.create_table(
        "reversals",
        sa.Column("intent_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.String(length=64), nullable=False),
        sa.Column("asked_us", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("decided_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("intent_id", name=op.f("pk_reversals")),
    )
    op.create_index("ix_reversals_state", "reversals", ["state"], unique=False)
