"""What staff do with billers: add and change them, take what is due, hand out what was paid."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Sequence
from dataclasses import replace

from core_client.domain.audit import AuditRecord
from core_client.domain.billers import Biller, Paid
from core_client.domain.money import Money, MoneyError
from core_client.errors import BankError, Declined
from core_client.services.call import Ports

MAX_BILLS = 100_000  # of one file: a larger one is sent in parts
_COLUMNS = ("reference", "amount", "due")


class BillerError(BankError):
    """What was asked of a biller cannot be done; the message says why, where, and the mend."""


class BillerDesk:
    """Every change is audited under the operator's name."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def all(self) -> Sequence[Biller]:
        """Answer every biller, open or not, by code."""
        return await self._ports.billers.all()

    async def find(self, code: str) -> Biller:
        """Answer a biller by its code.

        Raises:
            BillerError: there is none.
        """
        found = next((one for one in await self.all() if one.code == code), None)
        if found is None:
            raise BillerError(f"no biller has the code '{code}': `tellerline bank billers list` shows them")
        return found

    async def put(self, biller: Biller, operator: str) -> None:
        """Add a biller, or change the one with that code."""
        record = self._record(operator, "biller.put", biller.code, open=biller.is_open)
        await self._ports.billers.put(biller, record)

    async def set_open(self, code: str, operator: str, *, is_open: bool) -> Biller:
        """Take payments, or no more; what is prepared already may still be authorised.

        Raises:
            BillerError: there is no such biller.
        """
        changed = replace(await self.find(code), is_open=is_open)
        await self.put(changed, operator)
        return changed

    async def take_bills(self, code: str, text: str, operator: str) -> int:
        """Take a CSV file of what is due (reference, amount, due), all of it or nothing; answer how many.

        Raises:
            BillerError: the biller sends none, or a line cannot be read.
        """
        biller = await self.find(code)
        if not biller.told_due:
            raise BillerError(f"biller {code} does not say what is due: add it anew with --due to take its bills")
        bills = [_bill(biller, number, row) for number, row in _rows(text)]
        record = self._record(operator, "bills.taken", code, count=len(bills))
        await self._ports.billers.put_bills(code, bills, self._ports.clock.now(), record)
        return len(bills)

    async def paid(self, code: str, day: datetime.date, operator: str) -> Sequence[Paid]:
        """Answer what was paid to a biller on one of the bank's days; that somebody took it is written down first.

        Raises:
            BillerError: there is no such biller.
        """
        await self.find(code)
        began = datetime.datetime.combine(day, datetime.time(12), datetime.UTC)
        since = self._ports.profile.limits.day_began(began)
        await self._ports.audit.append(self._record(operator, "biller.payments_taken", code, day=day.isoformat()))
        return await self._ports.billers.paid(code, since, since + datetime.timedelta(days=1))

    def _record(self, operator: str, action: str, code: str, **detail: str | int | bool) -> AuditRecord:
        return AuditRecord(self._ports.clock.now(), f"cli:{operator}", action, f"biller:{code}", detail)


def _rows(text: str) -> list[tuple[int, dict[str, str]]]:
    reader = csv.DictReader(io.StringIO(text))
    if reader.fieldnames is None or set(_COLUMNS) - set(reader.fieldnames):
        raise BillerError("line 1: the columns are needed: reference,amount,due")
    rows = [(reader.line_num, row) for row in reader]
    if len(rows) > MAX_BILLS:
        raise BillerError(f"{len(rows)} bills are too many for one file: send at most {MAX_BILLS} at a time")
    return rows


def _bill(biller: Biller, line: int, row: dict[str, str]) -> tuple[str, int, datetime.date]:
    try:
        reference = biller.reference(row["reference"] or "")
        amount = Money.parse(f"{row['amount']} {biller.currency}")
        due = datetime.date.fromisoformat(row["due"] or "")
    except Declined:
        raise BillerError(f"line {line}: a reference of biller {biller.code} has {biller.length} digits") from None
    except (MoneyError, ValueError, TypeError):
        raise BillerError(f"line {line}: write the amount as 123.45 and the day as 2026-12-31") from None
    if amount.amount_minor < 0:
        raise BillerError(f"line {line}: what is due is not below zero")
    return reference, amount.amount_minor, due
