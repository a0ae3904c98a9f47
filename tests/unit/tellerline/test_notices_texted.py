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
    assert PURPOSES[kind].heeds_stop == (kind is not NoticeKind.PLACES)
