"""Our client against a bank that Prism makes up from the specification: every request is lawful, no answer kills it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest

from core_client.adapters.gsma.asking import Asker, Patience
from core_client.adapters.gsma.bank import GsmaBank
from core_client.adapters.gsma.more import MoreOfTheBank
from core_client.adapters.gsma.transport import Endpoint, Transport, WireAnswer, WireRequest, open_transport
from core_client.domain.money import Money
from core_client.domain.transfers import TransferOrder
from core_client.errors import BankError
from tests.peers.core.prism import Running

pytestmark = pytest.mark.peer("prism")
AMOUNT = Money(1_234, "CNY")
ORDER = TransferOrder("intent-1", "acc-1", "440100003303", AMOUNT, "Li Lei 李雷")
PATIENT = Patience(timeout_s=30, attempt_s=20, attempts=1, failures_to_open=10_000)


class Noting:
    """A transport that writes down what went over it."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.exchanged: list[tuple[WireRequest, WireAnswer]] = []

    async def send(self, request: WireRequest, timeout_s: float) -> WireAnswer:
        answer = await self._inner.send(request, timeout_s)
        self.exchanged.append((request, answer))
        return answer


@contextlib.asynccontextmanager
async def client(url: str) -> AsyncIterator[tuple[GsmaBank, MoreOfTheBank, Noting]]:
    async def number_of(customer_id: int) -> str:
        return f"1000000{customer_id}"

    async with open_transport(Endpoint(url)) as transport:
        noting = Noting(transport)
        asker = Asker(noting, PATIENT)
        yield GsmaBank(asker, number_of, "organisationid@phone"), MoreOfTheBank(asker), noting


OF_REQUESTS = "iolation: request"
Work = Callable[[GsmaBank, MoreOfTheBank], Awaitable[Any]]
EVERYTHING: Mapping[str, Work] = {
    "accounts": lambda bank, _: bank.accounts(1),
    "account": lambda bank, _: bank.account(1, None),
    "recent": lambda bank, _: bank.recent(1, None, 5),
    "available": lambda bank, _: bank.available("acc-1"),
    "hold": lambda bank, _: bank.hold(ORDER),
    "post": lambda bank, _: bank.post("intent-1"),
    "void": lambda bank, _: bank.void("intent-1"),
    "reverse": lambda bank, _: bank.reverse("intent-1"),
    "query": lambda bank, _: bank.query("intent-1"),
    "heartbeat": lambda _, more: more.heartbeat(),
    "account name": lambda _, more: more.account_name("440100003303"),
    "quote": lambda _, more: more.quote("request-1", "acc-1", "440100003303", AMOUNT),
    "bill companies": lambda _, more: more.bill_companies(),
    "bills": lambda _, more: more.bills("power", "4711"),
    "pay bill": lambda _, more: more.pay_bill("intent-1", "power", "4711", "bill-1", AMOUNT),
}


@pytest.mark.parametrize("name", EVERYTHING)
async def test_every_request_of_ours_is_lawful(mock: Running, name: str) -> None:
    async with client(mock.url) as (bank, more, noting):
        with contextlib.suppress(BankError):  # a made-up answer need not make sense; the request has to
            await EVERYTHING[name](bank, more)
    assert noting.exchanged
    for request, answer in noting.exchanged:
        assert 200 <= answer.status < 300 or answer.status == 404, (request, answer)
    assert mock.violations(OF_REQUESTS) == []


async def test_the_requests_that_need_something_made_before_are_lawful_too(mock: Running) -> None:
    """Post, void and reverse look first; here what they then send is sent by itself."""
    async with client(mock.url) as (bank, _, noting):
        bank._codes["intent-1"] = _a_code()
        with contextlib.suppress(BankError):
            await bank.post("intent-1")
        with contextlib.suppress(BankError):
            await bank._use_up("intent-2")
        asker = bank._asker
        for method, path, body in (
            ("PATCH", "/accounts/accountid/1/authorisationcodes/c", [
                {"op": "replace", "path": "/codeState", "value": "cancelled"},
            ]),
            ("POST", "/transactions/1/reversals", {"type": "reversal"}),
        ):  # fmt: skip
            with contextlib.suppress(BankError):
                await asker.change(method, path, body, "0c1d2e3f-0000-4000-8000-000000000001")
    sent = [request.path for request, _ in noting.exchanged if request.method != "GET"]
    assert len(sent) >= 4
    assert all(answer.status < 300 for _, answer in noting.exchanged), noting.exchanged
    assert mock.violations(OF_REQUESTS) == []


async def test_no_answer_that_the_specification_allows_is_anything_but_a_value_or_an_error_of_the_bank(
    inventive_mock: Running,
) -> None:
    answered = 0
    async with client(inventive_mock.url) as (bank, more, _):
        for _ in range(3):
            told = await asyncio.gather(*(work(bank, more) for work in EVERYTHING.values()), return_exceptions=True)
            strange = [one for one in told if isinstance(one, BaseException) and not isinstance(one, BankError)]
            assert strange == []
            answered += sum(not isinstance(one, BaseException) for one in told)
    assert answered  # else all that was proven is that nothing can be read


def _a_code() -> Any:
    from core_client.adapters.gsma.reading import Code

    return Code("code-1", "active", "acc-1", AMOUNT, "440100003303", "Li Lei 李雷")
