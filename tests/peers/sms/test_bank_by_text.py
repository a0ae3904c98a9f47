"""The whole server texting through an SMSC of node-smpp's code; answers are judged by what the bank's file says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from core_client.adapters import demo_world
from tellerline.bootstrap import Node
from tests.peers.sms.bank_line import (
    BANK,
    LI_LEI,
    SMITH,
    WANG,
    Ledger,
    account_of,
    bank_line,
    code_in,
    number_of,
    settled,
    yuan,
)
from tests.peers.sms.node_smsc import PASSWORD, SYSTEM_ID, Encoding, How, NodeSmsc

pytestmark = pytest.mark.peer("node")

WANGS, LI_LEIS = account_of(WANG), account_of(LI_LEI)


@asynccontextmanager
async def texting(smsc: NodeSmsc, folder: Path, **sms: Any) -> AsyncIterator[tuple[Node, Ledger]]:
    async with bank_line(folder, smsc.port, SYSTEM_ID, PASSWORD, **sms) as node:
        await smsc.wait_bound()
        yield node, Ledger(folder)


async def ask(smsc: NodeSmsc, who: demo_world.DemoCustomer, text: str, encoding: Encoding = "gsm") -> str:
    """Text the bank and answer what it texts back."""
    await smsc.deliver(number_of(who), BANK, text, encoding=encoding)
    answer = await smsc.receive(number_of(who))
    assert answer.source == BANK
    return answer.text


# --- what the bank says is what the bank knows ---


async def test_everybody_hears_their_own_balance_as_the_ledger_has_it(node_smsc: NodeSmsc, tmp_path: Path) -> None:
    async with texting(node_smsc, tmp_path) as (_, ledger):
        with_lines = [who for who in demo_world.CUSTOMERS if who.line is not None]
        async with asyncio.TaskGroup() as group:
            answers = {who.number: group.create_task(ask(node_smsc, who, "BAL")) for who in with_lines}
        for who in with_lines:
            text = answers[who.number].result()
            for account in who.accounts:
                assert f"{account.number[-4:]} available: {yuan(ledger.booked(account.number))}" in text
            assert text.count("available") == len(who.accounts)


async def test_an_answer_is_in_the_language_of_the_command(node_smsc: NodeSmsc, tmp_path: Path) -> None:
    async with texting(node_smsc, tmp_path) as (_, ledger):
        money = yuan(ledger.booked(WANGS))
        chinese, english = f"尾号1101账户可用余额：{money}元", f"Account ending 1101 available: {money} CNY"
        assert await ask(node_smsc, WANG, "余额", "ucs2") == chinese
        assert await ask(node_smsc, WANG, "　余额。", "ucs2") == chinese
        assert await ask(node_smsc, WANG, "bal") == english
        assert await ask(node_smsc, WANG, "ＢＡＬ", "ucs2") == english


async def test_the_same_question_twice_is_answered_twice(node_smsc: NodeSmsc, tmp_path: Path) -> None:
    async with texting(node_smsc, tmp_path) as (node, _):
        first = await ask(node_smsc, SMITH, "BAL")
        await settled(node, node_smsc)
        assert await ask(node_smsc, SMITH, "BAL") == first


async def test_a_long_answer_comes_in_parts_that_join_to_the_ledgers_entries(
    node_smsc: NodeSmsc, tmp_path: Path
) -> None:
    async with texting(node_smsc, tmp_path):
        await node_smsc.deliver(number_of(WANG), BANK, "MINI")
        answer = await node_smsc.receive(number_of(WANG))
        assert answer.parts > 1
        assert answer.data_coding == 8
        lines = answer.text.splitlines()
        newest_first = sorted(WANG.accounts[0].entries)[:5]
        assert len(lines) == 1 + len(newest_first)
        for line, (_, amount, note) in zip(lines[1:], newest_first, strict=True):
            assert f" {yuan(abs(round(float(amount) * 100)))} CNY {note}" in line
            assert (" out " in line) == amount.startswith("-")


async def test_help_comes_a_few_times_an_hour_and_then_no_more(node_smsc: NodeSmsc, tmp_path: Path) -> None:
    async with texting(node_smsc, tmp_path, help_per_hour=2) as (node, _):
        for number in range(4):
            await node_smsc.deliver(number_of(SMITH), BANK, f"what is this? {number}")
        await settled(node, node_smsc)
        assert [("BAL" in text.text, text.to) for text in node_smsc.received] == [
            (True, number_of(SMITH).removeprefix("+"))
        ] * 2


async def test_a_card_is_blocked_by_text(node_smsc: NodeSmsc, tmp_path: Path) -> None:
    async with texting(node_smsc, tmp_path) as (_, ledger):
        before = ledger.card_states("4821")
        answer = await ask(node_smsc, WANG, "挂失", "ucs2")
        assert "4821" in answer
        assert "挂失成功" in answer
        assert ledger.card_states("4821") != before


# --- money moves once ---


async def test_a_transfer_moves_with_its_code_and_not_before_or_again(node_smsc: NodeSmsc, tmp_path: Path) -> None:
    async with texting(node_smsc, tmp_path) as (node, ledger):
        wangs, li_leis = ledger.booked(WANGS), ledger.booked(LI_LEIS)
        offer = await ask(node_smsc, WANG, "SEND 100.50 LILEI")
        assert "100.50 CNY" in offer
        assert "Li Lei" in offer
        assert ledger.booked(WANGS) == wangs
        code = code_in(offer)
        wrong = f"{(int(code) + 1) % 1_000_000:06d}"
        assert "not right" in await ask(node_smsc, WANG, wrong)
        assert ledger.transfers() == 0
        done = await ask(node_smsc, WANG, code)
        assert "Transfer complete" in done
        assert yuan(wangs - 10_050) in done
        assert (ledger.booked(WANGS), ledger.booked(LI_LEIS)) == (wangs - 10_050, li_leis + 10_050)
        assert "complete" not in await ask(node_smsc, WANG, code)  # used: it opens nothing any more
        await settled(node, node_smsc)
        assert ledger.transfers() == 1


async def test_a_transfer_is_understood_in_chinese_full_width_and_without_spaces(
    node_smsc: NodeSmsc, tmp_path: Path
) -> None:
    async with texting(node_smsc, tmp_path) as (_, ledger):
        wangs = ledger.booked(WANGS)
        offer = await ask(node_smsc, WANG, "转账５００李雷", "ucs2")
        assert "500.00元" in offer
        full_width = code_in(offer).translate({ord("0") + n: ord("０") + n for n in range(10)})
        assert "转账成功" in await ask(node_smsc, WANG, full_width, "ucs2")
        assert ledger.booked(WANGS) == wangs - 50_000


async def test_a_code_of_another_customer_moves_nothing(node_smsc: NodeSmsc, tmp_path: Path) -> None:
    async with texting(node_smsc, tmp_path) as (_, ledger):
        code = code_in(await ask(node_smsc, WANG, "SEND 100 LILEI"))
        await ask(node_smsc, SMITH, "SEND 50 LILEI")
        assert "not right" in await ask(node_smsc, SMITH, code)
        assert ledger.transfers() == 0


async def test_a_command_in_parts_of_a_wrong_order_is_one_command(node_smsc: NodeSmsc, tmp_path: Path) -> None:
    async with texting(node_smsc, tmp_path) as (_, ledger):
        ways: tuple[How, ...] = ("udh8", "udh16", "sar")
        for done, how in enumerate(ways, 1):
            command = "SEND" + " " * 160 + f"7{done}" + " " * 160 + "LILEI"
            await node_smsc.deliver(number_of(WANG), BANK, command, how=how, order=(3, 1, 2, 1))
            offer = (await node_smsc.receive(number_of(WANG))).text
            assert f"7{done}.00 CNY" in offer
            await node_smsc.deliver(number_of(WANG), BANK, code_in(offer), how=how, order=(2, 1))
            assert "Transfer complete" in (await node_smsc.receive(number_of(WANG))).text
            assert ledger.transfers() == done
