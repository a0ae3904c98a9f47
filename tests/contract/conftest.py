"""Every store's contract runs on both databases. One server and one seeded template serve a whole test run."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from core_client.adapters.sql.database import sqlite_url
from core_client.testing.world import MEMORY, World, world
from tests.contract.postgres_server import postgres_url

OpenWorld = Callable[..., AbstractAsyncContextManager[World]]
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with postgres_url() as url:
        yield url


def _administer(url: str, statement: str) -> None:
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


@pytest.fixture(scope="session")
def postgres_template(postgres: str) -> str:
    """The URL of a database that is migrated and seeded, and that others are copied from."""
    import asyncio

    name = f"tellerline_template_{next(_numbers)}"
    _administer(postgres, f"CREATE DATABASE {name}")
    url = make_url(postgres).set(database=name).render_as_string(hide_password=False)

    async def fill() -> None:
        async with world(database_url=url):
            pass

    asyncio.run(fill())
    return name


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peer("postgresql"))])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a fresh database, on SQLite and on PostgreSQL; with the demo customers on the latter."""
    if request.param == "sqlite":
        with TemporaryDirectory(prefix="tellerline-contract-", dir=MEMORY) as folder:
            yield sqlite_url(Path(folder) / "bank.db")
        return
    server: str = request.getfixturevalue("postgres")
    template: str = request.getfixturevalue("postgres_template")
    name = f"tellerline_{next(_numbers)}"
    _administer(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def open_world(database_url: str) -> OpenWorld:
    """Opens worlds on one and the same fresh database: as many nodes as a test wants."""
    return partial(world, database_url=database_url)


@pytest.fixture
async def bank(open_world: OpenWorld) -> AsyncIterator[World]:
    async with open_world() as opened:
        yield opened
