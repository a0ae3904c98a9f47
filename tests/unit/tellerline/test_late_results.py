"""Whoever was told "we will text you the result" is texted, once, in their language, to their registered number."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest

from core_client.domain.money import Money
from core_client.domain.staff import Person, Role
from core_client.errors import Unavailable
from core_client.services.admin import Resolution
from core_client.testing.faulty_bank import Fault
from core_client.testing.world import World, world
from flows.vault import Vault
from sms.gateway import SmsGateway
from sms.store.journal import JournalDown
from sounds.catalogue import Catalogue
from tellerline.late_results import IN_PROGRESS_S, LateResults


class Texting:
    """The gateway's one method that a notice needs; it fails as often as it is told to."""

    def __init__(self, *failures: Exception) -> None:
        self.sent: list[tuple[str, str, str]] = []
        self._failures = list(failures)

    async def send(self, number: str, text: str, name: str) -> None:
        if self._failures:
            raise self._failures.pop(0)
        self.sent.append((number, text, name))


def watcher(bank: World, texting: Texting | None) -> LateResults:
    return LateResults(bank.bank, Catalogue.load(), cast("SmsGateway | None", texting), Vault())


async def unknown_transfer(bank: World, line: str, fault: dict[str, Fault]) -> str:
    """Send 500 yuan to the first payee through a bank that fails; answer the intent's id."""
    session = await bank.authenticated(line)
    prepared = await bank.perform(session, "transfers.prepare", payee="1", amount=Money(50_000, "CNY"))
    bank.faulty.faults = dict(fault)
    intent = str(prepared.answer["id"])
    assert (await bank.perform(session, "transfers.authorise", intent=intent)).outcome == "unknown"
    return intent


@pytest.mark.parametrize(
    ("line", "fault", "wanted"),
    [
        ("+8613900000001", {"post": Fault.LOST_REPLY}, ("您之前的转账500.00元给", "已成功。业务编号：")),
        (
            "+8613900000002",
            {"post": Fault.LOST_REPLY},
            ("Your earlier transfer of 500.00 CNY to", "is complete. Reference:"),
        ),
        ("+8613900000002", {"hold": Fault.LOST_ORDER}, ("Your earlier transfer of 500.00 CNY to", "was not made")),
    ],
)
async def test_a_result_that_comes_late_is_texted_in_the_customers_language(
    line: str, fault: dict[str, Fault], wanted: tuple[str, ...]
) -> None:
    async with world() as bank:
        texting = Texting()
        late = watcher(bank, texting)
        intent = await unknown_transfer(bank, line, fault)
        bank.faulty.faults = {"query": Fault.DOWN}
        await late.tell(await bank.core.recover())
        assert texting.sent == []  # the bank still does not answer: no last word, no text
        bank.faulty.faults = {}
        await late.tell(await bank.core.recover())
        await late.tell(await bank.core.recover())
        ((number, text, name),) = texting.sent
        assert (number, name) == (line, f"late-result-{intent}")
        assert all(part in text for part in wanted), text


async def test_what_a_call_carries_out_just_now_is_left_to_it() -> None:
    async with world() as bank:
        texting = Texting()
        late = watcher(bank, texting)
        await unknown_transfer(bank, "+8613900000001", {"post": Fault.LOST_REPLY})
        bank.faulty.faults = {}
        await late.tell(await bank.core.recover(IN_PROGRESS_S))
        assert texting.sent == []
        bank.clock.advance(IN_PROGRESS_S + 1)
        await late.tell(await bank.core.recover(IN_PROGRESS_S))
        assert len(texting.sent) == 1


async def test_a_line_without_sms_still_brings_it_to_a_last_word() -> None:
    async with world() as bank:
        await unknown_transfer(bank, "+8613900000001", {"post": Fault.LOST_REPLY})
        bank.faulty.faults = {}
        await watcher(bank, None).tell(await bank.core.recover())
        assert await bank.bank.admin.unknown() == []


@pytest.mark.parametrize("failure", [JournalDown("gone"), ZeroDivisionError()])
async def test_whoever_is_owed_a_text_is_texted_when_the_store_is_back(failure: Exception) -> None:
    async with world() as bank:
        texting = Texting(failure)
        intents = [
            await unknown_transfer(bank, line, {"post": Fault.LOST_REPLY})
            for line in ("+8613900000001", "+8613900000002")
        ]
        bank.faulty.faults = {}
        left_behind = await bank.core.recover()
        watching = asyncio.create_task(watcher(bank, texting).watch(0.01, left_behind))
        async with asyncio.timeout(20):
            while len(texting.sent) < 2:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.01)
        watching.cancel()
        assert {name for _, _, name in texting.sent} == {f"late-result-{intent}" for intent in intents}


async def test_what_a_person_resolved_elsewhere_is_texted_once() -> None:
    async with world() as bank:
        texting = Texting()
        intent = await unknown_transfer(bank, "+8613900000001", {"post": Fault.LOST_REPLY})
        bank.faulty.faults = {}
        await bank.bank.admin.resolve(intent, Resolution.QUERY, "anna")  # the command line texts nobody
        late = watcher(bank, texting)
        await late.look()
        assert texting.sent == []  # young: its own call may still be telling
        bank.clock.advance(IN_PROGRESS_S)
        await late.look()
        await watcher(bank, texting).look()  # another node, or the same after a restart
        assert [name for _, _, name in texting.sent] == [f"late-result-{intent}"]


async def test_one_that_cannot_be_looked_up_keeps_no_other_from_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world() as bank:
        texting = Texting()
        intents = [
            await unknown_transfer(bank, line, {"post": Fault.LOST_REPLY})
            for line in ("+8613900000001", "+8613900000002")
        ]
        bank.faulty.faults = {}
        resolved = await bank.core.recover()
        really, broken = bank.bank.ports.registry.lines_of, [Unavailable("the store is away")]

        async def lines_of(customer: int) -> Sequence[str]:
            if broken:
                raise broken.pop()
            return await really(customer)

        monkeypatch.setattr(type(bank.bank.ports.registry), "lines_of", lambda _, customer: lines_of(customer))
        late = watcher(bank, texting)
        await late.tell(resolved)
        assert [name for _, _, name in texting.sent] == [f"late-result-{resolved[1].intent.id}"]
        await late.look()
        assert {name for _, _, name in texting.sent} == {f"late-result-{intent}" for intent in intents}
        assert len(texting.sent) == 2


async def test_a_transfer_that_is_booked_back_is_told_a_second_time() -> None:
    async with world() as bank:
        texting = Texting()
        intent = await unknown_transfer(bank, "+8613900000002", {"post": Fault.LOST_REPLY})
        bank.faulty.faults = {}
        late = watcher(bank, texting)
        await late.tell(await bank.core.recover())
        roles = frozenset({Role.OPERATOR, Role.APPROVER})
        mei, ben = (Person(name, roles, bank.clock.now()) for name in ("mei", "ben"))
        await bank.bank.reversals.ask(intent, mei, "ours")
        await bank.bank.reversals.approve(intent, ben)
        bank.clock.advance(IN_PROGRESS_S)
        await late.look()
        assert [name for _, _, name in texting.sent] == [f"late-result-{intent}", f"late-result-{intent}-reversed"]
        assert "the money is back in your account" in texting.sent[1][1]


async def test_a_customer_without_a_number_is_left_to_a_person_once() -> None:
    async with world() as bank:
        texting = Texting()
        intent = await unknown_transfer(bank, "+8613900000001", {"post": Fault.LOST_REPLY})
        bank.faulty.faults = {}
        await bank.bank.database.write(lambda tx: tx.control("DELETE FROM lines WHERE customer_id = 1"))
        await watcher(bank, texting).tell(await bank.core.recover())
        found = await bank.bank.ports.intents.get(intent)
        assert (texting.sent, found is not None and found.told_at is not None) == ([], True)
