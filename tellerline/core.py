"""The core bank over HTTP, put together from ``[core]``."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from core_client.adapters.gsma.asking import Asker, Patience
from core_client.adapters.gsma.bank import GsmaBank
from core_client.adapters.gsma.bells import HttpBells
from core_client.adapters.gsma.more import MoreOfTheBank
from core_client.adapters.gsma.transport import Endpoint, open_transport
from core_client.domain.secret import Secret
from core_client.errors import BankError
from core_client.ports.core_bank import CoreBank
from core_client.ports.registry import Registry
from tellerline.config_core import Core
from tellerline.errors import ConfigError

TOKEN_PATH = "/oauth2/token"  # noqa: S105 - a path


@dataclass(slots=True)
class HttpCore:
    """The open way to a core bank: ``bank`` is the port, ``more`` what the API has beside it."""

    bank: GsmaBank
    more: MoreOfTheBank
    asker: Asker
    customers: Registry | None = None  # who knows customers' numbers: open after this, and put in here

    def in_place_of(self, _ledger: CoreBank) -> CoreBank:
        """Answer this bank, where the embedded ledger would be."""
        return self.bank

    async def down(self) -> str | None:
        """Answer what keeps the core from being used, or None."""
        try:
            status = await self.more.heartbeat()
        except BankError as error:
            return type(error).__name__.lower()
        return None if status in ("available", "degraded") else status


@contextlib.asynccontextmanager
async def open_core(core: Core, key: bytes) -> AsyncIterator[HttpCore]:
    """Open the way to the core bank that ``[core]`` names.

    Args:
        core: the settings; of the kind http.
        key: makes the addresses of callbacks.

    Raises:
        ConfigError: a TLS file cannot be used, or the callbacks' port is taken.
    """
    endpoint = Endpoint(
        url=core.url or "",
        token_url=f"{core.url}{TOKEN_PATH}" if core.token_url is None else core.token_url,
        client_id=core.client_id,
        client_secret=Secret(core.client_secret.get_secret_value()),
        ca_file=core.ca_file,
        certificate=core.certificate,
        key=core.key,
    )
    patience = Patience(
        timeout_s=core.timeout_s,
        attempt_s=core.attempt_s,
        attempts=core.attempts,
        repeat_changes=core.repeat_changes,
        poll_s=core.poll_s,
        failures_to_open=core.failures_to_open,
        open_s=core.open_s,
    )
    async with contextlib.AsyncExitStack() as stack:
        bells = None
        if core.callback_url is not None:
            bells = HttpBells(core.callback_url, key)
            try:
                await stack.enter_async_context(bells.listening(core.callback_host, core.callback_port))
            except OSError as error:
                place = f"{core.callback_host}:{core.callback_port}"
                mend = "Stop what listens there, or set core.callback_port."
                raise ConfigError("core.callback_port", f"cannot listen on {place}: {error.strerror}", mend) from None
        try:
            transport = await stack.enter_async_context(open_transport(endpoint))
        except OSError as error:
            mend = "Name PEM files that this user can read."
            raise ConfigError("core.ca_file", f"TLS cannot be set up: {error.strerror or error}", mend) from None
        asker = Asker(transport, patience, bells=bells)
        opened: list[HttpCore] = []

        async def number_of(customer_id: int) -> str | None:
            registry = opened[0].customers
            customer = await registry.customer(customer_id) if registry is not None else None
            return customer.number if customer is not None else None

        bank = GsmaBank(asker, number_of, core.own_account or f"organisationid@{core.client_id}")
        opened.append(HttpCore(bank, MoreOfTheBank(asker), asker))
        yield opened[0]
