"""Notices that are owed get their words, their number and their purpose, once; what fails is tried again."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

import pytest

from core_client.domain.money import Money
from core_client.domain.notices import Notice, NoticeKind
from core_client.domain.values import Value
from core_client.testing.world import World, world
from sms.messages import Purpose
from sounds.catalogue import Catalogue
from tellerline.notices import PURPOSES, Notices

ALERT: Mapping[str, Value] = {"amount": Money(-50_000, "CNY"), "text": "Li Lei", "last4": "1101", "booked_us": 1}


class Outbox:
    """Takes texts, or breaks for some names."""

    def __init__(self, breaks_for: str = "") -> None:
        self.sent: list[tuple[str, str, str, Purpose]] = []
        self.breaks_for = breaks_for

    async def send(self, number: str, text: str, name: str, purpose: Purpose) -> None:
        if name == self.breaks_for:
            raise ConnectionError("the store is gone")
        self.sent.append((number, text, name, purpose))


async def owe(bank: World, name: str, customer: int = 1, party: str | None = None) -> None:
    now = bank.clock.now()
    later = now + datetime.timedelta(hours=1)
    await bank.bank.ports.notices.owe(Notice(name, NoticeKind.ALERT, customer, ALERT, now, later, party=party))


async def test_a_notice_is_texted_once_in_the_customers_language_to_their_own_number() -> None:
    async with world() as bank:
        outbox = Outbox()
        notices = Notices(bank.bank.ports, Catalogue.load(), outbox.send)
        await owe(bank, "one")
        await owe(bank, "two", customer=2)
        assert await notices.look() == 2
        assert await notices.look() == 0
        assert [(number, name) for number, _, name, _ in outbox.sent] == [
            ("+8613900000001", "one"),
            ("+8613900000002", "two"),
        ]
        assert "支出" in outbox.sent[0][1]
        assert "out 500.00 CNY" in outbox.sent[1][1]


async def test_one_that_cannot_be_handed_over_keeps_nobody_else_and_is_tried_again() -> None:
    async with world() as bank:
        outbox = Outbox(breaks_for="a")
        notices = Notices(bank.bank.ports, Catalogue.load(), outbox.send)
        await owe(bank, "a")
        await owe(bank, "b")
        assert await notices.look() == 1
        outbox.breaks_for = ""
        assert await notices.look() == 1
        assert [name for _, _, name, _ in outbox.sent] == ["b", "a"]


async def test_a_notice_for_a_line_that_is_registered_no_more_goes_to_nobody() -> None:
    async with world() as bank:
        outbox = Outbox()
        await owe(bank, "n", party=bank.bank.ports.keyed.party("+8613912345678"))
        assert await Notices(bank.bank.ports, Catalogue.load(), outbox.send).look() == 0
        assert outbox.sent == []
        assert list(await bank.bank.ports.notices.due(bank.clock.now(), 10)) == []


@pytest.mark.parametrize("kind", list(NoticeKind))
def test_stop_ends_what_is_only_wanted_and_never_what_was_asked_for(kind: NoticeKind) -> None:
    assert PURPOSES[kind].heeds_stop == (kind not in (NoticeKind.PLACES, NoticeKind.PAYEE_ADDED))


@pytest.mark.parametrize(("language", "words"), [("en", "is now your payee No. 3"), ("zh", "已成为您的收款人")])
async def test_a_payee_added_by_phone_is_texted_once_to_the_registered_number(language: str, words: str) -> None:
    async with world() as bank:
        outbox = Outbox()
        notices = Notices(bank.bank.ports, Catalogue.load(), outbox.send)
        session = await bank.authenticated()
        await bank.perform(session, "customer.set_language", language=language)
        await bank.perform(session, "customer.stop_messages", stopped=True)  # as a thief would
        asked = await bank.perform(session, "payees.prepare_add", account="440100006606")
        for _ in range(2):  # the same confirmation again
            added = await bank.perform(session, "payees.add", request_id="same", intent=asked.answer["id"])
            assert added.outcome == "ok"
        assert await notices.look() == 1
        assert await notices.look() == 0
        [(number, text, _, purpose)] = outbox.sent
        assert (number, purpose, purpose.heeds_stop) == ("+8613900000001", Purpose.RESULT, False)
        assert words in text
        assert "Maria Garcia" in text
        assert "6606" in text
        assert "440100006606" not in text
        assert "Not you?" in text if language == "en" else "如非本人操作" in text


async def test_a_payee_added_by_text_is_told_by_its_answer_and_not_a_second_time() -> None:
    async with world() as bank:
        session = (await bank.core.arrive("sms", "+8613900000001")).auth_session_id
        asked = await bank.perform(session, "payees.prepare_add", "sms", account="440100006606", name="Maria Garcia")
        intent = asked.answer["id"]
        code = (await bank.perform(session, "auth.issue_code", "sms", intent=intent)).answer["code"]
        assert (await bank.perform(session, "auth.verify_code", "sms", intent=intent, code=code)).outcome == "ok"
        assert (await bank.perform(session, "payees.add", "sms", intent=intent)).outcome == "ok"
        assert list(await bank.bank.ports.notices.due(bank.clock.now(), 10)) == []


async def test_a_payee_that_is_refused_owes_no_text_and_the_name_rests_sealed_until_it_is_told() -> None:
    async with world() as bank:
        session = await bank.authenticated()
        asked = await bank.perform(session, "payees.prepare_add", account="440100006606")
        assert (await bank.perform(session, "payees.drop", intent=asked.answer["id"])).outcome == "ok"
        assert (await bank.perform(session, "payees.add", intent=asked.answer["id"])).outcome == "refused"
        assert list(await bank.bank.ports.notices.due(bank.clock.now(), 10)) == []
        again = await bank.perform(session, "payees.prepare_add", account="440100006606")
        assert (await bank.perform(session, "payees.add", intent=again.answer["id"])).outcome == "ok"
        [owed] = await bank.bank.ports.notices.due(bank.clock.now(), 10)
        assert "Maria" not in str(dict(owed.values))
