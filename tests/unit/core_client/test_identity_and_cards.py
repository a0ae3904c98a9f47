"""Who is it, what is remembered of them, and their cards."""

from __future__ import annotations

import pytest

from core_client.operations import UNAUTHENTICATED
from core_client.services.call import Arrival
from core_client.testing.world import World, world

WANG, LI_LEI, CHEN = "+8613900000001", "+8613900000003", "+8613900000008"


async def claimed(bank: World, number: str) -> str:
    session = (await bank.core.arrive("voice", None)).auth_session_id
    assert (await bank.perform(session, "identity.claim", customer=number)).outcome == "ok"
    return session


@pytest.mark.parametrize(
    ("number", "identified", "language", "name"),
    [
        (WANG, True, "zh", "Wang Xiaoming 王小明"),
        (CHEN, True, None, "Chen Jie 陈洁"),
        ("+8613999999999", False, None, None),
        (None, False, None, None),
    ],
)
async def test_the_registered_number_identifies_and_others_get_a_session_too(
    number: str | None, identified: bool, language: str | None, name: str | None
) -> None:
    async with world() as bank:
        for channel in ("voice", "sms"):
            arrival = await bank.core.arrive(channel, number)
            assert arrival == Arrival(arrival.auth_session_id, identified, language, name)


async def test_from_a_strange_line_customer_number_and_pin_open_the_account() -> None:
    async with world() as bank:
        session = await claimed(bank, "10000007")
        assert (await bank.perform(session, "accounts.balance")).outcome == UNAUTHENTICATED
        assert (await bank.perform(session, "auth.verify_pin", pin="590836")).outcome == "ok"
        assert str((await bank.perform(session, "accounts.balance")).answer["available"]) == "3600.00 CNY"


async def test_a_claim_wipes_what_was_proved_before() -> None:
    async with world() as bank:
        session = await bank.authenticated(WANG)
        await bank.perform(session, "identity.claim", customer="10000003")
        assert (await bank.perform(session, "accounts.balance")).outcome == UNAUTHENTICATED
        assert (await bank.perform(session, "auth.verify_pin", pin="739154")).outcome == "refused"
        assert (await bank.perform(session, "auth.verify_pin", pin="605839")).outcome == "ok"
        assert (await bank.perform(session, "accounts.list")).answer["count"] == 3


@pytest.mark.parametrize("number", ["10000001", "99999999"])
async def test_with_a_claim_alone_a_card_is_blocked_by_its_end_and_nothing_is_given_away(number: str) -> None:
    async with world() as bank:
        session = await claimed(bank, number)
        bare = await bank.perform(session, "cards.block")
        assert (bare.outcome, bare.reason) == ("refused", "card_unknown")
        for last4 in ("4821", "0000"):
            result = await bank.perform(session, "cards.block", last4=last4)
            assert (result.outcome, result.answer["last4"]) == ("ok", last4)
            assert len(str(result.answer["reference"])) == 8
        cards = (await bank.bank.admin.show("10000001")).cards
        assert cards[0].state == ("blocked" if number == "10000001" else "active")


async def test_an_only_card_is_blocked_without_its_number_and_again_with_the_same_reference() -> None:
    async with world() as bank:
        session = (await bank.core.arrive("voice", WANG)).auth_session_id
        first = await bank.perform(session, "cards.block")
        again = await bank.perform(session, "cards.block")
        assert first.answer["last4"] == "4821"
        assert first.answer == again.answer


async def test_a_whole_card_number_blocks_the_card_with_its_end_and_is_kept_nowhere() -> None:
    number = "6217003810012344821"
    async with world() as bank:
        session = (await bank.core.arrive("voice", WANG)).auth_session_id
        assert (await bank.perform(session, "cards.block", last4=number)).answer["last4"] == "4821"
        assert (await bank.perform(await claimed(bank, "10000001"), "cards.block", last4=number)).outcome == "ok"
        audited = await bank.bank.database.read(
            lambda tx: tx.connection.exec_driver_sql("SELECT body FROM audit").all()
        )
        assert any("4821" in row[0] for row in audited)
        assert not any(number in row[0] for row in audited)


async def test_with_two_cards_the_customer_says_which_and_the_other_one_pays_on() -> None:
    async with world() as bank:
        session = (await bank.core.arrive("sms", LI_LEI)).auth_session_id
        assert (await bank.perform(session, "cards.block", "sms")).reason == "card_unknown"
        assert (await bank.perform(session, "cards.block", "sms", last4="9999")).reason == "card_unknown"
        assert (await bank.perform(session, "cards.block", "sms", last4="8804")).outcome == "ok"
        assert [card.state for card in (await bank.bank.admin.show("10000003")).cards] == ["active", "blocked"]
        # one is left: that is the only one now
        assert (await bank.perform(session, "cards.block", "sms")).answer["last4"] == "1195"


async def test_who_has_no_card_has_none_to_block() -> None:
    async with world() as bank:
        session = (await bank.core.arrive("sms", "+8613900000009")).auth_session_id
        assert (await bank.perform(session, "cards.block", "sms")).reason == "card_unknown"


async def test_a_language_is_remembered_for_the_customer_but_not_for_a_claim() -> None:
    async with world() as bank:
        session = (await bank.core.arrive("voice", CHEN)).auth_session_id
        await bank.perform(session, "customer.set_language", language="en")
        assert (await bank.core.arrive("sms", CHEN)).language == "en"
        await bank.perform(await claimed(bank, "10000008"), "customer.set_language", language="zh")
        assert (await bank.core.arrive("sms", CHEN)).language == "en"
        await bank.bank.admin.set_language("10000008", "zh", "anna")
        assert (await bank.core.arrive("sms", CHEN)).language == "zh"


async def test_stop_and_start_are_remembered_for_any_line() -> None:
    async with world() as bank:
        for line in (WANG, "+8613999999999"):
            session = (await bank.core.arrive("sms", line)).auth_session_id
            party = bank.bank.ports.keyed.party(line)
            for stopped in (True, True, False, False):
                await bank.perform(session, "customer.stop_messages", "sms", stopped=stopped)
                assert await bank.bank.ports.registry.messages_stopped(party) is stopped


async def test_several_accounts_come_with_the_default_one_first_and_each_is_asked_for_by_id_or_end() -> None:
    async with world() as bank:
        session = await bank.authenticated(LI_LEI)
        accounts = (await bank.perform(session, "accounts.list")).answer["accounts"]
        assert isinstance(accounts, tuple)
        told = [one for one in accounts if isinstance(one, dict)]
        assert [(one["last4"], one["default"]) for one in told] == [("3303", True), ("3317", False), ("3329", False)]
        for one in told:
            for name in (one["account"], one["last4"]):
                result = await bank.perform(session, "accounts.balance", account=name)
                assert (result.answer["last4"], result.answer["available"]) == (one["last4"], one["available"])


async def test_another_customer_s_account_is_unknown() -> None:
    async with world() as bank:
        theirs = (await bank.bank.ledger.account(1, None)).id
        session = await bank.authenticated(LI_LEI)
        for operation in ("accounts.balance", "accounts.recent"):
            for name in (theirs, "1101", "999", "1 OR 1=1"):
                result = await bank.perform(session, operation, account=name)
                assert (result.outcome, result.reason) == ("refused", "account_unknown")


async def test_an_empty_account_has_no_entries_and_a_frozen_one_is_seen() -> None:
    async with world() as bank:
        empty = await bank.perform(await bank.authenticated("+8613900000004"), "accounts.recent")
        assert (empty.answer["count"], empty.answer["entries"]) == (0, ())
        frozen = await bank.perform(await bank.authenticated("+8613900000005"), "accounts.balance")
        assert str(frozen.answer["available"]) == "7700.00 CNY"


async def test_an_operator_sees_no_whole_number_and_no_pin() -> None:
    async with world() as bank:
        view = await bank.bank.admin.show(WANG)
        assert view.lines == ("+86139****0001",)
        assert "argon2" not in repr(view)
