"""What the simulation found: orders that wander, clocks that are set back, and requests that come again."""

from __future__ import annotations

import pytest

from core_client.domain.audit import AuditRecord
from core_client.domain.money import Money
from core_client.domain.transfers import TransferState
from core_client.errors import Declined, Unavailable
from core_client.ports.core_bank import HoldState
from core_client.testing.faulty_bank import Fault
from core_client.testing.world import World, world

AMOUNT = Money(50_000, "CNY")


async def state_of(bank: World, intent: str) -> TransferState:
    found = await bank.bank.ports.intents.get(intent)
    assert found is not None
    return found.state


@pytest.mark.parametrize("fault", [Declined("account_frozen"), Fault.DOWN])
async def test_an_order_that_wanders_while_its_sender_died_holds_nothing_once_it_was_refused(
    fault: Fault | Declined,
) -> None:
    async with world() as bank:
        session, ports = await bank.authenticated(), bank.bank.ports
        prepared = await bank.perform(session, "transfers.prepare", payee="1", amount=AMOUNT)
        intent = str(prepared.answer["id"])
        audit = AuditRecord(bank.clock.now(), "voice:customer:1", "intent.authorised", f"intent:{intent}")
        taken = await ports.intents.authorise(intent, 1, "the-order", bank.clock.now(), ports.profile.limits, audit)
        assert taken.intent is not None  # here a node sends the hold, and dies; another one recovers
        bank.faulty.faults["hold"] = fault
        await bank.core.recover()
        assert await state_of(bank, intent) is TransferState.VOIDED
        with pytest.raises(Declined):
            await bank.bank.ledger.hold(taken.intent.order())  # now the first order arrives
        assert (await bank.bank.ledger.query(intent))[0] is HoldState.VOIDED


async def test_a_clock_that_is_set_back_leaves_no_transfer_waiting_for_it() -> None:
    async with world() as bank:
        session = await bank.authenticated()
        prepared = await bank.perform(session, "transfers.prepare", payee="1", amount=AMOUNT)
        bank.faulty.faults["hold"] = Fault.LOST_ORDER
        intent = str(prepared.answer["id"])
        assert (await bank.perform(session, "transfers.authorise", intent=intent)).outcome == "unknown"
        bank.faulty.faults.clear()
        bank.clock.advance(-7_200)
        await bank.core.recover(60)
        assert await state_of(bank, intent) is TransferState.VOIDED


async def test_a_request_that_comes_again_hears_no_down_of_what_it_ordered_before() -> None:
    async with world() as bank:
        session = await bank.authenticated()
        prepared = await bank.perform(session, "transfers.prepare", payee="1", amount=AMOUNT)
        intent = str(prepared.answer["id"])
        done = await bank.perform(session, "transfers.authorise", request_id="the-order", intent=intent)
        assert done.outcome == "ok"
        bank.auth_sessions.down = True
        again = await bank.perform(session, "transfers.authorise", request_id="the-order", intent=intent)
        assert again.outcome == "unknown"  # "down" would say that nothing was done


async def test_a_first_request_hears_down_when_nothing_was_done() -> None:
    async with world() as bank:
        session = await bank.authenticated()
        prepared = await bank.perform(session, "transfers.prepare", payee="1", amount=AMOUNT)
        bank.auth_sessions.down = True
        result = await bank.perform(session, "transfers.authorise", intent=str(prepared.answer["id"]))
        assert result.outcome == "down"


async def test_nobody_knows_whether_a_request_came_before_when_the_database_is_gone_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with world() as bank:
        session = await bank.authenticated()
        prepared = await bank.perform(session, "transfers.prepare", payee="1", amount=AMOUNT)

        async def gone(_intent: str) -> None:
            raise Unavailable("gone")

        bank.auth_sessions.down = True
        monkeypatch.setattr(bank.bank.ports.intents, "get", gone)
        result = await bank.perform(session, "transfers.authorise", intent=str(prepared.answer["id"]))
        assert result.outcome == "unknown"
