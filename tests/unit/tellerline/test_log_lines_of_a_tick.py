from __future__ import annotations

import asyncio
import io
import threading

import structlog

from tellerline.log_lines import Lines
from tellerline.telemetry import configure_logging


class Counting(io.StringIO):
    """A stream that counts its writes."""

    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


async def test_lines_of_one_tick_are_written_in_one_write_at_its_end() -> None:
    out = Counting()
    lines = Lines(out)
    lines.info("one")
    lines.info("two")
    assert out.getvalue() == ""
    await asyncio.sleep(0)
    assert out.getvalue() == "one\ntwo\n"
    assert out.writes == 1
    lines.info("three")
    await asyncio.sleep(0)
    assert out.getvalue() == "one\ntwo\nthree\n"


async def test_a_warning_is_written_at_once_and_behind_what_came_before_it() -> None:
    out = io.StringIO()
    lines = Lines(out)
    lines.info("one")
    lines.warning("two")
    assert out.getvalue() == "one\ntwo\n"
    await asyncio.sleep(0)
    assert out.getvalue() == "one\ntwo\n"


def test_outside_of_an_event_loop_a_line_is_written_at_once() -> None:
    out = io.StringIO()
    Lines(out).info("one")
    assert out.getvalue() == "one\n"


async def test_a_thread_writes_at_once_and_loses_nobodys_line() -> None:
    out = io.StringIO()
    lines = Lines(out)
    lines.info("of the loop")
    thread = threading.Thread(target=lines.info, args=("of the thread",))
    thread.start()
    thread.join()
    assert out.getvalue() == "of the loop\nof the thread\n"


def test_a_loop_that_ended_before_its_tick_did_leaves_its_lines_to_the_next_one() -> None:
    out = io.StringIO()
    lines = Lines(out)

    def say_and_stop(loop: asyncio.AbstractEventLoop) -> None:
        loop.call_soon(loop.stop)
        lines._loop = None
        lines.info("one")

    loop = asyncio.new_event_loop()
    loop.call_soon(say_and_stop, loop)
    loop.run_forever()
    loop.close()

    async def two() -> None:
        lines.info("two")

    asyncio.run(two())
    assert out.getvalue() == "one\ntwo\n"


async def test_every_level_passes_the_masks_on_its_way_to_the_end_of_the_tick() -> None:
    before = structlog.get_config()
    out = io.StringIO()
    try:
        lines = configure_logging("json", "info", out)
        log = structlog.get_logger("x")
        log.info("one", pin="739154", caller="+8613900000001")
        log.debug("nobody hears it")
        log.error("two", note="code 739154")
        lines.flush()
    finally:
        structlog.configure(**before)
    assert out.getvalue().count("\n") == 2
    assert "739154" not in out.getvalue()
    assert "+8613900000001" not in out.getvalue()
