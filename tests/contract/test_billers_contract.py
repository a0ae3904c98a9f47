"""Bills and mobile top-up, on both databases: what is due, paid once, and told to the biller."""

from __future__ import annotations

import asyncio
import datetime

import pytest
from sqlalchemy import select

from core_client.adapters.sql.schema_payees import bill_payments
from core_client.adapters.sql.statements import Statement
from core_client.domain.money import Money
from core_client.domain.values import Value
from core_client.services.billers import BillerError
from core_client.services.call import OperationResult
from core_client.testing.world import World

WANG = "+8613900000001"
WATER = {"biller": "101", "reference": "12345678"}  # 86.40 due
DUE = Money(8_640, "CNY")


async def paid(bank: World, session: str, **given: Value) -> OperationResult:
    prepared = await bank.perform(session, "bills.prepare", "voice", None, **given)
    assert prepared.outcome == "ok", prepared
    return await bank.perform(session, "transfers.authorise", intent=prepared.answer["id"])


async def test_everybody_may_ask_whom_bills_are_paid_to_and_operators_are_not_among_them(bank: World) -> None:
    session = (await bank.core.arrive("sms", None)).auth_session_id
    told = await bank.perform(session, "bills.billers", "sms")
    assert told.answer["count"] == 3
    assert told.answer["billers"] == (
        {"code": "101", "name": "City Water 城市自来水", "digits": "8"},
        {"code": "102", "name": "City Power 城市供电", "digits": "10-13"},
        {"code": "103", "name": "City Gas 城市燃气", "digits": "6-12"},
    )


@pytest.mark.parametrize("biller", ["101", "city water", "城市自来水", "ＣＩＴＹ　ＷＡＴＥＲ"])
async def test_a_biller_is_found_as_people_write_it(bank: World, biller: str) -> None:
    session = await bank.authenticated()
    due = await bank.perform(session, "bills.due", biller=biller, reference="1234 5678")
    assert (due.answer["due"], due.answer["owing"], due.answer["last4"]) == (DUE, True, "5678")


@pytest.mark.parametrize(
    ("biller", "reference", "reason"),
    [
        ("nobody", "12345678", "biller_unknown"),
        ("901", "13900000001", "biller_unknown"),  # an operator takes no bills
        ("101", "123", "bill_reference_invalid"),
        ("101", "99999999", "bill_unknown"),
        ("103", "123456", "bill_not_told"),
    ],
)
async def test_what_is_no_bill_is_refused_with_its_reason(
    bank: World, biller: str, reference: str, reason: str
) -> None:
    session = await bank.authenticated()
    asked = await bank.perform(session, "bills.due", biller=biller, reference=reference)
    assert (asked.outcome, asked.reason) == ("refused", reason)
    prepared = await bank.perform(session, "bills.prepare", biller=biller, reference=reference)
    assert (prepared.outcome, prepared.reason) == ("refused", reason)


async def test_a_bill_is_paid_whole_and_then_nothing_is_due(bank: World) -> None:
    session = await bank.authenticated()
    receipt = await paid(bank, session, **WATER)
    assert (receipt.outcome, receipt.answer["available"]) == ("ok", Money(1_234_567, "CNY") - DUE)
    due = await bank.perform(session, "bills.due", **WATER)
    assert (due.answer["due"], due.answer["owing"]) == (Money(0, "CNY"), False)
    again = await bank.perform(session, "bills.prepare", **WATER)
    assert again.reason == "bill_paid"
    await bank.bank.ledger.check_books()


async def test_part_of_a_bill_may_be_paid_and_never_more_than_is_due(bank: World) -> None:
    session = await bank.authenticated()
    await paid(bank, session, **WATER, amount=Money(5_000, "CNY"))
    due = await bank.perform(session, "bills.due", **WATER)
    assert due.answer["due"] == Money(3_640, "CNY")
    more = await bank.perform(session, "bills.prepare", **WATER, amount=Money(3_641, "CNY"))
    assert (more.reason, more.answer.get("left")) == ("bill_amount", Money(3_640, "CNY"))


async def test_of_two_who_pay_one_bill_at_once_one_does(bank: World) -> None:
    wang, smith = await bank.authenticated(), await bank.authenticated("+8613900000002")
    intents = [
        (session, (await bank.perform(session, "bills.prepare", **WATER)).answer["id"]) for session in (wang, smith)
    ]
    results = await asyncio.gather(
        *(bank.perform(session, "transfers.authorise", intent=intent) for session, intent in intents)
    )
    assert sorted(result.outcome for result in results) == ["ok", "refused"]
    assert [result.reason for result in results if result.outcome == "refused"] == ["bill_paid"]


async def test_a_biller_that_says_nothing_is_paid_what_the_customer_says_within_its_bounds(bank: World) -> None:
    session = await bank.authenticated()
    gas: dict[str, Value] = {"biller": "103", "reference": "123456"}
    assert (await paid(bank, session, **gas, amount=Money(5_000, "CNY"))).outcome == "ok"
    for minor in (499, 500_001):
        refused = await bank.perform(session, "bills.prepare", "voice", None, **gas, amount=Money(minor, "CNY"))
        assert refused.reason == "bill_amount"


async def test_a_mobile_is_topped_up_own_or_another_s_and_its_number_rests_sealed(bank: World) -> None:
    session = await bank.authenticated()
    own = await bank.perform(session, "top_up.prepare", amount=Money(5_000, "CNY"))
    assert (own.answer["payee_name"], own.answer["payee_last4"]) == ("Mobile One 第一移动", "0001")
    other = await bank.perform(session, "top_up.prepare", amount=Money(5_000, "CNY"), number="+8618812345678")
    assert (other.answer["payee_name"], other.answer["payee_last4"]) == ("Mobile Two 第二移动", "5678")
    assert (await bank.perform(session, "transfers.authorise", intent=other.answer["id"])).outcome == "ok"
    rows = await bank.bank.database.read(lambda tx: tx.all(Statement(select(bill_payments))))
    assert len(rows) == 2
    assert not any("18812345678" in str(cell) or "13900000001" in str(cell) for row in rows for cell in row)
    today = bank.bank.ports.profile.limits.local_date(bank.clock.now())
    told = await bank.bank.admin.billers.paid("902", today, "anna")
    assert [(one.reference, one.amount) for one in told] == [("+8618812345678", Money(5_000, "CNY"))]
    assert "8812345678" not in repr(told)


@pytest.mark.parametrize(
    ("amount", "number", "reason"),
    [
        (Money(1_500, "CNY"), WANG, "top_up_amount"),
        (Money(5_000, "USD"), WANG, "amount_invalid"),
        (Money(5_000, "CNY"), "+861012345678", "operator_unknown"),
        (Money(5_000, "CNY"), "+442071838750", "operator_unknown"),
    ],
)
async def test_what_cannot_be_topped_up_is_refused_with_its_reason(
    bank: World, amount: Money, number: str, reason: str
) -> None:
    session = await bank.authenticated()
    asked = await bank.perform(session, "top_up.prepare", amount=amount, number=number)
    assert (asked.outcome, asked.reason) == ("refused", reason)


async def test_the_same_request_prepares_one_payment(bank: World) -> None:
    session = await bank.authenticated()
    first = await bank.perform(session, "bills.prepare", request_id="r1", **WATER)
    assert await bank.perform(session, "bills.prepare", request_id="r1", **WATER) == first
    rows = await bank.bank.database.read(lambda tx: tx.all(Statement(select(bill_payments))))
    assert len(rows) == 1


async def test_a_file_of_bills_is_taken_whole_or_not_at_all_and_says_which_line_is_wrong(bank: World) -> None:
    desk = bank.bank.admin.billers
    good = "reference,amount,due\n30000001,12.00,2026-12-31\n12345678,99.00,2026-12-31\n"
    with pytest.raises(BillerError, match=r"line 3: write the amount"):
        await desk.take_bills("101", "reference,amount,due\n30000001,12.00,2026-12-31\n30000002,12,5,x\n", "anna")
    session = await bank.authenticated()
    assert (await bank.perform(session, "bills.due", biller="101", reference="30000001")).reason == "bill_unknown"
    assert await desk.take_bills("101", good, "anna") == 2
    due = await bank.perform(session, "bills.due", **WATER)
    assert (due.answer["due"], due.answer["by"]) == (Money(9_900, "CNY"), datetime.date(2026, 12, 31))
    with pytest.raises(BillerError, match="does not say what is due"):
        await desk.take_bills("103", good, "anna")
    with pytest.raises(BillerError, match="no biller has the code"):
        await desk.take_bills("555", good, "anna")


async def test_a_new_bill_on_an_old_number_is_not_paid_by_what_was_paid_before(bank: World) -> None:
    session = await bank.authenticated()
    await paid(bank, session, **WATER)
    bank.clock.advance(60)
    await bank.bank.admin.billers.take_bills("101", "reference,amount,due\n12345678,50.00,2026-12-31\n", "anna")
    due = await bank.perform(session, "bills.due", **WATER)
    assert due.answer["due"] == Money(5_000, "CNY")


async def test_a_biller_that_is_closed_takes_nothing_and_reopens(bank: World) -> None:
    desk = bank.bank.admin.billers
    session = await bank.authenticated()
    await desk.set_open("101", "anna", is_open=False)
    assert (await bank.perform(session, "bills.prepare", **WATER)).reason == "biller_unknown"
    await desk.set_open("101", "anna", is_open=True)
    assert (await bank.perform(session, "bills.prepare", **WATER)).outcome == "ok"
