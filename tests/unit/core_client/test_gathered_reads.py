from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from core_client.adapters.sql import gathering
from core_client.adapters.sql.database import Database, open_database, sqlite_url
from core_client.adapters.sql.gathering import Gathered
from core_client.adapters.sql.statements import Tx
from core_client.errors import Unavailable


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(sqlite_url(tmp_path / "bank.db")) as opened:
        yield opened


class Reads:
    """Answers the double of every key but 13, and remembers what was asked together."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def __call__(self, tx: Tx, keys: Sequence[int]) -> dict[int, int]:
        self.batches.append(list(keys))
        return {key: key * 2 for key in keys if key != 13}


async def test_what_is_asked_in_one_tick_is_one_read_and_everybody_gets_their_own(database: Database) -> None:
    reads = Reads()
    gathered = Gathered(database, reads)
    assert await asyncio.gather(*map(gathered.ask, [1, 2, 2, 13])) == [2, 4, 4, None]
    assert reads.batches == [[1, 2, 13]]


async def test_what_is_asked_while_a_read_is_under_way_goes_in_the_next_one(database: Database) -> None:
    reads = Reads()
    gathered = Gathered(database, reads)
    first = gathered.ask(1)
    await asyncio.sleep(0)  # the first read has begun
    answers = await asyncio.gather(*(first, gathered.ask(2), gathered.ask(3)))
    assert list(answers) == [2, 4, 6]
    assert reads.batches == [[1], [2, 3]]


async def test_more_than_fit_into_one_read_go_in_several(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MAX_TOGETHER", 2)
    reads = Reads()
    gathered = Gathered(database, reads)
    assert await asyncio.gather(*map(gathered.ask, range(5))) == [0, 2, 4, 6, 8]
    assert reads.batches == [[0, 1], [2, 3], [4]]


async def test_a_read_that_fails_fails_for_all_of_it_and_for_nothing_after_it(database: Database) -> None:
    def broken(tx: Tx, keys: Sequence[int]) -> dict[int, int]:
        if 1 in keys:
            raise Unavailable("no disk")
        return {2: 4}

    gathered = Gathered(database, broken)
    answers = await asyncio.gather(gathered.ask(1), gathered.ask(2), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable, Unavailable]
    assert await gathered.ask(2) == 4


async def test_who_leaves_takes_nobody_along(database: Database) -> None:
    gathered = Gathered(database, Reads())
    left, stays = gathered.ask(1), gathered.ask(2)
    left.cancel()
    assert await stays == 4


async def test_when_too_many_wait_the_next_is_told_so(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MAX_WAITING", 2)
    gathered = Gathered(database, Reads())
    asked = [gathered.ask(1), gathered.ask(2)]
    with pytest.raises(Unavailable):
        gathered.ask(3)
    assert await asyncio.gather(*asked) == [2, 4]


async def test_a_database_that_trips_is_told_and_the_next_reads_go_on(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trip(work: object) -> None:
        raise RuntimeError("a thread did not start")

    gathered = Gathered(database, Reads())
    with monkeypatch.context() as patch:
        patch.setattr(database, "ask", trip)
        with pytest.raises(RuntimeError):
            await asyncio.wait_for(gathered.ask(1), 5)
    assert await asyncio.wait_for(gathered.ask(1), 5) == 2
