"""The ledger, the intents and the audit chain held against each other, on one snapshot.

The database finds what differs; only that, and the audit chain, is read here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping

from sqlalchemy import ColumnElement, and_, bindparam, case, cast, func, literal, not_, or_, select
from sqlalchemy.types import String

from core_client.adapters.sql import schema
from core_client.adapters.sql.booking import check_books
from core_client.adapters.sql.database import Database
from core_client.adapters.sql.schema_http import http_requests
from core_client.adapters.sql.statements import Statement, Tx
from core_client.domain.transfers import TransferState
from core_client.errors import InvariantBroken
from core_client.ports.core_bank import HoldState
from core_client.ports.reconciliation import OPEN, SETTLED, Difference, Differing, Reconciliation

_PAGE = 5_000
MOST = 1_000  # differences of one kind that are told: more says no more
_i, _h, _j, _e = schema.intents.c, schema.holds.c, schema.journals.c, schema.entries.c
_held_as = func.coalesce(_h.state, "none")


def _among(column: ColumnElement[str], *values: str) -> ColumnElement[bool]:
    """As IN, in a form that is compiled once."""
    return or_(*(column == value for value in values))


def _pairs(allowed: Iterable[tuple[TransferState, HoldState]]) -> list[tuple[str, str]]:
    return sorted((intent.value, hold.value) for intent, hold in allowed)


_states = Statement(
    select(_i.id, _i.state, _held_as)
    .select_from(schema.intents.outerjoin(schema.holds, _h.intent_id == _i.id))
    .where(not_(or_(*(and_(_i.state == intent, _held_as == hold) for intent, hold in _pairs(SETTLED)))))
    .order_by(_i.id)
    .limit(MOST * 10)
)
_amounts = Statement(
    select(_i.id)
    .select_from(schema.intents.join(schema.holds, _h.intent_id == _i.id))
    .where(
        _h.debtor_id.is_not(None),
        or_(
            _i.amount_minor != _h.amount_minor,
            _i.currency != _h.currency,
            _i.fee_minor != _h.fee_minor,
            _i.debtor_account != cast(_h.debtor_id, String),
        ),
    )
    .order_by(_i.id)
    .limit(MOST)
)
_references = Statement(
    select(_i.id)
    .select_from(schema.intents.join(schema.journals, and_(_j.intent_id == _i.id, _j.kind == "transfer")))
    .where(_i.reference.is_not(None), _i.reference != _j.reference, _among(_i.state, "posted", "reversed"))
    .order_by(_i.id)
    .limit(MOST)
)
_booked = (
    select(
        _j.intent_id.label("intent_id"),
        func.count(func.distinct(case((_j.kind == "transfer", _j.id)))).label("transfers"),
        func.count(func.distinct(case((_j.kind == "reversal", _j.id)))).label("reversals"),
        func.sum(case((and_(_j.kind == "transfer", _e.amount_minor > 0), _e.amount_minor), else_=0)).label("moved"),
    )
    .select_from(schema.journals.join(schema.entries, _e.journal_id == _j.id))
    .where(_j.intent_id.is_not(None))
    .group_by(_j.intent_id)
    .subquery()
)
_wanted_transfers = case((_among(_h.state, "posted", "reversed"), 1), else_=0)
_wanted_reversals = case((_h.state == "reversed", 1), else_=0)
_journals = Statement(
    select(_h.intent_id, _h.state, func.coalesce(_booked.c.transfers, 0), func.coalesce(_booked.c.reversals, 0))
    .select_from(schema.holds.outerjoin(_booked, _booked.c.intent_id == _h.intent_id))
    .where(
        or_(
            func.coalesce(_booked.c.transfers, 0) != _wanted_transfers,
            func.coalesce(_booked.c.reversals, 0) != _wanted_reversals,
            and_(_wanted_transfers == 1, _booked.c.moved != _h.amount_minor + _h.fee_minor),
        )
    )
    .order_by(_h.intent_id)
    .limit(MOST)
)
_unheld = Statement(
    select(_j.intent_id)
    .select_from(schema.journals.outerjoin(schema.holds, _h.intent_id == _j.intent_id))
    .where(_j.intent_id.is_not(None), _h.intent_id.is_(None))
    .order_by(_j.id)
    .limit(MOST)
)
_asked_elsewhere = select(literal(1)).where(http_requests.c.reference == _h.intent_id).exists()
_unordered = Statement(
    select(_h.intent_id, _h.state)
    .select_from(schema.holds.outerjoin(schema.intents, _i.id == _h.intent_id))
    .where(_i.id.is_(None), _h.debtor_id.is_not(None), not_(_asked_elsewhere))
    .order_by(_h.intent_id)
    .limit(MOST)
)
_with_a_posting = Statement(select(_i.id).where(_among(_i.state, "posted", "reversed"), _i.id > bindparam("after"))
                            .order_by(_i.id).limit(_PAGE))  # fmt: skip
_audit_page = Statement(
    select(schema.audit.c.seq, schema.audit.c.body)
    .where(schema.audit.c.seq > bindparam("after"))
    .order_by(schema.audit.c.seq)
    .limit(_PAGE)
)
_untold = Statement(
    select(_i.id, _i.state)
    .where(
        _i.authorised_us.is_not(None), _i.told_us.is_(None), _among(_i.state, "posted", "voided", "reversed"),
    )
    .order_by(_i.id)
    .limit(MOST)
)  # fmt: skip
_final = Statement(select(_i.state).where(_i.id == bindparam("id_")))
_counts = Statement(
    select(
        select(func.count()).select_from(schema.intents).scalar_subquery(),
        select(func.count()).select_from(schema.holds).scalar_subquery(),
        select(func.count()).select_from(schema.journals).scalar_subquery(),
    )
)


async def reconcile(database: Database, texted: Mapping[str, str] | None = None) -> Reconciliation:
    """Hold everything against everything, on one snapshot, beside running nodes.

    Args:
        database: of the bank.
        texted: of the channel's log: the intents whose last word was texted late, with the state of that text.
    """
    return await database.read(lambda tx: _reconcile(tx, texted or {}))


def _reconcile(tx: Tx, texted: Mapping[str, str]) -> Reconciliation:
    differences, under_way = _by_state(tx)
    differences += [Difference(Differing.AMOUNT, row[0], "is held otherwise than ordered") for row in tx.all(_amounts)]
    differences += [
        Difference(Differing.REFERENCE, row[0], "has another reference than its journal") for row in tx.all(_references)
    ]
    differences += [
        Difference(Differing.JOURNAL, row[0], f"is {row[1]}, with {row[2]} transfers and {row[3]} reversals booked")
        for row in tx.all(_journals)
    ]
    differences += [Difference(Differing.JOURNAL, row[0], "is booked without a hold") for row in tx.all(_unheld)]
    differences += [
        Difference(Differing.NO_ORDER, row[0], f"is {row[1]} without an intent") for row in tx.all(_unordered)
    ]
    audit_rows, of_audit = _by_audit(tx)
    differences += of_audit
    differences += [found for intent, state in sorted(texted.items()) if (found := _by_text(tx, intent, state))]
    under_way += [Difference(Differing.UNTOLD, row[0], f"is {row[1]}, and nobody was told") for row in tx.all(_untold)]
    try:
        check_books(tx)
    except InvariantBroken as error:
        differences.append(Difference(Differing.BOOKS, "books", str(error)))
    intents, holds, journals = tx.one(_counts) or (0, 0, 0)
    return Reconciliation(intents, holds, journals, audit_rows, differences, under_way)


def _by_state(tx: Tx) -> tuple[list[Difference], list[Difference]]:
    differing: list[Difference] = []
    under_way: list[Difference] = []
    allowed = set(_pairs(OPEN))
    for intent, state, hold in tx.all(_states):
        found = Difference(Differing.STATE, intent, f"is {state}, and {hold} in the ledger")
        (under_way if (state, hold) in allowed else differing).append(found)
    return differing, under_way


def _by_audit(tx: Tx) -> tuple[int, list[Difference]]:
    """Hold the postings that the audit chain tells of against those of the intents."""
    told: Counter[str] = Counter()
    seq = 0
    while rows := tx.all(_audit_page, after=seq):
        for seq, body in rows:  # noqa: B007 - the last one is where the next page begins
            if '"intent.posted"' in body:
                _, _, action, subject, *_ = json.loads(body)
                if action == "intent.posted":
                    told[subject.removeprefix("intent:")] += 1
    differing: list[Difference] = []
    after = ""
    while ids := tx.all(_with_a_posting, after=after):
        after = ids[-1][0]
        for (intent,) in ids:
            if (count := told.pop(intent, 0)) != 1 and len(differing) < MOST:
                differing.append(Difference(Differing.AUDIT, intent, f"is posted, in the audit chain {count} times"))
    unknown = sorted(told)[:MOST]
    return seq, differing + [Difference(Differing.AUDIT, one, "is posted in the audit chain only") for one in unknown]


def _by_text(tx: Tx, intent: str, state: str) -> Difference | None:
    row = tx.one(_final, id_=intent)
    if row is None:
        return Difference(Differing.TEXT, intent, f"was texted about ({state}), and there is no such intent")
    if row[0] not in ("posted", "voided", "expired", "reversed"):
        return Difference(Differing.TEXT, intent, f"was texted about ({state}), and is {row[0]}")
    return None
