"""The registry's change-log, sealed personal data and its keys.

Only the shape: sealing what is there needs a key that no migration has. The bank does it at its first start after this
one, before anybody is served (adapters/sql/resealing.py): until then a line's ``number_index`` is its number in clear,
and ``sealed`` is empty.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    _new_tables()
    # Both databases know this spelling, and both rename it in their indexes too; batch mode would copy tables.
    op.execute("ALTER TABLE lines RENAME COLUMN e164 TO number_index")
    op.add_column("lines", sa.Column("sealed", sa.Text()))
    op.execute("ALTER TABLE callbacks RENAME COLUMN e164 TO number_index")
    op.add_column("callbacks", sa.Column("sealed", sa.Text()))
    op.add_column("customers", sa.Column("birth_sealed", sa.Text()))
    op.add_column("customers", sa.Column("bars", sa.Text(), server_default="", nullable=False))


def _new_tables() -> None:
    identity = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "data_keys",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("purpose", sa.String(length=8), nullable=False),
        sa.Column("wrapped", sa.LargeBinary()),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("superseded_us", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_keys")),
    )
    op.create_table(
        "registry_changes",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("customer_id", sa.BigInteger()),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_registry_changes")),
    )
    op.create_table(
        "registry_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("sealed_us", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registry_head")),
    )
    op.execute("INSERT INTO registry_head (id, seq) VALUES (1, 0)")
    op.create_table(
        "documents",
        sa.Column("id", identity, nullable=False),
        sa.Column("customer_id", identity, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("number_index", sa.String(length=20), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("added_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_documents_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_documents")),
        sa.UniqueConstraint("kind", "number_index", name=op.f("uq_documents_kind_number_index")),
    )
    op.create_index(op.f("ix_documents_customer_id"), "documents", ["customer_id"])
