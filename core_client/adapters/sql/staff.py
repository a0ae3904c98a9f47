"""The people in SQL: a name, the hash of a token, roles."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from sqlalchemy import bindparam, select, update

from core_client.adapters.sql import audit as chain
from core_client.adapters.sql import schema
from core_client.adapters.sql.database import Database
from core_client.adapters.sql.schema import from_us, to_us
from core_client.adapters.sql.statements import Row, Statement, Tx, insert_ignoring
from core_client.domain.audit import AuditRecord
from core_client.domain.staff import Person, Role

_s = schema.staff.c
_whole = select(_s.name, _s.roles, _s.added_us, _s.revoked_us, _s.token_sha256)
_by_token = Statement(_whole.where(_s.token_sha256 == bindparam("hash_")))
_all = Statement(_whole.order_by(_s.name))
_add = insert_ignoring(schema.staff, "name")
_revoke = Statement(
    update(schema.staff)
    .where(_s.name == bindparam("name_"), _s.revoked_us.is_(None))
    .values(revoked_us=bindparam("at"))
)
_rotate = Statement(
    update(schema.staff)
    .where(_s.name == bindparam("name_"), _s.revoked_us.is_(None))
    .values(token_sha256=bindparam("hash_"))
)


def _as_person(row: Row) -> Person:
    roles = frozenset(Role(name) for name in row[1].split(","))
    return Person(row[0], roles, from_us(row[2]), None if row[3] is None else from_us(row[3]))


class SqlStaff:
    """:class:`~core_client.ports.staff.Staff` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, person: Person, token_hash: str, audit: AuditRecord) -> bool:
        """Store somebody new."""

        def work(tx: Tx) -> bool:
            added = tx.run(
                _add,
                name=person.name,
                token_sha256=token_hash,
                roles=",".join(sorted(person.roles)),
                added_us=to_us(person.added_at),
                revoked_us=None,
            )
            return _noted(tx, added, audit)

        return await self._database.write(work)

    async def by_token(self, token_hash: str) -> tuple[Person, str] | None:
        """Answer whose token has this hash, and the stored hash."""
        row = await self._database.read(lambda tx: tx.one(_by_token, hash_=token_hash))
        return None if row is None else (_as_person(row), row[4])

    async def all(self) -> Sequence[Person]:
        """Answer everybody, by name."""
        return [_as_person(row) for row in await self._database.read(lambda tx: tx.all(_all))]

    async def revoke(self, name: str, at: datetime.datetime, audit: AuditRecord) -> bool:
        """End somebody's token for ever."""
        return await self._database.write(lambda tx: _noted(tx, tx.run(_revoke, name_=name, at=to_us(at)), audit))

    async def rotate(self, name: str, token_hash: str, audit: AuditRecord) -> bool:
        """Put another token in the place of somebody's."""
        return await self._database.write(lambda tx: _noted(tx, tx.run(_rotate, name_=name, hash_=token_hash), audit))


def _noted(tx: Tx, touched: int, audit: AuditRecord) -> bool:
    if touched == 1:
        chain.append(tx, audit)
    return touched == 1
