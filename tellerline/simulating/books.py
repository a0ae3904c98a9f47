"""What the books may never do, checked after every commit, against a second account of them that is kept here.

The rules are written down a second time on purpose: nothing here asks the product whether the product is right.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class Invariant(StrEnum):
    """What must hold; the numbers are those of docs/howto/simulate.md."""

    BALANCED = "1 money is neither made nor lost"
    FLOOR = "1 nothing falls below its floor"
    WHOLE = "1 money is whole minor units"
    ONCE = "2 one intent, at most one posting"
    NOTES = "2 notes come out once, for what is booked"
    HOLD = "3 a hold resolves once"
    REVERSAL = "3 a reversal is a new entry"
    MOVES = "4 an intent moves as the table says"
    UNKNOWN = "4 unknown leaves by the ledger's word"
    DURABLE = "5 what was said was durable"
    TOLD = "5 what was said stays true"
    TOLD_ONCE = "5 nobody is told twice"
    UNTOLD = "5 nobody is left untold"
    FROZEN = "6 nothing leaves a frozen account"
    AUTHORISED = "6 money moves on its own authorisation alone"
    COUNTER = "7 five failures over all channels lock"
    AUDIT = "8 the audit chain is whole and has every move"
    RECONCILED = "9 intents, holds and journals agree"
    SETTLED = "9 everything settles when faults stop"
    FAILED = "0 nothing fails that nobody foresaw"


@dataclass(frozen=True, slots=True)
class Broken:
    """An invariant that did not hold."""

    invariant: Invariant
    detail: str


Row = tuple[Any, ...]
_MOVES: Mapping[str | None, frozenset[str]] = MappingProxyType(
    {
        None: frozenset({"prepared"}),
        "prepared": frozenset({"authorised", "voided", "expired"}),
        "authorised": frozenset({"held", "posted", "voided", "unknown"}),
        "held": frozenset({"posted", "voided", "unknown"}),
        "unknown": frozenset({"posted", "voided"}),
        "posted": frozenset({"reversed"}),
        "voided": frozenset(),
        "expired": frozenset(),
        "reversed": frozenset(),
    }
)
_HOLDS: Mapping[str | None, frozenset[str]] = MappingProxyType(
    {
        None: frozenset({"held", "voided"}),
        "held": frozenset({"posted", "voided"}),
        "posted": frozenset({"reversed"}),
        "voided": frozenset(),
        "reversed": frozenset(),
    }
)
UNDER_WAY = frozenset({"authorised", "held", "unknown"})


@dataclass(slots=True)
class Shadow:
    """One intent as the books have it."""

    state: str = "prepared"
    authorised_by: str | None = None
    reference: str | None = None  # of the intent's row
    hold: str | None = None  # the ledger's state
    held_minor: int = 0
    debtor: int | None = None
    posted: str | None = None  # the reference of its one transfer journal
    reversed: str | None = None


@dataclass(slots=True)
class _Account:
    booked: int = 0
    held: int = 0
    floor: int | None = None
    entries: int = 0
    currency: str = ""

    @property
    def available(self) -> int:
        """What may be spent."""
        return self.booked - self.held - (self.floor or 0)


@dataclass(slots=True)
class _Window:
    """What one look found."""

    journals: dict[int, dict[str, int]] = field(default_factory=dict)  # the sum of each, by currency
    lines: dict[tuple[int, int], int] = field(default_factory=dict)  # by journal and account
    accounts: dict[int, None] = field(default_factory=dict)
    intents: dict[str, str] = field(default_factory=dict)  # those that moved, and where to
    posted: dict[str, int] = field(default_factory=dict)  # intents, and the journal of each
    resolved: list[str] = field(default_factory=list)
    audited: list[str] = field(default_factory=list)


class Books:
    """Reads what was committed, and says what is wrong with it."""

    def __init__(self, broken: Callable[[Broken], None], now_s: Callable[[], float]) -> None:
        self._broken = broken
        self._now_s = now_s
        self.seq = 0
        self._last: Row | None = None
        self.intents: dict[str, Shadow] = {}
        self.accounts: dict[int, _Account] = {}
        self.available: dict[int, list[tuple[float, int]]] = {}  # (since when, how much) of each account
        self._held: dict[int, int] = {}
        self.frozen: set[int] = set()
        self._head: tuple[int, str] = (0, "0" * 64)
        self.may_reverse: Callable[[str], bool] = lambda _intent: True
        self.may_move: Callable[[str, str | None, int], str | None] = lambda _intent, _request, _minor: None
        self.counted: Callable[[str, int, int], None] = lambda _subject, _failures, _under_way: None

    def adopt(self, connection: sqlite3.Connection) -> None:
        """Begin with the accounts that are there."""
        rows = connection.execute("SELECT id, booked_minor, held_minor, floor_minor, currency, frozen FROM accounts")
        for identity, booked, held, floor, currency, frozen in rows:
            self.accounts[identity] = _Account(booked, held, floor, booked, currency)
            self.available[identity] = [(0.0, self.accounts[identity].available)]
            if frozen:
                self.frozen.add(identity)
        head = connection.execute("SELECT seq, hash FROM audit_head").fetchone()
        self._head = (head[0], head[1])

    def look(self, connection: sqlite3.Connection) -> None:
        """Read what was committed since the last look, and check it."""
        rows = connection.execute(
            "SELECT seq, what, key, a, b, c, d, e FROM sim_log WHERE seq > ? ORDER BY seq", (self.seq,)
        ).fetchall()
        if not rows:
            return
        self.seq, self._last = rows[-1][0], rows[-1]
        window = _Window()
        for _seq, what, *rest in rows:
            getattr(self, f"_{what}")(window, *rest)
        self._check(window)

    def after_power_cut(self, connection: sqlite3.Connection) -> None:
        """Check that nothing is gone that was committed before the power went."""
        if self._last is None:
            return
        kept = connection.execute(
            "SELECT seq, what, key, a, b, c, d, e FROM sim_log WHERE seq = ?", (self.seq,)
        ).fetchone()
        if kept != self._last:
            self._say(Invariant.DURABLE, f"change {self.seq} was committed, and the disk has forgotten it")

    # --- one row each ---

    def _intent(self, window: _Window, key: str, before: str | None, after: str, by: str | None,
                reference: str | None, changed: str | None) -> None:  # fmt: skip
        shadow = self.intents.setdefault(key, Shadow())
        if changed not in (None, "0"):
            self._say(Invariant.AUTHORISED, f"intent {_short(key)}: amount, payee or account changed after it was made")
        if before != after:
            if after not in _MOVES.get(before, frozenset()):
                self._say(Invariant.MOVES, f"intent {_short(key)} went from {before} to {after}")
            if before == "unknown" and after == "voided" and shadow.hold != "voided":
                self._say(Invariant.UNKNOWN, f"intent {_short(key)} left unknown though the ledger says {shadow.hold}")
            window.intents[key] = after
        shadow.state, shadow.authorised_by, shadow.reference = after, by, reference

    def _hold(self, window: _Window, key: str, before: str | None, after: str, debtor: str | None, amount: str,
              changed: str | None) -> None:  # fmt: skip
        shadow = self.intents.setdefault(key, Shadow(state="none"))
        if changed not in (None, "0"):
            self._say(Invariant.AUTHORISED, f"the hold of {_short(key)} changed its amount")
        if before == after:
            return
        if after not in _HOLDS.get(before, frozenset()):
            self._say(Invariant.HOLD, f"the hold of {_short(key)} went from {before} to {after}")
        if after == "held" and debtor is not None:
            shadow.debtor, shadow.held_minor = int(debtor), int(amount)
            self._held[shadow.debtor] = self._held.get(shadow.debtor, 0) + shadow.held_minor
            window.accounts[shadow.debtor] = None
            if shadow.authorised_by is None:
                self._say(Invariant.AUTHORISED, f"{_short(key)} is held, and nobody authorised it")
        if after in ("held", "posted") and shadow.debtor in self.frozen:
            self._say(Invariant.FROZEN, f"{_short(key)} is {after} from account {shadow.debtor}, which is frozen")
        if before == "held" and shadow.debtor is not None:
            self._held[shadow.debtor] -= shadow.held_minor
            window.accounts[shadow.debtor] = None
            window.resolved.append(key)
        shadow.hold = after

    def _journal(self, window: _Window, key: str, kind: str, intent: str | None, reference: str, *_: object) -> None:
        window.journals.setdefault(int(key), {})
        if intent is None:
            return
        shadow = self.intents.setdefault(intent, Shadow(state="none"))
        if kind == "reversal":
            if shadow.posted is None or shadow.reversed is not None:
                self._say(Invariant.REVERSAL, f"{_short(intent)} was booked back without being booked, or twice")
            elif not self.may_reverse(intent):
                self._say(Invariant.REVERSAL, f"{_short(intent)} was booked back, and nobody may have wanted it")
            shadow.reversed = reference
        elif shadow.posted is not None:
            self._say(Invariant.ONCE, f"{_short(intent)} was posted as {shadow.posted}, and again as {reference}")
        else:
            shadow.posted = reference
            window.posted[intent] = int(key)

    def _entry(self, window: _Window, key: str, journal: str, account: str, amount: str, currency: str,
               kind: str) -> None:  # fmt: skip
        if kind != "integer":
            self._say(Invariant.WHOLE, f"entry {key} is {amount}, of type {kind}")
            return
        sums = window.journals.setdefault(int(journal), {})
        sums[currency] = sums.get(currency, 0) + int(amount)
        line = (int(journal), int(account))
        window.lines[line] = window.lines.get(line, 0) + int(amount)
        found = self.accounts[int(account)]
        found.entries += int(amount)
        if found.currency != currency:
            self._say(Invariant.BALANCED, f"{currency} booked on account {account}, which is in {found.currency}")
        window.accounts[int(account)] = None

    def _account(self, window: _Window, key: str, booked: str, held: str, floor: str | None, kind: str,
                 held_kind: str) -> None:  # fmt: skip
        if kind != "integer" or held_kind != "integer":
            self._say(
                Invariant.WHOLE, f"account {key} has {booked} booked and {held} held, of types {kind}, {held_kind}"
            )
            return
        found = self.accounts[int(key)]
        found.booked, found.held, found.floor = int(booked), int(held), None if floor is None else int(floor)
        window.accounts[int(key)] = None

    def _opened(self, _window: _Window, key: str, booked: str, held: str, floor: str | None, currency: str,
                *_: object) -> None:  # fmt: skip
        opened = _Account(int(booked), int(held), None if floor is None else int(floor), 0, currency)
        self.accounts[int(key)] = opened
        self.available[int(key)] = [(self._now_s(), opened.available)]

    def _audit(self, window: _Window, key: str, digest: str, body: str, *_: object) -> None:
        seq, previous = self._head
        expected = hashlib.sha256(f"{previous}\n{seq + 1}\n{body}".encode()).hexdigest()
        if int(key) != seq + 1 or digest != expected:
            self._say(Invariant.AUDIT, f"audit row {key} does not follow row {seq}")
        self._head = (int(key), digest)
        window.audited.append(body)

    def _attempt(self, _window: _Window, key: str, failures: str, under_way: str, *_: object) -> None:
        self.counted(key, int(failures), int(under_way))

    def _frozen(self, _window: _Window, key: str, frozen: str, *_: object) -> None:
        (self.frozen.add if int(frozen) else self.frozen.discard)(int(key))

    def _changed(self, _window: _Window, key: str, *_: object) -> None:
        self._say(Invariant.AUDIT if key.startswith("audit") else Invariant.REVERSAL, f"{key} was changed")

    def _deleted(self, _window: _Window, key: str, *_: object) -> None:
        self._say(Invariant.AUDIT if key.startswith("audit") else Invariant.REVERSAL, f"{key} was deleted")

    # --- all of one commit ---

    def _check(self, window: _Window) -> None:
        for journal, sums in window.journals.items():
            if not sums or any(sums.values()):
                self._say(Invariant.BALANCED, f"journal {journal} sums to {sums or 'nothing'}")
        for account in window.accounts:
            self._check_account(account)
        totals: dict[str, int] = {}
        for found in self.accounts.values():
            totals[found.currency] = totals.get(found.currency, 0) + found.booked
        if any(totals.values()):
            self._say(Invariant.BALANCED, f"all accounts together are {totals}")
        for intent, journal in window.posted.items():
            self._check_posting(intent, journal, window)
        for intent, state in window.intents.items():
            self._check_move(intent, state, window)

    def _check_account(self, account: int) -> None:
        found = self.accounts[account]
        if found.booked != found.entries:
            self._say(Invariant.BALANCED, f"account {account} has {found.booked}, its entries sum to {found.entries}")
        if found.held != self._held.get(account, 0):
            holds = self._held.get(account, 0)
            self._say(Invariant.HOLD, f"account {account} holds {found.held}, its holds sum to {holds}")
        if found.held < 0 or (found.floor is not None and found.available < 0):
            self._say(Invariant.FLOOR, f"account {account} has {found.available} left, with {found.held} held")
        history = self.available[account]
        if history[-1][1] != found.available:
            history.append((self._now_s(), found.available))

    def _check_posting(self, intent: str, journal: int, window: _Window) -> None:
        shadow = self.intents[intent]
        if shadow.hold != "posted" or intent not in window.resolved:
            self._say(Invariant.HOLD, f"{_short(intent)} was posted without a hold that it resolves ({shadow.hold})")
        if shadow.state not in UNDER_WAY:
            self._say(Invariant.AUTHORISED, f"{_short(intent)} was posted while it is {shadow.state}")
        paid = -window.lines.get((journal, shadow.debtor or 0), 0)
        if wrong := self.may_move(intent, shadow.authorised_by, paid):
            self._say(Invariant.AUTHORISED, f"{_short(intent)} was posted: {wrong}")

    def _check_move(self, intent: str, state: str, window: _Window) -> None:
        shadow = self.intents[intent]
        if state == "posted" and (shadow.posted is None or shadow.posted != shadow.reference):
            self._say(
                Invariant.RECONCILED, f"{_short(intent)} says posted as {shadow.reference}; booked: {shadow.posted}"
            )
        if state in ("voided", "expired") and shadow.hold in ("held", "posted"):
            self._say(Invariant.RECONCILED, f"{_short(intent)} is {state}, and the ledger has it {shadow.hold}")
        if state == "expired" and shadow.authorised_by is not None:
            self._say(Invariant.UNKNOWN, f"{_short(intent)} was authorised, and expired by time")
        if not any(_tells(body, intent, state) for body in window.audited):
            self._say(Invariant.AUDIT, f"{_short(intent)} became {state}, and no audit row says so")

    def _say(self, invariant: Invariant, detail: str) -> None:
        self._broken(Broken(invariant, detail))


def _short(intent: str) -> str:
    return intent[:8]


def _tells(body: str, intent: str, state: str) -> bool:
    """Answer whether an audit row is about this move; what lapses by itself is written down all together."""
    return intent in body or (state == "expired" and "intents.expired" in body)
