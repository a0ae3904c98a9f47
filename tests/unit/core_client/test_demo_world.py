"""The demo bank: documented, strong, whole, and the same however often it is seeded."""

from __future__ import annotations

from pathlib import Path

import pytest

from core_client.adapters import demo_world
from core_client.adapters.demo_world import CUSTOMERS, DemoCustomer, crowd
from core_client.adapters.seeding import seed
from core_client.domain.money import Money
from core_client.domain.pins import weakness_of
from core_client.domain.secret import Secret
from core_client.testing.world import world

DOCS = Path(__file__).parents[3] / "docs" / "demo-bank.md"


@pytest.mark.skipif(not DOCS.exists(), reason="the docs are in the checkout, not in the wheel")
def test_the_page_about_the_demo_bank_is_what_the_data_says() -> None:
    assert DOCS.read_text(encoding="utf-8") == demo_world.as_markdown(), (
        "write it again: python -m core_client.adapters.demo_world > docs/demo-bank.md"
    )


@pytest.mark.parametrize("who", [*CUSTOMERS, *crowd(40)], ids=lambda who: who.number)
def test_no_pin_is_weak_or_comes_from_its_customer_s_own_data(who: DemoCustomer) -> None:
    assert weakness_of(Secret(who.pin), who.personal_numbers()) is None


def test_there_are_at_least_eight_of_every_needed_kind() -> None:
    assert len(CUSTOMERS) >= 8
    assert {"zh", "en", None} <= {who.language for who in CUSTOMERS}
    assert any(len(who.accounts) > 1 for who in CUSTOMERS)
    assert any(account.frozen for who in CUSTOMERS for account in who.accounts)
    assert any(not account.entries for who in CUSTOMERS for account in who.accounts)
    assert any(who.line is None for who in CUSTOMERS)
    everyone = [*CUSTOMERS, *crowd(40)]
    for key in ("number", "pin"):
        values = [getattr(who, key) for who in everyone]
        assert len(set(values)) == len(values)
    assert len({who.accounts[0].booked for who in crowd(40)}) == 40


def test_the_first_customer_is_as_every_example_says() -> None:
    who = demo_world.customer_of_line("+8613900000001")
    assert (who.number, who.pin, who.accounts[0].booked) == ("10000001", "739154", Money.parse("12345.67 CNY"))
    assert demo_world.customer_of_number("10000001") is who
    for find in (demo_world.customer_of_line, demo_world.customer_of_number):
        with pytest.raises(KeyError):
            find("nobody")
    assert "739154" not in repr(who)


async def test_seeding_again_adds_nobody_and_moves_nothing() -> None:
    async with world(more_customers=crowd(3)) as bank:
        assert await seed(bank.bank) == 0
        assert await seed(bank.bank, crowd(4)) == 1
        assert (await bank.bank.ledger.account(1, None)).booked == Money.parse("12345.67 CNY")
        await bank.bank.ledger.check_books()
        assert (await bank.bank.admin.check_audit()).broken_at is None


async def test_every_demo_customer_gets_in_with_their_pin() -> None:
    async with world() as bank:
        for who in CUSTOMERS:
            session = (await bank.core.arrive("voice", who.line)).auth_session_id
            await bank.perform(session, "identity.claim", customer=who.number)
            assert (await bank.perform(session, "auth.verify_pin", pin=who.pin)).outcome == "ok"
            result = await bank.perform(session, "accounts.balance")
            if who.accounts:
                assert result.answer["available"] == who.accounts[0].booked
            else:
                assert (result.outcome, result.reason) == ("refused", "account_unknown")
