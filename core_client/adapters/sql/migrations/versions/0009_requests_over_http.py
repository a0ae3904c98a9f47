"""What other systems asked for over HTTP, by correlation id."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "http_requests",
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("correlation_id", sa.String(36), nullable=False),
        sa.Column("server_correlation_id", sa.String(36), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("reference", sa.String(64), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("refused", sa.Text(), nullable=True),
        sa.Column("asked_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("client", "correlation_id", name="pk_http_requests"),
        sa.UniqueConstraint("server_correlation_id", name="uq_http_requests_server_correlation_id"),
    )
    op.create_index("ix_http_requests_kind_reference", "http_requests", ["kind", "reference"])
    op.create_index("ix_http_requests_done", "http_requests", ["done"])
