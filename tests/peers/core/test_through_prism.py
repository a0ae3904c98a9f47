"""The ledger's whole suite once more, with Prism between our client and our face: it lets only the lawful through."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from typing import Any, cast

import aiohttp
import pytest

from core_client.adapters.gsma.asking import Patience
from core_client.domain.money import Money
from core_client.testing.world import World, world
from tellerline.bank_face.face import Face
from tellerline.bank_face.serving import serving
from tests.contract.core_over_http import KEY, SETTINGS, client_of, endpoint
from tests.contract.test_ledger_contract import *  # noqa: F403 - the suite
from tests.contract.test_ledger_contract import order
from tests.peers.core.conftest import Proxy

pytestmark = pytest.mark.peer("prism")
PATIENT = Patience(timeout_s=40, attempt_s=20)  # Prism reads every schema anew for every request


@pytest.fixture
async def bank(proxy: Proxy) -> AsyncIterator[World]:
    """A world whose ledger is asked through the proxy. What the proxy refused fails the test, whatever else passed."""
    before = len(proxy.running.violations())
    async with world() as opened, serving(Face(opened.bank, KEY, SETTINGS), "127.0.0.1", proxy.upstream_port) as port:
        where = endpoint(proxy.running.url, f"http://127.0.0.1:{port}/oauth2/token")
        async with client_of(opened, where, PATIENT) as client:
            behind = dataclasses.replace(opened.bank, ledger=cast("Any", client))
            yield dataclasses.replace(opened, bank=behind)
    assert proxy.running.violations()[before:] == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/transactions/type/transfer", {"amount": "-1.00", "currency": "CNY"}),
        ("/transactions/1/reversals", {"type": "undo"}),
        ("/accounts/accountid/1/authorisationcodes", {"amount": 5}),
        ("/quotations", {}),
    ],
)
async def test_the_proxy_does_refuse_what_the_specification_does_not_have(
    proxy: Proxy, path: str, body: dict[str, object]
) -> None:
    async with aiohttp.ClientSession() as http, http.post(proxy.running.url + path, json=body) as answer:
        assert answer.status == 422, await answer.text()


async def test_entries_accounts_and_quotations_pass_the_proxy(bank: World) -> None:
    ledger: Any = bank.bank.ledger
    await ledger.hold(await order(bank))
    await ledger.post("intent-1")
    accounts = await ledger.accounts(1)
    assert [account.default for account in accounts] == [True] + [False] * (len(accounts) - 1)
    _, entries = await ledger.recent(1, None, 5)
    assert entries[0].amount == Money(-50_000, "CNY")
