"""PIN hashes and the counter of failures in SQL: a slot is taken in a transaction, before anything is hashed."""

from __future__ import annotations

import datetime
from collections.abc import Callable

from sqlalchemy import bindparam, delete, insert, select, update

from core_client.adapters.sql import audit as chain
from core_client.adapters.sql import schema
from core_client.adapters.sql.database import Database
from core_client.adapters.sql.schema import from_us, to_us
from core_client.adapters.sql.statements import Statement, Tx, insert_ignoring
from core_client.domain.audit import AuditRecord
from core_client.domain.pins import AttemptPolicy, Counter, SlotKind
from core_client.ports.credentials import Attempt

_a, _p = schema.attempts.c, schema.pins.c
_NOBODY = -1  # a customer id that none has: who does not exist is looked up all the same
_columns = (_a.failures, _a.in_flight, _a.not_before_us, _a.tried_us)
_locked = Statement(select(*_columns).where(_a.subject == bindparam("subject_")).with_for_update())
_counter = Statement(select(*_columns).where(_a.subject == bindparam("subject_")))
_first = insert_ignoring(schema.attempts, "subject")
_count = Statement(
    update(schema.attempts)
    .where(_a.subject == bindparam("subject_"))
    .values(
        failures=bindparam("failures_"), in_flight=bindparam("flying"), not_before_us=bindparam("not_before_"),
        tried_us=bindparam("tried_"),
    )
)  # fmt: skip
_whose = Statement(
    update(schema.attempts).where(_a.subject == bindparam("subject_")).values(shadow=bindparam("nobodys"))
)
_old_shadows = select(_a.subject).where(_a.shadow, _a.tried_us < bindparam("before_")).order_by(_a.tried_us)
_purge = Statement(delete(schema.attempts).where(_a.shadow, _a.subject.in_(_old_shadows.limit(bindparam("most")))))
_nth_shadow = Statement(
    select(_a.tried_us).where(_a.shadow).order_by(_a.tried_us.desc()).limit(1).offset(bindparam("kept"))
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
        """Take one try's slot, before it is made, unless the subject is locked or has to wait.

        The same statements run whether the subject exists or not.
        """

        def work(tx: Tx) -> Attempt:
            row = tx.one(_hash, id_=_NOBODY if customer_id is None else customer_id)
            kind, counter = _read(tx, subject).take(now, self._policy, delayed=delayed)
            _write(tx, subject, counter)
            tx.run(_whose, subject_=subject, nobodys=customer_id is None)
            return Attempt(kind, row[0] if row is not None and kind is SlotKind.TAKEN else None)

        return await self._database.write(work)

    async def settle_right_pin(self, subject: str, audit: AuditRecord) -> None:
        """The PIN was right: the failures are forgotten."""
        await self._settle(subject, Counter.forgotten, audit)

    async def settle_right_code(self, subject: str, audit: AuditRecord) -> None:
        """The code was right: its slot is given back, failures of the PIN stay."""
        await self._settle(subject, Counter.given_back, audit)

    async def settle_wrong(self, subject: str, now: datetime.datetime, audit: AuditRecord) -> int:
        """The try failed: it counts. Answer the failures now."""
        return (await self._settle(subject, lambda counter: counter.failed(now, self._policy), audit)).failures

    async def _settle(self, subject: str, change: Callable[[Counter], Counter], audit: AuditRecord) -> Counter:
        def work(tx: Tx) -> Counter:
            counter = change(_read(tx, subject))
            _write(tx, subject, counter)
            chain.append(tx, audit)
            return counter

        return await self._database.write(work)

    async def failures(self, subject: str) -> int:
        """Answer the failures in a row."""
        row = await self._database.read(lambda tx: tx.one(_counter, subject_=subject))
        return row[0] if row is not None else 0

    async def unlock(self, subject: str, audit: AuditRecord) -> None:
        """A person has checked who it is: forget the failures."""
        await self._settle(subject, lambda _: Counter(), audit)

    async def purge_shadows(self, before: datetime.datetime, keep_at_most: int, batch: int) -> int:
        """Forget counters that are nobody's: the oldest beyond ``keep_at_most``, and all of before; answer how many.

        At most ``batch`` go in one transaction, so that nobody waits for it; ask again while that many went. A counter
        of a customer is never among them: a lock is lifted by a person.
        """

        def work(tx: Tx) -> int:
            row = tx.one(_nth_shadow, kept=keep_at_most)
            until = to_us(before) if row is None else max(to_us(before), row[0] + 1)
            return tx.run(_purge, before_=until, most=batch)

        return await self._database.write(work)

    async def set_pin(self, customer_id: int, pin_hash: str, at: datetime.datetime, audit: AuditRecord) -> None:
        """Store a PIN's hash over an older one."""

        def work(tx: Tx) -> None:
            if not tx.run(_change, id_=customer_id, hash_=pin_hash, at=to_us(at)):
                tx.run(_set, customer_id=customer_id, pin_hash=pin_hash, set_us=to_us(at))
            chain.append(tx, audit)

        await self._database.write(work)


def _read(tx: Tx, subject: str) -> Counter:
    """Read a subject's counter under its lock; who is new gets a row, existing customer or not."""
    row = tx.one(_locked, subject_=subject)
    if row is None:
        tx.run(_first, subject=subject, failures=0, in_flight=0, not_before_us=0, tried_us=0, shadow=False)
        row = tx.one(_locked, subject_=subject) or (0, 0, 0, 0)
    return Counter(row[0], row[1], from_us(row[2]), from_us(row[3]))


def _write(tx: Tx, subject: str, counter: Counter) -> None:
    tx.run(
        _count,
        subject_=subject,
        failures_=counter.failures,
        flying=counter.in_flight,
        not_before_=to_us(counter.not_before),
        tried_=to_us(counter.tried_at),
    )
