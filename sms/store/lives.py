"""What every text goes through, line by line: where it is, who has it, what was said of it.

Key layout, all under one hash tag, so that a Cluster runs each script on one node::

    {prefix}:{sms}:life:{id}                 list: how the text began, then a line for every change
    {prefix}:{sms}:of:{fingerprint}          list: ids of the texts of a number, the newest first
    {prefix}:{sms}:slot:{operator}:{form}    string: whose id of the operator this is, receipts that came before it
    {prefix}:{sms}:parked                    sorted set: receipts that wait for their text, by when they give up

Nothing is in clear: a number is a fingerprint under the sealing key, and masked for people; a text is never here.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import structlog

from core_client.adapters.sealing import Sealer
from sms.messages import Change, Outgoing, Purpose, State
from sms.numbers import masked
from sms.operators import Operator, ReceiptIds
from sms.store.heard import Became, Outcome, Receipt
from sms.store.journal import Journal, JournalDown, Many
from sms.store.lifelines import LETTERS, Life, fit, life_of, line_of, progress_of
from sms.store.lives_scripts import NOTE, RECEIVE, SWEEP
from sms.store.remote_ids import clean, forms, plain

KEEP_S = 7 * 86_400.0  # longer than any validity period, and than a customer takes to complain
PARK_S = 600.0  # a receipt waits so long for its text: far longer than an answer takes
MAX_PARKED = 10_000  # receipts that wait; beyond it the oldest is given up
SOON_S = 0.05  # a line that may wait for the text's next one waits so long: an operator mostly answers before
MAX_WAITING = 20_000  # lines that wait for a store that is down; beyond it they are lost, and that is logged
TRIES = 40  # of a line that the store did not take, over some three minutes
PAUSE_FIRST_S, PAUSE_MAX_S = 0.1, 5.0
NEAR_DIGITS = 8  # of a number: the same in national and international form, with or without a carrier's prefix
NUMBERS_KEPT = 16_384  # whose fingerprints and masks are remembered, as their addresses are
MAX_OF_NUMBER = 200  # ids kept of one number: a trace of today, and a bound against a number that is flooded

# Part of scripts that store a text: it begins the text's life in the same step. Called with what ``FirstLine`` holds:
# begin_life(KEYS[k], KEYS[k + 1], ARGV[a], ARGV[a + 1], ARGV[a + 2]). Doing it again changes nothing that counts.
BEGIN_LIFE = f"""
local function begin_life(life, of, id, line, keep)
  if redis.call('RPUSH', life, line) == 1 then
    redis.call('EXPIRE', life, keep)
    if redis.call('LPUSH', of, id) > {MAX_OF_NUMBER} then redis.call('LTRIM', of, 0, {MAX_OF_NUMBER - 1}) end
    redis.call('EXPIRE', of, keep)
  end
end
"""


# Changes of one kind. Each: what ``FirstLine`` holds. Answers 1 for each.
_BEGIN = (
    BEGIN_LIFE
    + """
local said = {}
for i = 1, #ARGV, 5 do
  begin_life(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4])
  said[#said + 1] = 1
end
return said
"""
)

Done: TypeAlias = Callable[["list[Outcome] | JournalDown"], None]
"""Hears that a line is stored, and what the receipts that came before it said."""

_LIFE = "return redis.call('LRANGE', KEYS[1], 0, -1)"
_SLOTS = """
local found = {}
for _, key in ipairs(KEYS) do found[#found + 1] = redis.call('GET', key) or '' end
return found
"""
_EXISTS = """
local found = {}
for _, key in ipairs(KEYS) do found[#found + 1] = redis.call('EXISTS', key) end
return found
"""

_log = structlog.get_logger("sms.lives")


class FirstLine(NamedTuple):
    """What :data:`BEGIN_LIFE` is called with: two keys, three arguments."""

    keys: tuple[str, str]
    arguments: tuple[str, str, int]


class Names:
    """Where lives are kept, and how they begin. No store is asked."""

    def __init__(self, sealer: Sealer, prefix: str = "tellerline", keep_s: float = KEEP_S) -> None:
        self.keep_s = int(keep_s)
        self.base = f"{prefix}:{{sms}}:"
        self.life_prefix = f"{self.base}life:"
        self._of = f"{self.base}of:"
        self._slot = f"{self.base}slot:"
        kept = lru_cache(maxsize=NUMBERS_KEPT)
        self._fingerprint = kept(lambda number: sealer.fingerprint(number.encode(), b"number").hex())
        self._near = kept(lambda digits: sealer.fingerprint(digits.encode(), b"near").hex()[:8])

    def of(self, number: str) -> str:
        """Answer the key of the ids of a number's texts."""
        return self._of + self._fingerprint(number)

    def near(self, number: str) -> str:
        """Answer a print of the end of a number, or ``""`` for what is none: a name, an address that hides digits."""
        digits = _end_of(number)
        return self._near(digits) if digits else ""

    def slot(self, operator: str, plain_id: str) -> str:
        """Answer the key of what is known of an id of an operator."""
        return f"{self._slot}{operator}:{plain_id}"

    def first_line(self, outgoing: Outgoing) -> FirstLine:
        """Answer how a text of ours begins its life: queued."""
        line = (
            f"o\t{outgoing.purpose}\t{_shown(outgoing.destination)}\t{_shown_source(outgoing.source)}"
            f"\t{outgoing.origin}\t{outgoing.at:.3f}\t{outgoing.expires_at:.0f}"
        )
        keys = (self.life_prefix + outgoing.id, self.of(outgoing.destination))
        return FirstLine(keys, (outgoing.id, line, self.keep_s))

    def received(
        self,
        id_: str,
        number: str,
        destination: str,
        at: float,
        *,
        parts: int = 1,
        bind: str = "",
        kind: str = "",
        handled_at: float = 0.0,
        answers: tuple[str, ...] = (),
    ) -> FirstLine:
        """Answer how a text of a customer begins its life, and with ``kind`` how it was dealt with."""
        line = f"i\t{_shown(number)}\t{_shown_source(destination)}\t{parts}\t{bind}\t{at:.3f}"
        if kind:
            line += f"\nh\t{kind}\t{','.join(answers)}\t{handled_at:.3f}"
        return FirstLine((self.life_prefix + id_, self.of(number)), (id_, line, self.keep_s))


class Lives(Names):
    """Writes lives and reads them. What it is told is kept, though the store be away for a while."""

    def __init__(
        self,
        journal: Journal,
        sealer: Sealer,
        prefix: str = "tellerline",
        keep_s: float = KEEP_S,
        *,
        silent: Iterable[str] = (),
        park_s: float = PARK_S,
        max_parked: int = MAX_PARKED,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Keep lives.

        Args:
            journal: carries the changes out.
            sealer: makes prints of numbers.
            prefix: of every key.
            keep_s: from a text's beginning; what came of it, and whose the operators' ids are, is known so long.
            silent: names of operators that send no receipts: nothing is kept to find a text by their ids.
            park_s: how long a receipt waits for its text.
            max_parked: how many may wait.
            wall_clock: seconds since the epoch.
        """
        super().__init__(sealer, prefix, keep_s)
        self._journal = journal
        self._wall_clock = wall_clock
        self._silent = frozenset(silent)
        self._max_parked = max_parked
        self._park_s = park_s
        head = (self.base, self.keep_s)
        # One key says where the script runs; all others have the same hash tag.
        self._keys = (f"{self.base}parked",)
        self._begins = Many(journal, _BEGIN, self._keys)
        self._notes = Many(journal, NOTE, self._keys, head)
        self._receipts = Many(journal, RECEIVE, self._keys, (*head, max_parked, int(park_s)))
        self._waiting: deque[tuple[tuple[str, ...], Done, int]] = deque()
        self._late: Counter[str] = Counter()  # lines that the store did not take at once, by text
        self._soon: dict[str, str] = {}  # lines that wait for the next one of their text
        self._soon_due: asyncio.TimerHandle | None = None
        self._again: asyncio.TimerHandle | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self.on_outcome: list[Callable[[Outcome], None]] = []  # of every receipt, whenever it is known

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Lives]:
        """Keep lives inside the block, which is inside the journal's: at its end no line waits for another."""
        try:
            yield self
        finally:
            self.flush()
            for timer in (self._again, self._sweep):
                if timer is not None:
                    timer.cancel()
            self._again = self._sweep = None
            self._write_again()

    # --- lines ---

    def begin(self, first: FirstLine) -> asyncio.Future[Any]:
        """Begin a life by itself; where it has begun, what it says already counts.

        Raises:
            JournalDown: by the future. Doing it again is safe.
        """
        return self._begins.ask((*first.keys, *first.arguments), (first.arguments[0],))

    def note(self, id_: str, change: Change, of: int = 0) -> asyncio.Future[list[Outcome]]:
        """Write a line; the future is done when it is stored. ``of``: how many parts the text has, where it is known.

        Raises:
            JournalDown: by the future, when the store was away for minutes.
        """
        future, done = _future()
        self.tell(id_, change, of, done)
        return future

    def tell(self, id_: str, change: Change, of: int = 0, done: Done | None = None) -> None:
        """Write a line, as :meth:`note` does; ``done`` hears it."""
        self._write((id_, self._with_soon(id_, line_of(change, of))), done or _nobody)

    def soon(self, id_: str, change: Change, of: int = 0) -> None:
        """Write a line together with the text's next one, or a moment later. A crash in between loses it."""
        self._soon[id_] = self._with_soon(id_, line_of(change, of))
        if self._soon_due is None:
            self._soon_due = asyncio.get_running_loop().call_later(SOON_S, self._write_soon)

    def _with_soon(self, id_: str, line: str) -> str:
        waiting = self._soon.pop(id_, "")
        return f"{waiting}\n{line}" if waiting else line

    def flush(self) -> None:
        """Write what waits for its text's next line."""
        if self._soon_due is not None:
            self._soon_due.cancel()
            self._write_soon()

    def _write_soon(self) -> None:
        self._soon_due = None
        waiting, self._soon = self._soon, {}
        for id_, lines in waiting.items():
            self._write((id_, lines), _nobody)

    def accepted(
        self, outgoing: Outgoing, part: int, of: int, operator: Operator | str, bind: str, remote_id: str, at: float
    ) -> asyncio.Future[list[Outcome]]:
        """Write that an operator answered for a part, under its id; apply what receipts said of it before.

        Raises:
            JournalDown: by the future, when the store was away for minutes.
        """
        future, done = _future()
        self.tell_accepted(outgoing, part, of, operator, bind, remote_id, at, done)
        return future

    def tell_accepted(
        self,
        outgoing: Outgoing,
        part: int,
        of: int,
        operator: Operator | str,
        bind: str,
        remote_id: str,
        at: float,
        done: Done | None = None,
    ) -> None:
        """Write that an operator answered for a part, as :meth:`accepted` does; ``done`` hears it."""
        remote_id = self._hidden(clean(remote_id), (outgoing.destination,)) if remote_id else ""
        line = f"a{part}/{of}\t{remote_id}\t\t{bind}\t{at:.3f}"
        if self._soon:
            line = self._with_soon(outgoing.id, line)
        name = operator if isinstance(operator, str) else operator.name
        if not remote_id or name in self._silent:
            self._write((outgoing.id, line), done or _nobody)
            return
        entry = f"{outgoing.id}\t{part}\t{of}\t{self.near(outgoing.destination)}\t{remote_id}"
        self._write((outgoing.id, "+" + line, f"{name}:{plain(remote_id)}", entry), done or _nobody)

    def waits(self, id_: str) -> bool:
        """Answer whether the store did not take a line of this text, and has not taken it since."""
        return id_ in self._late

    def _write(self, arguments: tuple[str, ...], done: Done, tries: int = 0) -> None:
        def heard(answer: Any) -> None:
            if tries:
                self._not_late(arguments[0])
            if isinstance(answer, JournalDown):
                self._failed(arguments, done, answer, tries)
            else:
                done(self._outcomes(answer) if answer else _NOTHING)

        self._notes.add(arguments, heard, (arguments[0],))

    def _failed(self, arguments: tuple[str, ...], done: Done, error: JournalDown, tries: int) -> None:
        # Again and again: a line that is written twice says the same.
        if self._journal.stopped or tries >= TRIES or len(self._waiting) >= MAX_WAITING:
            _log.error("life.line_lost", id=arguments[0], tries=tries)
            done(error)
            return
        self._waiting.append((arguments, done, tries + 1))
        self._late[arguments[0]] += 1
        if self._again is None:
            pause_s = min(PAUSE_MAX_S, PAUSE_FIRST_S * 2**tries)
            self._again = asyncio.get_running_loop().call_later(pause_s, self._write_again)

    def _not_late(self, id_: str) -> None:
        self._late[id_] -= 1
        if not self._late[id_]:
            del self._late[id_]

    def _write_again(self) -> None:
        self._again = None
        waiting, self._waiting = self._waiting, deque()
        for arguments, done, tries in waiting:
            self._write(arguments, done, tries)

    # --- receipts ---

    def receipt(
        self, operator: Operator, receipt: Receipt, addresses: Sequence[str], bind: str = "", *, may_wait: bool = True
    ) -> asyncio.Future[Outcome]:
        """Write what a receipt says into the life that it is about.

        ``addresses`` are those that the receipt names, in any form. It waits for its text unless ``may_wait`` is off.

        Raises:
            JournalDown: by the future: not known whether it is written. Writing it again is harmless.
        """
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def done(outcome: Outcome | JournalDown) -> None:
            if not future.done():
                if isinstance(outcome, JournalDown):
                    future.set_exception(outcome)
                else:
                    future.set_result(outcome)

        self.tell_receipt(operator, receipt, addresses, done, bind, may_wait=may_wait)
        return future

    def tell_receipt(
        self,
        operator: Operator,
        receipt: Receipt,
        addresses: Sequence[str],
        done: Callable[[Outcome | JournalDown], None],
        bind: str = "",
        *,
        may_wait: bool = True,
    ) -> None:
        """Write what a receipt says, as :meth:`receipt` does; ``done`` hears what came of it."""
        now = self._wall_clock()
        remote_id = self._hidden(clean(receipt.message_id), addresses)
        # One that hides the customer's number is believed without it, where its id is beyond doubt.
        prints = [self.near(address) for address in addresses]
        named = bool(prints and prints[0])
        text = "\t".join(
            (
                operator.name,
                "auto" if operator.receipt_ids is ReceiptIds.AUTO else "strict",
                ",".join(filter(None, ("" if named else "-", *prints))),
                LETTERS[receipt.state],
                remote_id,
                fit(receipt.detail),
                bind,
                f"{now:.3f}",
                ",".join(f"{form}={meant}" for form, meant in forms(remote_id, operator.receipt_ids)),
            )
        )

        def heard(answer: Any) -> None:
            if isinstance(answer, JournalDown):
                done(answer)
                return
            became, id_, lines, late = answer
            outcome = self._outcome(operator.name, became, id_, lines)
            if outcome.became is Became.PARKED:
                self._give_up_later()
            self._outcomes(late)
            self._tell(outcome)
            done(outcome)

        self._receipts.add((f"{now:.3f}", text, "1" if may_wait else "0"), heard)

    def _give_up_later(self) -> None:
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(self._park_s + 1, self.give_up)

    def give_up(self) -> None:
        """Give up receipts that have waited long enough. Done of itself; a node that is gone leaves it to others."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None

        def heard(answer: Any) -> None:
            if isinstance(answer, JournalDown):
                if not self._journal.stopped:
                    self._give_up_later()
                return
            late, waiting = answer
            self._outcomes(late)
            if waiting:
                self._give_up_later()

        arguments = (self.base, self.keep_s, self._max_parked, f"{self._wall_clock():.3f}")
        self._journal.then(SWEEP, self._keys, arguments, heard, ())

    def _outcomes(self, answer: Iterable[Any]) -> list[Outcome]:
        found = []
        for operator, became, *rest in answer:
            id_, lines = rest or (b"", ())
            found.append(self._outcome(operator.decode(), became, id_, lines))
            self._tell(found[-1])
        return found

    def _outcome(self, operator: str, became: bytes, id_: bytes, lines: Sequence[bytes]) -> Outcome:
        if not lines:
            return Outcome(Became(became.decode()), operator, id_.decode())
        told = _lines(lines)
        purpose = next((line.split("\t", 2)[1] for line in told if line.startswith("o\t")), "")
        after = progress_of(told).state
        new = became == b"matched"
        before = progress_of(told[:-1]).state if new else after
        what = Became.MATCHED if new else Became.REPEATED
        return Outcome(what, operator, id_.decode(), Purpose(purpose) if purpose else None, before, after)

    def _tell(self, outcome: Outcome) -> None:
        for hear in self.on_outcome:
            hear(outcome)

    def _hidden(self, remote_id: str, addresses: Iterable[str]) -> str:
        """Answer an operator's id without the customer's number, of which some operators make ids."""
        counted = remote_id.lstrip("0")  # zeros before a counted id are no part of a number that has many
        for address in addresses:
            digits = _end_of(address)
            if len(digits) == NEAR_DIGITS and digits in counted and remote_id != digits:
                return remote_id.replace(digits, "~" + self._near(digits) + "~")
        return remote_id

    # --- reading ---

    async def life(self, id_: str) -> Life | None:
        """Answer all that is known of a text, ours or a customer's."""
        lines = await self._journal.write(_LIFE, (self.life_prefix + id_,), about=())
        return life_of(id_, _lines(lines)) if lines else None

    async def parts(self, id_: str) -> dict[int, State]:
        """Answer the states of the parts of a text of ours that something happened to, by number from 1."""
        lines = await self._journal.write(_LIFE, (self.life_prefix + id_,), about=())
        return progress_of(_lines(lines)).parts

    async def operator_of(self, id_: str) -> str:
        """Answer the operator that a text of ours was last given to, or ``""``."""
        lines = await self._journal.write(_LIFE, (self.life_prefix + id_,), about=())
        changes = life_of(id_, _lines(lines)).changes
        begun = (State.SENT, State.ACCEPTED)
        return next((one.bind.split("/")[0] for one in reversed(changes) if one.bind and one.state in begun), "")

    async def find(self, what: str, operators: Iterable[str] = ()) -> list[str]:
        """Answer the ids of the texts of a number, of the text of this id, or of an operator's id, the newest first.

        An operator's id is looked for at ``operators``, and found where receipts are asked for.
        """
        if (await self._journal.write(_EXISTS, (self.life_prefix + what,), about=()))[0]:
            return [what]
        ids = [raw.decode() for raw in await self._journal.write(_LIFE, (self.of(what),), about=())]
        if ids:
            there = await self._journal.write(_EXISTS, tuple(self.life_prefix + id_ for id_ in ids), about=())
            return [id_ for id_, exists in zip(ids, there, strict=True) if exists]
        meant = forms(clean(what), ReceiptIds.AUTO)
        keys = tuple(self.slot(operator, one) for operator in operators for _, one in meant)
        slots = await self._journal.write(_SLOTS, keys, about=()) if keys else ()
        found = [
            line.split("\t", 1)[0]
            for slot in slots
            for line in reversed(slot.decode().split("\n"))
            if line and not line.startswith("!")
        ]
        return list(dict.fromkeys(found))


_NOTHING: list[Outcome] = []


def _nobody(_: list[Outcome] | JournalDown) -> None:
    """Hear nothing: a line that is lost is logged."""


def _lines(written: Iterable[bytes]) -> list[str]:
    """Answer lines one by one: what was written in one step may be several."""
    return b"\n".join(written).decode().split("\n")


def _future() -> tuple[asyncio.Future[list[Outcome]], Done]:
    future: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()

    def done(answer: list[Outcome] | JournalDown) -> None:
        if future.done():
            return
        if isinstance(answer, JournalDown):
            future.set_exception(answer)
        else:
            future.set_result(answer)

    return future, done


@lru_cache(maxsize=NUMBERS_KEPT)
def _end_of(number: str) -> str:
    """The last digits of a number. Empty for a name, and for a number that is not there in full."""
    digits = number.removeprefix("+")
    return digits[-NEAR_DIGITS:] if digits.isascii() and digits.isdigit() and len(digits) > 2 else ""


@lru_cache(maxsize=NUMBERS_KEPT)
def _shown(number: str) -> str:
    return masked(number)


@lru_cache(maxsize=1024)
def _shown_source(source: str) -> str:
    """A short code and a name are shown; a whole number of a network is not."""
    return masked(source) if len(source) > 9 and source.lstrip("+").isdigit() else source.replace("\t", " ")
