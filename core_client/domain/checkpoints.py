"""The labelled points at which a process may die: one list, for whoever kills it there and whoever proves it.

The code passes each by ``ports.checkpoint("label")``. A label is a fact that has just become true; what stands after
it is written as if the process died there.
"""

from __future__ import annotations

TRANSFER_CHECKPOINTS: tuple[str, ...] = (
    "intent.prepared",  # stored, nothing moved
    "intent.authorised",  # the single-use authorisation is taken
    "hold.placed",  # the ledger holds the amount
    "intent.held",  # and that is written down
    "transfer.posted",  # the ledger booked it
    "intent.posted",  # and that is written down
    "intent.cancelling",  # a customer cancels what is held; the ledger has not been told
    "hold.released",  # the ledger let the hold go
    "intent.voided",  # and that is written down
    "intent.reversing",  # a reversal is approved and written down; the ledger has not been told
    "transfer.reversed",  # the ledger booked it back
    "intent.reversed",  # and that is written down
    "result.texted",  # the text with a late result is handed over; that it is, is not written down
)
CASH_CHECKPOINTS: tuple[str, ...] = (
    "cash.ordered",  # what is held waits for a machine
    "cash.collecting",  # one machine has the order; the ledger has not been asked
    "cash.booked",  # the ledger booked it; the machine has not been answered
    "cash.collected",  # it may pay out: whoever asks again under its request id gets the same answer
    "cash.ended",  # no machine gets it any more; the hold, or the booking, is still there
    "cash.booked_back",  # the ledger booked back what no machine paid out; that is not written down
)
FREEZE_CHECKPOINTS: tuple[str, ...] = ("account.frozen",)  # committed: nothing leaves it from here on
NOTICE_CHECKPOINTS: tuple[str, ...] = ("notice.handed_over",)  # the outbox has it; that it has, is not written down
COPY_CHECKPOINTS: tuple[str, ...] = (
    "backup.written",  # whole on the disk and read again, under a name that is no backup's
    "restore.filled",  # the copy is whole and checked; the bank that was there is still there
    "restore.replaced",  # the copy is the bank
)
CHECKPOINTS: tuple[str, ...] = (
    *TRANSFER_CHECKPOINTS,
    *CASH_CHECKPOINTS,
    *FREEZE_CHECKPOINTS,
    *NOTICE_CHECKPOINTS,
    *COPY_CHECKPOINTS,
)
"""Every label, theme after theme, in the order in which it is passed."""
