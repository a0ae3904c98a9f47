"""Anchors of the audit chain, entries by their moment, which counters of failures belong to nobody."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "audit_anchors",
        sa.Column("log", sa.String(32), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("mac", sa.String(64), nullable=False),
        sa.Column("anchored_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("log", "number", name="pk_audit_anchors"),
    )
    op.create_index("ix_entries_booked_us", "entries", ["booked_us"])
    op.add_column("attempts", sa.Column("shadow", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index("ix_attempts_shadow_tried_us", "attempts", ["shadow", "tried_us"])
