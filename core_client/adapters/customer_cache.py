"""What a node remembers of customers: names, languages, classes. Never what an operation must obey.

Bars, locks, freezes, blocks, and whose a number is are read from SQL by the operation that relies on them; what is here
may be late by a moment. It is used only while somebody follows the change-log and says so; otherwise it answers nothing
and everybody reads SQL.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from core_client.domain.customers import Customer

MOST = 20_000  # customers; some 600 bytes each
FRESH_S = 2.0  # that long after the last word of the log it is believed: followers look every half second


class CustomerCache:
    """Customers by id, each no older than the change-log's number that the cache has come to."""

    __slots__ = ("_fresh_until", "_held", "_now", "at")

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._held: OrderedDict[int, Customer] = OrderedDict()
        self._fresh_until = -1.0
        self.at: int | None = None  # the last change that is taken in; None: not following

    def __len__(self) -> int:
        return len(self._held)

    @property
    def is_fresh(self) -> bool:
        """Whether what is here may be believed."""
        return self.at is not None and self._now() < self._fresh_until

    def get(self, customer_id: int) -> Customer | None:
        """Answer a customer; None: read SQL."""
        if not self.is_fresh:
            return None
        found = self._held.get(customer_id)
        if found is not None:
            self._held.move_to_end(customer_id)
        return found

    def put(self, customer: Customer, head: int) -> None:
        """Keep what a snapshot said that had come to ``head``; not what is older than a change that was taken in."""
        if self.at is None or head < self.at:
            return
        self._held[customer.id] = customer
        self._held.move_to_end(customer.id)
        if len(self._held) > MOST:
            self._held.popitem(last=False)

    def restart(self, head: int) -> None:
        """Begin anew at a number of the log, empty."""
        self._held.clear()
        self.at = head

    def changed(self, seq: int, customer_id: int | None) -> None:
        """Take a change in: it is the next one."""
        self.at = seq
        if customer_id is not None:
            self._held.pop(customer_id, None)

    def confirm(self) -> None:
        """The log was looked at, and everything is taken in."""
        self._fresh_until = self._now() + FRESH_S

    def distrust(self) -> None:
        """Nobody knows what was missed: forget everything, and answer nothing until begun anew."""
        self._held.clear()
        self.at = None
        self._fresh_until = -1.0
