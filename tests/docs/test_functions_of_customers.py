"""What customers can do: each function is an operation, a way by phone, words by text, and a conversation of either.

One row a function. A row fails when its operation is gone, when no key or no word leads to it any more, or when none of
its conversations comes to it on a channel that it is offered on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from core_client.operations import REGISTRY
from flows.coverage import Seen
from flows.dialogue import Channel, Turn, What
from flows.session import Session
from flows.store import FlowStore
from tellerline.demo import CONVERSATIONS
from tellerline.operations_page import LINE, reached
from tellerline.trying.engine import Watch
from tellerline.trying.loader import load_conversation
from tellerline.trying.runs import run_conversation

V, S = Channel.VOICE, Channel.SMS
BOTH = (V, S)
FLOW = FlowStore().current(LINE)


@dataclass(frozen=True, slots=True)
class Row:
    """A function, the operation that it is, where it is offered, and conversations that come to it."""

    function: str
    operation: str
    channels: tuple[Channel, ...]
    conversations: tuple[str, ...]


ROWS = (
    Row("balance", "accounts.list", BOTH, ("balance/one_of_several", "texts/balance_by_text")),
    Row("balance of one account", "accounts.balance", (V,), ("balance/balance_en",)),
    Row("balance after a missed call", "customer.missed_call_balance", BOTH,
        ("messages/missed_calls_by_phone", "messages/missed_calls_by_text")),
    Row("mini statement", "accounts.recent", BOTH, ("services/papers_by_phone", "services/services_by_text")),
    Row("statement request", "accounts.request_statement", BOTH,
        ("services/papers_by_phone", "services/services_by_text")),
    Row("transfer to a registered payee", "transfers.prepare", BOTH,
        ("transfers/transfer_by_voice", "texts/transfer_by_text")),
    Row("transfer, carried out", "transfers.authorise", BOTH,
        ("transfers/transfer_by_voice", "texts/transfer_by_text")),
    Row("transfer between own accounts", "transfers.prepare_own", BOTH,
        ("transfers/*own*", "transfers/called_off*", "texts/transfers_by_text")),
    Row("transfer to any account, here or at another bank", "transfers.prepare_account", (V,),
        ("transfers/other*", "transfers/*any*", "transfers/*account*")),
    Row("cancel a pending transfer", "transfers.cancel", BOTH,
        ("transfers/*own*", "transfers/called_off*", "texts/transfers_by_text")),
    Row("payee add", "payees.add", BOTH, ("pay*/*",)),
    Row("payee remove", "payees.remove", BOTH, ("pay*/*",)),
    Row("bills", "bills.prepare", BOTH, ("pay*/*",)),
    Row("what a bill asks for", "bills.due", BOTH, ("pay*/*",)),
    Row("top-up", "top_up.prepare", BOTH, ("pay*/*",)),
    Row("cash without a card", "cash.order", BOTH, ("pay*/*",)),
    Row("cash without a card, given up", "cash.cancel", BOTH, ("pay*/*",)),
    Row("card block", "cards.block", BOTH, ("cards/card_block", "texts/block_by_text")),
    Row("card unblock request", "cards.request_unblock", BOTH, ("cards/*", "pay*/*")),
    Row("unfreeze request", "accounts.request_unfreeze", BOTH, ("cards/*", "pay*/*")),
    Row("freeze my account", "accounts.freeze", BOTH, ("cards/*", "pay*/*")),
    Row("cheque status", "cheques.status", BOTH, ("services/papers_by_phone", "services/services_by_text")),
    Row("cheque stop", "cheques.stop", BOTH, ("services/papers_by_phone", "services/services_by_text")),
    Row("cheque book", "cheques.order_book", BOTH, ("services/papers_by_phone", "services/services_by_text")),
    Row("deposit rates", "rates.deposit", BOTH, ("services/rates_by_phone", "services/services_by_text")),
    Row("exchange rates", "rates.exchange", BOTH, ("services/rates_by_phone", "services/services_by_text")),
    Row("products", "products.list", BOTH, ("services/rates_by_phone", "services/services_by_text")),
    Row("loan balance and next payment", "loans.list", BOTH,
        ("services/loans_by_phone", "services/services_by_text")),
    Row("loan enquiry", "loans.quote", BOTH, ("services/loans_by_phone", "services/services_by_text")),
    Row("callback", "service.request_callback", BOTH, ("services/loans_by_phone", "texts/every_command")),
    Row("PIN", "auth.verify_pin", (V,), ("proof/wrong_pin",)),
    Row("alerts on and off, with a threshold", "alerts.set", BOTH,
        ("services/alerts_by_phone", "services/services_by_text")),
    Row("alerts shown", "alerts.show", BOTH, ("services/alerts_by_phone", "services/services_by_text")),
    Row("branch and cash machine locator", "branches.find", BOTH,
        ("services/branches_by_phone", "services/services_by_text")),
    Row("addresses by text", "branches.text", (V,), ("services/branches_by_phone",)),
    Row("appointment", "appointments.book", BOTH,
        ("services/appointments_by_phone", "services/appointments_by_text")),
    Row("appointment given up", "appointments.cancel", BOTH,
        ("services/appointments_by_phone", "services/appointments_by_text")),
    Row("complaint", "service.complain", BOTH, ("services/complaints",)),
    Row("language", "customer.set_language", BOTH, ("way_in/first_call", "services/services_by_text")),
)  # fmt: skip
GATES = ("auth.verify_pin",)  # asked before other steps, never by a key of its own


class _Visited(Seen):
    """Which steps a conversation came to, by channel."""

    def __init__(self) -> None:
        super().__init__()
        self.here: set[tuple[str, Channel]] = set()

    def turned(self, session: Session, turn: Turn, before: Session | None) -> None:
        """See :class:`~flows.runner.Observer`."""
        self.here |= {(mark.step, session.channel) for mark in turn.trail if mark.what is What.ENTERED}


@cache
def visited(file: Path) -> frozenset[tuple[str, Channel]]:
    """Answer what a conversation comes to; each is played once."""
    conversation, seen = load_conversation(file), _Visited()
    if "engine" not in conversation.through:
        return frozenset()
    result = run_conversation(conversation, "engine", watch=Watch(observer=seen))
    assert result.passed, f"{result.mismatch}\n{result.transcript.plain()}"
    return frozenset(seen.here)


def files(row: Row) -> Iterator[Path]:
    """Answer the conversations of a row."""
    for name in row.conversations:
        found = sorted(CONVERSATIONS.glob(f"{name}.yaml"))
        assert found or "*" in name, f"there is no conversation {name}"
        yield from found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.function)
def test_a_function_is_offered_reached_and_conversed_about(row: Row) -> None:
    operation = REGISTRY[row.operation]
    there = reached(FLOW, row.operation)
    if V in row.channels:
        assert operation.voice
        assert there.keys or row.operation in GATES, "no key leads to it"
    if S in row.channels:
        assert operation.sms
        assert all(there.words[language] for language in FLOW.languages), "no word leads to it in some language"
    missing = {(step, channel) for step in there.steps for channel in row.channels}
    lacking = set(row.channels)
    for file in files(row):
        lacking -= {channel for step, channel in visited(file) & missing}
        if not lacking:
            return
    raise AssertionError(f"no conversation of {row.conversations} comes to it by {sorted(lacking)}")


def test_every_operation_that_is_offered_to_customers_has_its_row() -> None:
    """What prepares, lists or proves on the way to another one needs none."""
    on_the_way = {
        "identity.claim", "auth.issue_code", "auth.verify_code", "appointments.offer", "appointments.slots",
        "appointments.next", "payees.list", "payees.prepare_add", "payees.prepare_remove", "transfers.pending",
        "payees.drop", "bills.billers", "cash.prepare", "customer.stop_messages",
    }  # fmt: skip
    listed = {row.operation for row in ROWS}
    assert set(REGISTRY) - on_the_way - listed == set()
