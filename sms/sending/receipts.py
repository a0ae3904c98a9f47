"""Delivery receipts: read, written into the life of the text that they are about, then acknowledged.

A receipt is acknowledged when the store has it, in a life or among those that wait for their text; a store that is down
answers ESME_RX_T_APPN, and the operator comes again. One that fits several texts is acknowledged and counted: nobody
guesses whose it is.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import TypeAlias

import structlog

from sms.observing import Nobody, Observer
from sms.operators import Operator
from sms.sending.receipt_reading import is_report, may_be_report, read_receipt
from sms.smpp import Message, Status, Tag
from sms.store.heard import Became, Outcome, Receipt
from sms.store.journal import JournalDown
from sms.store.lives import Lives

QUIET_S = 60.0  # between two lines of the log about one operator's receipts that fit no text
UNREADABLE = "unreadable"

Respond: TypeAlias = Callable[[int], None]

_log = structlog.get_logger("sms.receipts")


class Receipts:
    """Hears receipts from every bind of every operator."""

    def __init__(
        self,
        lives: Lives,
        *,
        observer: Observer | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """``observer`` hears of texts that reach a state by a receipt; ``clock`` is the loop's, in seconds."""
        self._lives = lives
        self._observer: Observer = observer or Nobody()
        self._clock = clock
        self._quiet: dict[tuple[str, str], tuple[float, int]] = {}  # until when, and how many were not told of since
        self.counts: Counter[str] = Counter()  # by what became of them
        self.by_operator: Counter[tuple[str, str]] = Counter()  # likewise, by operator
        lives.on_outcome.append(self._hear)

    @property
    def recorded(self) -> int:
        """How many receipts the store has been told of and were acknowledged."""
        return self.counts["recorded"]

    def concerns(self, message: Message) -> bool:
        """Answer whether a deliver_sm is for :meth:`accept`: a receipt, or what may be one."""
        return is_report(message) or may_be_report(message)

    def accept(
        self,
        operator: Operator,
        message: Message,
        respond: Respond,
        *,
        bind: str = "",
        otherwise: Callable[[], None] | None = None,
    ) -> None:
        """Write a receipt into its text's life, then acknowledge it.

        What says of itself that it is a receipt and cannot be read is acknowledged: it would only come again. What
        only looks like one is taken for one when a text has its id and its number; else ``otherwise`` is called, which
        then sees to its answer.
        """
        receipt = read_receipt(message)
        # No customer's text carries a TLV that names a message of ours.
        sure = is_report(message) or message.tlv(Tag.RECEIPTED_MESSAGE_ID) is not None
        if receipt is None or (not sure and not self._lives.near(message.source.digits)):
            if not sure and otherwise is not None:
                otherwise()
                return
            self._count(UNREADABLE, operator.name)
            self._complain(UNREADABLE, operator.name, esm_class=f"0x{message.esm_class:02x}")
            respond(Status.ROK)
            return

        def heard(outcome: Outcome | JournalDown) -> None:
            if isinstance(outcome, JournalDown):
                respond(Status.RX_T_APPN)
            elif outcome.became is Became.UNMATCHED and not sure and otherwise is not None:
                otherwise()
            else:
                self.counts["recorded"] += 1
                respond(Status.ROK)

        addresses = (message.source.digits, message.destination.digits)
        self._lives.tell_receipt(operator, receipt, addresses, heard, bind, may_wait=sure)

    def _hear(self, outcome: Outcome) -> None:
        """Hear what became of a receipt, at once or after it has waited, on whichever node it came in."""
        became = outcome.became
        self._count(became, outcome.operator)
        if became is Became.UNMATCHED:
            self._complain(became, outcome.operator)
        elif became is Became.AMBIGUOUS:
            self._complain(became, outcome.operator, mend="set receipt_ids of this operator")
        elif outcome.purpose is not None and outcome.after is not None and outcome.after is not outcome.before:
            self._observer.changed(outcome.purpose, outcome.after)

    def _count(self, became: str, operator: str) -> None:
        self.counts[str(became)] += 1
        self.by_operator[operator, str(became)] += 1

    def _complain(self, became: str, operator: str, **more: str) -> None:
        """Log it, once a minute for each operator, with how many there were."""
        now = self._clock() if self._clock is not None else asyncio.get_running_loop().time()
        until, count = self._quiet.get((operator, became), (float("-inf"), 0))
        if now < until:
            self._quiet[operator, became] = (until, count + 1)
            return
        self._quiet[operator, became] = (now + QUIET_S, 0)
        _log.warning(f"receipt.{became}", operator=operator, count=count + 1, **more)


__all__ = ["Receipt", "Receipts", "is_report", "may_be_report", "read_receipt"]
