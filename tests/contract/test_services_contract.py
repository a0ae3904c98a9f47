"""Services that move no money, on both databases: asked once, stopped once, a seat for one, a text for each posting."""

from __future__ import annotations

import asyncio
import datetime
from dataclasses import replace

import pytest

from core_client.domain.money import Money
from core_client.domain.notices import Notice, NoticeKind
from core_client.domain.values import Value
from core_client.services.call import OperationResult
from core_client.services.service_requests import RequestError
from core_client.testing.world import World
from tests.contract.conftest import OpenWorld

WANG, SMITH, LI_LEI = "+8613900000001", "+8613900000002", "+8613900000003"
FREE_CHEQUE = "100022"
LATER = "2026030609"  # some days after the clock begins


async def ask(
    bank: World, operation: str, line: str = WANG, request: str | None = None, **given: Value
) -> OperationResult:
    arrival = await bank.core.arrive("sms", line)
    return await bank.perform(arrival.auth_session_id, operation, "sms", request, **given)


async def pay(bank: World, yuan: int) -> None:
    arrival = await bank.core.arrive("sms", WANG)
    session = arrival.auth_session_id
    intent = await bank.perform(session, "transfers.prepare", "sms", payee="LILEI", amount=Money(yuan * 100, "CNY"))
    named = intent.answer["id"]
    code = await bank.perform(session, "auth.issue_code", "sms", intent=named)
    await bank.perform(session, "auth.verify_code", "sms", intent=named, code=code.answer["code"])
    done = await bank.perform(session, "transfers.authorise", "sms", intent=named)
    assert done.outcome == "ok", done


async def owed(bank: World) -> list[Notice]:
    await bank.bank.ports.notices.gather_alerts(bank.clock.now())
    return list(await bank.bank.ports.notices.due(bank.clock.now(), 100))


# --- requests ---


async def test_a_statement_asked_for_again_is_the_same_until_it_is_sent(bank: World) -> None:
    first = await ask(bank, "accounts.request_statement", months=3)
    again = await ask(bank, "accounts.request_statement", months=3)
    other = await ask(bank, "accounts.request_statement", months=6)
    assert first.answer == again.answer
    assert other.answer["reference"] != first.answer["reference"]
    desk = bank.bank.admin.requests
    await desk.close(str(first.answer["reference"]), "anna", "posted")
    assert (await ask(bank, "accounts.request_statement", months=3)).answer["reference"] != first.answer["reference"]
    with pytest.raises(RequestError, match="was closed by anna"):
        await desk.close(str(first.answer["reference"]), "ben")
    with pytest.raises(RequestError, match="there is no request '99'"):
        await desk.show("99", "ben")


@pytest.mark.parametrize("months", [0, 13, 10**12])
async def test_a_statement_of_no_sensible_length_is_refused(bank: World, months: int) -> None:
    assert (await ask(bank, "accounts.request_statement", months=months)).reason == "period_invalid"
    assert await bank.bank.admin.requests.listed() == []


async def test_the_same_request_from_two_nodes_at_once_is_one(open_world: OpenWorld) -> None:
    async with open_world() as here, open_world() as there:
        asked = [ask((here, there)[n % 2], "service.complain", request="same", about="slow") for n in range(8)]
        results = await asyncio.gather(*asked)
        assert len({result.answer["reference"] for result in results}) == 1
        assert len(await here.bank.admin.requests.listed()) == 1


async def test_five_complaints_may_wait_and_the_sixth_is_refused(bank: World) -> None:
    results = [await ask(bank, "service.complain", about=f"{n}") for n in range(6)]
    assert [result.outcome for result in results] == ["ok"] * 5 + ["refused"]


async def test_a_complaint_under_a_claimed_number_is_answered_alike_whether_there_is_such_a_customer(
    bank: World,
) -> None:
    shapes = []
    for number in ("10000001", "99999999"):
        arrival = await bank.core.arrive("voice", None)
        session = arrival.auth_session_id
        await bank.perform(session, "identity.claim", customer=number)
        result = await bank.perform(session, "service.complain", about="locked")
        shapes.append((result.outcome, set(result.answer), result.answer["due"]))
    assert shapes[0] == shapes[1]
    assert [one.proved for one in await bank.bank.admin.requests.listed()] == [False, False]


async def test_what_a_complaint_says_is_in_no_repr_and_no_audit(bank: World) -> None:
    reference = str((await ask(bank, "service.complain", about="my neighbour Zhao")).answer["reference"])
    shown = await bank.bank.admin.requests.show(reference, "anna")
    assert shown.detail["about"] == "my neighbour Zhao"
    assert "Zhao" not in repr(shown)
    assert (await bank.bank.admin.check_audit()).broken_at is None


async def test_a_cheque_book_is_for_a_current_account_that_is_not_frozen(bank: World) -> None:
    assert (await ask(bank, "cheques.order_book")).outcome == "ok"
    assert (await ask(bank, "cheques.order_book", LI_LEI, account="3317")).reason == "not_permitted"
    assert (await ask(bank, "cheques.order_book", "+8613900000005")).reason == "account_frozen"


# --- cheques ---


async def test_a_cheque_is_stopped_once_and_keeps_its_reference(bank: World) -> None:
    first = await ask(bank, "cheques.stop", cheque=FREE_CHEQUE)
    again = await ask(bank, "cheques.stop", cheque=FREE_CHEQUE)
    assert (first.outcome, first.answer) == ("ok", again.answer)
    assert (await ask(bank, "cheques.status", cheque=FREE_CHEQUE)).answer["state"] == "stopped"


async def test_of_many_who_stop_a_cheque_at_once_all_hear_one_reference(open_world: OpenWorld) -> None:
    async with open_world() as here, open_world() as there:
        stops = [ask((here, there)[n % 2], "cheques.stop", cheque=FREE_CHEQUE) for n in range(8)]
        assert len({result.answer["reference"] for result in await asyncio.gather(*stops)}) == 1


@pytest.mark.parametrize(
    ("cheque", "reason"), [("100021", "cheque_paid"), ("200052", "cheque_unknown"), ("9" * 13, "cheque_unknown")]
)
async def test_a_paid_cheque_and_another_customers_cannot_be_stopped(bank: World, cheque: str, reason: str) -> None:
    assert (await ask(bank, "cheques.stop", cheque=cheque)).reason == reason


# --- alerts ---


async def test_each_posting_of_the_threshold_or_more_is_owed_one_text(bank: World) -> None:
    await ask(bank, "alerts.set", on=True, threshold=Money(30_000, "CNY"))
    await ask(bank, "alerts.set", LI_LEI, on=True)
    await pay(bank, 299)
    await pay(bank, 300)
    found = await owed(bank)
    told = [(one.customer_id, str(one.values["amount"])) for one in found]
    assert sorted(told) == [(1, "-300.00 CNY"), (3, "299.00 CNY"), (3, "300.00 CNY")]
    assert len(await owed(bank)) == 3  # looked for again: the same three
    for one in found:
        await bank.bank.ports.notices.told(one.name, bank.clock.now())
    bank.clock.advance(120)
    assert await owed(bank) == []


async def test_two_nodes_that_look_at_once_owe_one_text(open_world: OpenWorld) -> None:
    async with open_world() as here, open_world() as there:
        await ask(here, "alerts.set", on=True)
        await pay(here, 500)
        counts = await asyncio.gather(*(one.bank.ports.notices.gather_alerts(one.clock.now()) for one in (here, there)))
        assert sum(counts) == 1
        assert len(await owed(here)) == 1


async def test_what_was_booked_before_alerts_were_on_or_after_they_are_off_is_told_to_nobody(bank: World) -> None:
    await pay(bank, 500)
    bank.clock.advance(1)
    await ask(bank, "alerts.set", on=True)
    assert await owed(bank) == []
    await ask(bank, "alerts.set", on=False)
    await pay(bank, 500)
    assert await owed(bank) == []


async def test_an_alert_that_waited_too_long_is_not_told_any_more(bank: World) -> None:
    await ask(bank, "alerts.set", on=True)
    await pay(bank, 500)
    assert len(await owed(bank)) == 1
    bank.clock.advance(13 * 3600)
    assert await owed(bank) == []


async def test_who_has_no_registered_number_cannot_have_alerts(bank: World) -> None:
    arrival = await bank.core.arrive("voice", None)
    session = arrival.auth_session_id
    await bank.perform(session, "identity.claim", customer="10000007")
    assert (await bank.perform(session, "auth.verify_pin", pin="590836")).outcome == "ok"
    assert (await bank.perform(session, "alerts.set", on=True)).reason == "number_not_registered"


# --- appointments ---


async def _slot(bank: World, branch: str = "102") -> str:
    slots = (await ask(bank, "appointments.slots", branch=branch)).answer["slots"]
    assert isinstance(slots, tuple)
    first = slots[0]
    assert isinstance(first, dict)
    return str(first["slot"])


async def test_the_last_seat_of_an_hour_is_one_customers(open_world: OpenWorld) -> None:
    async with open_world() as here, open_world() as there:
        slot, lines = await _slot(here), (WANG, SMITH, LI_LEI, "+8613900000006")
        booked = await asyncio.gather(
            *(
                ask((here, there)[n % 2], "appointments.book", line, branch="102", slot=slot, topic="1")
                for n, line in enumerate(lines)
            )
        )
        assert sorted(result.outcome for result in booked) == ["ok", "refused", "refused", "refused"]
        assert {result.reason for result in booked} == {None, "slot_taken"}
        assert await _slot(here) != slot


async def test_a_request_of_the_same_name_by_another_customer_is_their_own(bank: World) -> None:
    first = await ask(bank, "service.complain", request="same", about="slow")
    other = await ask(bank, "service.complain", SMITH, request="same", about="slow")
    assert first.answer["reference"] != other.answer["reference"]


async def test_two_may_come_where_two_seats_are(bank: World) -> None:
    slot = await _slot(bank, "101")
    for line, outcome in ((WANG, "ok"), (SMITH, "ok"), (LI_LEI, "refused")):
        result = await ask(bank, "appointments.book", line, branch="101", slot=slot, topic="1")
        assert result.outcome == outcome
    assert [one.seat for one in await bank.bank.admin.appointments.at_branch("101")] == [0, 1]


async def test_the_same_request_again_is_the_same_appointment(bank: World) -> None:
    slot = await _slot(bank)
    first = await ask(bank, "appointments.book", request="r", branch="102", slot=slot, topic="2")
    again = await ask(bank, "appointments.book", request="r", branch="102", slot=slot, topic="2")
    assert first.answer == again.answer


async def test_a_cancelled_appointment_frees_its_hour_and_reminds_nobody(bank: World) -> None:
    booked = await ask(bank, "appointments.book", branch="102", slot=LATER, topic="3")
    assert booked.answer["reminded"] is True
    assert (await ask(bank, "appointments.cancel", SMITH, reference=str(booked.answer["reference"]))).outcome == "ok"
    assert (await ask(bank, "appointments.next")).answer["count"] == 1  # another's word does not cancel it
    assert (await ask(bank, "appointments.cancel", reference=str(booked.answer["reference"]))).outcome == "ok"
    bank.clock.advance(14 * 86_400)
    assert await owed(bank) == []


async def test_an_appointment_is_reminded_of_the_day_before_and_never_after_it(bank: World) -> None:
    booked = await ask(bank, "appointments.book", branch="102", slot=LATER, topic="3")
    day, limits = booked.answer["date"], bank.bank.ports.profile.limits
    assert isinstance(day, datetime.date)
    assert await owed(bank) == []
    while limits.local_date(bank.clock.now()) < day - datetime.timedelta(days=1):
        bank.clock.advance(3600)
    bank.clock.advance(11 * 3600)
    assert [one.kind for one in await owed(bank)] == [NoticeKind.REMINDER]
    bank.clock.advance(2 * 86_400)
    assert await owed(bank) == []


@pytest.mark.parametrize("slot", ["2020010109", "2026030213", "x", "2099010109"])
async def test_an_hour_that_is_not_offered_cannot_be_booked(bank: World, slot: str) -> None:
    assert (await ask(bank, "appointments.book", branch="102", slot=slot, topic="1")).reason == "slot_taken"


# --- the sheet ---


async def test_a_sheet_that_is_published_is_told_by_every_node_at_once(open_world: OpenWorld) -> None:
    async with open_world() as here, open_world() as there:
        assert (await ask(there, "rates.deposit")).answer["count"] == 4
        await here.bank.admin.sheet.publish({"deposits": [{"months": 6, "rate": "1.05"}]}, "anna")
        told = (await ask(there, "rates.deposit")).answer["rates"]
        assert told == ({"months": 6, "whole": 1, "fraction": "05", "percent": "1.05%"},)
        assert (await ask(there, "loans.quote", amount=Money(5_000_000, "CNY"), months=12)).reason == "loan_not_offered"


async def test_a_notice_is_stored_once_by_its_name(bank: World) -> None:
    now = bank.clock.now()
    notice = Notice("n", NoticeKind.PLACES, 1, {"places": ()}, now, now + datetime.timedelta(hours=1))
    await bank.bank.ports.notices.owe(notice)
    await bank.bank.ports.notices.owe(replace(notice, customer_id=2))
    assert [one.customer_id for one in await owed(bank)] == [1]
