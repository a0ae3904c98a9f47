from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from textual.widgets import DataTable, Input, Static, TabbedContent

from ivr.testing import CallEnded, EndedBy, FakePbx
from sounds.catalogue import Catalogue
from tellerline.demo import demo_line, demo_subscribers, phone_of
from tellerline.phone import PhoneApp
from tellerline.trying.world import CatalogueWords

WAIT_S = 30.0
REACTION_S = 0.4
SPEED = 3.0  # fast enough for a test, slow enough that a busy machine presses a PIN before a caller would give up


@pytest.fixture
async def app() -> AsyncIterator[PhoneApp]:
    async with demo_line(lambda _part: None, speed=SPEED) as line, line.handsets.telling():
        yield phone_of(line)


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not true():  # noqa: ASYNC110 - what is waited for is on a screen
            await asyncio.sleep(0.02)


async def _react() -> None:
    """Take the time that a person takes: a key that follows an answer at once is the rest of a burst, and dropped."""
    await asyncio.sleep(REACTION_S)


async def test_a_balance_is_keyed_heard_and_hung_up_in_the_terminal(app: PhoneApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.click("#call")
        await _until(lambda: "欢迎致电电话银行" in app.said.text)
        await pilot.press("2")
        await _until(lambda: "请输入您的六位电话银行密码" in app.said.text)
        await _react()
        await pilot.press(*"739154")
        await _until(lambda: "一万两千三百四十五元六角七分" in app.said.text)
        await _until(lambda: "井号" in app.said.text.rpartition("六角七分")[2])
        await pilot.press("number_sign")
        await _until(lambda: "the bank ended the call" in app.said.text)


async def test_the_keys_of_a_pin_are_shown_as_stars(app: PhoneApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.click("#call")
        await _until(lambda: "银行卡挂失" in app.said.text)
        await pilot.click("#key-1")  # the key 2
        await _until(lambda: "请输入您的六位电话银行密码" in app.said.text)
        await _react()
        await pilot.press(*"739")
        await _until(lambda: "***" in str(app.query_one("#display", Static).render()))
        assert "739" not in str(app.query_one("#display", Static).render())
        assert "739" not in app.said.text
        await pilot.press("ctrl+x")
        await _until(lambda: "you hung up" in app.said.text)


async def test_somebody_else_is_picked_and_is_spoken_to_in_their_language(app: PhoneApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        app.query_one("#tabs", TabbedContent).active = "who"
        await pilot.pause()
        table = app.query_one("#subscribers", DataTable)
        table.focus()
        table.move_cursor(row=1)
        await pilot.press("enter")
        await pilot.press("ctrl+d")
        await _until(lambda: "Welcome to Tellerline" in app.said.text)


async def test_a_text_is_written_and_its_answer_read(app: PhoneApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        app.query_one("#tabs", TabbedContent).active = "texts"
        await pilot.pause()
        app.query_one("#compose", Input).focus()
        await pilot.press(*"BAL", "enter")
        await _until(lambda: "12,345.67 CNY" in app.read.text)
        assert "Wang Xiaoming 王小明 → 95500: BAL" in app.read.text


async def test_a_server_that_is_not_there_is_told(unused_tcp_port: int) -> None:
    async with FakePbx(speed=20.0) as pbx:
        app = PhoneApp(
            pbx, "127.0.0.1", unused_tcp_port, CatalogueWords(Catalogue.load()), subscribers=demo_subscribers()
        )
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.click("#call")
            await _until(lambda: "no server answers" in app.said.text)


async def test_news_of_a_call_that_comes_after_the_screen_is_gone_finds_nobody(app: PhoneApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.click("#call")
        await _until(lambda: "欢迎致电电话银行" in app.said.text)
    app._happened(CallEnded(EndedBy.SERVER, 0.0))
    app._text_came("+8613900000001", "late")
