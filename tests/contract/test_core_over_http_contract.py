"""The CoreBank's contract once more, with HTTP between the two: every test of the ledger's own suite, unchanged."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from typing import cast

import pytest

from core_client.adapters.embedded import EmbeddedBank
from core_client.adapters.sql.ledger import SqlBank
from core_client.testing.world import World
from tests.contract import test_ledger_contract
from tests.contract.conftest import OpenWorld
from tests.contract.core_over_http import client_of, endpoint, face_of
from tests.contract.test_ledger_contract import *  # noqa: F403 - the suite


@pytest.fixture
async def bank(open_world: OpenWorld) -> AsyncIterator[World]:
    """A world whose ledger is asked over HTTP."""
    async with open_world() as opened, face_of(opened) as url, client_of(opened, endpoint(url)) as client:
        ledger = cast("SqlBank", client)
        behind: EmbeddedBank = dataclasses.replace(opened.bank, ledger=ledger)
        yield dataclasses.replace(opened, bank=behind)


def test_the_whole_suite_of_the_ledger_runs_here() -> None:
    theirs = {name for name in vars(test_ledger_contract) if name.startswith("test_")}
    assert theirs
    assert theirs <= globals().keys()
