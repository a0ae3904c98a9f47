"""The demo bank's sheet of rates and branches, and its customers' cheque books and loans. All of it is made up."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from core_client.adapters.embedded import EmbeddedBank
from core_client.adapters.sql import schema, schema_services
from core_client.adapters.sql.cheques import put
from core_client.adapters.sql.schema import to_us
from core_client.adapters.sql.statements import Statement, Tx
from core_client.domain.cheques import ChequeState
from core_client.domain.money import Money
from core_client.services.information import SheetDesk

_WEEKDAYS = {"zh": "周一至周五 9:00-17:00", "en": "Mon-Fri 9:00-17:00"}
_ALWAYS = {"zh": "24小时", "en": "24 hours"}

SHEET: dict[str, Any] = {
    "deposits": [
        {"months": 0, "rate": "0.10"},
        {"months": 3, "rate": "0.80"},
        {"months": 12, "rate": "1.10"},
        {"months": 36, "rate": "1.50"},
    ],
    "exchange": [
        {"unit": "100.00 USD", "buys_at": "711.80 CNY", "sells_at": "714.82 CNY", "names": ["美元", "dollar"]},
        {"unit": "100.00 EUR", "buys_at": "771.25 CNY", "sells_at": "776.93 CNY", "names": ["欧元", "euro"]},
        {"unit": "100.00 HKD", "buys_at": "91.18 CNY", "sells_at": "91.55 CNY", "names": ["港元", "港币"]},
    ],
    "products": [
        {
            "code": "time12",
            "name": {"zh": "一年定期", "en": "One year deposit"},
            "about": {"zh": "存满一年，到期还本付息。", "en": "Capital and interest are paid after a year."},
            "rate": "1.10",
            "minimum": "50.00 CNY",
            "months": 12,
        },
        {
            "code": "notice7",
            "name": {"zh": "七天通知存款", "en": "Seven day notice deposit"},
            "about": {"zh": "提前七天通知即可支取。", "en": "Tell us seven days before you need the money."},
            "rate": "0.45",
            "minimum": "50000.00 CNY",
        },
    ],
    "branches": [
        {
            "code": "101",
            "name": {"zh": "天河支行", "en": "Tianhe Branch"},
            "address": {"zh": "广州市天河区天河路208号", "en": "208 Tianhe Road, Tianhe, Guangzhou"},
            "hours": _WEEKDAYS,
            "phone": "02038880101",
            "postcode": "510620",
            "places": ["体育中心", "Tiyu"],
            "seats": 2,
        },
        {
            "code": "102",
            "name": {"zh": "越秀支行", "en": "Yuexiu Branch"},
            "address": {"zh": "广州市越秀区中山五路33号", "en": "33 Zhongshan 5th Road, Yuexiu, Guangzhou"},
            "hours": _WEEKDAYS,
            "phone": "02083330102",
            "postcode": "510030",
            "seats": 1,
        },
        {
            "code": "201",
            "name": {"zh": "南山支行", "en": "Nanshan Branch"},
            "address": {"zh": "深圳市南山区科苑路15号", "en": "15 Keyuan Road, Nanshan, Shenzhen"},
            "hours": _WEEKDAYS,
            "phone": "075526660201",
            "postcode": "518057",  # takes no appointments
        },
        {
            "code": "9101",
            "name": {"zh": "广州东站自助银行", "en": "Guangzhou East Station"},
            "address": {"zh": "广州市天河区东站路1号", "en": "1 Dongzhan Road, Tianhe, Guangzhou"},
            "hours": _ALWAYS,
            "phone": "",
            "postcode": "510610",
            "machine": 1,
        },
        {
            "code": "9201",
            "name": {"zh": "科技园自助银行", "en": "Science Park"},
            "address": {"zh": "深圳市南山区科技园南路2号", "en": "2 Keji Nan Road, Nanshan, Shenzhen"},
            "hours": _ALWAYS,
            "phone": "",
            "postcode": "518057",
            "machine": 1,
        },
    ],
    "lending": {
        "rate": "4.35",
        "least": "10000.00 CNY",
        "most": "500000.00 CNY",
        "months_from": 6,
        "months_to": 60,
    },
}
CHEQUE_BOOKS = (("440100001101", 100021, 100045), ("440100002202", 200051, 200075))  # account, first, last
USED_CHEQUES = (
    ("440100001101", 100021, ChequeState.PAID),
    ("440100001101", 100023, ChequeState.RETURNED),
    ("440100002202", 200051, ChequeState.PAID),
    ("440100002202", 200053, ChequeState.RETURNED),
)
LOANS = (  # customer, number, product, outstanding, next payment, days until it is due
    ("10000001", "660000001182", "home", "386500.00 CNY", "3120.40 CNY", 18),
    ("10000002", "660000002257", "car", "52300.00 CNY", "1890.00 CNY", 9),
)

_account = Statement(select(schema.accounts.c.id).where(schema.accounts.c.number == bindparam("number_")))
_customer = Statement(select(schema.customers.c.id).where(schema.customers.c.number == bindparam("number_")))
_book = Statement(
    insert(schema_services.cheque_books).values(
        account_id=bindparam("account"), first_number=bindparam("first"), last_number=bindparam("last"),
        issued_us=bindparam("at"),
    )
)  # fmt: skip
_loan_row: dict[str, Any] = {
    column.name: bindparam(f"{column.name}_") for column in schema_services.loans.columns if column.name != "id"
}
_loan = Statement(
    sqlite.insert(schema_services.loans).values(_loan_row).on_conflict_do_nothing(),
    postgresql.insert(schema_services.loans).values(_loan_row).on_conflict_do_nothing(),
)
_one_book = Statement(select(schema_services.cheque_books.c.id).limit(1))


async def seed_services(bank: EmbeddedBank) -> None:
    """Publish the sheet where there is none, with the books and loans of the demo's customers."""
    sheet = await bank.ports.information.current()
    if sheet.branches:
        return
    now = bank.ports.clock.now()
    await bank.database.write(lambda tx: _add(tx, now))
    await SheetDesk(bank.ports).publish(SHEET, "demo")


def _add(tx: Tx, now: datetime.datetime) -> None:
    if tx.one(_one_book) is None:
        for number, first, last in CHEQUE_BOOKS:
            if (account := tx.one(_account, number_=number)) is not None:
                tx.run(_book, account=account[0], first=first, last=last, at=to_us(now))
    for number, cheque, state in USED_CHEQUES:
        if (account := tx.one(_account, number_=number)) is not None:
            put(tx, account[0], cheque, state, now)
    for who, number, product, outstanding, payment, days in LOANS:
        if (customer := tx.one(_customer, number_=who)) is not None:
            owed, due = Money.parse(outstanding), (now + datetime.timedelta(days=days)).date()
            tx.run(
                _loan, customer_id_=customer[0], number_=number, product_=product, currency_=owed.currency,
                outstanding_minor_=owed.amount_minor, next_minor_=Money.parse(payment).amount_minor,
                next_due_=due.isoformat(),
            )  # fmt: skip
