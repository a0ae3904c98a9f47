"""Accounts, balances, statements."""

from __future__ import annotations

from core_client.domain.accounts import Account
from core_client.domain.values import Value
from core_client.errors import Declined
from core_client.services.call import OperationResult, Ports, Request, ok


class Accounts:
    """accounts.list, accounts.balance, accounts.recent."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def list(self, request: Request) -> OperationResult:
        """Answer the accounts, the default one first."""
        accounts = await self._ports.bank.accounts(customer_of(request))
        return ok(accounts=tuple(_described(account) for account in accounts), count=len(accounts))

    async def balance(self, request: Request, account: str | None = None) -> OperationResult:
        """Answer one account's balances."""
        found = await self._ports.bank.account(customer_of(request), account)
        return ok(last4=found.last4, available=found.available, booked=found.booked)

    async def recent(self, request: Request, account: str | None = None, entries: int | None = None) -> OperationResult:
        """Answer one account's latest entries: as many as asked for, within what anybody listens to."""
        profile = self._ports.profile
        most = profile.recent_entries if entries is None else max(1, min(entries, profile.most_entries))
        found, latest = await self._ports.bank.recent(customer_of(request), account, most)
        told: tuple[Value, ...] = tuple(
            {"date": profile.limits.local_date(entry.at), "amount": entry.amount, "text": entry.text}
            for entry in latest
        )
        return ok(last4=found.last4, entries=told, count=len(told))


def _described(account: Account) -> Value:
    return {
        "account": account.id,
        "last4": account.last4,
        "product": account.product,
        "available": account.available,
        "default": account.default,
    }


def customer_of(request: Request) -> int:
    """Answer the customer of a request that passed the security check.

    Raises:
        Declined: it names nobody.
    """
    if request.session.customer_id is None:
        raise Declined("not_permitted")
    return request.session.customer_id
