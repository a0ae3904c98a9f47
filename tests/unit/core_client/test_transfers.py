"""Transfers: nothing moves without one authorisation, and what nobody knows is never told as known."""

from __future__ import annotations

import datetime

import pytest

from core_client.domain.money import Money
from core_client.domain.transfers import TransferState
from core_client.errors import Declined
from core_client.operations import UNAUTHENTICATED
from core_client.services.admin import NotFoundError, Resolution
from core_client.services.call import OperationResult
from core_client.testing.faulty_bank import Fault
from core_client.testing.world import World, world

WANG, GARCIA = "+8613900000001", "+8613900000006"
BEFORE, AFTER = Money(1_234_567, "CNY"), Money(1_184_567, "CNY")


async def prepare(
    bank: World, session: str, amount: str = "500.00 CNY", payee: str = "1", channel: str = "voice", **more: str
) -> OperationResult:
    return await bank.perform(
        session, "transfers.prepare", channel, payee=payee, amount=Money.parse(amount), **more
    )  # fmt: skip


async def authorise(
    bank: World, session: str, intent: object, channel: str = "voice", request: str | None = None
) -> OperationResult:
    return await bank.perform(session, "transfers.authorise", channel, request, intent=str(intent))


async def booked(bank: World, customer: int = 1) -> Money:
    return (await bank.bank.ledger.account(customer, None)).booked


async def state(bank: World, intent: object) -> TransferState:
    found = await bank.bank.ports.intents.get(str(intent))
    assert found is not None
    return found.state


async def test_preparing_tells_who_would_get_what_and_moves_nothing() -> None:
    async with world() as bank:
        result = await prepare(bank, await bank.authenticated())
        assert result.answer["payee_name"] == "Li Lei 李雷"
        assert result.answer["amount"] == Money.parse("500.00 CNY")
        assert (result.answer["payee_last4"], result.answer["from_last4"]) == ("3303", "1101")
        assert await booked(bank) == BEFORE


async def test_a_transfer_is_in_the_payee_s_and_in_the_payer_s_statement_at_once() -> None:
    async with world() as bank:
        session = await bank.authenticated()
        done = await authorise(bank, session, (await prepare(bank, session)).answer["id"])
        assert (done.outcome, done.answer["available"]) == ("ok", AFTER)
        for line, amount in ((WANG, "-500.00 CNY"), ("+8613900000003", "500.00 CNY")):
            theirs = (await bank.core.arrive("sms", line)).auth_session_id
            entries = (await bank.perform(theirs, "accounts.recent", "sms")).answer["entries"]
            assert isinstance(entries, tuple)
            newest = entries[0]
            assert isinstance(newest, dict)
            assert (newest["amount"], newest["date"]) == (Money.parse(amount), datetime.date(2026, 3, 2))


@pytest.mark.parametrize("payee", ["1", "LILEI", "ｌｉｌｅｉ", "li lei", "李雷", "440100003303"])
async def test_a_payee_is_found_as_people_key_and_type_it(payee: str) -> None:
    async with world() as bank:
        assert (await prepare(bank, await bank.authenticated(), payee=payee)).outcome == "ok"


@pytest.mark.parametrize(
    ("line", "channel", "amount", "payee", "reason"),
    [
        (WANG, "voice", "12345.68 CNY", "1", "insufficient_funds"),
        (WANG, "voice", "0.00 CNY", "1", "amount_invalid"),
        (WANG, "voice", "-1.00 CNY", "1", "amount_invalid"),
        (WANG, "voice", "1.00 USD", "1", "amount_invalid"),
        (WANG, "voice", "1.00 CNY", "9", "payee_unknown"),
        (WANG, "sms", "5000.01 CNY", "LILEI", "over_sms_limit"),
        (GARCIA, "voice", "50000.01 CNY", "1", "over_transaction_limit"),
        (GARCIA, "voice", "1.00 CNY", "2", "payee_cooling"),
        ("+8613900000005", "voice", "1.00 CNY", "1", "account_frozen"),
        ("+8613900000008", "sms", "1.00 CNY", "Chen Hong", "payee_ambiguous"),
        ("+8613900000004", "voice", "0.01 CNY", "1", "insufficient_funds"),
    ],
)
async def test_what_cannot_be_is_refused_with_its_reason(
    line: str, channel: str, amount: str, payee: str, reason: str
) -> None:
    async with world() as bank:
        if channel == "voice":
            session = await bank.authenticated(line)
        else:
            session = (await bank.core.arrive("sms", line)).auth_session_id
        result = await prepare(bank, session, amount, payee, channel)
        assert (result.outcome, result.reason) == ("refused", reason)


async def test_the_day_s_limit_counts_what_was_moved_today() -> None:
    async with world() as bank:
        session = await bank.authenticated(GARCIA)
        for _ in range(2):
            intent = (await prepare(bank, session, "50000.00 CNY")).answer["id"]
            assert (await authorise(bank, session, intent)).outcome == "ok"
        result = await prepare(bank, session, "0.01 CNY")
        assert (result.outcome, result.reason) == ("refused", "over_daily_limit")


async def test_a_fresh_payee_is_paid_after_its_cooling_period() -> None:
    async with world() as bank:
        bank.clock.advance(23 * 3600)
        assert (await prepare(bank, await bank.authenticated(GARCIA), "1.00 CNY", "2")).outcome == "ok"


async def test_by_text_money_moves_on_its_own_intent_s_code_only() -> None:
    async with world() as bank:
        session = (await bank.core.arrive("sms", WANG)).auth_session_id
        mine, other = [(await prepare(bank, session, channel="sms")).answer["id"] for _ in range(2)]
        code = (await bank.perform(session, "auth.issue_code", "sms", intent=mine)).answer["code"]
        assert (await authorise(bank, session, mine, "sms")).outcome == UNAUTHENTICATED
        assert (await bank.perform(session, "auth.verify_code", "sms", intent=mine, code=code)).outcome == "ok"
        assert (await authorise(bank, session, other, "sms")).outcome == UNAUTHENTICATED
        assert (await authorise(bank, session, mine, "sms")).outcome == "ok"
        assert await booked(bank) == AFTER


async def test_a_code_of_one_intent_does_not_fit_another_and_counts_as_a_failure() -> None:
    async with world() as bank:
        session = (await bank.core.arrive("sms", WANG)).auth_session_id
        mine, other = [(await prepare(bank, session, channel="sms")).answer["id"] for _ in range(2)]
        code = (await bank.perform(session, "auth.issue_code", "sms", intent=mine)).answer["code"]
        await bank.perform(session, "auth.issue_code", "sms", intent=other)
        assert (await bank.perform(session, "auth.verify_code", "sms", intent=other, code=code)).outcome == "refused"
        assert (await bank.bank.admin.show("10000001")).failures == 1


async def test_failures_of_codes_and_of_the_pin_are_one_count_and_no_new_code_resets_it() -> None:
    async with world() as bank:
        voice = (await bank.core.arrive("voice", WANG)).auth_session_id
        sms = (await bank.core.arrive("sms", WANG)).auth_session_id
        for _ in range(2):
            await bank.perform(voice, "auth.verify_pin", pin="000000")
        for _ in range(3):
            intent = (await prepare(bank, sms, channel="sms")).answer["id"]
            code = (await bank.perform(sms, "auth.issue_code", "sms", intent=intent)).answer["code"]
            wrong = "000000" if code.reveal() != "000000" else "111111"  # type: ignore[union-attr] # a Secret
            last = await bank.perform(sms, "auth.verify_code", "sms", intent=intent, code=wrong)
        assert last.outcome == "locked"
        assert (await bank.perform(sms, "auth.issue_code", "sms", intent=intent)).outcome == "locked"
        bank.clock.advance(86_400)
        again = (await bank.core.arrive("voice", WANG)).auth_session_id
        assert (await bank.perform(again, "auth.verify_pin", pin="739154")).outcome == "locked"


async def test_a_right_code_does_not_forget_the_pin_s_failures() -> None:
    async with world() as bank:
        voice = (await bank.core.arrive("voice", WANG)).auth_session_id
        await bank.perform(voice, "auth.verify_pin", pin="000000")
        sms = (await bank.core.arrive("sms", WANG)).auth_session_id
        intent = (await prepare(bank, sms, channel="sms")).answer["id"]
        code = (await bank.perform(sms, "auth.issue_code", "sms", intent=intent)).answer["code"]
        assert (await bank.perform(sms, "auth.verify_code", "sms", intent=intent, code=code)).outcome == "ok"
        assert (await bank.bank.admin.show("10000001")).failures == 1


async def test_a_code_given_seven_minutes_later_still_moves_the_money() -> None:
    async with world() as bank:
        session = (await bank.core.arrive("sms", WANG)).auth_session_id
        intent = (await prepare(bank, session, channel="sms")).answer["id"]
        code = (await bank.perform(session, "auth.issue_code", "sms", intent=intent)).answer["code"]
        bank.clock.advance(420)
        assert (await bank.perform(session, "auth.verify_code", "sms", intent=intent, code=code)).outcome == "ok"
        assert (await authorise(bank, session, intent, "sms")).outcome == "ok"


async def test_after_ten_minutes_code_and_intent_have_expired() -> None:
    async with world() as bank:
        session = (await bank.core.arrive("sms", WANG)).auth_session_id
        intent = (await prepare(bank, session, channel="sms")).answer["id"]
        code = (await bank.perform(session, "auth.issue_code", "sms", intent=intent)).answer["code"]
        bank.clock.advance(600)
        assert (await bank.perform(session, "auth.verify_code", "sms", intent=intent, code=code)).outcome == "expired"
        late = await bank.perform(session, "auth.issue_code", "sms", intent=intent)
        assert (late.outcome, late.reason) == ("refused", "intent_expired")
        voice = await bank.authenticated()
        result = await authorise(bank, voice, intent)
        assert (result.outcome, result.reason) == ("refused", "intent_expired")
        assert await state(bank, intent) is TransferState.EXPIRED


async def test_one_intent_is_posted_once_whoever_asks_again() -> None:
    async with world() as bank:
        session = await bank.authenticated()
        intent = (await prepare(bank, session)).answer["id"]
        first = await authorise(bank, session, intent, request="r1")
        again = await authorise(bank, session, intent, request="r1")
        other = await authorise(bank, session, intent, request="r2")
        assert (again.outcome, again.answer) == ("ok", first.answer)
        assert (other.outcome, other.reason) == ("refused", "intent_spent")
        assert await booked(bank) == AFTER


async def test_one_request_for_two_different_transfers_is_refused() -> None:
    async with world() as bank:
        session = await bank.authenticated()
        first = await bank.perform(session, "transfers.prepare", "voice", "same", payee="1", amount=Money(100, "CNY"))
        again = await bank.perform(session, "transfers.prepare", "voice", "same", payee="1", amount=Money(100, "CNY"))
        other = await bank.perform(session, "transfers.prepare", "voice", "same", payee="1", amount=Money(200, "CNY"))
        assert first.answer == again.answer
        assert (other.outcome, other.reason) == ("refused", "intent_spent")


async def test_nobody_touches_another_customer_s_intent() -> None:
    async with world() as bank:
        intent = (await prepare(bank, await bank.authenticated())).answer["id"]
        thief = await bank.authenticated("+8613900000002")
        sms = (await bank.core.arrive("sms", "+8613900000002")).auth_session_id
        for operation in ("transfers.authorise", "transfers.cancel"):
            result = await bank.perform(thief, operation, intent=intent)
            assert (result.outcome, result.reason) == ("refused", "intent_spent")
        assert (await bank.perform(sms, "auth.issue_code", "sms", intent=intent)).outcome == "refused"
        owner = (await bank.core.arrive("sms", WANG)).auth_session_id
        code = (await bank.perform(owner, "auth.issue_code", "sms", intent=intent)).answer["code"]
        assert (await bank.perform(sms, "auth.verify_code", "sms", intent=intent, code=code)).outcome == "expired"
        assert (await bank.perform(owner, "auth.verify_code", "sms", intent=intent, code=code)).outcome == "ok"
        assert await state(bank, intent) is TransferState.PREPARED


async def test_a_cancelled_intent_is_void_and_cancelling_again_is_fine() -> None:
    async with world() as bank:
        session = await bank.authenticated()
        intent = (await prepare(bank, session)).answer["id"]
        for _ in range(2):
            assert (await bank.perform(session, "transfers.cancel", intent=intent)).outcome == "ok"
        assert (await authorise(bank, session, intent)).reason == "intent_expired"  # "carried out already" were a lie
        done = (await prepare(bank, session)).answer["id"]
        await authorise(bank, session, done)
        assert (await bank.perform(session, "transfers.cancel", intent=done)).reason == "intent_spent"


# --- a bank that fails --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("faults", "outcome", "intent_state", "moved"),
    [
        ({"hold": Fault.DOWN}, "down", TransferState.VOIDED, False),
        ({"hold": Fault.LOST_ORDER}, "unknown", TransferState.UNKNOWN, False),
        ({"hold": Fault.LOST_REPLY}, "unknown", TransferState.UNKNOWN, False),
        ({"hold": Declined("account_frozen")}, "refused", TransferState.VOIDED, False),
        ({"post": Fault.DOWN}, "down", TransferState.VOIDED, False),
        ({"post": Fault.DOWN, "void": Fault.DOWN}, "unknown", TransferState.UNKNOWN, False),
        ({"post": Fault.LOST_ORDER}, "unknown", TransferState.UNKNOWN, False),
        ({"post": Fault.LOST_REPLY}, "unknown", TransferState.UNKNOWN, True),
        ({"post": Declined("account_frozen")}, "refused", TransferState.VOIDED, False),
    ],
    ids=str,
)
async def test_a_word_is_the_last_one_only_when_the_ledger_gave_it(
    faults: dict[str, Fault | Declined], outcome: str, intent_state: TransferState, moved: bool
) -> None:
    async with world() as bank:
        session = await bank.authenticated()
        intent = (await prepare(bank, session)).answer["id"]
        bank.faulty.faults.update(faults)
        assert (await authorise(bank, session, intent, request="r1")).outcome == outcome
        assert await state(bank, intent) is intent_state
        assert await booked(bank) == (AFTER if moved else BEFORE)
        bank.faulty.faults.clear()
        for request in ("r1", "r2"):  # asked again: unknown stays unknown, and never moves twice
            again = await authorise(bank, session, intent, request=request)
            assert again.outcome == ("unknown" if outcome == "unknown" else "refused")
        assert await booked(bank) == (AFTER if moved else BEFORE)
        await bank.bank.ledger.check_books()


@pytest.mark.parametrize(
    ("fault", "outcome", "after"),
    [
        ({"hold": Fault.LOST_ORDER}, "refused", BEFORE),  # not in the ledger: voided, for it may still be on its way
        ({"hold": Fault.LOST_REPLY}, "ok", AFTER),  # held, and young: carried on
        ({"post": Fault.LOST_ORDER}, "ok", AFTER),
        ({"post": Fault.LOST_REPLY}, "ok", AFTER),
    ],
    ids=str,
)
async def test_unknown_leaves_by_asking_the_ledger(fault: dict[str, Fault], outcome: str, after: Money) -> None:
    async with world() as bank:
        session = await bank.authenticated()
        intent = (await prepare(bank, session)).answer["id"]
        bank.faulty.faults.update(fault)
        await authorise(bank, session, intent)
        bank.faulty.faults = {"query": Fault.DOWN}
        assert [one.outcome for one in await bank.core.recover()] == ["unknown"]
        assert await state(bank, intent) is TransferState.UNKNOWN
        bank.faulty.faults.clear()
        assert [one.outcome for one in await bank.core.recover()] == [outcome]
        assert await booked(bank) == after
        assert await bank.core.recover() == []
        await bank.bank.ledger.check_books()


async def test_time_alone_never_ends_the_unknown() -> None:
    async with world() as bank:
        session = await bank.authenticated()
        intent = (await prepare(bank, session)).answer["id"]
        bank.faulty.faults = {"post": Fault.LOST_REPLY, "query": Fault.DOWN}
        await authorise(bank, session, intent)
        bank.clock.advance(30 * 86_400)
        await bank.core.recover()
        assert await state(bank, intent) is TransferState.UNKNOWN


async def unknown_intent(bank: World, fault: Fault, at: str = "post") -> str:
    session = await bank.authenticated()
    intent = str((await prepare(bank, session)).answer["id"])
    bank.faulty.faults = {at: fault}
    assert (await authorise(bank, session, intent)).outcome == "unknown"
    bank.faulty.faults = {}
    return intent


@pytest.mark.parametrize(
    ("fault", "at", "how", "end", "after"),
    [
        (Fault.LOST_REPLY, "post", Resolution.QUERY, TransferState.POSTED, AFTER),
        (Fault.LOST_ORDER, "hold", Resolution.QUERY, TransferState.VOIDED, BEFORE),
        (Fault.LOST_ORDER, "post", Resolution.POST, TransferState.POSTED, AFTER),
        (Fault.LOST_ORDER, "hold", Resolution.POST, TransferState.POSTED, AFTER),
        (Fault.LOST_ORDER, "post", Resolution.VOID, TransferState.VOIDED, BEFORE),
        (Fault.LOST_REPLY, "post", Resolution.REVERSE, TransferState.REVERSED, BEFORE),
    ],
)
async def test_a_person_gives_the_unknown_its_last_word(
    fault: Fault, at: str, how: Resolution, end: TransferState, after: Money
) -> None:
    async with world() as bank:
        intent = await unknown_intent(bank, fault, at)
        assert [one.id for one in await bank.bank.admin.unknown()] == [intent]
        await bank.bank.admin.resolve(intent, how, "anna", "the customer called")
        assert await state(bank, intent) is end
        assert await booked(bank) == after
        assert await bank.bank.admin.unknown() == []
        await bank.bank.ledger.check_books()


async def test_a_person_cannot_void_what_the_ledger_has_posted() -> None:
    async with world() as bank:
        intent = await unknown_intent(bank, Fault.LOST_REPLY)
        with pytest.raises(Declined):
            await bank.bank.admin.resolve(intent, Resolution.VOID, "anna")
        assert await state(bank, intent) is TransferState.UNKNOWN


async def test_what_has_its_last_word_keeps_it() -> None:
    async with world() as bank:
        intent = await unknown_intent(bank, Fault.LOST_REPLY)
        await bank.bank.admin.resolve(intent, Resolution.QUERY, "anna")
        with pytest.raises(Declined):
            await bank.bank.admin.resolve(intent, Resolution.VOID, "anna")
        with pytest.raises(NotFoundError):
            await bank.bank.admin.resolve("nothing", Resolution.QUERY, "anna")
