"""Rates, products and branches: one sheet for every channel; and how staff publish it."""

from __future__ import annotations

import datetime
import json
from typing import Any

from core_client.domain.audit import AuditRecord
from core_client.domain.information import Branch, Information, Rate, in_language, information_from
from core_client.domain.notices import Notice, NoticeKind
from core_client.domain.values import Value
from core_client.errors import Declined
from core_client.services.call import OK, OperationResult, Ports, Request, ok, refused

PLACES_LIFE = datetime.timedelta(hours=1)  # whoever asked for an address is on the way


def said_rate(rate: Rate) -> dict[str, Value]:
    """Answer a rate's fields as the registry declares them."""
    return {"whole": rate.whole, "fraction": rate.fraction, "percent": str(rate)}


class InformationDesk:
    """rates.deposit, rates.exchange, products.list, branches.find, branches.text."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def deposit_rates(self, request: Request) -> OperationResult:
        """Answer the yearly rates by months."""
        sheet = await self._ports.information.current()
        rates: tuple[Value, ...] = tuple({"months": months, **said_rate(rate)} for months, rate in sheet.deposits)
        return ok(rates=rates, count=len(rates), since=sheet.since)

    async def exchange_rates(self, request: Request, currency: str | None = None) -> OperationResult:
        """Answer what the bank pays and takes."""
        sheet = await self._ports.information.current()
        rates: tuple[Value, ...] = tuple(
            {"unit": row.unit, "buys_at": row.buys_at, "sells_at": row.sells_at} for row in sheet.exchange_of(currency)
        )
        return ok(rates=rates, count=len(rates), since=sheet.since)

    async def products(self, request: Request, language: str | None = None) -> OperationResult:
        """Answer what the bank offers."""
        sheet, wanted = await self._ports.information.current(), language or request.session.language
        products: tuple[Value, ...] = tuple(
            {
                "name": in_language(product.name, wanted),
                "about": in_language(product.about, wanted),
                "minimum": product.minimum,
                "months": product.term_months,
                **said_rate(product.rate),
            }
            for product in sheet.products
        )
        return ok(products=products, count=len(products))

    async def find(
        self, request: Request, place: str | None = None, machines: bool = False, language: str | None = None
    ) -> OperationResult:
        """Answer the branches or machines of a place."""
        sheet = await self._ports.information.current()
        places = _places(sheet, place, machines, language or request.session.language)
        return ok(places=places, count=len(places))

    async def text(
        self, request: Request, place: str | None = None, machines: bool = False, language: str | None = None
    ) -> OperationResult:
        """Owe the caller's own registered line a text with the addresses. Other lines get none: it could be anybody's.

        Asked again under the same request it is one text.
        """
        ports, session = self._ports, request.session
        if session.line is None or session.party is None:
            return refused("number_not_registered")
        owner = await ports.registry.customer_by_line(session.line)
        if owner is None:
            return refused("number_not_registered")
        wanted = language or session.language
        places = _places(await ports.information.current(), place, machines, wanted)
        notice = Notice(
            name=f"places-{ports.keyed.party(session.party + request.id)}",
            kind=NoticeKind.PLACES,
            customer_id=owner.id,
            values={"places": places},
            not_before=request.now,
            expires_at=request.now + PLACES_LIFE,
            language=wanted,
            party=session.party,
        )
        await ports.notices.owe(notice)
        return OK


class SheetDesk:
    """What staff do with the sheet."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def current(self) -> Information:
        """Answer the sheet in force."""
        return await self._ports.information.current()

    async def publish(self, data: Any, operator: str) -> Information:
        """Check a sheet and put it in force, for every channel at once.

        Raises:
            SheetError: the first thing that is wrong with it.
        """
        now = self._ports.clock.now()
        sheet = information_from(data, now.date())
        counts = {name: len(getattr(sheet, name)) for name in ("deposits", "exchange", "products", "branches")}
        audit = AuditRecord(now, f"cli:{operator}", "sheet.published", "sheet", counts)
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        await self._ports.information.publish(text, operator, audit)
        return sheet


def _places(sheet: Information, place: str | None, machines: bool, language: str | None) -> tuple[Value, ...]:
    return tuple(_described(branch, language) for branch in sheet.near(place, machines=machines))


def _described(branch: Branch, language: str | None) -> Value:
    return {
        "code": branch.code,
        "name": in_language(branch.name, language),
        "address": in_language(branch.address, language),
        "hours": in_language(branch.hours, language),
        "phone": branch.phone,
    }


def branch_name(sheet: Information, code: str, language: str | None) -> str:
    """Answer a branch's name; its code where the sheet has it no more."""
    try:
        return in_language(sheet.branch(code).name, language)
    except Declined:
        return code
