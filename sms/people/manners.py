"""Whether a text may be sent now, later, or not at all: what people are owed, whoever wants to text them."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Protocol

import structlog

from core_client.adapters.sealing import Sealer
from core_client.errors import BankError
from sms.messages import Outgoing, Purpose
from sms.numbers import masked
from sms.operators import Operator
from sms.people.floods import Answering, Floods
from sms.people.settings import MannersSettings, Rate
from sms.people.verdicts import SEND, Reason, Refuse, Verdict, Wait
from sms.people.windows import Scripts, Windows
from sms.store.journal import JournalDown

MAX_REMEMBERED = 20_000  # answers about STOP
_LONGEST_SHORT_CODE = 8  # digits; what is longer may be a subscriber's number

_log = structlog.get_logger("sms.manners")


class BankWord(Protocol):
    """What the bank says of a number: :class:`core_client.services.messaging.Messaging`."""

    async def has_stopped(self, number: str) -> bool:
        """Answer whether it said STOP; raises :class:`core_client.errors.BankError` when nobody can say."""
        ...

    async def may_have_code(self, number: str) -> bool:
        """Answer whether its SIM is one that a one-time code may go to."""
        ...


class Manners:
    """The judge of outgoing texts. One per node; its rates are kept in the store, over all nodes."""

    def __init__(
        self,
        settings: MannersSettings,
        operators: Iterable[Operator],
        bank: BankWord,
        scripts: Scripts,
        sealer: Sealer,
        *,
        prefix: str = "tellerline",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make it.

        Args:
            settings: how the bank behaves.
            operators: whose sender ids may be used, beside those of the settings.
            bank: knows who said STOP, and whose SIM is fresh.
            scripts: the store.
            sealer: names numbers in the store.
            prefix: of every key in the store.
            clock: of this process, never set back: for what is kept in memory.
        """
        self._settings = settings
        self._by_operator = {one.name: frozenset(one.senders) for one in operators}
        self._senders = frozenset(settings.senders).union(*self._by_operator.values())
        self._bank = bank
        self._windows = Windows(scripts, f"{prefix}:{{sms}}")
        self._sealer = sealer
        self._clock = clock
        self._floods = Floods(settings.answers, settings.silence_s, clock)
        self._stops: OrderedDict[str, tuple[bool, float]] = OrderedDict()
        self.on_refused: Callable[[Outgoing, Reason], None] = lambda outgoing, reason: None
        """Hears of a text that is refused although somebody waits for it: ``reason.prompt`` tells them."""

    # --- unasked texts ---

    async def judge(self, outgoing: Outgoing, now: float) -> Verdict:
        """Say what becomes of a text now; asked again whenever it has waited. What answers somebody always goes.

        A text that may go is counted by its id: judged twice, it counts once. Where the bank cannot say who said STOP,
        what heeds it waits; where the store cannot count, what is counted waits.

        Args:
            outgoing: the text.
            now: seconds since the epoch.
        """
        verdict = await self._judged(outgoing, now)
        if isinstance(verdict, Refuse) and outgoing.purpose is Purpose.CODE:
            self.on_refused(outgoing, verdict.reason)
        return verdict

    async def _judged(self, outgoing: Outgoing, now: float) -> Verdict:
        purpose = outgoing.purpose
        if purpose is Purpose.ANSWER:
            return SEND
        foreign = self._foreign_sender(outgoing)
        if foreign is not None:
            return foreign
        if outgoing.not_before > now:
            return Wait(outgoing.not_before, "not_before")
        if purpose.heeds_stop:
            try:
                if await self._has_stopped(outgoing.destination):
                    return Refuse(Reason.STOPPED)
            except BankError as error:
                _log.warning("manners.bank_down", error=type(error).__name__, text=outgoing.id)
                return Wait(now + self._settings.retry_s, "bank_down")
        over = self._settings.quiet.over_at(purpose, now)
        if over is not None:
            return Wait(over, "quiet_hours")
        if purpose is Purpose.CODE and not await self._bank.may_have_code(outgoing.destination):
            return Refuse(Reason.SIM_FRESH)
        return await self._counted(outgoing, now)

    def forget(self, number: str) -> None:
        """Ask the bank anew whether ``number`` said STOP: it has just said it, or START."""
        self._stops.pop(number, None)

    def _foreign_sender(self, outgoing: Outgoing) -> Refuse | None:
        source = outgoing.source
        if not source or (outgoing.purpose is Purpose.CODE and outgoing.origin):
            return None  # the operator's first; or where the customer had texted to
        allowed = self._senders
        if outgoing.operator:
            own = self._by_operator.get(outgoing.operator, frozenset())
            allowed = own.union(self._settings.senders) if own else allowed
        if source in allowed:
            return None
        shown = masked(source) if source.lstrip("+").isdecimal() and len(source) > _LONGEST_SHORT_CODE else source
        known = ", ".join(sorted(allowed)) or "none is declared"
        return Refuse(Reason.SENDER, f"'{shown}' is no sender id of this gateway ({known}): add it to an operator")

    async def _has_stopped(self, number: str) -> bool:
        now = self._clock()
        kept = self._stops.get(number)
        if kept is not None and now < kept[1] and not kept[0]:  # a refusal is for good: START counts at once
            return False
        stopped = await self._bank.has_stopped(number)
        self._stops[number] = (stopped, now + self._settings.stop_cache_s)
        self._stops.move_to_end(number)
        while len(self._stops) > MAX_REMEMBERED:
            self._stops.popitem(last=False)
        return stopped

    async def _counted(self, outgoing: Outgoing, now: float) -> Verdict:
        counted = self._rates(outgoing)
        try:
            free = await self._windows.take(outgoing.id, counted, now)
        except JournalDown as error:
            _log.warning("manners.store_down", error=str(error), text=outgoing.id)
            return Wait(now + self._settings.retry_s, "store_down")
        if free is None:
            return SEND
        if outgoing.purpose is Purpose.CODE:
            return Refuse(Reason.TOO_MANY)
        return Wait(free, "rate")

    def _rates(self, outgoing: Outgoing) -> list[tuple[str, Rate]]:
        purpose, settings = outgoing.purpose, self._settings
        to_number = settings.to_number.get(purpose, ())
        from_sender = settings.from_sender.get(purpose, ())
        counted: list[tuple[str, Rate]] = []
        if to_number:
            whose = self._sealer.fingerprint(outgoing.destination.encode(), b"rate").hex()
            counted += [(f"{purpose}:to:{whose}", rate) for rate in to_number]
        if from_sender:
            counted += [(f"{purpose}:from:{outgoing.source}", rate) for rate in from_sender]
        return counted

    # --- answers ---

    def answering(self, number: str) -> Answering:
        """Count one more text of ``number`` and say how it is answered: as ever, with one warning, or not at all."""
        return self._floods.answering(number)

    def calm(self, number: str) -> bool:
        """Answer whether one more text of ``number`` would be answered as ever. It is not counted."""
        return self._floods.calm(number)

    def allow_answer(self, number: str) -> bool:
        """Count one more text of ``number`` and say whether it is answered; see :meth:`answering` for the warning."""
        return self.answering(number) is not Answering.NOT_AT_ALL
