"""Transfers of every kind: their purpose, fee, time to cancel, and who was told."""

from __future__ import annotations

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
