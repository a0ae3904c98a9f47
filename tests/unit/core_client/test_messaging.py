"""What the bank says of numbers that texts are sent to: consent for missed calls, STOP, and SIMs that are fresh."""

from __future__ import annotations

import asyncio
import math

import pytest
from sqlalchemy import select, update

from core_client.adapters.sql import schema
from core_client.adapters.sql.statements import Statement
from core_client.domain.money import Money
from core_client.domain.profile import BankProfile
from core_client.domain.sims import Sim, SimPolicy
from core_client.errors import Unavailable
from core_client.testing.world import World, world

WANG, JOHN, NOBODY = "+8613900000001", "+8613900000002", "+8613912345678"
OPERATION = "customer.missed_call_balance"


async def by_text(bank: World, number: str, on: bool) -> str:
    session = (await bank.core.arrive("sms", number)).auth_session_id
    return (await bank.perform(session, OPERATION, "sms", on=on)).outcome


async def code_for(bank: World, number: str) -> tuple[str, str | None]:
    session = (await bank.core.arrive("sms", number)).auth_session_id
    prepared = await bank.perform(session, "transfers.prepare", "sms", payee="1", amount=Money(100, "CNY"))
    issued = await bank.perform(session, "auth.issue_code", "sms", intent=str(prepared.answer["id"]))
    assert ("code" in issued.answer) == (issued.outcome == "ok")
    return issued.outcome, issued.reason


async def rows_of_audit(bank: World) -> int:
    report = await bank.bank.admin.check_audit()
    assert report.broken_at is None
    return report.rows


# --- consent ---


async def test_consent_is_given_and_taken_back_by_text_and_audited_each_time() -> None:
    async with world() as bank:
        wants = bank.bank.messaging.wants_missed_call_balance
        assert not await wants(WANG)
        before = await rows_of_audit(bank)
        for on in (True, True, False, False, True):
            assert await by_text(bank, WANG, on) == "ok"
            assert await wants(WANG) is on
        assert await rows_of_audit(bank) == before + 5
        assert not await wants(JOHN)


async def test_consent_answers_the_number_to_ring_and_there_is_none_without_one() -> None:
    for number in ("95501", ""):
        async with world(profile=BankProfile(missed_call_number=number)) as bank:
            session = (await bank.core.arrive("sms", WANG)).auth_session_id
            result = await bank.perform(session, OPERATION, "sms", on=True)
            if number:
                assert result.answer == {"number": number}
            else:
                assert (result.outcome, result.reason) == ("refused", "not_permitted")
                assert not await bank.bank.messaging.wants_missed_call_balance(WANG)
            assert (await bank.perform(session, OPERATION, "sms", on=False)).outcome == "ok"


async def test_a_stranger_and_a_line_of_nobodys_cannot_agree() -> None:
    async with world() as bank:
        assert await by_text(bank, NOBODY, True) == "unauthenticated"
        # With the PIN, but from a line that is not registered: the balance would go to whoever's it is.
        session = (await bank.core.arrive("voice", NOBODY)).auth_session_id
        await bank.perform(session, "identity.claim", customer="10000001")
        assert (await bank.perform(session, "auth.verify_pin", pin="739154")).outcome == "ok"
        result = await bank.perform(session, OPERATION, on=True)
        assert (result.outcome, result.reason) == ("refused", "number_not_registered")


async def test_somebody_elses_line_cannot_be_switched_with_ones_own_pin() -> None:
    async with world() as bank:
        session = (await bank.core.arrive("voice", JOHN)).auth_session_id
        await bank.perform(session, "identity.claim", customer="10000001")
        assert (await bank.perform(session, "auth.verify_pin", pin="739154")).outcome == "ok"
        result = await bank.perform(session, OPERATION, on=True)
        assert (result.outcome, result.reason) == ("refused", "number_not_registered")
        assert not await bank.bank.messaging.wants_missed_call_balance(JOHN)


async def test_by_phone_the_number_alone_is_not_enough() -> None:
    async with world() as bank:
        session = (await bank.core.arrive("voice", WANG)).auth_session_id
        assert (await bank.perform(session, OPERATION, on=True)).outcome == "unauthenticated"
        session = await bank.authenticated(WANG)
        assert (await bank.perform(session, OPERATION, on=True)).outcome == "ok"


async def test_a_line_that_passed_to_another_customer_has_agreed_to_nothing() -> None:
    async with world() as bank:
        await by_text(bank, WANG, True)
        john = await bank.bank.ports.registry.customer_by_line(JOHN)
        assert john is not None
        line = schema.lines.c.number_index == bank.bank.personal.index("line", WANG)
        passes = Statement(update(schema.lines).where(line).values(customer_id=john.id))
        await bank.bank.database.write(lambda tx: tx.run(passes))
        assert not await bank.bank.messaging.wants_missed_call_balance(WANG)
        assert await by_text(bank, WANG, True) == "ok"  # the new owner's own word
        assert await bank.bank.messaging.wants_missed_call_balance(WANG)


# --- SIMs ---


@pytest.mark.parametrize(
    ("hours", "sim"),
    [
        (0.0, Sim.FRESH), (71.99, Sim.FRESH), (72.0, Sim.SETTLED), (math.inf, Sim.SETTLED),
        (-1.0, Sim.FRESH), (None, Sim.UNKNOWN), (math.nan, Sim.UNKNOWN),
    ],
)  # fmt: skip
async def test_what_hours_since_a_swap_mean(hours: float | None, sim: Sim) -> None:
    async with world() as bank:
        bank.sims.hours[WANG] = hours
        assert await bank.bank.messaging.sim_of(WANG) is sim
        outcome, reason = await code_for(bank, WANG)
        assert (outcome, reason) == (("refused", "sim_fresh") if sim is Sim.FRESH else ("ok", None))


async def test_a_signal_that_fails_or_is_late_is_unknown_and_a_setting_says_what_follows() -> None:
    for send in (True, False):
        policy = SimPolicy(deadline_s=0.02, send_when_unknown=send)
        async with world(profile=BankProfile(sims=policy)) as bank:
            expected = ("ok", None) if send else ("refused", "sim_fresh")
            bank.sims.hours[WANG] = Unavailable("down")
            assert await code_for(bank, WANG) == expected
            bank.sims.hours[WANG] = ValueError("a carrier's own idea of an error")
            assert await code_for(bank, WANG) == expected
            bank.sims.silent = True
            async with asyncio.timeout(2):
                assert await code_for(bank, WANG) == expected
                assert await bank.bank.messaging.may_have_code(WANG) is send


async def test_a_refused_code_leaves_no_code_behind_and_is_audited() -> None:
    async with world() as bank:
        bank.sims.hours[WANG] = 1.0
        before = await rows_of_audit(bank)
        assert await code_for(bank, WANG) == ("refused", "sim_fresh")
        codes = Statement(select(schema.intents.c.id).where(schema.intents.c.code_mac.is_not(None)))
        assert await bank.bank.database.read(lambda tx: tx.all(codes)) == []
        assert await rows_of_audit(bank) == before + 2  # the intent, and that it got no code
        bank.sims.hours[WANG] = 100.0
        assert await code_for(bank, WANG) == ("ok", None)
        assert len(await bank.bank.database.read(lambda tx: tx.all(codes))) == 1


async def test_a_fresh_sim_hinders_nothing_but_codes() -> None:
    async with world() as bank:
        bank.sims.hours[WANG] = 0.0
        session = (await bank.core.arrive("sms", WANG)).auth_session_id
        assert (await bank.perform(session, "accounts.balance", "sms")).outcome == "ok"
        assert (await bank.perform(session, "cards.block", "sms", last4="4821")).outcome == "ok"
