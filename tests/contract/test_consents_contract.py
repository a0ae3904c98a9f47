"""What customers agreed to, on both databases: once however often, by line and customer, whoever asks at once."""

from __future__ import annotations

import asyncio

from core_client.domain.audit import AuditRecord
from core_client.domain.consents import Consent
from core_client.testing.world import World

MISSED = Consent.MISSED_CALL_BALANCE


async def give(bank: World, party: str, customer: int, given: bool) -> None:
    at = bank.clock.now()
    record = AuditRecord(at, "test", "consent", f"party:{party}", {"given": given})
    await bank.bank.ports.consents.set(MISSED, party, customer, given, at, record)


async def test_what_is_given_twice_is_given_and_what_is_taken_back_is_gone(bank: World) -> None:
    consents = bank.bank.ports.consents
    for given in (True, True, False, False, True):
        await give(bank, "line", 1, given)
        assert await consents.given(MISSED, "line", 1) is given
    assert not await consents.given(MISSED, "line", 2)
    assert not await consents.given(MISSED, "other", 1)


async def test_a_lines_new_customer_replaces_the_old_one(bank: World) -> None:
    consents = bank.bank.ports.consents
    await give(bank, "line", 1, True)
    await give(bank, "line", 2, True)
    assert await consents.given(MISSED, "line", 2)
    assert not await consents.given(MISSED, "line", 1)
    await give(bank, "line", 1, False)  # a former owner's word is about a line that is no longer theirs
    assert not await consents.given(MISSED, "line", 1)


async def test_many_at_once_leave_one_word_and_every_audit_row(bank: World) -> None:
    before = (await bank.bank.admin.check_audit()).rows
    await asyncio.gather(*(give(bank, "line", 1, True) for _ in range(20)))
    assert await bank.bank.ports.consents.given(MISSED, "line", 1)
    report = await bank.bank.admin.check_audit()
    assert (report.rows, report.broken_at) == (before + 20, None)
