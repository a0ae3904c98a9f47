"""What must be true of a bank after its processes were killed, wherever that was."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import AsyncIterator
from functools import cache
from typing import cast

from core_client.adapters.sql.reconciling import reconcile
from core_client.domain.money import Money
from core_client.domain.transfers import LAST_WORDS, TransferState
from core_client.ports.core_bank import HoldState
from core_client.testing.clock import ManualClock
from core_client.testing.world import World, world
from flows.vault import Vault
from sms.gateway import SmsGateway
from sounds.catalogue import Catalogue
from tellerline.late_results import LateResults
from tests.scenario.bank.dying_stories import profile_of

BEFORE = Money(1_234_567, "CNY")
DAY_S = 86_400
FINALS = frozenset({"posted", "voided", "reversed", "expired", "prepared", "held", ""})
WORDS = {TransferState.POSTED: "已成功", TransferState.VOIDED: "没有成功", TransferState.REVERSED: "已冲正"}


@dataclasses.dataclass(frozen=True, slots=True)
class Kill:
    """Where a story is killed, and where its money is when it is told again, or when nobody ever asks again."""

    story: str
    label: str
    again: str
    never: str

    def __str__(self) -> str:
        return f"{self.story} at {self.label}"


KILLS = (
    Kill("transfer", "intent.prepared", "posted", "expired"),
    *(Kill("transfer", label, "posted", "posted")
      for label in ("intent.authorised", "hold.placed", "intent.held", "transfer.posted", "intent.posted")),
    Kill("call_off", "intent.cancelling", "voided", "posted"),  # nobody has told the ledger
    Kill("call_off", "hold.released", "voided", "voided"),
    Kill("call_off", "intent.voided", "voided", "voided"),
    *(Kill("reverse", label, "reversed", "reversed")
      for label in ("intent.reversing", "transfer.reversed", "intent.reversed")),
    Kill("order_cash", "intent.prepared", "held", "expired"),
    Kill("order_cash", "intent.authorised", "voided", "voided"),
    *(Kill("order_cash", label, "held", "voided") for label in ("hold.placed", "intent.held", "cash.ordered")),
    Kill("collect", "cash.collecting", "posted", "voided"),
    *(Kill("collect", label, "posted", "reversed") for label in ("transfer.posted", "intent.posted", "cash.booked")),
    Kill("collect", "cash.collected", "posted", "posted"),  # the machine may have paid out
    *(Kill("not_paid_out", label, "reversed", "reversed") for label in ("cash.ended", "cash.booked_back")),
    *(Kill("give_up", label, "voided", "voided")
      for label in ("cash.ended", "intent.cancelling", "hold.released", "intent.voided")),
    *(Kill("forgotten", label, "reversed", "reversed") for label in ("cash.ended", "cash.booked_back")),
    Kill("freeze", "account.frozen", "", ""),
)  # fmt: skip


@cache
def _catalogue() -> Catalogue:
    return Catalogue.load()


class Texts:
    """Takes texts as the gateway does: one under one name."""

    def __init__(self) -> None:
        self.sent: dict[str, str] = {}

    async def send(self, _number: str, text: str, name: str) -> None:
        assert name not in self.sent
        self.sent[name] = text


async def assert_sound(bank: World, final: str, hundreds: int, written: str | None = None) -> None:
    """The books add up and reconcile, the chain is whole, and the money is where it is said to be."""
    amount = Money(hundreds * 10_000, "CNY")
    account = await bank.bank.ledger.account(1, None)
    assert account.booked == (BEFORE - amount if final == "posted" else BEFORE)
    assert account.available == (BEFORE - amount if final in ("posted", "held") else BEFORE)
    await bank.bank.ledger.check_books()
    assert (await bank.bank.admin.check_audit()).broken_at is None
    assert (await reconcile(bank.bank.database)).differences == []
    intents = await bank.bank.ports.intents.in_states(frozenset(TransferState))
    assert [one.state.value for one in intents] == ([written or final] if final else [])


@contextlib.asynccontextmanager
async def settled(url: str, story: str) -> AsyncIterator[tuple[World, Texts]]:
    """Open the bank at once, and let a day go by in which nobody asks for anything."""
    texts, clock = Texts(), ManualClock()
    async with world(database_url=url, profile=profile_of(story), clock=clock) as bank:
        late = LateResults(bank.bank, _catalogue(), cast("SmsGateway", texts), Vault())
        for passed_s in (0, 61, 61, 600, 600, 600, 600, DAY_S, 61):
            clock.advance(passed_s)
            await late.look()
        yield bank, texts


async def assert_settled(url: str, story: str, final: str, hundreds: int) -> None:
    """After a day without faults everything has its last word, and the one text that is owed said it."""
    async with settled(url, story) as (bank, texts):
        await assert_sound(bank, final, hundreds)
        assert (await reconcile(bank.bank.database)).open == []
        intents = await bank.bank.ports.intents.in_states(LAST_WORDS)
        assert len(texts.sent) == len(intents)
        for intent, text in zip(intents, texts.sent.values(), strict=True):
            assert WORDS[intent.state] in text


async def assert_some_truth(bank: World, hundreds: int) -> str:
    """Wherever a story was cut off: its money is where its intent says; answer where."""
    intents = await bank.bank.ports.intents.in_states(frozenset(TransferState))
    final = intents[0].state.value if intents else ""
    assert final in FINALS
    if final == "held":  # or let go, or booked, already, and that is not written down before its time is over
        held = (await bank.bank.ledger.query(intents[0].id))[0]
        assert held in (HoldState.HELD, HoldState.VOIDED, HoldState.POSTED)
        final = held.value
    await assert_sound(bank, final, hundreds, intents[0].state.value if intents else "")
    return final


def assert_spoken(final: str, last: object) -> None:
    """What was heard last agrees with where the money is."""
    assert isinstance(last, dict)
    good = {
        "posted": ("ok", "pay"),
        "voided": ("ok", "refused"),
        "held": ("ok",),
        "reversed": ("ok",),
        "": ("refused",),
    }
    assert last["outcome"] in good[final]
    if final == "voided" and last["outcome"] == "ok":
        assert last["step"] in ("cancel", "give_up")
