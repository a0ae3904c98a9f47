"""The bank's own line behind a real Asterisk: what customers hear is what the bank knows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core_client.adapters import demo_world
from core_client.adapters.seeding import seed
from core_client.adapters.sql.ledger import SqlBank
from core_client.domain.money import Money
from core_client.ports.core_bank import Posting
from ivr.ami import AmiMessage
from sounds.catalogue import Catalogue
from sounds.reading import read_digits, read_money
from tellerline.trying.asterisk_caller import Caller
from tellerline.trying.asterisk_driver import AsteriskDriver
from tellerline.trying.asterisk_found import Asterisk
from tellerline.trying.conversation import Given
from tellerline.trying.driver import EndedBy
from tests.peers.asterisk.exchange import BANK
from tests.peers.asterisk.sipp import Customer, HangUp, Keys, Wait, call_all

pytestmark = [pytest.mark.peer("asterisk"), pytest.mark.timeout(180)]
WANG = demo_world.customer_of_number("10000001")
SMITH = demo_world.customer_of_number("10000002")


@asynccontextmanager
async def the_line(sounds: Path) -> AsyncIterator[AsteriskDriver]:
    async with AsteriskDriver(Given(), sounds) as driver:
        yield driver


async def available(driver: AsteriskDriver, number: str) -> Money:
    return (await driver.node.bank.admin.show(number)).accounts[0].available


async def booked(driver: AsteriskDriver, number: str) -> Money:
    return (await driver.node.bank.admin.show(number)).accounts[0].booked


async def until(caller: Caller, wanted: str, within_s: float = 20.0) -> list[str]:
    """Answer what the caller hears up to ``wanted``, heard whole."""
    heard: list[str] = []
    async with asyncio.timeout(within_s):
        while True:
            item = await caller.heard(within_s)
            assert item is not None, f"the line ended, or fell silent, after {heard}; {await caller.ended(0.1)}"
            heard.append(f"{item.audio_id}{' cut' if item.cut else ''}")
            if heard[-1] == wanted:
                return heard


def amount_after(heard: Sequence[str], prompt: str) -> Money:
    """Read back the amount that was said after ``prompt``, up to the next prompt."""
    catalogue = Catalogue.load()
    language = prompt.partition("/")[0]
    prompts = {catalogue.audio_id(name, language) for name in catalogue.prompt_ids(language)}
    said: list[str] = []
    for name in heard[list(heard).index(prompt) + 1 :]:
        if name.removesuffix(" cut") in prompts:
            break
        said.append(name)
    minor, currency = read_money(said)
    return Money(minor, currency)


async def comes_true(what: Callable[[], Awaitable[bool]], within_s: float = 15.0) -> None:
    async with asyncio.timeout(within_s):
        while not await what():  # noqa: ASYNC110 - the bank is asked, as an operator would
            await asyncio.sleep(0.02)


async def no_call_left(driver: AsteriskDriver) -> None:
    async def none() -> bool:
        return driver.node.server.calls == 0

    await comes_true(none)


def asks_balance(customer: demo_world.DemoCustomer, hangs_up_after_ms: int) -> Customer:
    assert customer.line is not None
    steps = (Wait(2000), Keys("2"), Wait(1200), Keys(customer.pin), Wait(hangs_up_after_ms), HangUp())
    return Customer(customer.line, steps)


@pytest.mark.parametrize("how", ["rfc4733", "info"])
async def test_a_balance_by_telephone_is_the_ledgers(
    asterisk: Asterisk, sipp: Path, line_sounds: Path, tmp_path: Path, how: str
) -> None:
    del sipp
    events: list[AmiMessage] = []
    async with the_line(line_sounds) as driver:
        assert driver.node.ami is not None
        driver.node.ami.on("*", events.append)
        known = await available(driver, WANG.number)
        customers = [asks_balance(WANG, 7000)]
        prints = driver.callers.prints
        (ear,) = await call_all(asterisk, driver.host, prints, customers, tmp_path / how, how=how)
        heard = ear.heard()

        async def seen_to_its_end() -> bool:
            return {"Newchannel", "Newstate", "Hangup"} <= {event.name for event in events}

        await comes_true(seen_to_its_end)
        logs = driver.host.log_text()
    assert amount_after(heard, "zh/your_balance_is") == known == Money.parse("12345.67 CNY")
    assert heard[:2] == ["zh/welcome", "zh/main_menu"]
    assert ear.lost == 0
    assert WANG.pin not in logs


async def test_money_sent_by_telephone_moves_once_and_is_read_back(
    asterisk: Asterisk, sipp: Path, line_sounds: Path, tmp_path: Path
) -> None:
    del sipp
    assert WANG.line is not None
    steps = (
        *(Wait(2000), Keys("4"), Wait(1000), Keys(WANG.pin), Wait(1500), Keys("1#"), Wait(1200), Keys("500#")),
        *(Wait(6000), Keys("1"), Wait(16_000), HangUp()),
    )
    async with the_line(line_sounds) as driver:
        before, payee_before = await available(driver, WANG.number), await available(driver, "10000003")
        prints = driver.callers.prints
        (ear,) = await call_all(asterisk, driver.host, prints, [Customer(WANG.line, steps)], tmp_path)
        heard = ear.heard()
        after, payee_after = await available(driver, WANG.number), await available(driver, "10000003")
    sent = Money.parse("500.00 CNY")
    assert (before - after, payee_after - payee_before) == (sent, sent)
    assert amount_after(heard, "zh/you_send") == sent
    assert "zh/name/li_lei" in heard
    assert amount_after(heard, "zh/new_balance") == after
    reference = heard[heard.index("zh/transfer_done") + 1 : heard.index("zh/new_balance")]
    assert len(read_digits(reference)) >= 6


async def test_forty_customers_at_once_each_hear_their_own_balance(
    asterisk: Asterisk, sipp: Path, line_sounds: Path, tmp_path: Path
) -> None:
    del sipp
    crowd = demo_world.crowd(40)
    async with the_line(line_sounds) as driver:
        await seed(driver.node.bank, crowd)
        customers = [asks_balance(customer, 9000) for customer in crowd]
        heard_by = await call_all(asterisk, driver.host, driver.callers.prints, customers, tmp_path, a_second=20)
        known = [await available(driver, customer.number) for customer in crowd]
    assert len(set(known)) == 40
    for customer, ear, balance in zip(crowd, heard_by, known, strict=True):
        heard = ear.heard()
        prompt = f"{customer.language}/your_balance_is"
        assert prompt in heard, f"{customer.number} heard {heard}, {ear.lost} packets lost"
        assert amount_after(heard, prompt) == balance, customer.number


async def test_a_wrong_pin_is_refused_with_growing_delays_until_it_locks(line_sounds: Path, asterisk: Asterisk) -> None:
    del asterisk
    wrong = "".join(str((int(digit) + 5) % 10) for digit in WANG.pin)
    async with the_line(line_sounds) as driver:
        outcomes: list[str] = []
        for _ in range(12):
            caller = await driver.callers.call(WANG.line, BANK)
            await until(caller, "zh/main_menu")
            await caller.press("2")
            await until(caller, "zh/enter_pin")
            await caller.press(wrong)
            item = await caller.heard(10)
            assert item is not None
            outcomes.append(item.audio_id)
            await caller.hang_up()
            if outcomes[-1] == "zh/access_locked":
                break
            driver.let_pass(3600)
        failures = (await driver.node.bank.admin.show(WANG.number)).failures
        assert outcomes == ["zh/pin_wrong"] * (failures - 1) + ["zh/access_locked"]
        assert failures == 5

        caller = await driver.callers.call(WANG.line, BANK)  # locked is locked, with the right PIN too
        await until(caller, "zh/main_menu")
        await caller.press("2")
        await until(caller, "zh/enter_pin")
        await caller.press(WANG.pin)
        assert "zh/access_locked" in await until(caller, "zh/how_to_unlock")
        ended = await caller.ended(20)
        assert ended is not None
        assert ended.by in {EndedBy.BANK, EndedBy.TRANSFER}


async def test_a_hangup_in_the_middle_of_a_prompt_ends_the_call_at_once(line_sounds: Path, asterisk: Asterisk) -> None:
    del asterisk
    async with the_line(line_sounds) as driver:
        caller = await driver.callers.call(WANG.line, BANK)
        await until(caller, "zh/welcome")
        began = asyncio.get_running_loop().time()
        await caller.hang_up()
        await no_call_left(driver)
        assert asyncio.get_running_loop().time() - began < 2
        ended = await caller.ended(1)
        assert ended is not None
        assert ended.by is EndedBy.CUSTOMER
        assert driver.node.server.accepting
        again = await driver.callers.call(WANG.line, BANK)
        assert await until(again, "zh/welcome") == ["zh/welcome"]


async def test_a_hangup_while_the_bank_works_leaves_the_transfer_to_its_end_once(
    line_sounds: Path, asterisk: Asterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    del asterisk
    post, posted = SqlBank.post, []

    async def slowly(bank: SqlBank, intent_id: str) -> Posting:
        await asyncio.sleep(4)
        posted.append(intent_id)
        return await post(bank, intent_id)

    monkeypatch.setattr(SqlBank, "post", slowly)
    async with the_line(line_sounds) as driver:
        before = await booked(driver, WANG.number)
        caller = await driver.callers.call(WANG.line, BANK)
        for prompt, keys in (
            ("zh/main_menu", "4"),
            ("zh/enter_pin", WANG.pin),
            ("zh/enter_payee", "1#"),
            ("zh/enter_amount", "500#"),
            ("zh/confirm_how", "1"),
        ):
            await until(caller, prompt)
            await caller.press(keys)
        await until(caller, "zh/one_moment")  # the bank is at it
        assert await booked(driver, WANG.number) == before
        await caller.hang_up()
        await no_call_left(driver)
        assert posted == []

        async def moved() -> bool:
            return bool(posted) and before - await booked(driver, WANG.number) == Money.parse("500.00 CNY")

        await comes_true(moved)
        assert len(posted) == 1


@pytest.mark.parametrize("surplus", ["0", "4#", "00000"])
async def test_surplus_keys_of_a_burst_never_spill_into_the_next_question(
    line_sounds: Path, asterisk: Asterisk, surplus: str
) -> None:
    del asterisk
    async with the_line(line_sounds) as driver:
        caller = await driver.callers.call(WANG.line, BANK)
        await until(caller, "zh/main_menu")
        await caller.press("2")
        await until(caller, "zh/enter_pin")
        await caller.press(WANG.pin + surplus)
        heard = await until(caller, "zh/main_menu_short")
        assert amount_after(heard, "zh/your_balance_is") == Money.parse("12345.67 CNY")
        assert not {"zh/connecting_agent", "zh/enter_payee", "zh/not_an_option", "zh/no_match"} & set(heard)


async def test_a_draining_node_finishes_its_call_and_new_callers_are_told(
    line_sounds: Path, asterisk: Asterisk
) -> None:
    del asterisk
    async with the_line(line_sounds) as driver:
        caller = await driver.callers.call(WANG.line, BANK)
        await until(caller, "zh/main_menu")
        draining = asyncio.ensure_future(driver.node.drain(30))

        async def refuses() -> bool:
            return not driver.node.server.accepting

        await comes_true(refuses)
        late = await driver.callers.call(SMITH.line, BANK)
        assert await until(late, "en/try_later") == ["zh/try_later", "en/try_later"]
        await caller.press("#")
        await until(caller, "zh/goodbye")
        ended = await caller.ended(10)
        assert ended is not None
        assert ended.by is EndedBy.BANK
        assert await draining
