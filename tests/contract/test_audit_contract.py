"""The audit chain's contract: whatever is edited, deleted or reordered shows."""

from __future__ import annotations

import asyncio

import pytest

from core_client.domain.audit import AuditRecord
from core_client.domain.money import Money
from core_client.testing.world import World


async def some_history(bank: World) -> None:
    session = await bank.authenticated()
    intent = (await bank.perform(session, "transfers.prepare", payee="1", amount=Money(100, "CNY"))).answer["id"]
    await bank.perform(session, "transfers.authorise", intent=intent)


async def damage(bank: World, *statements: str) -> None:
    def work(tx: object) -> None:
        for statement in statements:
            tx.connection.connection.cursor().execute(statement)  # type: ignore[attr-defined] # the driver's own

    await bank.bank.database.write(work)


async def test_an_untouched_chain_is_whole(bank: World) -> None:
    await some_history(bank)
    report = await bank.bank.admin.check_audit()
    assert report.broken_at is None
    assert report.rows > 10


@pytest.mark.parametrize(
    ("statements", "broken_at"),
    [
        (["UPDATE audit SET body = replace(body, 'seeded', 'sedeed') WHERE seq = 3"], 3),
        (["DELETE FROM audit WHERE seq = 4"], 4),
        (["DELETE FROM audit WHERE seq > 10"], 11),
        (["UPDATE audit SET seq = -1 WHERE seq = 5", "UPDATE audit SET seq = 5 WHERE seq = 6",
          "UPDATE audit SET seq = 6 WHERE seq = -1"], 5),
    ],
    ids=["edited", "deleted", "cut", "reordered"],
)  # fmt: skip
async def test_a_chain_that_was_touched_shows_where(bank: World, statements: list[str], broken_at: int) -> None:
    await some_history(bank)
    await damage(bank, *statements)
    assert (await bank.bank.admin.check_audit()).broken_at == broken_at


async def test_many_writers_at_once_make_one_chain(bank: World) -> None:
    now = bank.clock.now()
    before = (await bank.bank.admin.check_audit()).rows
    records = [AuditRecord(now, "test", "thing.done", f"thing:{n}") for n in range(40)]
    await asyncio.gather(*(bank.bank.ports.audit.append(record) for record in records))
    report = await bank.bank.admin.check_audit()
    assert (report.broken_at, report.rows) == (None, before + 40)


async def test_no_row_holds_a_pin_a_code_or_a_whole_number(bank: World) -> None:
    await some_history(bank)
    sms = (await bank.core.arrive("sms", "+8613900000001")).auth_session_id
    intent = (await bank.perform(sms, "transfers.prepare", "sms", payee="LILEI", amount=Money(100, "CNY"))).answer["id"]
    code = (await bank.perform(sms, "auth.issue_code", "sms", intent=intent)).answer["code"]
    text = code.reveal()  # type: ignore[union-attr] # a Secret
    await bank.perform(sms, "auth.verify_code", "sms", intent=intent, code=text)
    await bank.perform(sms, "customer.stop_messages", "sms", stopped=True)
    await bank.perform(sms, "cards.block", "sms")

    def bodies(tx: object) -> list[str]:
        rows = tx.connection.connection.cursor()  # type: ignore[attr-defined] # the driver's own
        rows.execute("SELECT body FROM audit")
        return [row[0] for row in rows.fetchall()]

    everything = "\n".join(await bank.bank.database.read(bodies))
    assert "code.accepted" in everything
    for secret in ("739154", text, "8613900000001", "440100001101", "440100003303"):
        assert f'"{secret}"' not in everything
        assert secret not in everything.replace(str(intent), "")
