"""Intents in SQL: every move is checked against the table of moves inside its transaction, under the row's lock."""

from __future__ import annotations

import datetime
import hmac
from collections.abc import Mapping, Sequence, Set

from sqlalchemy import bindparam, case, func, insert, null, or_, select, update

from core_client.adapters.sql import audit as chain
from core_client.adapters.sql import billers, freezes, schema
from core_client.adapters.sql.database import Database
from core_client.adapters.sql.schema import from_us, to_us
from core_client.adapters.sql.statements import Row, Statement, Tx
from core_client.domain.audit import AuditRecord
from core_client.domain.limits import STANDARD, LimitProfile, Moved, Movement, Spent
from core_client.domain.money import Money
from core_client.domain.transfers import IN_FLIGHT, LAST_WORDS, SPENDING, Intent, Purpose, TransferState, assert_move
from core_client.errors import Declined, IntentConflict, InvariantBroken
from core_client.ports.intents import Authorisation, CodeCheck, Grant

_i, _p = schema.intents.c, schema.payees.c
_whole = select(
    _i.id, _i.request_id, _i.customer_id, _i.channel, _i.state, _i.debtor_account, _i.debtor_last4, _i.payee_id,
    _i.payee_name, _i.creditor_number, _i.amount_minor, _i.currency, _i.prepared_us, _i.expires_us, _i.authorised_us,
    _i.authorised_by, _i.reference, _i.purpose, _i.fee_minor, _i.payee_added_us, _i.text, _i.cancel_us, _i.told_us,
)  # fmt: skip
_by_id = Statement(_whole.where(_i.id == bindparam("id_")))
_locked = Statement(_whole.where(_i.id == bindparam("id_")).with_for_update())
_by_request = Statement(_whole.where(_i.customer_id == bindparam("customer"), _i.request_id == bindparam("request")))
_by_state = Statement(_whole.where(_i.state == bindparam("state_")).order_by(_i.prepared_us, _i.id))
_create = Statement(insert(schema.intents))
_move = Statement(
    update(schema.intents)
    .where(_i.id == bindparam("id_"))
    .values(
        state=bindparam("state_"),
        reference=func.coalesce(bindparam("reference_"), _i.reference),
        told_us=case((bindparam("again") == 1, null()), else_=_i.told_us),
    )
)
_grant = Statement(
    update(schema.intents)
    .where(_i.id == bindparam("id_"))
    .values(
        state="authorised",
        authorised_us=bindparam("at"),
        authorised_by=bindparam("request"),
        cancel_us=bindparam("until"),
        reference=bindparam("number_"),
    )
)
_customer_lock = Statement(
    select(schema.customers.c.id).where(schema.customers.c.id == bindparam("id_")).with_for_update()
)
_payee = Statement(
    select(_p.id, _p.added_us).where(
        _p.id == bindparam("id_"), _p.customer_id == bindparam("customer"), _p.account_number == bindparam("account")
    )
)
_spent = Statement(
    select(_i.channel, _i.purpose, _i.payee_added_us, func.sum(_i.amount_minor))
    .where(
        _i.customer_id == bindparam("customer"),
        _i.currency == bindparam("currency_"),
        _i.authorised_us >= bindparam("since"),
        _i.purpose != Purpose.OWN.value,
        or_(*(_i.state == state.value for state in sorted(SPENDING))),
    )
    .group_by(_i.channel, _i.purpose, _i.payee_added_us)
)
_class = Statement(select(schema.customers.c.customer_class).where(schema.customers.c.id == bindparam("id_")))
_told = Statement(
    update(schema.intents)
    .where(_i.id == bindparam("id_"), _i.state == bindparam("state_"), _i.told_us.is_(None))
    .values(told_us=bindparam("at"))
)
_owed = Statement(
    _whole.where(
        _i.told_us.is_(None),
        _i.authorised_us.is_not(None),
        _i.authorised_us <= bindparam("before"),
        or_(*(_i.state == state.value for state in sorted(LAST_WORDS))),
    )
    .order_by(_i.authorised_us, _i.id)
    .limit(bindparam("limit_"))
)
_cancellable = Statement(
    _whole.where(
        _i.customer_id == bindparam("customer"),
        _i.cancel_us > bindparam("now_"),
        or_(*(_i.state == state.value for state in sorted(IN_FLIGHT))),
    ).order_by(_i.authorised_us.desc(), _i.id)
)
_prepared = Statement(
    select(_i.purpose, func.count())
    .where(_i.customer_id == bindparam("customer"), _i.prepared_us >= bindparam("since"))
    .group_by(_i.purpose)
)
_new_code = Statement(
    update(schema.intents)
    .where(_i.id == bindparam("id_"))
    .values(code_mac=bindparam("mac"), code_expires_us=bindparam("expires"), code_used_by=null())
)
_code = Statement(
    select(_i.code_mac, _i.code_expires_us, _i.code_used_by).where(_i.id == bindparam("id_")).with_for_update()
)
_use_code = Statement(update(schema.intents).where(_i.id == bindparam("id_")).values(code_used_by=bindparam("request")))
_overdue = Statement(
    update(schema.intents).where(_i.state == "prepared", _i.expires_us <= bindparam("now_")).values(state="expired")
)

_NOTHING = datetime.timedelta(0)


def _as_intent(row: Row) -> Intent:
    return Intent(
        id=row[0],
        request_id=row[1],
        customer_id=row[2],
        channel=row[3],
        state=TransferState(row[4]),
        debtor_account=row[5],
        debtor_last4=row[6],
        payee_id=row[7],
        payee_name=row[8],
        creditor_number=row[9],
        amount=Money(row[10], row[11]),
        prepared_at=from_us(row[12]),
        expires_at=from_us(row[13]),
        authorised_at=_moment(row[14]),
        authorised_by=row[15],
        reference=row[16],
        purpose=Purpose(row[17]),
        fee_minor=row[18],
        payee_added_at=_moment(row[19]),
        text=row[20],
        cancel_until=_moment(row[21]),
        told_at=_moment(row[22]),
    )


def _moment(us: int | None) -> datetime.datetime | None:
    return None if us is None else from_us(us)


class SqlIntents:
    """:class:`~core_client.ports.intents.Intents` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, intent: Intent, audit: AuditRecord) -> Intent:
        """Store a prepared intent; the same request again answers the first one."""

        def work(tx: Tx) -> Intent:
            row = tx.one(_by_request, customer=intent.customer_id, request=intent.request_id)
            if row is not None:
                return _same(_as_intent(row), intent)
            tx.run(
                _create,
                id=intent.id,
                request_id=intent.request_id,
                customer_id=intent.customer_id,
                channel=intent.channel,
                state=intent.state.value,
                debtor_account=intent.debtor_account,
                debtor_last4=intent.debtor_last4,
                payee_id=intent.payee_id,
                payee_name=intent.payee_name,
                creditor_number=intent.creditor_number,
                amount_minor=intent.amount.amount_minor,
                currency=intent.amount.currency,
                prepared_us=to_us(intent.prepared_at),
                expires_us=to_us(intent.expires_at),
                authorised_us=None,
                authorised_by=None,
                reference=None,
                code_mac=None,
                code_expires_us=None,
                code_used_by=None,
                purpose=intent.purpose.value,
                fee_minor=intent.fee_minor,
                payee_added_us=None if intent.payee_added_at is None else to_us(intent.payee_added_at),
                text=intent.text,
                cancel_us=None,
                told_us=None,
            )
            chain.append(tx, audit)
            return intent

        return await self._database.write(work)

    async def get(self, intent_id: str) -> Intent | None:
        """Answer an intent."""
        row = await self._database.read(lambda tx: tx.one(_by_id, id_=intent_id))
        return None if row is None else _as_intent(row)

    async def spent(self, customer_id: int, currency: str, since: datetime.datetime) -> Spent:
        """Answer what the customer moved, or has under way, since then."""
        return await self._database.read(lambda tx: _spent_since(tx, customer_id, currency, since))

    async def authorise(
        self, intent_id: str, customer_id: int, request_id: str, now: datetime.datetime, limits: LimitProfile,
        audit: AuditRecord, held_as: str | None = None,
    ) -> Authorisation:  # fmt: skip
        """Take the intent's single-use authorisation."""

        def work(tx: Tx) -> Authorisation:
            tx.one(_customer_lock, id_=customer_id)  # two intents of one customer count their limits one by one
            row = tx.one(_locked, id_=intent_id)
            intent = None if row is None else _as_intent(row)
            if intent is None or intent.customer_id != customer_id:
                return Authorisation(Grant.SPENT, None)
            grant = _grant_of(tx, intent, request_id, now)
            if grant is not Grant.GRANTED:
                return Authorisation(grant, intent)
            if freezes.is_barred(tx, customer_id, intent.debtor_account):
                raise Declined("account_frozen")
            if intent.purpose is Purpose.BILL:
                billers.check_still_owed(tx, intent)
            since = limits.day_began(now)
            spent = _spent_since(tx, customer_id, intent.amount.currency, since)
            movement = movement_of(intent, spent.customer_class, now)
            limits.check(movement, spent, now)
            assert_move(intent.state, TransferState.AUTHORISED)
            window = limits.cancel_window(movement)
            waits = held_as is not None and window > _NOTHING
            until = to_us(now + window) if waits else None
            number = held_as if waits else None
            tx.run(_grant, id_=intent_id, at=to_us(now), request=request_id, until=until, number_=number)
            chain.append(tx, audit)
            row = tx.one(_by_id, id_=intent_id)
            return Authorisation(Grant.GRANTED, None if row is None else _as_intent(row))

        return await self._database.write(work)

    async def advance(
        self, intent_id: str, state: TransferState, audit: AuditRecord, reference: str | None = None
    ) -> Intent:
        """Move an intent on. Moving it to where it is changes nothing."""

        def work(tx: Tx) -> Intent:
            row = tx.one(_locked, id_=intent_id)
            if row is None:
                raise InvariantBroken(f"there is no intent {intent_id} to move to {state}")
            intent = _as_intent(row)
            if intent.state is state:
                return intent
            assert_move(intent.state, state)
            again = int(state is TransferState.REVERSED)  # whoever was told "done" is told what became of it
            tx.run(_move, id_=intent_id, state_=state.value, reference_=reference, again=again)
            chain.append(tx, audit)
            return _as_intent(tx.one(_by_id, id_=intent_id) or row)

        return await self._database.write(work)

    async def told(self, told: Mapping[str, TransferState], now: datetime.datetime) -> None:
        """Mark that customers were told a last word."""

        def work(tx: Tx) -> None:
            for intent_id in sorted(told):  # two nodes mark in one order: neither waits for the other's lock
                tx.run(_told, id_=intent_id, state_=told[intent_id].value, at=to_us(now))

        await self._database.write(work)

    async def owed(self, authorised_before: datetime.datetime, limit: int) -> Sequence[Intent]:
        """Answer the oldest intents with a last word that nobody was told."""
        before = to_us(authorised_before)
        rows = await self._database.read(lambda tx: tx.all(_owed, before=before, limit_=limit))
        return [_as_intent(row) for row in rows]

    async def cancellable(self, customer_id: int, now: datetime.datetime) -> Sequence[Intent]:
        """Answer a customer's intents that can still be called off, the latest first."""
        rows = await self._database.read(lambda tx: tx.all(_cancellable, customer=customer_id, now_=to_us(now)))
        return [_as_intent(row) for row in rows]

    async def prepared_since(self, customer_id: int, purposes: Set[Purpose], since: datetime.datetime) -> int:
        """Answer how many intents of those purposes a customer had prepared since a moment."""
        names = {purpose.value for purpose in purposes}
        rows = await self._database.read(lambda tx: tx.all(_prepared, customer=customer_id, since=to_us(since)))
        return sum(int(row[1]) for row in rows if row[0] in names)

    async def cancel(self, intent_id: str, audit: AuditRecord) -> bool:
        """Void an intent if it is still prepared; answer whether it is void now."""

        def work(tx: Tx) -> bool:
            row = tx.one(_locked, id_=intent_id)
            state = None if row is None else _as_intent(row).state
            if state is not TransferState.PREPARED:
                return state is TransferState.VOIDED
            tx.run(_move, id_=intent_id, state_=TransferState.VOIDED.value, reference_=None, again=0)
            chain.append(tx, audit)
            return True

        return await self._database.write(work)

    async def set_code(
        self, intent_id: str, code_mac: bytes, expires_at: datetime.datetime, audit: AuditRecord
    ) -> None:
        """Bind a new code to the intent; an older one is void."""

        def work(tx: Tx) -> None:
            tx.run(_new_code, id_=intent_id, mac=code_mac, expires=to_us(expires_at))
            chain.append(tx, audit)

        await self._database.write(work)

    async def use_code(self, intent_id: str, code_mac: bytes, request_id: str, now: datetime.datetime) -> CodeCheck:
        """Use the code up if it is right. The same request again gets the same answer."""

        def work(tx: Tx) -> CodeCheck:
            mac, expires_us, used_by = tx.one(_code, id_=intent_id) or (None, None, None)
            if mac is None or (used_by is not None and used_by != request_id) or to_us(now) >= expires_us:
                return CodeCheck.EXPIRED
            if not hmac.compare_digest(bytes(mac), code_mac):
                return CodeCheck.WRONG
            tx.run(_use_code, id_=intent_id, request=request_id)
            return CodeCheck.RIGHT

        return await self._database.write(work)

    async def in_states(self, states: frozenset[TransferState]) -> Sequence[Intent]:
        """Answer the intents in those states, oldest first."""
        names = sorted(state.value for state in states)
        found = await self._database.read(lambda tx: [row for name in names for row in tx.all(_by_state, state_=name)])
        return sorted((_as_intent(row) for row in found), key=lambda intent: (intent.prepared_at, intent.id))

    async def expire(self, now: datetime.datetime, audit: AuditRecord) -> int:
        """Expire what was prepared and never authorised in time; answer how many."""

        def work(tx: Tx) -> int:
            count = tx.run(_overdue, now_=to_us(now))
            if count:
                chain.append(tx, audit)
            return count

        return await self._database.write(work)


def movement_of(intent: Intent, customer_class: str, now: datetime.datetime) -> Movement:
    """Answer what limits, fees and times to cancel look at in an intent."""
    age = None if intent.payee_added_at is None else now - intent.payee_added_at
    return Movement(intent.amount, intent.channel, intent.purpose, age, customer_class)


def _same(first: Intent, second: Intent) -> Intent:
    if _order_of(first) != _order_of(second):
        raise IntentConflict("one request prepared two different transfers; the first stands")
    return first


def _order_of(intent: Intent) -> tuple[object, ...]:
    return (intent.purpose, intent.debtor_account, intent.creditor_number, intent.payee_id, intent.amount, intent.text)


def _grant_of(tx: Tx, intent: Intent, request_id: str, now: datetime.datetime) -> Grant:
    if intent.authorised_by == request_id:
        return Grant.REPLAY
    if intent.state is TransferState.EXPIRED:
        return Grant.EXPIRED
    if intent.state is not TransferState.PREPARED:
        return Grant.SPENT
    if now >= intent.expires_at:
        return Grant.EXPIRED
    if intent.payee_id is None:
        return Grant.GRANTED
    registered = tx.one(_payee, id_=intent.payee_id, customer=intent.customer_id, account=intent.creditor_number)
    if registered is None:
        return Grant.STALE
    if intent.payee_added_at is not None and registered[1] != to_us(intent.payee_added_at):
        return Grant.STALE  # removed and added anew since: it waits again
    return Grant.GRANTED


def _spent_since(tx: Tx, customer_id: int, currency: str, since: datetime.datetime) -> Spent:
    rows = tx.all(_spent, customer=customer_id, currency_=currency, since=to_us(since))
    moved = tuple(Moved(int(row[3]), row[0], Purpose(row[1]), _moment(row[2])) for row in rows)
    row = tx.one(_class, id_=customer_id)
    return Spent(moved, STANDARD if row is None else row[0])
