"""Loans: what is owed, and what one would cost."""

from __future__ import annotations

from core_client.domain.money import Money
from core_client.domain.values import Value
from core_client.services.accounts import customer_of
from core_client.services.call import OperationResult, Ports, Request, ok, refused
from core_client.services.information import said_rate


class LoanDesk:
    """loans.list, loans.quote."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def list(self, request: Request) -> OperationResult:
        """Answer the customer's loans."""
        loans: tuple[Value, ...] = tuple(
            {
                "last4": loan.last4,
                "product": loan.product,
                "outstanding": loan.outstanding,
                "next_payment": loan.next_payment,
                "next_due": loan.next_due,
            }
            for loan in await self._ports.loans.of(customer_of(request))
        )
        return ok(loans=loans, count=len(loans))

    async def quote(self, request: Request, amount: Money, months: int) -> OperationResult:
        """Answer what a loan would cost a month, within what is lent."""
        lending = (await self._ports.information.current()).lending
        if lending is None:
            return refused("loan_not_offered")
        monthly = lending.monthly(amount, months)
        return ok(amount=amount, months=months, monthly=monthly, **said_rate(lending.rate))
