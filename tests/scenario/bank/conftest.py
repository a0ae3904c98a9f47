"""Databases that outlive the processes that are killed on them, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from core_client.adapters.sql.database import sqlite_url
from core_client.testing.world import seeded_file
from tests.contract.conftest import postgres, postgres_template
from tests.scenario.bank.killing import Killer, killer

__all__ = ["postgres", "postgres_template"]  # fixtures, taken over

_numbers = itertools.count(1)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peer("postgresql"))])
def new_bank(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Answers the URL of another database with the demo customers, whenever it is called."""
    if request.param == "sqlite":
        seeded = asyncio.run(seeded_file())

        def copied() -> str:
            return sqlite_url(Path(shutil.copy(seeded, tmp_path / f"bank-{next(_numbers)}.db")))

        yield copied
        return
    server: str = request.getfixturevalue("postgres")
    template: str = request.getfixturevalue("postgres_template")
    made: list[str] = []

    def make() -> str:
        name = f"tellerline_killed_{next(_numbers)}"
        _administer(server, *(f"DROP DATABASE {old} WITH (FORCE)" for old in made))  # of a loop: one at a time
        made[:] = [name]
        _administer(server, f"CREATE DATABASE {name} TEMPLATE {template}")
        return make_url(server).set(database=name).render_as_string(hide_password=False)

    yield make
    _administer(server, *(f"DROP DATABASE {old} WITH (FORCE)" for old in made))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peer("postgresql"))])
def empty_bank(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without a table."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path / "bank.db")
        return
    server: str = request.getfixturevalue("postgres")
    name = f"tellerline_killed_{next(_numbers)}"
    _administer(server, f"CREATE DATABASE {name}")
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def bank_url(new_bank: Callable[[], str]) -> str:
    """The URL of a database with the demo customers."""
    return new_bank()


def _administer(server: str, *statements: str) -> None:
    engine = create_engine(server, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


@pytest.fixture(scope="module")
def kill() -> Iterator[Killer]:
    """Has stories told to banks by processes that die."""
    with killer() as process:
        yield process
