"""Payees that are added and removed, in SQL: stored before they are confirmed, carried out once."""

from __future__ import annotations

import datetime
import hmac

from sqlalchemy import bindparam, delete, func, insert, null, select, update

from core_client.adapters.sql import audit as chain
from core_client.adapters.sql import changelog, notices, schema
from core_client.adapters.sql.database import Database
from core_client.adapters.sql.personal import PersonalData
from core_client.adapters.sql.registry import payee_from, payee_places
from core_client.adapters.sql.schema import from_us, to_us
from core_client.adapters.sql.schema_payees import payee_requests
from core_client.adapters.sql.statements import Row, Statement, Tx
from core_client.domain.audit import AuditRecord
from core_client.domain.customers import Payee
from core_client.domain.notices import PAYEE_ADDED_LIFE, Notice, NoticeKind
from core_client.domain.payees import PayeeAction, PayeeRequest, PayeeRequestState, free_short_number
from core_client.domain.registry_changes import ChangeKind
from core_client.errors import Declined, IntentConflict
from core_client.ports.intents import CodeCheck

_r, _p = payee_requests.c, schema.payees.c
_whole = select(
    _r.id, _r.request_id, _r.customer_id, _r.channel, _r.action, _r.payee_id, _r.name, _r.alias, _r.account_number,
    _r.prepared_us, _r.expires_us, _r.state, _r.done_by,
)  # fmt: skip
_by_id = Statement(_whole.where(_r.id == bindparam("id_")))
_locked = Statement(_whole.where(_r.id == bindparam("id_")).with_for_update())
_by_request = Statement(_whole.where(_r.customer_id == bindparam("customer"), _r.request_id == bindparam("request")))
_create = Statement(insert(payee_requests))
_looked_up = Statement(
    select(func.count()).where(
        _r.customer_id == bindparam("customer"),
        _r.prepared_us >= bindparam("since"),
        _r.action == PayeeAction.ADD.value,
    )
)
_added = Statement(  # by when it lapsed: what was asked for before midnight may have been carried out after it
    select(func.count()).where(
        _r.customer_id == bindparam("customer"),
        _r.expires_us > bindparam("since"),
        _r.action == PayeeAction.ADD.value,
        _r.state == PayeeRequestState.DONE.value,
    )
)
_end = Statement(
    update(payee_requests).where(_r.id == bindparam("id_")).values(state=bindparam("state_"), done_by=bindparam("by"))
)
_code = Statement(select(_r.code_mac, _r.code_expires_us, _r.code_used_by).where(_r.id == bindparam("id_")))
_new_code = Statement(
    update(payee_requests)
    .where(_r.id == bindparam("id_"))
    .values(code_mac=bindparam("mac"), code_expires_us=bindparam("expires"), code_used_by=null())
)
_use_code = Statement(update(payee_requests).where(_r.id == bindparam("id_")).values(code_used_by=bindparam("request")))
_customer_lock = Statement(
    select(schema.customers.c.id).where(schema.customers.c.id == bindparam("id_")).with_for_update()
)
_payees = Statement(
    select(_p.id, _p.customer_id, _p.short_number, _p.alias, _p.name, _p.account_number, _p.added_us)
    .where(_p.customer_id == bindparam("customer"))
    .order_by(_p.short_number)
)
_add = Statement(
    insert(schema.payees).values(
        customer_id=bindparam("customer"), short_number=bindparam("short"), alias=bindparam("alias_"),
        name=bindparam("name_"), account_number=bindparam("account"), added_us=bindparam("added"),
    )
)  # fmt: skip
_remove = Statement(  # the account too: SQLite gives the id of a removed payee to the next one
    delete(schema.payees).where(
        _p.id == bindparam("id_"), _p.customer_id == bindparam("customer"), _p.account_number == bindparam("account")
    )
)


class SqlPayeeRequests:
    """:class:`~core_client.ports.payees.PayeeRequests` in SQL."""

    def __init__(self, database: Database, personal: PersonalData) -> None:
        self._database = database
        self._personal = personal

    async def create(self, wanted: PayeeRequest, audit: AuditRecord) -> PayeeRequest:
        """Store one; the same request again answers the first one."""

        def work(tx: Tx) -> PayeeRequest:
            tx.one(_customer_lock, id_=wanted.customer_id)
            row = tx.one(_by_request, customer=wanted.customer_id, request=wanted.request_id)
            if row is not None:
                return _same(_as_request(tx, self._personal, row), wanted)
            of_alias, of_name = request_places(wanted.id)
            tx.run(
                _create,
                id=wanted.id,
                request_id=wanted.request_id,
                customer_id=wanted.customer_id,
                channel=wanted.channel,
                action=wanted.action.value,
                payee_id=wanted.payee_id,
                name=self._personal.seal(tx, wanted.name, of_name),
                alias=self._personal.seal(tx, wanted.alias, of_alias),
                account_number=wanted.account_number,
                prepared_us=to_us(wanted.prepared_at),
                expires_us=to_us(wanted.expires_at),
                state=wanted.state.value,
                done_by=None,
                code_mac=None,
                code_expires_us=None,
                code_used_by=None,
            )
            chain.append(tx, audit)
            return wanted

        return await self._database.write(work)

    async def get(self, request_id: str) -> PayeeRequest | None:
        """Answer one by its id."""

        def work(tx: Tx) -> PayeeRequest | None:
            row = tx.one(_by_id, id_=request_id)
            return None if row is None else _as_request(tx, self._personal, row)

        return await self._database.read(work)

    async def looked_up(self, customer_id: int, since: datetime.datetime) -> int:
        """Answer how many account numbers the customer asked to add since then."""
        return await self._database.read(lambda tx: _count(tx, _looked_up, customer_id, since))

    async def add(
        self, wanted: str, customer_id: int, request_id: str, now: datetime.datetime,
        most_since: tuple[int, datetime.datetime], audit: AuditRecord, payable: datetime.date | None = None,
    ) -> Payee:  # fmt: skip
        """Add the payee, once: the same request again answers the same one."""
        most, since = most_since

        def work(tx: Tx) -> Payee:
            tx.one(_customer_lock, id_=customer_id)  # two requests of one customer take their short numbers one by one
            asked, again = _taken(tx, self._personal, wanted, PayeeAction.ADD, customer_id, request_id, now)
            known = [payee_from(tx, self._personal, row) for row in tx.all(_payees, customer=customer_id)]
            twin = next((payee for payee in known if payee.account_number == asked.account_number), None)
            if again:
                if twin is None:
                    raise Declined("request_spent")
                return twin
            if twin is not None:
                raise Declined("payee_known")
            if _count(tx, _added, customer_id, since) >= most:
                raise Declined("payees_too_many")
            short_number = free_short_number(known)
            of_alias, of_name = payee_places(customer_id, short_number)
            tx.run(
                _add,
                customer=customer_id,
                short=short_number,
                alias_=self._personal.seal(tx, asked.alias, of_alias),
                name_=self._personal.seal(tx, asked.name, of_name),
                account=asked.account_number,
                added=to_us(now),
            )
            tx.run(_end, id_=wanted, state_=PayeeRequestState.DONE.value, by=request_id)
            changelog.record(tx, ChangeKind.PAYEES_CHANGED, customer_id, now)
            chain.append(tx, audit)
            after = [payee_from(tx, self._personal, row) for row in tx.all(_payees, customer=customer_id)]
            added = next(payee for payee in after if payee.account_number == asked.account_number)
            if payable is not None:
                notices.owe(tx, _notice_of(asked, added, payable, now))
            return added

        return await self._database.write(work)

    async def remove(
        self, wanted: str, customer_id: int, request_id: str, now: datetime.datetime, audit: AuditRecord
    ) -> PayeeRequest:
        """Remove the payee, once."""

        def work(tx: Tx) -> PayeeRequest:
            tx.one(_customer_lock, id_=customer_id)
            asked, again = _taken(tx, self._personal, wanted, PayeeAction.REMOVE, customer_id, request_id, now)
            if again:
                return asked
            if tx.run(_remove, id_=asked.payee_id, customer=customer_id, account=asked.account_number) == 0:
                raise Declined("payee_unknown")
            tx.run(_end, id_=wanted, state_=PayeeRequestState.DONE.value, by=request_id)
            changelog.record(tx, ChangeKind.PAYEES_CHANGED, customer_id, now)
            chain.append(tx, audit)
            return asked

        return await self._database.write(work)

    async def drop(self, wanted: str, customer_id: int, audit: AuditRecord) -> bool:
        """Forget a prepared request; answer whether nothing can come of it now."""

        def work(tx: Tx) -> bool:
            row = tx.one(_locked, id_=wanted)
            asked = None if row is None else _as_request(tx, self._personal, row)
            if asked is None or asked.customer_id != customer_id or asked.state is PayeeRequestState.DONE:
                return False
            if asked.state is PayeeRequestState.PREPARED:
                tx.run(_end, id_=wanted, state_=PayeeRequestState.DROPPED.value, by=None)
                chain.append(tx, audit)
            return True

        return await self._database.write(work)

    async def set_code(self, wanted: str, code_mac: bytes, expires_at: datetime.datetime, audit: AuditRecord) -> None:
        """Bind a new code to the request; an older one is void."""

        def work(tx: Tx) -> None:
            tx.run(_new_code, id_=wanted, mac=code_mac, expires=to_us(expires_at))
            chain.append(tx, audit)

        await self._database.write(work)

    async def use_code(self, wanted: str, code_mac: bytes, request_id: str, now: datetime.datetime) -> CodeCheck:
        """Use the code up if it is right. The same request again gets the same answer."""

        def work(tx: Tx) -> CodeCheck:
            tx.one(_locked, id_=wanted)
            mac, expires_us, used_by = tx.one(_code, id_=wanted) or (None, None, None)
            if mac is None or (used_by is not None and used_by != request_id) or to_us(now) >= expires_us:
                return CodeCheck.EXPIRED
            if not hmac.compare_digest(bytes(mac), code_mac):
                return CodeCheck.WRONG
            tx.run(_use_code, id_=wanted, request=request_id)
            return CodeCheck.RIGHT

        return await self._database.write(work)


def request_places(wanted: str) -> tuple[str, str]:
    """Answer the places that a request's alias and name are sealed to."""
    return f"payee_requests.alias:{wanted}", f"payee_requests.name:{wanted}"


def _as_request(tx: Tx, personal: PersonalData, row: Row) -> PayeeRequest:
    of_alias, of_name = request_places(row[0])
    return PayeeRequest(
        id=row[0],
        request_id=row[1],
        customer_id=row[2],
        channel=row[3],
        action=PayeeAction(row[4]),
        payee_id=row[5],
        name=personal.open(tx, row[6], of_name),
        alias=personal.open(tx, row[7], of_alias),
        account_number=row[8],
        prepared_at=from_us(row[9]),
        expires_at=from_us(row[10]),
        state=PayeeRequestState(row[11]),
        done_by=row[12],
    )


def _notice_of(asked: PayeeRequest, added: Payee, payable: datetime.date, now: datetime.datetime) -> Notice:
    """Answer the text that tells a customer of a payee that somebody added: stored with it, or neither is.

    It names the request only: whose account it is rests sealed there.
    """
    return Notice(
        name=f"added-{asked.id}",
        kind=NoticeKind.PAYEE_ADDED,
        customer_id=asked.customer_id,
        values={"asked": asked.id, "short": added.short_number, "payable_on": payable},
        not_before=now,
        expires_at=now + PAYEE_ADDED_LIFE,
    )


def _same(found: PayeeRequest, wanted: PayeeRequest) -> PayeeRequest:
    if (found.action, found.account_number, found.name) != (wanted.action, wanted.account_number, wanted.name):
        raise IntentConflict("this request asked for another payee before")
    return found


def _taken(
    tx: Tx,
    personal: PersonalData,
    wanted: str,
    action: PayeeAction,
    customer_id: int,
    request_id: str,
    now: datetime.datetime,
) -> tuple[PayeeRequest, bool]:
    """Answer a request that may be carried out now, and whether this very confirmation did so before."""
    row = tx.one(_locked, id_=wanted)
    asked = None if row is None else _as_request(tx, personal, row)
    if asked is None or asked.customer_id != customer_id or asked.action is not action:
        raise Declined("request_spent")
    if asked.state is PayeeRequestState.DONE and asked.done_by == request_id:
        return asked, True
    if asked.state is not PayeeRequestState.PREPARED:
        raise Declined("request_spent")
    if now >= asked.expires_at:
        raise Declined("request_expired")
    return asked, False


def _count(tx: Tx, statement: Statement, customer_id: int, since: datetime.datetime) -> int:
    row = tx.one(statement, customer=customer_id, since=to_us(since))
    return 0 if row is None else int(row[0])
