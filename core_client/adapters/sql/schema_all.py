"""Every table of the bank: whoever needs ``metadata`` whole (migrations, contract tests) takes it from here."""

from __future__ import annotations

from core_client.adapters.sql import (
    schema_anchors,
    schema_http,
    schema_payees,
    schema_registry,
    schema_reversals,
    schema_services,
)
from core_client.adapters.sql.schema import metadata

__all__ = [
    "metadata",
    "schema_anchors",
    "schema_http",
    "schema_payees",
    "schema_registry",
    "schema_reversals",
    "schema_services",
]
