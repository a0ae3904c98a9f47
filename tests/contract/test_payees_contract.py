"""Payees that come and go, on both databases: read back, proved for, once, and paid after a time to think."""

from __future__ import annotations

import asyncio
import datetime

import pytest

from core_client.domain.customers import Payee
from core_client.domain.money import Money
from core_client.domain.payees import PayeePolicy
from core_client.domain.profile import BankProfile
from core_client.domain.secret import Secret
from core_client.domain.values import Value
from core_client.services.call import OperationResult
from core_client.testing.world import World
from tests.contract.conftest import OpenWorld

WANG = "+8613900000001"
MARIA_S_ACCOUNT, SMITH_S_ACCOUNT = "440100006606", "440100002202"
ELSEWHERE = "990200000123"


async def texting(bank: World, line: str = WANG) -> str:
    return (await bank.core.arrive("sms", line)).auth_session_id


async def payees(bank: World) -> list[Payee]:
    return list(await bank.bank.ports.registry.payees(1))


async def by_text(bank: World, session: str, operation: str, **given: Value | Secret) -> OperationResult:
    return await bank.perform(session, operation, "sms", None, **given)


async def code_for(bank: World, session: str, intent: object) -> str:
    issued = await by_text(bank, session, "auth.issue_code", intent=str(intent))
    assert issued.outcome == "ok"
    code = issued.answer["code"]
    assert isinstance(code, Secret)
    return code.reveal()


async def added_by_voice(bank: World, account: str = MARIA_S_ACCOUNT) -> OperationResult:
    session = await bank.authenticated()
    asked = await bank.perform(session, "payees.prepare_add", account=account)
    assert asked.outcome == "ok", asked
    return await bank.perform(session, "payees.add", intent=asked.answer["id"])


async def test_a_caller_hears_the_holder_s_name_and_the_payee_waits_before_it_is_paid(bank: World) -> None:
    session = await bank.authenticated()
    asked = await bank.perform(session, "payees.prepare_add", account=MARIA_S_ACCOUNT)
    assert asked.answer == {**asked.answer, "name": "Maria Garcia", "last4": "6606", "checked": True}
    assert len(await payees(bank)) == 2
    added = await bank.perform(session, "payees.add", intent=asked.answer["id"])
    assert (added.answer["short"], added.answer["name"]) == ("3", "Maria Garcia")
    paid = await bank.perform(session, "transfers.prepare", payee="3", amount=_yuan(10))
    assert (paid.outcome, paid.reason) == ("refused", "payee_cooling")
    listed = await bank.perform(session, "payees.list")
    new = listed.answer["payees"]
    assert isinstance(new, tuple)
    assert [one["payable"] for one in new if isinstance(one, dict)] == [True, True, False]
    bank.clock.advance(datetime.timedelta(hours=24).total_seconds())
    session = await bank.authenticated()
    assert (await bank.perform(session, "transfers.prepare", payee="3", amount=_yuan(10))).outcome == "ok"


async def test_by_text_a_payee_comes_only_by_the_code_that_is_bound_to_it(bank: World) -> None:
    session = await texting(bank)
    first = await by_text(bank, session, "payees.prepare_add", account=MARIA_S_ACCOUNT, name="maria garcia")
    second = await by_text(bank, session, "payees.prepare_add", account=SMITH_S_ACCOUNT, name="John Smith")
    assert (await by_text(bank, session, "payees.add", intent=first.answer["id"])).outcome == "unauthenticated"
    code = await code_for(bank, session, first.answer["id"])
    await code_for(bank, session, second.answer["id"])
    wrong = await by_text(bank, session, "auth.verify_code", intent=second.answer["id"], code=code)
    assert wrong.outcome == "refused"
    right = await by_text(bank, session, "auth.verify_code", intent=first.answer["id"], code=code)
    assert right.outcome == "ok"
    other = await by_text(bank, session, "payees.add", intent=second.answer["id"])
    assert other.outcome == "unauthenticated"
    assert (await by_text(bank, session, "payees.add", intent=first.answer["id"])).outcome == "ok"
    assert [payee.name for payee in await payees(bank)][2:] == ["Maria Garcia"]


async def test_a_wrong_name_is_refused_without_the_right_one_and_can_never_be_confirmed(bank: World) -> None:
    session = await texting(bank)
    asked = await by_text(bank, session, "payees.prepare_add", account=MARIA_S_ACCOUNT, name="Mario Garcia")
    assert (asked.outcome, asked.reason, dict(asked.answer)) == ("refused", "payee_name_mismatch", {})


async def test_an_account_at_another_bank_needs_a_name_that_nobody_here_can_check(bank: World) -> None:
    session = await bank.authenticated()
    spoken = await bank.perform(session, "payees.prepare_add", account=ELSEWHERE)
    assert (spoken.outcome, spoken.reason) == ("refused", "payee_name_needed")
    typed = await by_text(bank, await texting(bank), "payees.prepare_add", account=ELSEWHERE, name="Ann Lee")
    assert (typed.answer["name"], typed.answer["checked"]) == ("Ann Lee", False)


@pytest.mark.parametrize(
    ("account", "reason"),
    [("440100003303", "payee_known"), ("440100001101", "payee_own_account"), ("12", "account_unknown")],
)
async def test_who_is_a_payee_already_or_oneself_or_nobody_is_refused(bank: World, account: str, reason: str) -> None:
    asked = await bank.perform(await bank.authenticated(), "payees.prepare_add", account=account)
    assert (asked.outcome, asked.reason) == ("refused", reason)


async def test_the_same_confirmation_again_adds_nobody_twice_and_another_one_is_told_so(bank: World) -> None:
    session = await bank.authenticated()
    asked = await bank.perform(session, "payees.prepare_add", account=MARIA_S_ACCOUNT)
    confirm = {"request_id": "c1", "intent": str(asked.answer["id"])}
    first = await bank.perform(session, "payees.add", **confirm)
    assert await bank.perform(session, "payees.add", **confirm) == first
    other = await bank.perform(session, "payees.add", intent=asked.answer["id"])
    assert (other.outcome, other.reason) == ("refused", "request_spent")
    assert len(await payees(bank)) == 3


async def test_of_many_confirmations_at_once_one_adds(bank: World) -> None:
    session = await bank.authenticated()
    asked = await bank.perform(session, "payees.prepare_add", account=MARIA_S_ACCOUNT)
    results = await asyncio.gather(*(bank.perform(session, "payees.add", intent=asked.answer["id"]) for _ in range(20)))
    assert [result.outcome for result in results].count("ok") == 1
    assert len(await payees(bank)) == 3


async def test_a_request_that_is_too_old_or_given_up_adds_nobody(bank: World) -> None:
    session = await bank.authenticated()
    old = await bank.perform(session, "payees.prepare_add", account=MARIA_S_ACCOUNT)
    bank.clock.advance(bank.bank.ports.profile.intent_life.total_seconds())
    session = await bank.authenticated()
    late = await bank.perform(session, "payees.add", intent=old.answer["id"])
    assert (late.outcome, late.reason) == ("refused", "request_expired")
    given_up = await bank.perform(session, "payees.prepare_add", account=SMITH_S_ACCOUNT)
    assert (await bank.perform(session, "payees.drop", intent=given_up.answer["id"])).outcome == "ok"
    spent = await bank.perform(session, "payees.add", intent=given_up.answer["id"])
    assert (spent.outcome, spent.reason) == ("refused", "request_spent")
    assert len(await payees(bank)) == 2


async def test_nobody_confirms_for_another_customer(bank: World) -> None:
    asked = await bank.perform(await bank.authenticated(), "payees.prepare_add", account=MARIA_S_ACCOUNT)
    thief = await bank.authenticated("+8613900000003")
    stolen = await bank.perform(thief, "payees.add", intent=asked.answer["id"])
    assert (stolen.outcome, stolen.reason) == ("refused", "request_spent")
    assert (await bank.perform(thief, "payees.drop", intent=asked.answer["id"])).reason == "request_spent"


async def test_so_many_payees_a_day_and_so_many_looks_at_names(open_world: OpenWorld) -> None:
    profile = BankProfile(payees=PayeePolicy(most_a_day=1, most_looks_a_day=3))
    async with open_world(profile=profile) as bank:
        assert (await added_by_voice(bank)).outcome == "ok"
        second = await added_by_voice(bank, SMITH_S_ACCOUNT)
        assert (second.outcome, second.reason) == ("refused", "payees_too_many")
        session = await bank.authenticated()
        third = await bank.perform(session, "payees.prepare_add", account="440100008808")
        assert third.outcome == "ok"
        fourth = await bank.perform(session, "payees.prepare_add", account="440100009909")
        assert (fourth.outcome, fourth.reason) == ("refused", "payees_too_many")
        bank.clock.advance(datetime.timedelta(days=1).total_seconds())
        assert (await added_by_voice(bank, SMITH_S_ACCOUNT)).outcome == "ok"


async def test_wrong_names_count_as_looks_too(open_world: OpenWorld) -> None:
    async with open_world(profile=BankProfile(payees=PayeePolicy(most_looks_a_day=2))) as bank:
        session = await texting(bank)
        reasons = []
        for name in ("Ann", "Bea", "Maria Garcia"):
            asked = await by_text(bank, session, "payees.prepare_add", account=MARIA_S_ACCOUNT, name=name)
            reasons.append(asked.reason)
        assert reasons == ["payee_name_mismatch", "payee_name_mismatch", "payees_too_many"]


async def test_a_payee_that_is_removed_is_paid_no_more_not_even_by_what_was_prepared(bank: World) -> None:
    session = await bank.authenticated()
    prepared = await bank.perform(session, "transfers.prepare", payee="LILEI", amount=_yuan(10))
    asked = await bank.perform(session, "payees.prepare_remove", payee="LILEI")
    assert asked.answer["name"] == "Li Lei 李雷"
    removed = await bank.perform(session, "payees.remove", intent=asked.answer["id"])
    assert (removed.outcome, removed.answer["last4"]) == ("ok", "3303")
    stale = await bank.perform(session, "transfers.authorise", intent=prepared.answer["id"])
    assert (stale.outcome, stale.reason) == ("refused", "payee_unknown")
    assert [payee.short_number for payee in await payees(bank)] == ["2"]
    again = await added_by_voice(bank, "440100003303")
    assert again.answer["short"] == "1"
    waits = await bank.perform(session, "transfers.prepare", payee="1", amount=_yuan(10))
    assert waits.reason == "payee_cooling"


async def test_a_code_for_one_deed_is_not_good_for_the_other(bank: World) -> None:
    session = await texting(bank)
    removing = await by_text(bank, session, "payees.prepare_remove", payee="LILEI")
    code = await code_for(bank, session, removing.answer["id"])
    checked = await by_text(bank, session, "auth.verify_code", intent=removing.answer["id"], code=code)
    assert checked.outcome == "ok"
    wrong_deed = await by_text(bank, session, "payees.add", intent=removing.answer["id"])
    assert wrong_deed.reason == "request_spent"
    assert (await by_text(bank, session, "payees.remove", intent=removing.answer["id"])).outcome == "ok"


def _yuan(whole: int) -> Money:
    return Money(whole * 100, "CNY")
