"""The registry of bank operations: what flows, SMS commands and documentation may ask of the bank.

Each operation declares its parameters and answer fields by type, its outcomes, its security class and whether it
moves money. Flows are checked against this table when they are loaded; :class:`core_client.services` carries the
operations out; nothing else names one.

Outcomes shared by all: ``down`` (an enquiry got no answer in time, or the bank is out of reach; nothing moved) and
``unauthenticated`` (the security class was not met; the engine clears the gate and asks again, a flow never
handles it). A money operation that got no answer is ``unknown``, never ``down``.

One file a theme; a new theme is added to ``_THEMES``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from core_client.operations import (
    accounts,
    alerts,
    appointments,
    bills,
    cards,
    cheques,
    customers,
    freezing,
    identity,
    information,
    loans,
    payees,
    service,
    transfers,
)
from core_client.operations.declaring import Field, Kind, Operation, Security, Type
from core_client.operations.reasons import REASONS

__all__ = ["REASONS", "REGISTRY", "UNAUTHENTICATED", "Field", "Kind", "Operation", "Security", "Type"]

_THEMES = (
    identity,
    customers,
    accounts,
    transfers,
    payees,
    bills,
    cards,
    freezing,
    service,
    information,
    loans,
    cheques,
    alerts,
    appointments,
)

REGISTRY: Mapping[str, Operation] = MappingProxyType({row.name: row for theme in _THEMES for row in theme.ROWS})
UNAUTHENTICATED = "unauthenticated"
