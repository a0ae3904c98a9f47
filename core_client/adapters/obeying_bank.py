"""A core bank elsewhere that learns of a customer's own freeze here, where money would leave.

The embedded ledger marks frozen accounts itself. A core over HTTP has no word for a customer's own freeze, so what was
held before it is not booked after it: asked of SQL for every booking, as where an authorisation is taken.
"""

from __future__ import annotations

from collections.abc import Sequence

from core_client.domain.accounts import Account, Entry
from core_client.domain.transfers import TransferOrder
from core_client.errors import Declined
from core_client.ports.core_bank import CoreBank, HoldState, Posting
from core_client.ports.freezes import Freezes
from core_client.ports.intents import Intents


class ObeyingBank:
    """:class:`~core_client.ports.core_bank.CoreBank` around another one that knows no freezes of ours."""

    def __init__(self, bank: CoreBank, intents: Intents, freezes: Freezes) -> None:
        self._bank = bank
        self._intents = intents
        self._freezes = freezes

    async def accounts(self, customer_id: int) -> Sequence[Account]:
        """As the other one."""
        return await self._bank.accounts(customer_id)

    async def account(self, customer_id: int, account: str | None) -> Account:
        """As the other one."""
        return await self._bank.account(customer_id, account)

    async def recent(self, customer_id: int, account: str | None, limit: int) -> tuple[Account, Sequence[Entry]]:
        """As the other one."""
        return await self._bank.recent(customer_id, account, limit)

    async def hold(self, order: TransferOrder) -> None:
        """As the other one: the authorisation was refused if the account was frozen, and nothing is booked yet."""
        await self._bank.hold(order)

    async def post(self, intent_id: str) -> Posting:
        """Book what is held, unless its customer froze the account since.

        Raises:
            Declined: ``account_frozen``; what was booked before the freeze answers its posting all the same.
        """
        if await self._is_barred(intent_id):
            _, posting = await self._bank.query(intent_id)
            if posting is not None:
                return posting
            raise Declined("account_frozen")
        return await self._bank.post(intent_id)

    async def void(self, intent_id: str) -> None:
        """As the other one."""
        await self._bank.void(intent_id)

    async def reverse(self, intent_id: str) -> Posting:
        """As the other one: money that comes back leaves no account of its customer."""
        return await self._bank.reverse(intent_id)

    async def query(self, intent_id: str) -> tuple[HoldState, Posting | None]:
        """As the other one."""
        return await self._bank.query(intent_id)

    async def _is_barred(self, intent_id: str) -> bool:
        intent = await self._intents.get(intent_id)
        if intent is None:
            return False
        frozen = await self._freezes.of_customer(intent.customer_id)
        return any(one.account in (None, intent.debtor_account) for one in frozen)
