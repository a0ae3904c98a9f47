"""Reconciliation and statements: empty after a drain, and each kind of damage is told; a day adds up."""

from __future__ import annotations

import datetime
import io
import xml.etree.ElementTree as ET

import pytest

from core_client.adapters.sql.days import DayStatement, day_statements
from core_client.adapters.sql.reconciling import reconcile
from core_client.domain.money import Money
from core_client.ports.reconciliation import Differing
from core_client.testing.world import World
from tellerline.camt053 import NAMESPACE, Camt053, CsvStatements
from tests.contract.conftest import OpenWorld
from tests.contract.test_audit_contract import damage

ZONE = datetime.timezone(datetime.timedelta(hours=8))
DAY = datetime.date(2026, 3, 2)
BEGIN = datetime.datetime(2026, 3, 2, tzinfo=ZONE)
# The elements of ISO 20022's camt.053.001.08 that we write, in the order in which its schema has them.
ORDER = {
    "BkToCstmrStmt": ["GrpHdr", "Stmt"],
    "GrpHdr": ["MsgId", "CreDtTm"],
    "Stmt": ["Id", "ElctrncSeqNb", "CreDtTm", "FrToDt", "Acct", "Bal", "TxsSummry", "Ntry"],
    "Acct": ["Id", "Ccy", "Nm"],
    "Bal": ["Tp", "Amt", "CdtDbtInd", "Dt"],
    "TxsSummry": ["TtlCdtNtries", "TtlDbtNtries"],
    "Ntry": ["NtryRef", "Amt", "CdtDbtInd", "RvslInd", "Sts", "BookgDt", "ValDt", "AcctSvcrRef", "BkTxCd", "NtryDtls"],
    "TxDtls": ["Refs", "Amt", "CdtDbtInd", "RmtInf"],
}


async def pay(bank: World, fen: int = 50_000) -> str:
    session = await bank.authenticated()
    intent = (await bank.perform(session, "transfers.prepare", payee="1", amount=Money(fen, "CNY"))).answer["id"]
    await bank.perform(session, "transfers.authorise", intent=intent)
    return str(intent)


async def differing(bank: World) -> set[Differing]:
    return {one.differing for one in (await reconcile(bank.bank.database)).differences}


async def test_after_a_drain_nothing_differs_and_nothing_is_under_way(open_world: OpenWorld) -> None:
    async with open_world() as bank:
        await pay(bank)
        intent = await pay(bank, 1)
        await bank.bank.ledger.reverse(intent)
        found = await reconcile(bank.bank.database)
        assert found.differences == []
        assert (Differing.STATE, intent) in {(one.differing, one.about) for one in found.open}
    async with open_world() as bank:
        session = await bank.authenticated()
        await bank.perform(session, "transfers.prepare", "voice", "left", payee="1", amount=Money(5, "CNY"))
        found = await reconcile(bank.bank.database)
        assert (found.differences, found.intents) == ([], 3)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE intents SET state = 'voided'", {Differing.STATE, Differing.AUDIT}),
        ("UPDATE holds SET amount_minor = amount_minor + 1", {Differing.AMOUNT, Differing.JOURNAL}),
        ("UPDATE intents SET reference = 'another'", {Differing.REFERENCE}),
        ("UPDATE journals SET intent_id = 'other' WHERE intent_id IS NOT NULL", {Differing.JOURNAL}),
        ("UPDATE holds SET state = 'reversed'", {Differing.JOURNAL}),
        ("DELETE FROM intents", {Differing.NO_ORDER, Differing.AUDIT}),
        ("UPDATE entries SET amount_minor = amount_minor + 1 WHERE id = 1", {Differing.BOOKS}),
        ("UPDATE audit SET body = replace(body, 'intent.posted', 'intent.missed')", {Differing.AUDIT}),
    ],
)
async def test_each_kind_of_damage_is_told(statement: str, expected: set[Differing], open_world: OpenWorld) -> None:
    async with open_world() as bank:
        await pay(bank)
        assert await differing(bank) == set()
        await damage(bank, statement)
        assert await differing(bank) == expected


async def test_a_text_about_what_has_no_last_word_is_a_difference(open_world: OpenWorld) -> None:
    async with open_world() as bank:
        intent = await pay(bank)
        assert (await reconcile(bank.bank.database, {intent: "delivered"})).differences == []
        found = await reconcile(bank.bank.database, {"nobody's": "accepted"})
        assert [one.differing for one in found.differences] == [Differing.TEXT]


async def statements_of(bank: World, *, every: bool = False) -> list[DayStatement]:
    end = BEGIN + datetime.timedelta(days=1)
    return [one async for one in day_statements(bank.bank.database, BEGIN, end, all_accounts=every)]


async def test_a_day_s_balances_and_entries_add_up_whatever_is_booked_later(open_world: OpenWorld) -> None:
    async with open_world() as bank:
        await pay(bank)
        first = await statements_of(bank)
        bank.clock.advance(86_400)
        await pay(bank, 777)
        assert await statements_of(bank) == first
        mine = next(one for one in first if one.account_number == "440100001101")
        assert (mine.opening, mine.closing) == (Money(1_234_567, "CNY"), Money(1_184_567, "CNY"))
        assert [one.amount for one in mine.entries] == [Money(-50_000, "CNY")]
        assert len(await statements_of(bank, every=True)) > len(first)


async def test_the_message_has_the_elements_of_camt053_in_the_order_of_its_schema(open_world: OpenWorld) -> None:
    async with open_world() as bank:
        intent = await pay(bank)
        await bank.bank.ledger.reverse(intent)
        await damage(bank, "UPDATE entries SET text = '<&\"\x01=SUM(A1)' WHERE booked_us > 0 AND text LIKE 'Li Lei%'")
        out, table = io.StringIO(), io.StringIO()
        message, rows = Camt053(out, DAY, ZONE, bank.clock.now()), CsvStatements(table, ZONE)
        for one in await statements_of(bank):
            message.add(one)
            rows.add(one)
        message.close()
    root = ET.fromstring(out.getvalue())
    assert root.tag == f"{{{NAMESPACE}}}Document"
    for element in root.iter():
        name = element.tag.partition("}")[2]
        children = [child.tag.partition("}")[2] for child in element]
        if name in ORDER:
            places = [ORDER[name].index(child) for child in children]
            assert places == sorted(places), name
        if name == "Amt":
            assert (element.text or "-")[0] != "-"
            assert element.attrib == {"Ccy": "CNY"}
        if name == "MsgId" or (name == "Id" and not children):
            assert 1 <= len(element.text or "") <= 35
    assert out.getvalue().count("<RvslInd>true</RvslInd>") == 2
    assert "440100001101,CNY," in table.getvalue()
