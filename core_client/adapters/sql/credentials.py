"""PIN hashes and the counter of failures in SQL: a slot is taken in a transaction, before anything is hashed."""

from __future__ import annotations

import datetime

from sqlalchemy import bindparam, insert, select, update

from core_client.adapters.sql import audit as chain
from core_client.adapters.sql import schema
from core_client.adapters.sql.database import Database
from core_client.adapters.sql.schema import from_us, to_us
from core_client.adapters.sql.statements import Statement, Tx, insert_ignoring
from core_client.domain.audit import AuditRecord
from core_client.domain.pins import AttemptPolicy, Slot, SlotKind
from core_client.ports.credentials import Attempt

_a, _p = schema.attempts.c, schema.pins.c
_NOBODY = -1  # a customer id that none has: who does not exist is looked up all the same
_counter = Statement(select(_a.failures, _a.not_before_us).where(_a.subject == bindparam("subject_")).with_for_update())
_failures = Statement(select(_a.failures).where(_a.subject == bindparam("subject_")))
_first = insert_ignoring(schema.attempts, "subject")
_count = Statement(
    update(schema.attempts)
    .where(_a.subject == bindparam("subject_"))
    .values(failures=bindparam("failures_"), not_before_us=bindparam("not_before_"), tried_us=bindparam("tried_"))
)
_forget = Statement(
    update(schema.attempts).where(_a.subject == bindparam("subject_")).values(failures=0, not_before_us=0)
)
_give_back = Statement(
    update(schema.attempts).where(_a.subject == bindparam("subject_"), _a.failures > 0).values(failures=_a.failures - 1)
)
_hash = Statement(select(_p.pin_hash).where(_p.customer_id == bindparam("id_")))
_set = Statement(insert(schema.pins))
_change = Statement(
    update(schema.pins)
    .where(_p.customer_id == bindparam("id_"))
    .values(pin_hash=bindparam("hash_"), set_us=bindparam("at"))
)


class SqlCredentials:
    """:class:`~core_client.ports.credentials.Credentials` in SQL."""

    def __init__(self, database: Database, policy: AttemptPolicy) -> None:
        self._database = database
        self._policy = policy

    async def take_slot(
        self, subject: str, customer_id: int | None, now: datetime.datetime, *, delayed: bool
    ) -> Attempt:
        """Count one try as a failure, before it is made, unless the subject is locked or has to wait.

        The same statements run whether the subject exists or not.
        """

        def work(tx: Tx) -> Attempt:
            row = tx.one(_hash, id_=_NOBODY if customer_id is None else customer_id)
            slot = self._take(tx, subject, now, delayed)
            return Attempt(slot, row[0] if row is not None and slot.kind is SlotKind.TAKEN else None)

        return await self._database.write(work)

    def _take(self, tx: Tx, subject: str, now: datetime.datetime, delayed: bool) -> Slot:
        now_us = to_us(now)
        counter = tx.one(_counter, subject_=subject)
        if counter is None:
            tx.run(_first, subject=subject, failures=0, not_before_us=0, tried_us=now_us)
            counter = tx.one(_counter, subject_=subject) or (0, 0)
        failures, not_before_us = counter
        if failures >= self._policy.limit:
            return Slot(SlotKind.LOCKED, failures)
        if delayed and now_us < not_before_us:
            return Slot(SlotKind.WAIT, failures, from_us(not_before_us))
        failures += 1
        not_before = now + self._policy.delay_after(failures)
        tx.run(_count, subject_=subject, failures_=failures, not_before_=to_us(not_before), tried_=now_us)
        return Slot(SlotKind.TAKEN, failures, not_before)

    async def settle_right_pin(self, subject: str, audit: AuditRecord) -> None:
        """The PIN was right: the failures are forgotten."""

        def work(tx: Tx) -> None:
            tx.run(_forget, subject_=subject)
            chain.append(tx, audit)

        await self._database.write(work)

    async def settle_right_code(self, subject: str, audit: AuditRecord) -> None:
        """The code was right: its own slot is given back, failures of the PIN stay."""

        def work(tx: Tx) -> None:
            tx.run(_give_back, subject_=subject)
            chain.append(tx, audit)

        await self._database.write(work)

    async def settle_wrong(self, subject: str, audit: AuditRecord) -> int:
        """The try failed: it stays counted. Answer the failures now."""

        def work(tx: Tx) -> int:
            row = tx.one(_failures, subject_=subject)
            chain.append(tx, audit)
            return row[0] if row is not None else 0

        return await self._database.write(work)

    async def failures(self, subject: str) -> int:
        """Answer the failures in a row."""
        row = await self._database.read(lambda tx: tx.one(_failures, subject_=subject))
        return row[0] if row is not None else 0

    async def unlock(self, subject: str, audit: AuditRecord) -> None:
        """A person has checked who it is: forget the failures."""
        await self.settle_right_pin(subject, audit)

    async def set_pin(self, customer_id: int, pin_hash: str, at: datetime.datetime, audit: AuditRecord) -> None:
        """Store a PIN's hash over an older one."""

        def work(tx: Tx) -> None:
            if not tx.run(_change, id_=customer_id, hash_=pin_hash, at=to_us(at)):
                tx.run(_set, customer_id=customer_id, pin_hash=pin_hash, set_us=to_us(at))
            chain.append(tx, audit)

        await self._database.write(work)
