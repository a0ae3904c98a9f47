"""Bugs to plant: each is put over the product from outside for one run, to see that the simulation finds it.

None of them is a switch in the product: a plant replaces a method of the product's classes while its run lasts, and
puts it back. Each is a mistake that somebody could make, and that an ordinary test of one call would let pass.
"""

from __future__ import annotations

import contextlib
import contextvars
import datetime
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

from core_client.adapters.sql import audit as sql_audit
from core_client.adapters.sql import booking, intents, ledger, workers
from core_client.adapters.sql.credentials import SqlCredentials
from core_client.adapters.sql.intents import SqlIntents
from core_client.adapters.sql.ledger import SqlBank
from core_client.adapters.sql.schema import to_us
from core_client.adapters.sql.workers import GroupCommit
from core_client.domain.audit import GENESIS, AuditRecord, chain
from core_client.domain.money import Money
from core_client.domain.transfers import Intent, TransferState
from core_client.errors import BankError
from core_client.ports.core_bank import HoldState, Posting
from core_client.ports.intents import Grant
from core_client.services.call import OperationResult, Ports
from core_client.services.client import CoreClient
from core_client.services.settlement import Resolved, Settlement, Word
from core_client.services.telling import Telling
from core_client.services.transfers import Transfers
from tellerline import late_results

_CHANNEL: contextvars.ContextVar[str] = contextvars.ContextVar("channel", default="")


def _as_they_are(ports: Ports) -> Ports:
    return ports


@contextlib.contextmanager
def _nothing() -> Iterator[None]:
    yield


@dataclass(frozen=True, slots=True)
class Plant:
    """A bug. ``arrange`` puts it into the ports of each node, ``planted`` over the product's own code."""

    name: str
    what: str
    planted: Callable[[], AbstractContextManager[None]] = _nothing
    arrange: Callable[[Ports], Ports] = _as_they_are
    liveness: bool = False  # what it breaks is that something good happens in the end


NONE = Plant("none", "the product as it is")


def _over(*places: tuple[Any, str, Any]) -> Callable[[], AbstractContextManager[None]]:
    """Answer what puts ``value`` over ``owner.name`` for each place, for as long as it lasts."""

    @contextlib.contextmanager
    def planted() -> Iterator[None]:
        before = [(owner, name, getattr(owner, name)) for owner, name, _ in places]
        for owner, name, value in places:
            setattr(owner, name, value)
        try:
            yield
        finally:
            for owner, name, value in before:
                setattr(owner, name, value)

    return planted


# --- the ledger ---


def _take_nothing(tx: Any, order: Any) -> int:
    """Skip the hold: look at the balance, and put nothing aside."""
    row = tx.one(booking._by_id, id_=int(order.debtor_account))  # noqa: SLF001 - a bug is planted from outside
    return int(row[0])


_real_release = booking.release_hold
_real_book = booking.book
_real_write = booking.write_journal
_real_append = sql_audit.append


def _release_what_is_there(tx: Any, held: Any) -> None:
    row = tx.one(booking._by_id, id_=held.debtor_id)  # noqa: SLF001 - as above
    if row[5] >= held.amount.amount_minor:
        _real_release(tx, held)


def _post_without_state(self: SqlBank, intent_id: str) -> Any:
    """Post twice: book whatever is held, and forget to write down that it is booked."""
    reference, now = self._randomness.digits(booking.REFERENCE_DIGITS), self._clock.now()

    def work(tx: Any) -> Any:
        held = ledger._held(tx, intent_id)  # noqa: SLF001
        tx.run(booking._hold, id_=held.debtor_id, by=held.amount.amount_minor)  # noqa: SLF001
        return _real_book(tx, held, reference, now)

    return self._database.write(work)


def _void_anything(self: SqlBank, intent_id: str) -> Any:
    """Void after post: let go whatever state it is in."""

    def work(tx: Any) -> None:
        row = tx.one(ledger._hold, intent=intent_id)  # noqa: SLF001
        if row is not None:
            tx.run(ledger._hold_state, intent=intent_id, state_=HoldState.VOIDED.value)  # noqa: SLF001
            if row[1] == HoldState.HELD.value:
                _real_release(tx, ledger._as_held(row))  # noqa: SLF001

    return self._database.write(work)


def _one_sided(tx: Any, lines: Any, reference: str, kind: str, intent_id: str | None, now: datetime.datetime) -> None:
    """Reckon a share in floating point, and lose what is left over."""
    first, second = lines[0], lines[1]
    share = Money(round(second.amount.amount_minor * 0.9999), second.amount.currency)
    lines = (first, replace(second, amount=share), *lines[2:])
    with _over((booking, "assert_balanced", lambda _lines: None))():
        _real_write(tx, lines, reference, kind, intent_id, now)


def _float_hold(tx: Any, held: Any) -> None:
    """Keep money as a float: half a fen goes astray."""
    tx.run(booking._hold, id_=held.debtor_id, by=-(held.amount.amount_minor - 0.5))  # noqa: SLF001


# --- intents ---


_real_grant_of = intents._grant_of  # noqa: SLF001
_real_authorise = SqlIntents.authorise
_real_advance = SqlIntents.advance


def _always_granted(tx: Any, intent: Intent, request_id: str, now: datetime.datetime) -> Grant:
    """Authorise twice: whoever asks gets it, however often."""
    grant = _real_grant_of(tx, intent, request_id, now)
    return Grant.GRANTED if grant in (Grant.SPENT, Grant.REPLAY) else grant


def _any_move(before: TransferState, after: TransferState) -> None:
    """Let an intent move as it likes."""


def _rarely_audited(tx: Any, record: Any) -> None:
    """Drop an audit row where it is in the way."""
    if record.action != "intent.held":
        _real_append(tx, record)


def _unchained(tx: Any, record: Any) -> None:
    """Hash an audit row without the row before it."""
    with _over((sql_audit, "chain", lambda _previous, seq, body: chain(GENESIS, seq, body)))():
        _real_append(tx, record)


# --- settlement ---


async def _timeout_is_no(self: Settlement, intent: Intent, audit: Any, error: Exception) -> Word:
    """Trust a timeout: no answer is a no."""
    record = audit("intent.voided", f"intent:{intent.id}", reason="timeout")
    with contextlib.suppress(BankError):
        await self._ports.intents.advance(intent.id, TransferState.VOIDED, record)
    return Word("down")


_real_carry_out = Settlement.carry_out


async def _new_key(self: Settlement, intent: Intent, audit: Any, **named: Any) -> Word:
    """Retry without the key: after a silence send the order once more, under another id."""
    word = await _real_carry_out(self, intent, audit, **named)
    if word.outcome == "unknown":
        again = replace(intent.order(), intent_id=f"{intent.id[:-1]}x")
        with contextlib.suppress(BankError):
            await self._ports.bank.hold(again)
            await self._ports.bank.post(again.intent_id)
    return word


async def _spoken_first(self: Settlement, intent: Intent, audit: Any) -> Word:
    """Speak before it is durable: say ok with a number of one's own, and post it afterwards."""
    self._ports.checkpoint("intent.held")
    return Word("ok", Posting(self._ports.randomness.digits(10), intent.amount))


async def _say_failed(self: Transfers, grant: Grant, intent: Intent) -> OperationResult:
    """Say that it failed when another request of it is under way."""
    return OperationResult("refused", reason="insufficient_funds")


async def _void_if_old(self: Settlement, intent: Intent, actor: str) -> Any:
    """Let unknown leave by time: what has been silent for long is given up without asking anybody."""
    now = self._ports.clock.now()
    audit = _audit_of(now, actor, "intent.voided", intent)
    await self._ports.intents.advance(intent.id, TransferState.VOIDED, audit)
    return Resolved(intent, "refused")


def _audit_of(now: datetime.datetime, actor: str, action: str, intent: Intent) -> Any:
    return AuditRecord(now, actor, action, f"intent:{intent.id}")


async def _nothing_recovered(self: Settlement, older_than_s: float = 0) -> Any:
    """Look after nothing that a crash left behind."""
    return []


async def _nobody_owed(self: Telling, in_progress_s: float) -> Any:
    """Forget the told mark: believe that everybody was told."""
    return []


async def _tell_nobody(self: Any, results: Any) -> None:
    """Tell nobody what a recovery found."""


async def _cancel_anything(self: Transfers, request: Any, intent: str) -> OperationResult:
    """Cancel after post: whatever state it is in."""
    audit = request.audit("intent.cancelled", f"intent:{intent}")
    await self._ports.intents.advance(intent, TransferState.VOIDED, audit)
    return OperationResult("ok")


def _other_amount(self: Intent) -> Any:
    """Order another amount than was read back: a fen is rounded up."""
    order = _real_order(self)
    return replace(order, amount=Money(order.amount.amount_minor + 1, order.amount.currency))


async def _expire_all(self: SqlIntents, now: datetime.datetime, audit: Any) -> int:
    """Expire by time what is held, too."""

    def work(tx: Any) -> int:
        sql_audit.append(tx, audit)
        tx.connection.connection.dbapi_connection.execute(
            "UPDATE intents SET state = 'expired' WHERE state IN ('held', 'unknown') AND prepared_us <= ?",
            (to_us(now),),
        )
        return 1

    return int(await self._database.write(work))


def _commit_nothing(self: GroupCommit, tx: Any, pieces: Any) -> None:
    """Answer before the commit, and lose every seventh."""
    _batches.append(len(pieces))
    if len(_batches) % 7:
        _real_commit(self, tx, pieces)
        return
    tx.control("BEGIN IMMEDIATE")
    for piece in pieces:
        workers._in_savepoint(tx, piece)  # noqa: SLF001
    tx.control("ROLLBACK")


def _name_anew(intent: Intent) -> str:
    """Give a text another name each time: the gateway cannot know that it was sent."""
    _names.append(intent.id)
    return f"late-result-{intent.id}:{len(_names)}"


async def _not_noted(self: Telling, intent: Intent) -> None:
    """Forget to write down that a customer was texted."""


_names: list[str] = []
_batches: list[int] = []
_real_order = Intent.order
_real_commit = GroupCommit._commit_together  # noqa: SLF001


# --- factors ---

_real_perform = CoreClient.perform
_real_take_slot = SqlCredentials.take_slot
_real_settle_wrong = SqlCredentials.settle_wrong


async def _perform_on_channel(self: CoreClient, call: Any) -> OperationResult:
    _CHANNEL.set(call.channel)
    return await _real_perform(self, call)


def _per_channel(method: Any) -> Any:
    """Count failures for each channel by itself."""

    async def counted(self: SqlCredentials, subject: str, *more: Any, **named: Any) -> Any:
        return await method(self, f"{_CHANNEL.get()}{subject}"[:64], *more, **named)

    return counted


async def _settle_gently(self: SqlCredentials, subject: str, now: datetime.datetime, audit: Any) -> int:
    """Give the slot of a wrong guess back: it counts nothing."""
    await self.settle_right_code(subject, audit)
    return 1


async def _always_proved(self: CoreClient, request: Any, intent: Any) -> bool:
    """Ask nobody for a proof: the line's number is enough."""
    return True


_COUNTED = ("take_slot", "settle_wrong", "settle_right_pin", "settle_right_code", "failures")
PLANTS: tuple[Plant, ...] = (
    Plant("skip-hold", "nothing is put aside before it is posted",
          _over((booking, "take_hold", _take_nothing), (booking, "release_hold", _release_what_is_there))),
    Plant("post-twice", "a posting does not write down that it was made",
          _over((SqlBank, "post", _post_without_state))),
    Plant("void-after-post", "void lets go whatever state the hold is in", _over((SqlBank, "void", _void_anything))),
    Plant("float-share", "a journal's other side is reckoned in floating point",
          _over((booking, "write_journal", _one_sided))),
    Plant("float-money", "half a fen goes astray when a hold is let go", _over((booking, "release_hold", _float_hold))),
    Plant("authorise-twice", "whoever asks gets the authorisation, however often",
          _over((intents, "_grant_of", _always_granted), (intents, "assert_move", _any_move))),
    Plant("no-proof", "the number of the line is proof enough to move money",
          _over((CoreClient, "_is_authenticated", _always_proved))),
    Plant("other-amount", "a fen more is ordered than was read back", _over((Intent, "order", _other_amount))),
    Plant("trust-timeout", "no answer is taken for a no", _over((Settlement, "_unknown", _timeout_is_no))),
    Plant("retry-without-key", "after a silence the order is sent again under another id",
          _over((Settlement, "carry_out", _new_key))),
    Plant("failed-while-unknown", "an order that is under way is said to have failed",
          _over((Transfers, "_of_before", _say_failed))),
    Plant("void-by-time", "what is silent is given up without asking the ledger",
          _over((Settlement, "resolve", _void_if_old))),
    Plant("expire-held", "what is held expires by time", _over((SqlIntents, "expire", _expire_all))),
    Plant("cancel-after-post", "a cancellation asks no state",
          _over((Transfers, "cancel", _cancel_anything), (intents, "assert_move", _any_move))),
    Plant("spoken-before-posted", "done is said once it is held", _over((Settlement, "_post", _spoken_first))),
    Plant("answer-before-commit", "a write is answered before it is committed, and now and then lost",
          _over((GroupCommit, "_commit_together", _commit_nothing))),
    Plant("drop-audit-row", "a hold writes no audit row", _over((sql_audit, "append", _rarely_audited))),
    Plant("break-audit-chain", "an audit row's hash leaves the row before it out",
          _over((sql_audit, "append", _unchained))),
    Plant("count-per-channel", "each channel counts its own failures",
          _over((CoreClient, "perform", _perform_on_channel),
                *((SqlCredentials, name, _per_channel(getattr(SqlCredentials, name))) for name in _COUNTED))),
    Plant("count-nothing", "a wrong guess gives its slot back",
          _over((SqlCredentials, "settle_wrong", _settle_gently))),
    Plant("texted-twice", "each text has a name of its own, and no mark",
          _over((late_results, "name_of", _name_anew), (Telling, "texted", _not_noted))),
    Plant("recover-nothing", "what a crash left behind is left there",
          _over((Settlement, "recover", _nothing_recovered)), liveness=True),
    Plant("forget-told-mark", "nobody is owed a text",
          _over((Telling, "owed", _nobody_owed), (late_results.LateResults, "tell", _tell_nobody)), liveness=True),
)  # fmt: skip
BY_NAME = {plant.name: plant for plant in PLANTS}
