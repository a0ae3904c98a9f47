"""Alerts: a text for each posting of an amount or more, to the number that the customer registered first."""

from __future__ import annotations

from core_client.domain.money import Money
from core_client.domain.notices import AlertRule
from core_client.services.accounts import customer_of
from core_client.services.call import OperationResult, Ports, Request, ok, refused


class Alerts:
    """alerts.show, alerts.set."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def show(self, request: Request) -> OperationResult:
        """Answer whether the customer gets alerts, and from which amount on."""
        rule = await self._ports.notices.alert(customer_of(request))
        return ok(on=rule is not None, threshold=self._usual() if rule is None else rule.threshold)

    async def set(self, request: Request, on: bool, threshold: Money | None = None) -> OperationResult:
        """Switch alerts on or off. Without a registered number there is none to text, and a stranger's gets nothing."""
        ports, customer = self._ports, customer_of(request)
        threshold = threshold or self._usual()
        if threshold.amount_minor < 0:
            return refused("amount_invalid")
        if on and not await ports.registry.lines_of(customer):
            return refused("number_not_registered")
        rule = AlertRule(customer, threshold, request.now) if on else None
        audit = request.audit("alerts.on" if on else "alerts.off", f"customer:{customer}", threshold=str(threshold))
        await ports.notices.set_alert(customer, rule, audit)
        return ok(threshold=threshold)

    def _usual(self) -> Money:
        profile = self._ports.profile
        return Money(profile.alert_threshold_minor, profile.currency)
