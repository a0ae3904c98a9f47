from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sms.in_turn import InTurn


async def _together(works: list[Any]) -> None:
    await InTurn(works)


async def test_each_goes_on_when_what_it_waits_for_is_there_and_all_are_one_task() -> None:
    loop = asyncio.get_running_loop()
    futures: list[asyncio.Future[int]] = [loop.create_future() for _ in range(3)]
    said: list[object] = []

    async def work(future: asyncio.Future[int]) -> None:
        said.append(await future)
        await asyncio.sleep(0)
        said.append(asyncio.current_task())

    task = asyncio.create_task(_together([work(future) for future in futures]))
    await asyncio.sleep(0)
    futures[2].set_result(2)
    futures[1].set_result(1)
    await asyncio.sleep(0)
    assert said == []  # the first has waited for longest
    futures[0].set_result(0)
    await task
    assert said == [0, 1, 2, task, task, task]


async def test_what_never_waits_is_done_at_once() -> None:
    said: list[int] = []

    async def work(number: int) -> None:
        said.append(number)

    await InTurn(work(number) for number in range(3))
    assert said == [0, 1, 2]


async def test_an_error_of_what_is_waited_for_reaches_the_one_that_waits_and_no_other() -> None:
    loop = asyncio.get_running_loop()
    futures: list[asyncio.Future[int]] = [loop.create_future() for _ in range(3)]
    said: list[str] = []

    async def work(name: str, future: asyncio.Future[int]) -> None:
        try:
            await future
        except ValueError:
            said.append(f"{name} failed")
        else:
            said.append(name)

    task = asyncio.create_task(_together([work(*each) for each in zip("abc", futures, strict=True)]))
    await asyncio.sleep(0)
    futures[0].set_exception(ValueError())
    futures[1].cancel()  # whoever waited for it is given up
    futures[2].set_result(1)
    await task
    assert said == ["a failed", "c"]


async def test_cancelled_it_lets_each_clean_up() -> None:
    cleaned: list[int] = []
    never = asyncio.get_running_loop().create_future()

    async def work(number: int) -> None:
        try:
            await never if number else await asyncio.sleep(3600)
        finally:
            cleaned.append(number)

    task = asyncio.create_task(_together([work(number) for number in range(3)]))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(cleaned) == [0, 1, 2]
