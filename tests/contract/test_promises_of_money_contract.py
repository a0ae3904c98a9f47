"""What customers were promised about money, on both databases: days, ids, refusals, codes, who pays a reversal."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime

import pytest
from sqlalchemy import bindparam, update

from core_client.adapters.obeying_bank import ObeyingBank
from core_client.adapters.sql import schema
from core_client.adapters.sql.statements import Statement
from core_client.domain.audit import AuditRecord
from core_client.domain.cash import CashState
from core_client.domain.limits import CancelWindow, LimitProfile, Which
from core_client.domain.money import Money
from core_client.domain.profile import BankProfile
from core_client.domain.transfers import TransferState
from core_client.errors import Declined
from core_client.ports.core_bank import HoldState
from core_client.services.call import OperationResult
from core_client.services.client import CoreClient
from core_client.services.settlement import Settlement
from core_client.testing.faulty_bank import Fault
from core_client.testing.world import World
from tests.contract.conftest import OpenWorld

WANG = "+8613900000001"
MARIA, SMITH, ELSEWHERE = "440100006606", "440100002202", "990200000123"
TEN = datetime.timedelta(minutes=10)
WAITS = BankProfile(limits=LimitProfile(cancel_windows=(CancelWindow(Which(), TEN),)))
_renumber = Statement(
    update(schema.accounts).where(schema.accounts.c.number == bindparam("old")).values(number=bindparam("new"))
)


def yuan(amount: str) -> Money:
    return Money.parse(f"{amount} CNY")


async def state(bank: World, intent: object) -> TransferState:
    found = await bank.bank.ports.intents.get(str(intent))
    assert found is not None
    return found.state


async def prepared(bank: World, session: str, amount: str = "10.00", payee: str = "1") -> str:
    result = await bank.perform(session, "transfers.prepare", payee=payee, amount=yuan(amount))
    assert result.outcome == "ok", result
    return str(result.answer["id"])


async def asked(bank: World, session: str, account: str) -> str:
    named = {"name": "Some Shop"} if account == ELSEWHERE else {}
    result = await bank.perform(session, "payees.prepare_add", account=account, **named)
    assert result.outcome == "ok", result
    return str(result.answer["id"])


async def remove(bank: World, session: str, payee: str) -> OperationResult:
    leaving = await bank.perform(session, "payees.prepare_remove", payee=payee)
    return await bank.perform(session, "payees.remove", intent=leaving.answer["id"])


async def owed(bank: World) -> list[str]:
    await bank.core.telling.drain()
    return [one.id for one in await bank.core.telling.owed(0)]


# --- payees ---


async def test_payees_asked_for_before_midnight_count_on_the_day_on_which_they_are_added(bank: World) -> None:
    limits = bank.bank.ports.profile.limits
    midnight = limits.day_began(bank.clock.now()) + datetime.timedelta(days=1)
    bank.clock.advance((midnight - datetime.timedelta(minutes=2) - bank.clock.now()).total_seconds())
    session = await bank.authenticated()
    numbers = (MARIA, SMITH, "440100005505", ELSEWHERE)
    wanted = [await asked(bank, session, number) for number in numbers]
    bank.clock.advance(180)
    added = [await bank.perform(session, "payees.add", intent=one) for one in wanted]
    assert [one.outcome for one in added] == ["ok", "ok", "ok", "refused"]
    assert added[-1].reason == "payees_too_many"


async def test_a_removal_that_is_confirmed_late_removes_nobody_who_came_meanwhile(bank: World) -> None:
    session = await bank.authenticated()
    await bank.perform(session, "payees.add", intent=await asked(bank, session, MARIA))
    late = (await bank.perform(session, "payees.prepare_remove", payee="3")).answer["id"]
    assert (await remove(bank, session, "3")).outcome == "ok"
    await bank.perform(session, "payees.add", intent=await asked(bank, session, SMITH))  # SQLite: under the same id
    result = await bank.perform(session, "payees.remove", intent=late)
    assert (result.outcome, result.reason) == ("refused", "payee_unknown")
    assert SMITH in {one.account_number for one in await bank.bank.ports.registry.payees(1)}


async def test_a_payee_removed_and_added_anew_is_not_paid_by_what_was_prepared_before(bank: World) -> None:
    session = await bank.authenticated()
    await bank.perform(session, "payees.add", intent=await asked(bank, session, MARIA))
    bank.clock.advance(datetime.timedelta(hours=25).total_seconds())
    session = await bank.authenticated()
    intent = await prepared(bank, session, payee="3")
    assert (await remove(bank, session, "3")).outcome == "ok"
    await bank.perform(session, "payees.add", intent=await asked(bank, session, MARIA))
    result = await bank.perform(session, "transfers.authorise", intent=intent)
    assert (result.outcome, result.reason) == ("refused", "payee_unknown")
    assert await state(bank, intent) is TransferState.PREPARED


# --- what is said of money ---


async def test_nobody_hears_carried_out_already_of_what_was_called_off_and_the_promised_text_comes(
    bank: World,
) -> None:
    session = await bank.authenticated()
    intent = await prepared(bank, session)
    bank.faulty.faults = {"hold": Fault.LOST_ORDER}
    assert (await bank.perform(session, "transfers.authorise", intent=intent)).outcome == "unknown"
    bank.faulty.faults = {}
    await bank.core.recover()  # it was sent and is not there: voided
    assert await state(bank, intent) is TransferState.VOIDED
    again = await bank.perform(session, "transfers.authorise", intent=intent)
    assert (again.outcome, again.reason) == ("refused", "intent_expired")  # "No money has moved."
    assert await owed(bank) == [intent]


async def test_a_refusal_that_says_nothing_of_the_money_is_no_last_word(bank: World) -> None:
    session = await bank.authenticated()
    intent = await prepared(bank, session)
    bank.faulty.faults = {"hold": Fault.LOST_ORDER}
    await bank.perform(session, "transfers.authorise", intent=intent)
    bank.faulty.faults = {}
    await bank.core.recover()
    said = OperationResult("refused", reason="intent_spent")
    bank.core.telling.heard("transfers.authorise", {"intent": intent}, said)
    assert await owed(bank) == [intent]


async def test_what_a_bill_is_still_owed_is_said_and_paid_is_said_of_a_paid_one_only(bank: World) -> None:
    session = await bank.authenticated()
    ports, now = bank.bank.ports, bank.clock.now()
    record = AuditRecord(now, "test", "bills.taken", "biller:101")
    told = next(one for one in await ports.billers.all() if one.told_due)
    reference = "7" * told.digits[0]
    await ports.billers.put_bills(told.code, [(reference, 10_000, now.date())], now, record)

    async def pay(amount: str) -> OperationResult:
        return await bank.perform(session, "bills.prepare", biller=told.code, reference=reference, amount=yuan(amount))

    first, second = await pay("60.00"), await pay("60.00")
    assert (await bank.perform(session, "transfers.authorise", intent=first.answer["id"])).outcome == "ok"
    late = await bank.perform(session, "transfers.authorise", intent=second.answer["id"])
    assert (late.reason, late.answer) == ("bill_amount", {"left": yuan("40.00")})
    rest = await pay("40.00")
    other = await pay("40.00")
    assert (await bank.perform(session, "transfers.authorise", intent=rest.answer["id"])).outcome == "ok"
    assert (await bank.perform(session, "transfers.authorise", intent=other.answer["id"])).reason == "bill_paid"


async def test_the_loser_of_the_last_money_hears_how_much_there_still_is(bank: World) -> None:
    session = await bank.authenticated()
    one, other = await prepared(bank, session, "12000.00"), await prepared(bank, session, "12000.00")
    assert (await bank.perform(session, "transfers.authorise", intent=one)).outcome == "ok"
    result = await bank.perform(session, "transfers.authorise", intent=other)
    assert (result.outcome, result.reason) == ("refused", "insufficient_funds")
    account = await bank.bank.ledger.account(1, None)
    assert result.answer == {"left": account.available}


# --- cash ---


async def test_an_order_for_cash_that_is_called_off_with_the_transfers_makes_room_for_another(bank: World) -> None:
    session = await bank.authenticated()
    first = await bank.perform(session, "cash.prepare", amount=yuan("100.00"))
    await bank.perform(session, "cash.order", intent=first.answer["id"], code="730184")
    pending = await bank.perform(session, "transfers.pending")
    assert pending.answer["count"] == 1
    assert (await bank.perform(session, "transfers.cancel", intent=first.answer["id"])).outcome == "ok"
    order = await bank.bank.ports.cash_orders.of_intent(str(first.answer["id"]))
    assert order is not None
    assert order.state is CashState.LET_GO
    assert (await bank.perform(session, "cash.prepare", amount=yuan("100.00"))).outcome == "ok"


async def test_cash_is_never_held_without_a_code(bank: World) -> None:
    session = await bank.authenticated()
    before = await bank.bank.ledger.account(1, None)
    intent = (await bank.perform(session, "cash.prepare", amount=yuan("100.00"))).answer["id"]
    result = await bank.perform(session, "transfers.authorise", intent=intent)
    assert (result.outcome, result.reason) == ("refused", "not_permitted")
    assert await bank.bank.ledger.account(1, None) == before
    assert await state(bank, intent) is TransferState.VOIDED


async def test_who_was_told_that_no_cash_was_put_aside_is_not_texted_it_again(bank: World) -> None:
    session = await bank.authenticated()
    intent = (await bank.perform(session, "cash.prepare", amount=yuan("100.00"))).answer["id"]
    bank.faulty.faults = {"hold": Declined("insufficient_funds")}
    result = await bank.perform(session, "cash.order", intent=intent, code="730184")
    assert (result.outcome, await state(bank, intent)) == ("refused", TransferState.VOIDED)
    assert await owed(bank) == [intent]
    bank.core.telling.heard("cash.order", {"intent": str(intent)}, result)
    assert await owed(bank) == []


# --- reversals ---


async def test_a_reversal_takes_from_who_got_it_not_from_who_has_the_number_by_now(bank: World) -> None:
    session = await bank.authenticated()
    intent = (await bank.perform(session, "transfers.prepare_account", number=ELSEWHERE, amount=yuan("50.00"))).answer
    assert (await bank.perform(session, "transfers.authorise", intent=intent["id"])).outcome == "ok"
    await bank.bank.database.write(lambda tx: tx.run(_renumber, old=MARIA, new=ELSEWHERE))
    maria = await bank.bank.ledger.account(6, None)
    wang = await bank.bank.ledger.account(1, None)
    await bank.bank.ledger.reverse(str(intent["id"]))
    assert await bank.bank.ledger.account(6, None) == maria
    assert (await bank.bank.ledger.account(1, None)).available == wang.available + yuan("52.00")  # the fee with it
    await bank.bank.ledger.check_books()


# --- a freeze, and a core that knows nothing of it ---


async def over_a_core_that_knows_no_freeze(bank: World) -> tuple[CoreClient, ObeyingBank]:
    ports = bank.bank.ports
    thawed = Statement(update(schema.accounts).values(frozen=False))
    await bank.bank.database.write(lambda tx: tx.run(thawed))  # what the embedded ledger would see of it
    obeying = ObeyingBank(ports.bank, ports.intents, ports.freezes)
    return CoreClient(dataclasses.replace(ports, bank=obeying)), obeying


async def test_what_was_held_before_a_freeze_is_not_booked_after_it_by_a_core_elsewhere(
    open_world: OpenWorld,
) -> None:
    async with open_world(profile=WAITS) as bank:
        session = await bank.authenticated()
        before = await bank.bank.ledger.account(1, None)
        intent = await prepared(bank, session)
        held = await bank.perform(session, "transfers.authorise", intent=intent, cancellable=True)
        assert "cancel_minutes" in held.answer
        texting = (await bank.core.arrive("sms", WANG)).auth_session_id
        assert (await bank.perform(texting, "accounts.freeze", "sms")).outcome == "ok"
        client, obeying = await over_a_core_that_knows_no_freeze(bank)
        bank.clock.advance(601)
        [resolved] = await Settlement(dataclasses.replace(bank.bank.ports, bank=obeying)).recover()
        assert (resolved.outcome, await state(bank, intent)) == ("refused", TransferState.VOIDED)
        assert (await obeying.query(intent))[0] is HoldState.VOIDED
        assert (await bank.bank.ledger.account(1, None)).available == before.available
        await client.drain()


async def test_what_was_booked_before_a_freeze_answers_its_posting_after_it(bank: World) -> None:
    session = await bank.authenticated()
    intent = await prepared(bank, session)
    paid = await bank.perform(session, "transfers.authorise", intent=intent)
    texting = (await bank.core.arrive("sms", WANG)).auth_session_id
    await bank.perform(texting, "accounts.freeze", "sms")
    _, obeying = await over_a_core_that_knows_no_freeze(bank)
    assert (await obeying.post(intent)).reference == paid.answer["reference"]


# --- splitting, cancelling, two nodes ---


@pytest.mark.parametrize("amount", ["2000.00"])
async def test_the_limit_by_text_holds_for_pieces_confirmed_at_once_on_two_nodes(
    open_world: OpenWorld, amount: str
) -> None:
    async with open_world() as one, open_world() as other:

        async def by_text(node: World) -> OperationResult:
            session = (await node.core.arrive("sms", WANG)).auth_session_id
            asked_for = await node.perform(session, "transfers.prepare", "sms", payee="1", amount=yuan(amount),
                                           request_id=f"{id(node)}-{session}")  # fmt: skip
            intent = asked_for.answer["id"]
            code = (await node.perform(session, "auth.issue_code", "sms", intent=intent)).answer["code"]
            await node.perform(session, "auth.verify_code", "sms", intent=intent, code=code)
            return await node.perform(
                session, "transfers.authorise", "sms", intent=intent, request_id=f"go-{id(node)}-{session}"
            )

        results = await asyncio.gather(*(by_text(node) for node in (one, other, one, other)))
        assert sorted(result.outcome for result in results) == ["ok", "ok", "refused", "refused"]
        assert {result.reason for result in results} == {None, "over_sms_limit"}
        assert {str(result.answer["left"]) for result in results if result.outcome == "refused"} == {"1000.00 CNY"}
