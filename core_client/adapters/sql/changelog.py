"""The registry's change-log: every change has a row with the next number, written in the change's own transaction.

A number is handed out under the lock of the head row, which is held until the commit: whoever sees number n sees every
row before it, and a gap never means "not yet". Lock order: rows of customers, then this head, then the audit's.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from sqlalchemy import bindparam, insert, select, update

from core_client.adapters.sql.schema import from_us, to_us
from core_client.adapters.sql.schema_registry import registry_changes, registry_head
from core_client.adapters.sql.statements import Statement, Tx
from core_client.domain.registry_changes import Change, ChangeKind
from core_client.errors import InvariantBroken

_c, _h = registry_changes.c, registry_head.c
_move = Statement(update(registry_head).where(_h.id == 1).values(seq=_h.seq + 1).returning(_h.seq))
_add = Statement(insert(registry_changes))
_head = Statement(select(_h.seq).where(_h.id == 1))
_after = Statement(
    select(_c.seq, _c.at_us, _c.kind, _c.customer_id)
    .where(_c.seq > bindparam("after"))
    .order_by(_c.seq)
    .limit(bindparam("most"))
)


def record(tx: Tx, kind: ChangeKind, customer_id: int | None, at: datetime.datetime) -> int:
    """Write a change down with the next number, which is answered. Do it last but for the audit record."""
    row = tx.one(_move)
    if row is None:
        raise InvariantBroken("the registry's change-log has lost its head")
    tx.run(_add, seq=row[0], at_us=to_us(at), kind=kind.value, customer_id=customer_id)
    return int(row[0])


def head(tx: Tx) -> int:
    """Answer the number of the last change that this snapshot has."""
    row = tx.one(_head)
    return int(row[0]) if row is not None else 0


def after(tx: Tx, seq: int, most: int) -> Sequence[Change]:
    """Answer the changes that follow number ``seq``, at most so many."""
    return [Change(row[0], from_us(row[1]), ChangeKind(row[2]), row[3]) for row in tx.all(_after, after=seq, most=most)]
