"""The embedded bank's durable records by SQLAlchemy Core: SQLite by default, PostgreSQL by URL.

One :class:`~core_client.adapters.sql.database.Database` carries every store; each store's method is one transaction,
and the audit row of a change is part of it.
"""
