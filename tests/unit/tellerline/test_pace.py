from __future__ import annotations

import asyncio
import time

import pytest

from tellerline.trying.conversation import Given
from tellerline.trying.engine import EngineDriver
from tellerline.trying.pace import LEAP, run_paced, working


def test_at_a_leap_an_hour_takes_no_time_and_timers_keep_their_order() -> None:
    async def main() -> tuple[list[str], float]:
        loop = asyncio.get_running_loop()
        began, order = loop.time(), []

        async def later(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            order.append(name)

        await asyncio.gather(later("third", 3600), later("first", 1), later("second", 60))
        return order, loop.time() - began

    started = time.monotonic()
    order, passed = run_paced(main, LEAP)
    assert order == ["first", "second", "third"]
    assert passed == pytest.approx(3600, abs=1)
    assert time.monotonic() - started < 5


def test_time_runs_at_the_pace() -> None:
    async def main() -> float:
        started = time.monotonic()
        await asyncio.sleep(2)
        return time.monotonic() - started

    assert 0.05 <= run_paced(main, 20) < 1.5


def test_real_work_is_waited_for_in_real_time_and_does_not_meet_a_timeout_early() -> None:
    async def main() -> str:
        async with asyncio.timeout(5):
            with working():
                await asyncio.to_thread(time.sleep, 0.1)
        return "hashed"

    assert run_paced(main, LEAP) == "hashed"


def test_without_announcing_it_real_work_would_be_overtaken() -> None:
    async def main() -> None:
        async with asyncio.timeout(5):
            await asyncio.to_thread(time.sleep, 0.1)

    with pytest.raises(TimeoutError):
        run_paced(main, LEAP)


def test_sockets_work_at_any_pace() -> None:
    async def main() -> bytes:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(30)
            writer.write(await reader.readline())
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"hello\n")
            answer = await reader.readline()
            writer.close()
            await writer.wait_closed()
            return answer

    assert run_paced(main, LEAP) == b"hello\n"


def test_a_pace_below_one_is_refused() -> None:
    async def main() -> None:
        pytest.fail("it ran")

    with pytest.raises(ValueError, match="below 1"):
        run_paced(main, 0.5)


@pytest.mark.timeout(30)
def test_what_breaks_into_a_conversation_ends_it_at_once_although_its_caller_is_on_the_line() -> None:
    """Ctrl-C is one: the dialogue would go on by itself, at the wall clock's pace, until its own timeouts end it."""

    async def main() -> None:
        async with EngineDriver(Given()) as driver:
            await driver.call("+8613900000001", "95500", attestation=None, trunk=None)
            await asyncio.sleep(3)
            raise asyncio.CancelledError

    started = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        run_paced(main, LEAP)
    assert time.monotonic() - started < 5
