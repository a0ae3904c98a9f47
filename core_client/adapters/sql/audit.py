"""The audit chain in SQL: each row's hash covers the row before it; the head row makes writers take turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from sqlalchemy import bindparam, func, insert, select, update

from core_client.adapters.sql import schema
from core_client.adapters.sql.database import Database
from core_client.adapters.sql.schema import to_us
from core_client.adapters.sql.schema_anchors import audit_anchors
from core_client.adapters.sql.statements import Row, Statement, Tx, many
from core_client.domain.anchors import Anchor, Remembered
from core_client.domain.audit import GENESIS, AuditRecord, chain
from core_client.errors import InvariantBroken
from core_client.ports.audit import ChainReport

_PAGE = 1000
_head = Statement(select(schema.audit_head.c.seq, schema.audit_head.c.hash).with_for_update())
_head_now = Statement(select(schema.audit_head.c.seq, schema.audit_head.c.hash))
_move_head = Statement(update(schema.audit_head).values(seq=bindparam("new_seq"), hash=bindparam("new_hash")))
_append = Statement(insert(schema.audit))
_page = Statement(
    select(schema.audit.c.seq, schema.audit.c.body, schema.audit.c.hash)
    .where(schema.audit.c.seq > bindparam("after"))
    .order_by(schema.audit.c.seq)
    .limit(_PAGE)
)
_hashes = many((schema.audit.c.seq, schema.audit.c.hash), schema.audit.c.seq, schema.audit)
_k = audit_anchors.c
_anchor = Statement(select(_k.number).where(_k.log == bindparam("log_"), _k.number == bindparam("number_")))
_remember = Statement(insert(audit_anchors))
_last_anchors = Statement(select(_k.log, func.max(_k.number), func.max(_k.seq)).group_by(_k.log))


def append(tx: Tx, record: AuditRecord) -> None:
    """Add a record to the chain. Do it last in a transaction: the head is locked until the commit."""
    head = tx.one(_head)
    if head is None:
        raise InvariantBroken("the audit chain has lost its head")
    seq, previous = head[0] + 1, head[1]
    body = record.canonical()
    digest = chain(previous, seq, body)
    tx.run(_append, seq=seq, body=body, hash=digest)
    tx.run(_move_head, new_seq=seq, new_hash=digest)


def check_chain(tx: Tx) -> ChainReport:
    """Walk the chain from its start to its head within one transaction, where nobody adds to it meanwhile."""
    previous, seq = GENESIS, 0
    while rows := tx.all(_page, after=seq):
        for row_seq, body, digest in rows:
            if row_seq != seq + 1 or chain(previous, row_seq, body) != digest:
                return ChainReport(seq, previous, seq + 1)
            previous, seq = digest, row_seq
    return ChainReport(seq, previous, None if tx.one(_head_now) == (seq, previous) else seq + 1)


class SqlAudit:
    """:class:`~core_client.ports.audit.Audit` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, record: AuditRecord) -> None:
        """Store one record."""
        await self._database.write(lambda tx: append(tx, record))

    async def check(self) -> ChainReport:
        """Walk the chain from its start to its head, a page at a time."""
        previous, seq = GENESIS, 0
        while rows := await self._rows_after(seq):
            for row_seq, body, digest in rows:
                if row_seq != seq + 1 or chain(previous, row_seq, body) != digest:
                    return ChainReport(seq, previous, seq + 1)
                previous, seq = digest, row_seq
        # A row may be added between the last page and this look: then the walk goes on; a head elsewhere is a cut.
        head = await self._database.read(lambda tx: tx.one(_head_now))
        if head == (seq, previous):
            return ChainReport(seq, previous, None)
        return await self.check() if await self._rows_after(seq) else ChainReport(seq, previous, seq + 1)

    async def head(self) -> tuple[int, str]:
        """Answer the last row's number and hash."""
        row = await self._database.read(lambda tx: tx.one(_head_now))
        if row is None:
            raise InvariantBroken("the audit chain has lost its head")
        return int(row[0]), str(row[1])

    async def hashes(self, seqs: Sequence[int]) -> Mapping[int, str]:
        """Answer the hashes of these rows, of those that there are."""
        found: dict[int, str] = {}
        for first in range(0, len(seqs), _PAGE):
            page = seqs[first : first + _PAGE]
            rows = await self._database.read(partial(Tx.many, statement=_hashes, keys=page))
            found.update({int(seq): str(digest) for seq, digest in rows})
        return found

    async def remember(self, anchor: Anchor) -> None:
        """Store that an anchor was written outside; the same again changes nothing."""

        def work(tx: Tx) -> None:
            if tx.one(_anchor, log_=anchor.log, number_=anchor.number) is None:
                tx.run(
                    _remember,
                    log=anchor.log,
                    number=anchor.number,
                    seq=anchor.seq,
                    hash=anchor.hash,
                    mac=anchor.mac,
                    anchored_us=to_us(anchor.at),
                )

        await self._database.write(work)

    async def remembered(self) -> Sequence[Remembered]:
        """Answer the last anchor of each log."""
        rows = await self._database.read(lambda tx: tx.all(_last_anchors))
        return [Remembered(row[0], int(row[1]), int(row[2])) for row in rows]

    async def _rows_after(self, seq: int) -> Sequence[Row]:
        return await self._database.read(lambda tx: tx.all(_page, after=seq))
