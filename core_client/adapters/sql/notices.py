"""Alert rules and the texts that are owed, in SQL.

Alerts are found by reading on from the last entry that was looked at. SQLite gives ids in the order of commits. On
PostgreSQL a transaction may commit after another one with a higher id, so what was booked in the last minute is looked
at again; a posting is owed one text all the same, because a text's name is its entry.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence

from sqlalchemy import bindparam, delete, func, insert, select, update

from core_client.adapters.sql import audit as chain
from core_client.adapters.sql import schema
from core_client.adapters.sql import schema_services as services
from core_client.adapters.sql.database import Database
from core_client.adapters.sql.schema import from_us, to_us
from core_client.adapters.sql.statements import Row, Statement, Tx, insert_ignoring
from core_client.domain.audit import AuditRecord
from core_client.domain.money import Money
from core_client.domain.notices import ALERT_LIFE, AlertRule, Notice, NoticeKind
from core_client.domain.values import from_json, to_json

LATEST_COMMIT = datetime.timedelta(minutes=1)  # after its moment of booking; a transaction takes milliseconds

_a, _m, _n, _e = services.alerts.c, services.alert_marks.c, services.notices.c, schema.entries.c
_rule = Statement(select(_a.threshold_minor, _a.currency, _a.since_us).where(_a.customer_id == bindparam("customer")))
_end_rule = Statement(delete(services.alerts).where(_a.customer_id == bindparam("customer")))
_new_rule = Statement(insert(services.alerts))
_mark = Statement(select(_m.entry_id).where(_m.id == 1))
_move_mark = Statement(update(services.alert_marks).where(_m.id == 1, _m.entry_id < bindparam("to")).values(
    entry_id=bindparam("to")))  # fmt: skip
_settled = Statement(select(func.max(_e.id)).where(_e.id > bindparam("mark"), _e.booked_us <= bindparam("until")))
_found = Statement(
    select(_e.id, _e.amount_minor, _e.currency, _e.text, _e.booked_us, schema.accounts.c.number, _a.customer_id)
    .join(schema.accounts, schema.accounts.c.id == _e.account_id)
    .join(services.alerts, _a.customer_id == schema.accounts.c.customer_id)
    .where(
        _e.id > bindparam("mark"),
        _e.currency == _a.currency,
        _e.booked_us >= _a.since_us,
        func.abs(_e.amount_minor) >= _a.threshold_minor,
    )
    .order_by(_e.id)
)
_owe = insert_ignoring(services.notices, "name")
_due = Statement(
    select(
        _n.name, _n.kind, _n.customer_id, _n.body, _n.not_before_us, _n.expires_us, _n.language, _n.party
    )
    .where(_n.told_us.is_(None), _n.not_before_us <= bindparam("now_us"), _n.expires_us > bindparam("now_us"))
    .order_by(_n.not_before_us, _n.name)
    .limit(bindparam("most"))
)  # fmt: skip
_told = Statement(
    update(services.notices).where(_n.name == bindparam("name_"), _n.told_us.is_(None)).values(told_us=bindparam("at"))
)
_forget = Statement(delete(services.notices).where(_n.name == bindparam("name_"), _n.told_us.is_(None)))


class SqlNotices:
    """:class:`~core_client.ports.notices.Notices` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._behind = datetime.timedelta(0) if database.is_sqlite else LATEST_COMMIT

    async def set_alert(self, customer_id: int, rule: AlertRule | None, audit: AuditRecord) -> None:
        """Remember a customer's rule in place of the one before; None ends it."""

        def work(tx: Tx) -> None:
            tx.run(_end_rule, customer=customer_id)
            if rule is not None:
                tx.run(
                    _new_rule,
                    customer_id=customer_id,
                    threshold_minor=rule.threshold.amount_minor,
                    currency=rule.threshold.currency,
                    since_us=to_us(rule.since),
                )
            chain.append(tx, audit)

        await self._database.write(work)

    async def alert(self, customer_id: int) -> AlertRule | None:
        """Answer a customer's rule."""
        row = await self._database.read(lambda tx: tx.one(_rule, customer=customer_id))
        return None if row is None else AlertRule(customer_id, Money(row[0], row[1]), from_us(row[2]))

    async def gather_alerts(self, now: datetime.datetime) -> int:
        """Owe a text for each posting since the last time that some rule asks for."""
        until = to_us(now - self._behind)

        def look(tx: Tx) -> tuple[int, Sequence[Row], int | None]:
            row = tx.one(_mark)
            mark = 0 if row is None else int(row[0])
            settled = tx.one(_settled, mark=mark, until=until)
            return mark, tx.all(_found, mark=mark), settled[0] if settled is not None else None

        _, found, settled = await self._database.read(look)
        if settled is None and not found:
            return 0

        def work(tx: Tx) -> int:
            made = sum(_owed(tx, _alert_of(row, now)) for row in found)
            if settled is not None:
                tx.run(_move_mark, to=settled)
            return made

        return await self._database.write(work)

    async def owe(self, notice: Notice) -> None:
        """Store a text that is owed, once by its name."""
        await self._database.write(lambda tx: owe(tx, notice))

    async def due(self, now: datetime.datetime, limit: int) -> Sequence[Notice]:
        """Answer texts that are owed now, the oldest first."""
        rows = await self._database.read(lambda tx: tx.all(_due, now_us=to_us(now), most=limit))
        return [_as_notice(row) for row in rows]

    async def told(self, name: str, at: datetime.datetime) -> None:
        """Remember that a text was handed over."""
        await self._database.write(lambda tx: tx.run(_told, name_=name, at=to_us(at)))


def owe(tx: Tx, notice: Notice) -> None:
    """Store a text that is owed, in a transaction that somebody else opened."""
    _owed(tx, notice)


def forget(tx: Tx, name: str) -> None:
    """Owe a text no longer."""
    tx.run(_forget, name_=name)


def _owed(tx: Tx, notice: Notice) -> int:
    return tx.run(
        _owe,
        name=notice.name,
        kind=notice.kind.value,
        customer_id=notice.customer_id,
        party=notice.party,
        language=notice.language,
        body=json.dumps(to_json(notice.values), ensure_ascii=False, separators=(",", ":")),
        not_before_us=to_us(notice.not_before),
        expires_us=to_us(notice.expires_at),
        told_us=None,
    )


def _alert_of(row: Row, now: datetime.datetime) -> Notice:
    entry, minor, currency, text, booked_us, number, customer = row
    return Notice(
        name=f"alert-{entry}",
        kind=NoticeKind.ALERT,
        customer_id=customer,
        values={"amount": Money(minor, currency), "text": text, "last4": number[-4:], "booked_us": booked_us},
        not_before=min(now, from_us(booked_us)),
        expires_at=from_us(booked_us) + ALERT_LIFE,
    )


def _as_notice(row: Row) -> Notice:
    values = from_json(json.loads(row[3]))
    assert isinstance(values, dict)  # noqa: S101 - written by _owed
    return Notice(
        name=row[0],
        kind=NoticeKind(row[1]),
        customer_id=row[2],
        values=values,
        not_before=from_us(row[4]),
        expires_at=from_us(row[5]),
        language=row[6],
        party=row[7],
    )
