"""Cash without a card, on both databases: held for a code, booked for one machine, let go when nobody comes."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select

from core_client.adapters.sql.schema_payees import cash_orders
from core_client.adapters.sql.statements import Statement
from core_client.domain.money import Money
from core_client.domain.secret import Secret
from core_client.errors import Unavailable
from core_client.services.call import OperationResult
from core_client.services.cash import CashDesk, Payout
from core_client.testing.faulty_bank import Fault
from core_client.testing.world import World
from tests.contract.conftest import OpenWorld

WANG = "+8613900000001"
BEFORE, HUNDRED = Money(1_234_567, "CNY"), Money(10_000, "CNY")
CODE = "730184"


async def ordered(bank: World, amount: Money = HUNDRED, code: str = CODE) -> OperationResult:
    session = await bank.authenticated()
    prepared = await bank.perform(session, "cash.prepare", amount=amount)
    assert prepared.outcome == "ok", prepared
    return await bank.perform(session, "cash.order", intent=prepared.answer["id"], code=code)


def desk(bank: World) -> CashDesk:
    return bank.core.cash


async def collect(bank: World, code: str = CODE, request: str = "m1", number: str = WANG) -> Payout:
    return (await desk(bank).collect(number, Secret(code), "ATM-7", request)).payout


async def money(bank: World) -> tuple[Money, Money]:
    account = await bank.bank.ports.bank.account(1, None)
    await bank.bank.ledger.check_books()
    return account.booked, account.available


async def test_an_amount_is_held_for_the_caller_s_own_code_and_booked_when_a_machine_has_it(bank: World) -> None:
    result = await ordered(bank)
    assert (result.outcome, result.answer["available"], result.answer["minutes"]) == ("ok", BEFORE - HUNDRED, 30)
    assert "code" not in result.answer
    assert await money(bank) == (BEFORE, BEFORE - HUNDRED)
    answer = await desk(bank).collect(WANG, Secret(CODE), "ATM-7", "m1")
    assert (answer.payout, answer.amount) == (Payout.PAY, HUNDRED)
    assert await money(bank) == (BEFORE - HUNDRED, BEFORE - HUNDRED)


async def test_by_text_the_bank_makes_the_code_and_keeps_only_a_hash_of_it(bank: World) -> None:
    session = (await bank.core.arrive("sms", WANG)).auth_session_id
    prepared = await bank.perform(session, "cash.prepare", "sms", amount=HUNDRED)
    intent = prepared.answer["id"]
    assert (await bank.perform(session, "cash.order", "sms", intent=intent)).outcome == "unauthenticated"
    issued = await bank.perform(session, "auth.issue_code", "sms", intent=intent)
    assert isinstance(issued.answer["code"], Secret)
    await bank.perform(session, "auth.verify_code", "sms", intent=intent, code=issued.answer["code"].reveal())
    result = await bank.perform(session, "cash.order", "sms", intent=intent)
    code = result.answer["code"]
    assert isinstance(code, Secret)
    rows = await bank.bank.database.read(lambda tx: tx.all(Statement(select(cash_orders))))
    assert not any(code.reveal() == str(cell) or code.reveal().encode() == cell for cell in rows[0])
    assert await collect(bank, code.reveal()) is Payout.PAY


async def test_the_same_request_again_is_one_order_and_the_same_machine_pays_once(bank: World) -> None:
    session = await bank.authenticated()
    prepared = await bank.perform(session, "cash.prepare", amount=HUNDRED)
    order = {"request_id": "o1", "intent": str(prepared.answer["id"]), "code": CODE}
    first = await bank.perform(session, "cash.order", **order)
    assert (await bank.perform(session, "cash.order", **order)).outcome == first.outcome == "ok"
    other = await bank.perform(session, "cash.order", intent=prepared.answer["id"], code=CODE)
    assert (other.outcome, other.reason) == ("refused", "intent_spent")
    answers = [await desk(bank).collect(WANG, Secret(CODE), "ATM-7", "m1") for _ in range(3)]
    assert answers == [answers[0]] * 3
    assert answers[0].payout is Payout.PAY
    assert await money(bank) == (BEFORE - HUNDRED, BEFORE - HUNDRED)


async def test_of_many_machines_at_once_on_two_nodes_one_pays(open_world: OpenWorld) -> None:
    async with open_world() as one, open_world() as other:
        await ordered(one)
        answers = await asyncio.gather(
            *(collect(node, request=f"m{n}-{id(node)}") for n in range(10) for node in (one, other))
        )
        assert answers.count(Payout.PAY) == 1
        assert answers.count(Payout.REFUSED) == 19
        assert await money(one) == (BEFORE - HUNDRED, BEFORE - HUNDRED)


async def test_a_wrong_code_and_a_strange_number_get_the_same_answer_and_three_wrong_codes_end_it(bank: World) -> None:
    await ordered(bank)
    assert await desk(bank).collect("+8613900000009", Secret(CODE), "ATM-7", "x") == await desk(bank).collect(
        WANG, Secret("111111"), "ATM-7", "m1"
    )
    assert await collect(bank, "222222", "m2") is Payout.REFUSED
    assert await money(bank) == (BEFORE, BEFORE - HUNDRED)
    assert await collect(bank, "333333", "m3") is Payout.REFUSED
    assert await money(bank) == (BEFORE, BEFORE)
    assert await collect(bank, CODE, "m4") is Payout.REFUSED


async def test_what_nobody_collects_is_let_go_when_its_time_is_over(bank: World) -> None:
    await ordered(bank)
    bank.clock.advance(30 * 60)
    assert await collect(bank) is Payout.REFUSED
    assert await desk(bank).look_after() == 1
    assert await money(bank) == (BEFORE, BEFORE)
    assert await desk(bank).look_after() == 0


async def test_recovery_neither_books_nor_lets_go_what_still_waits_and_never_books_it(bank: World) -> None:
    await ordered(bank)
    bank.clock.advance(20 * 60)
    await bank.core.recover()
    assert await money(bank) == (BEFORE, BEFORE - HUNDRED)
    bank.clock.advance(10 * 60)
    await bank.core.recover()
    assert await money(bank) == (BEFORE, BEFORE)


async def test_the_customer_gives_it_up_and_the_code_is_worth_nothing(bank: World) -> None:
    await ordered(bank)
    session = await bank.authenticated()
    given_up = await bank.perform(session, "cash.cancel")
    assert (given_up.outcome, given_up.answer["amount"]) == ("ok", HUNDRED)
    assert await collect(bank) is Payout.REFUSED
    assert await money(bank) == (BEFORE, BEFORE)
    assert (await bank.perform(session, "cash.cancel")).reason == "cash_none"


async def test_a_cancellation_and_a_machine_race_and_the_ledger_says_who_was_first(bank: World) -> None:
    for attempt in range(6):
        before = await money(bank)
        assert (await ordered(bank)).outcome == "ok"
        session = await bank.authenticated()
        paid, cancelled = await asyncio.gather(
            collect(bank, request=f"m{attempt}"), bank.perform(session, "cash.cancel")
        )
        after = await money(bank)
        assert (paid is Payout.PAY) != (cancelled.outcome == "ok")
        assert after[0] == (before[0] - HUNDRED if paid is Payout.PAY else before[0]) == after[1]


async def test_one_order_waits_at_a_time(bank: World) -> None:
    session = await bank.authenticated()
    first, second = [await bank.perform(session, "cash.prepare", amount=HUNDRED) for _ in range(2)]
    assert (await bank.perform(session, "cash.order", intent=first.answer["id"], code=CODE)).outcome == "ok"
    late = await bank.perform(session, "cash.order", intent=second.answer["id"], code=CODE)
    assert (late.outcome, late.reason) == ("refused", "cash_waiting")
    assert await money(bank) == (BEFORE, BEFORE - HUNDRED)
    assert (await bank.perform(session, "cash.prepare", amount=HUNDRED)).reason == "cash_waiting"


async def test_a_frozen_account_pays_nothing_out_also_what_was_ordered_before(bank: World) -> None:
    await ordered(bank)
    texting = (await bank.core.arrive("sms", WANG)).auth_session_id
    await bank.perform(texting, "accounts.freeze", "sms")
    assert await collect(bank) is Payout.REFUSED
    assert await money(bank) == (BEFORE, BEFORE)


async def test_what_a_machine_could_not_pay_out_is_booked_back_once(bank: World) -> None:
    await ordered(bank)
    await collect(bank)
    assert not await desk(bank).not_paid_out(WANG, "ATM-8", "m1")  # another machine's
    assert await desk(bank).not_paid_out(WANG, "ATM-7", "m1")
    assert await desk(bank).not_paid_out(WANG, "ATM-7", "m1")
    assert await money(bank) == (BEFORE, BEFORE)
    assert await collect(bank) is Payout.REFUSED


async def test_a_lost_answer_is_unknown_to_the_machine_and_its_next_asking_settles_it(bank: World) -> None:
    await ordered(bank)
    bank.faulty.faults["post"] = Fault.LOST_REPLY
    assert await collect(bank) is Payout.UNKNOWN
    bank.faulty.faults.clear()
    assert await collect(bank) is Payout.PAY
    assert await money(bank) == (BEFORE - HUNDRED, BEFORE - HUNDRED)


async def test_a_machine_that_never_asks_again_has_paid_nothing_and_the_money_comes_back(bank: World) -> None:
    await ordered(bank)
    bank.faulty.faults["post"] = Fault.LOST_REPLY
    assert await collect(bank) is Payout.UNKNOWN
    bank.faulty.faults.clear()
    bank.clock.advance(120)
    assert await desk(bank).look_after() == 1
    assert await money(bank) == (BEFORE, BEFORE)
    assert await collect(bank) is Payout.REFUSED


@pytest.mark.parametrize("code", ["123456", "111111", "12345", "000001" * 2, "139000"])
async def test_a_code_that_is_easily_guessed_is_refused_and_another_may_be_chosen(bank: World, code: str) -> None:
    session = await bank.authenticated()
    prepared = await bank.perform(session, "cash.prepare", amount=HUNDRED)
    weak = await bank.perform(session, "cash.order", intent=prepared.answer["id"], code=code)
    assert (weak.outcome, weak.reason) == ("refused", "code_weak")
    strong = await bank.perform(session, "cash.order", intent=prepared.answer["id"], code=CODE)
    assert strong.outcome == "ok"


@pytest.mark.parametrize("minor", [1, 5_000, 15_000, 210_000])
async def test_only_whole_notes_up_to_the_machine_s_limit(bank: World, minor: int) -> None:
    session = await bank.authenticated()
    refused = await bank.perform(session, "cash.prepare", amount=Money(minor, "CNY"))
    assert (refused.outcome, refused.reason) == ("refused", "cash_amount")


async def test_an_authorisation_alone_pays_nobody_and_is_let_go(bank: World) -> None:
    session = await bank.authenticated()
    prepared = await bank.perform(session, "cash.prepare", amount=HUNDRED)
    await bank.perform(session, "transfers.authorise", intent=prepared.answer["id"])
    assert (await money(bank))[0] == BEFORE
    bank.clock.advance(60)
    await bank.core.recover()
    assert await money(bank) == (BEFORE, BEFORE)


async def test_an_order_whose_hold_was_let_go_gets_no_code_when_it_comes_again(bank: World) -> None:
    session = await bank.authenticated()
    prepared = await bank.perform(session, "cash.prepare", amount=HUNDRED)
    order = {"request_id": "o1", "intent": str(prepared.answer["id"]), "code": CODE}
    bank.faulty.faults["hold"] = Fault.LOST_ORDER
    assert (await bank.perform(session, "cash.order", **order)).outcome == "unknown"
    bank.faulty.faults.clear()
    assert (await bank.perform(session, "cash.order", **order)).outcome == "unknown"
    bank.clock.advance(30 * 60)
    await bank.core.recover()
    session = await bank.authenticated()
    again = await bank.perform(session, "cash.order", **order)
    assert (again.outcome, again.reason) == ("refused", "intent_spent")
    assert await collect(bank) is Payout.REFUSED
    assert await money(bank) == (BEFORE, BEFORE)


async def test_what_was_booked_for_nobody_is_booked_back_though_the_first_look_was_cut_off(bank: World) -> None:
    await ordered(bank)
    bank.faulty.faults["post"] = Fault.LOST_REPLY
    assert await collect(bank) is Payout.UNKNOWN
    bank.faulty.faults = {"query": Fault.DOWN}
    bank.clock.advance(120)
    assert await desk(bank).look_after() == 0
    bank.faulty.faults.clear()
    assert await desk(bank).look_after() == 1
    assert await money(bank) == (BEFORE, BEFORE)
    assert await desk(bank).look_after() == 0


async def test_what_a_machine_could_not_pay_out_is_booked_back_though_it_never_asks_again(bank: World) -> None:
    await ordered(bank)
    await collect(bank)
    bank.faulty.faults["reverse"] = Fault.DOWN
    with pytest.raises(Unavailable):
        await desk(bank).not_paid_out(WANG, "ATM-7", "m1")
    bank.faulty.faults.clear()
    assert await desk(bank).look_after() == 1
    assert await money(bank) == (BEFORE, BEFORE)
    assert await desk(bank).not_paid_out(WANG, "ATM-7", "m1")


async def test_another_machine_that_numbers_alike_is_no_repetition_and_pays_nothing(bank: World) -> None:
    await ordered(bank)
    assert await collect(bank) is Payout.PAY
    assert (await desk(bank).collect(WANG, Secret(CODE), "ATM-8", "m1")).payout is Payout.REFUSED
    assert await collect(bank) is Payout.PAY
    assert await money(bank) == (BEFORE - HUNDRED, BEFORE - HUNDRED)


async def test_an_order_that_comes_again_while_a_machine_has_it_takes_nothing_from_the_machine(bank: World) -> None:
    session = await bank.authenticated()
    prepared = await bank.perform(session, "cash.prepare", amount=HUNDRED)
    order = {"request_id": "o1", "intent": str(prepared.answer["id"]), "code": CODE}
    await bank.perform(session, "cash.order", **order)
    bank.faulty.faults["post"] = Fault.LOST_ORDER
    assert await collect(bank) is Payout.UNKNOWN
    bank.faulty.faults.clear()
    assert (await bank.perform(session, "cash.order", **order)).outcome != "ok"
    assert await collect(bank) is Payout.PAY
    assert await money(bank) == (BEFORE - HUNDRED, BEFORE - HUNDRED)


async def test_giving_it_up_twice_under_one_request_is_answered_alike_and_lets_go_when_the_bank_is_back(
    bank: World,
) -> None:
    await ordered(bank)
    session = await bank.authenticated()
    bank.faulty.faults["void"] = Fault.DOWN
    first = await bank.perform(session, "cash.cancel", request_id="c1")
    bank.faulty.faults.clear()
    assert await desk(bank).look_after() == 1
    again = await bank.perform(session, "cash.cancel", request_id="c1")
    assert (again.outcome, again.answer) == (first.outcome, first.answer) == ("ok", {"amount": HUNDRED})
    assert (await bank.perform(session, "cash.cancel", request_id="c2")).reason == "cash_none"
    assert await money(bank) == (BEFORE, BEFORE)
