"""Texts the notices that are owed: alerts of postings, reminders of appointments, addresses asked for in a call.

The bank stores what is owed; here it gets its words and its number, and goes into the outbox under the notice's name.
Handed over and not yet marked, when a node dies, it is handed over again: under the same name it is sent once.
"""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import structlog

from core_client.adapters.together import raise_if_cancelled
from core_client.domain.money import Money
from core_client.domain.notices import Notice, NoticeKind
from core_client.domain.secret import Secret
from core_client.domain.values import SecretHandle, Value
from core_client.services.call import Ports
from flows.dialogue import Item, Prompt, Say, SayDate, SayDigits, SayMoney, SayName, SayNumber, SayText
from flows.prompts import ALERT_HINT, REMINDER_OF
from flows.words import text_for
from sms.messages import Purpose
from sounds.catalogue import Catalogue

LOOK_S = 5.0  # an alert is worth most while the thief still stands at the till
AT_ONCE = 100  # of one look: the others are found by the next one

# An alert and a reminder are wanted, and STOP ends them; an address is the answer to a question asked in a call. Of a
# new payee the customer is told all the same: it may be a thief who stopped the texts.
PURPOSES: Mapping[NoticeKind, Purpose] = MappingProxyType(
    {
        NoticeKind.ALERT: Purpose.ALERT,
        NoticeKind.REMINDER: Purpose.ALERT,
        NoticeKind.PLACES: Purpose.RESULT,
        NoticeKind.PAYEE_ADDED: Purpose.RESULT,
    }
)
Send = Callable[[str, str, str, Purpose], Awaitable[None]]
"""Hands one text over: number, text, unique name, purpose. As :meth:`sms.gateway.SmsGateway.send`."""

_log = structlog.get_logger("tellerline.notices")


@dataclass(frozen=True, slots=True)
class Notices:
    """Looks for what is owed, and hands it over."""

    ports: Ports
    catalogue: Catalogue
    send: Send

    async def watch(self, every_s: float = LOOK_S) -> None:
        """Look now and then, until cancelled. What fails is logged and tried again: it never ends the line."""
        while True:
            raise_if_cancelled()
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - another look may go well
                _log.warning("notices.not_looked_at", error=type(error).__name__)
            await asyncio.sleep(every_s)

    async def look(self) -> int:
        """Find new alerts, and hand over everything that is owed now; answer how many texts were.

        One that cannot be handed over keeps nobody else from theirs; it is tried again at the next look.
        """
        ports = self.ports
        await ports.notices.gather_alerts(ports.clock.now())
        handed = 0
        for notice in await ports.notices.due(ports.clock.now(), AT_ONCE):
            try:
                handed += await self._hand_over(notice)
            except Exception as error:  # noqa: BLE001 - the others are told now, this one at the next look
                _log.warning("notice.not_told", notice=notice.name, error=type(error).__name__)
        return handed

    async def _hand_over(self, notice: Notice) -> int:
        registry = self.ports.registry
        lines = await registry.lines_of(notice.customer_id)
        if notice.party is not None:
            lines = [line for line in lines if self.ports.keyed.party(line) == notice.party]
        if not lines:
            _log.info("notice.nobody_to_text", notice=notice.name)
            await self.ports.notices.told(notice.name, self.ports.clock.now())
            return 0
        customer = await registry.customer(notice.customer_id)
        remembered = customer.language if customer is not None else None
        language = notice.language or remembered or self.catalogue.languages[0]
        if notice.kind is NoticeKind.PAYEE_ADDED:
            notice = await self._with_payee(notice)
        text = text_for(said_of(notice, language), self.catalogue, _no_secret)
        await self.send(lines[0], text, notice.name, PURPOSES[notice.kind])
        self.ports.checkpoint("notice.handed_over")
        await self.ports.notices.told(notice.name, self.ports.clock.now())
        return 1

    async def _with_payee(self, notice: Notice) -> Notice:
        """Put in whose account it is, which rests sealed with what was asked for."""
        asked = await self.ports.payee_requests.get(str(notice.values["asked"]))
        if asked is None:
            raise LookupError("a payee was added that nobody asked for")
        return dataclasses.replace(notice, values={**notice.values, "name": asked.name, "last4": asked.last4})


def _no_secret(handle: SecretHandle) -> Secret:
    raise AssertionError("a notice tells no secret")


def said_of(notice: Notice, language: str) -> Say:
    """Answer what a notice says."""
    return Say(_WORDS[notice.kind](notice.values), language)


def _alert(values: Mapping[str, Value]) -> tuple[Item, ...]:
    amount = values["amount"]
    assert isinstance(amount, Money)  # noqa: S101 - written by the bank
    out = amount.amount_minor < 0
    said: tuple[Item, ...] = (
        Prompt("account_ending"),
        SayDigits(str(values["last4"])),
        Prompt("paid_out" if out else "paid_in"),
        SayMoney(-amount if out else amount),
        SayText(str(values["text"])),
    )
    return (*said, Prompt(ALERT_HINT)) if out else said


def _reminder(values: Mapping[str, Value]) -> tuple[Item, ...]:
    date, hour = values["date"], values["hour"]
    assert isinstance(date, datetime.date)  # noqa: S101 - written by the bank
    return (
        Prompt(REMINDER_OF),
        SayName(str(values["branch"])),
        SayDate(date),
        SayNumber(int(str(hour))),
        Prompt("o_clock"),
        Prompt("callback_reference"),
        SayDigits(str(values["reference"])),
        Prompt(f"bring_{values['topic']}"),
    )


def _places(values: Mapping[str, Value]) -> tuple[Item, ...]:
    places = values["places"]
    assert isinstance(places, tuple)  # noqa: S101 - written by the bank
    said: list[Item] = [Prompt("places_found")]
    for place in places:
        assert isinstance(place, Mapping)  # noqa: S101 - written by the bank
        phone = str(place["phone"])
        said += [
            SayText("\n"),
            SayName(str(place["name"])),
            SayText(str(place["address"])),
            SayText(str(place["hours"])),
        ]
        said += [Prompt("phone_is"), SayDigits(phone)] if phone else []
    return tuple(said)


def _payee_added(values: Mapping[str, Value]) -> tuple[Item, ...]:
    date = values["payable_on"]
    assert isinstance(date, datetime.date)  # noqa: S101 - written by the bank
    return (
        SayName(str(values["name"])),
        Prompt("payee_account_ending"),
        SayDigits(str(values["last4"])),
        Prompt("payee_is_added"),
        SayDigits(str(values["short"])),
        Prompt("payee_payable_on"),
        SayDate(date),
        Prompt(ALERT_HINT),
    )


_WORDS: Mapping[NoticeKind, Callable[[Mapping[str, Value]], tuple[Item, ...]]] = MappingProxyType(
    {
        NoticeKind.ALERT: _alert,
        NoticeKind.REMINDER: _reminder,
        NoticeKind.PLACES: _places,
        NoticeKind.PAYEE_ADDED: _payee_added,
    }
)
