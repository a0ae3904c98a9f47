"""The balance after a missed call: nobody answers, nobody pays, and a text follows to whoever agreed to it.

The dialplan brings such a call to the server without answering it (``tellerline-missed`` in deploy/asterisk) and tells
the caller that the line is busy when the server lets go. What the caller sees is the same for everybody.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Protocol

import structlog

from core_client.adapters.sealing import Sealer
from core_client.errors import BankError
from core_client.ports.clock import Clock
from flows.errors import SessionStoreDown
from ivr.caller import caller_number, mask_number
from ivr.session import AgiSession, Gone, Why
from sms.people.settings import DAY_S, Rate
from sms.people.windows import Windows
from sms.store.journal import JournalDown
from tellerline.config_missed_call import MissedCall

SCRIPT = "tellerline-missed"  # of the request: agi://server/tellerline-missed,ATTESTATION
ATTESTATION = "agi_arg_1"
PROVEN = frozenset({"A", "B"})  # ATIS-1000074: the carrier knows the customer, and at A the number as well
LIMIT_S = 5.0  # the caller's telephone rings meanwhile
MAX_UNSURE = 1_000  # texts that may or may not be stored; beyond it the oldest is forgotten

_log = structlog.get_logger("tellerline.missed")


class Outcome(StrEnum):
    """What became of a missed call."""

    TEXTED = "texted"
    WITHHELD = "withheld"  # nobody to text
    UNPROVEN = "unproven"  # the carrier does not vouch for the number
    NOT_WANTED = "not_wanted"  # nobody's number, or one whose customer has not agreed
    AGAIN = "again"  # redialled at once
    TOO_MANY = "too_many"  # today's share is used up
    DOWN = "down"  # bank, store or gateway did not answer


class Wishes(Protocol):
    """What is needed of :class:`core_client.services.messaging.Messaging`."""

    async def wants_missed_call_balance(self, number: str) -> bool:
        """Answer whether a call from ``number`` is answered by a text; raises ``BankError``."""
        ...


class Texting(Protocol):
    """What is needed of :class:`sms.gateway.SmsGateway`."""

    async def begin(self, number: str, step: str, name: str) -> None:
        """Begin a dialogue by text at ``step``; ``name`` is unique to it. Returns when its text is stored."""
        ...


def is_missed_call(header: Mapping[str, str], number: str) -> bool:
    """Answer whether a call is one that nobody answers: the dialplan says so, or the number that was dialled."""
    if header.get("agi_network_script") == SCRIPT:
        return True
    return bool(number) and number in (header.get("agi_extension"), header.get("agi_dnid"))


class MissedCalls:
    """Deals with calls that are never answered."""

    def __init__(
        self,
        settings: MissedCall,
        wishes: Wishes,
        texting: Texting,
        windows: Windows,
        sealer: Sealer,
        clock: Clock,
        *,
        region: str,
        on_outcome: Callable[[str], None] = lambda outcome: None,
    ) -> None:
        """Make it; ``windows`` count over all nodes, ``on_outcome`` hears what became of each call."""
        self._settings = settings
        self._wishes = wishes
        self._texting = texting
        self._windows = windows
        self._sealer = sealer
        self._clock = clock
        self._region = region
        self._on_outcome = on_outcome
        self._unsure: dict[str, tuple[str, float]] = {}  # by number's print: its counted name, how long that is used

    async def __call__(self, session: AgiSession) -> None:
        """Deal with one call, up to a few seconds, and let go of it without having answered."""
        number = caller_number(session.header, self._region)
        try:
            async with asyncio.timeout(LIMIT_S):
                outcome = await self._decide(session.header, number)
        except TimeoutError:
            outcome = Outcome.DOWN
        self._on_outcome(outcome)
        _log.info("missed_call.taken", call_id=session.call_id, outcome=outcome, caller=mask_number(number or ""))
        session.facts["reason"] = f"missed_{outcome}"
        await let_go(session)

    async def _decide(self, header: Mapping[str, str], number: str | None) -> Outcome:
        if number is None:
            return Outcome.WITHHELD
        if not self._is_believed(header.get(ATTESTATION, "")):
            return Outcome.UNPROVEN
        try:
            if not await self._wishes.wants_missed_call_balance(number):
                return Outcome.NOT_WANTED
            whose = self._sealer.fingerprint(number.encode(), b"missed").hex()
            name = self._name(whose)
            refused = await self._count(name, whose)
            if refused is not None:
                return refused
            try:
                await self._texting.begin(number, self._settings.step, f"missed-{name}")
            except BaseException:  # cut off by the time limit too
                self._remember(whose, name)
                raise
        except (BankError, JournalDown, SessionStoreDown) as error:
            _log.warning("missed_call.down", error=type(error).__name__)
            return Outcome.DOWN
        return Outcome.TEXTED

    def _is_believed(self, attestation: str) -> bool:
        said = attestation.strip().upper()
        return said in PROVEN or (not said and not self._settings.only_proven)

    def _name(self, whose: str) -> str:
        """Answer the name of a text: that of the last one where it is not known to be stored, so that it goes once."""
        name, until = self._unsure.pop(whose, ("", 0.0))
        return name if self._clock.now().timestamp() < until else secrets.token_hex(8)

    def _remember(self, whose: str, name: str) -> None:
        """Let a redial be answered in the place of a call whose text failed after it was counted."""
        now = self._clock.now().timestamp()
        self._unsure = {other: kept for other, kept in self._unsure.items() if now < kept[1]}
        while len(self._unsure) >= MAX_UNSURE:
            del self._unsure[next(iter(self._unsure))]
        self._unsure[whose] = (name, now + self._settings.redial_s)

    async def _count(self, name: str, whose: str) -> Outcome | None:
        """Count one text; None when it may go. A call that is not answered by a text is not counted."""
        settings = self._settings
        now = self._clock.now().timestamp()
        key = f"missed:{whose}"
        rates = [(key, Rate(1, settings.redial_s)), (key, Rate(settings.per_day, DAY_S))]
        free = await self._windows.take(name, rates, now)
        if free is None:
            return None
        return Outcome.AGAIN if free <= now + settings.redial_s else Outcome.TOO_MANY


async def let_go(session: AgiSession) -> None:
    """End a call that was not answered: tell the dialplan that no other server need try; it says that we are busy."""
    reply = await session.command("SET VARIABLE", "TELLERLINE_COMPLETED", "1")
    if not isinstance(reply, Gone) and not session.hung_up:
        session.conclude(Why.COMPLETED)
