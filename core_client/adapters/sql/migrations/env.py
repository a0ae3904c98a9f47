"""Alembic runs this: migrate over the connection that :func:`core_client.adapters.sql.upgrading.upgrade` hands in."""

from __future__ import annotations

from alembic import context

from core_client.adapters.sql.schema_all import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
