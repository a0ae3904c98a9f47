"""What the drivers share of a conversation's world: its clock, its customers' PINs, its words."""

from __future__ import annotations

import asyncio
import datetime
import functools
import wave
from collections.abc import Callable
from typing import TYPE_CHECKING

from core_client.adapters import demo_world
from core_client.adapters.pin_hashing import PinCost
from core_client.domain.secret import Secret
from core_client.language.suggest import did_you_mean
from flows.dialogue import Item, Prompt, Say, SayDate, SayDigits, SayMoney, SayName, SayNumber
from flows.model import Flow
from flows.words import files_for
from sounds.catalogue import Catalogue
from sounds.inventory import PAUSE
from tellerline.errors import ParleyError
from tellerline.trying import conversation as c

if TYPE_CHECKING:
    from tellerline.bootstrap import Node

UNBUILT_S = 1.0
NOBODYS_PIN = "271828"
QUICK_PINS = PinCost(memory_kib=64, passes=1)  # a conversation proves the way, not the cost of a guess
# A Monday morning in Beijing, when no conversation says otherwise: always the same, so that runs can be compared.
DEFAULT_AT = datetime.datetime(2026, 3, 2, 2, 15, tzinfo=datetime.UTC)


class ConversationClock:
    """Tells the conversation's time: its beginning, and what has passed on the loop and on the exchange since."""

    def __init__(self, at: datetime.datetime | None) -> None:
        self._start = (at or DEFAULT_AT).astimezone(datetime.UTC)
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._skipped_s = 0.0

    def now(self) -> datetime.datetime:
        """Answer the moment."""
        return self._start + datetime.timedelta(seconds=self.passed_s())

    def passed_s(self) -> float:
        """Answer the seconds since the beginning."""
        return self._loop.time() - self._began + self._skipped_s

    def skip(self, seconds: float) -> None:
        """Let time pass that the loop has not seen."""
        self._skipped_s += max(0.0, seconds)


async def switch_on(node: Node, given: c.Given) -> None:
    """Switch the notices that are given on, as staff would, and let the node see it.

    Raises:
        ParleyError: no flow of the line has such a notice.
    """
    if not given.notices:
        return
    names = node.served.board.names
    flows = [node.flows.current(name) for name in names]
    known_notices(given, *flows)
    for flow in flows:
        for notice in sorted(given.notices.intersection(flow.notices)):
            await node.served.releases.set_notice(
                flow.name, notice, on=True, until=None, by="conversation", at=node.clock.now()
            )
    await node.served.board.refresh()


def known_notices(given: c.Given, *flows: Flow) -> frozenset[str]:
    """Answer the notices that are given, which the flows must have.

    Raises:
        ParleyError: they have not.
    """
    known = {name for flow in flows for name in flow.notices}
    for name in sorted(given.notices - known):
        mend = did_you_mean(name, known) or f"It has: {', '.join(sorted(known)) or 'none'}."
        raise ParleyError(f"the flow has no notice '{name}', which is given\n  mend: {mend}")
    return given.notices


class DemoCustomers:
    """The demo bank's customers, for those who must press a PIN."""

    def pin(self, of: c.PinOf, caller: str | None) -> Secret:
        """Answer the PIN of the one who calls, or of a customer number; a wrong one differs in every digit.

        Raises:
            ParleyError: no such customer.
        """
        try:
            if of.customer is not None:
                who = demo_world.customer_of_number(of.customer)
            elif caller is not None:
                who = demo_world.customer_of_line(caller)
            elif of.wrong:
                return Secret(NOBODYS_PIN)
            else:
                raise ParleyError('who calls without a number needs the customer number: {pin: "10000007"}')
        except KeyError as error:
            if of.wrong:
                return Secret(NOBODYS_PIN)
            raise ParleyError(str(error.args[0])) from None
        if of.wrong:
            return Secret("".join(str((int(digit) + 5) % 10) for digit in who.pin))
        return Secret(who.pin)


class CatalogueWords:
    """The recordings that say what a conversation expects, from the line's own catalogue."""

    def __init__(self, catalogue: Catalogue, languages: tuple[str, ...] | None = None) -> None:
        self._catalogue = catalogue
        self._languages = languages or catalogue.languages
        self._prompts = {
            catalogue.audio_id(prompt, language)
            for language in catalogue.languages
            for prompt in catalogue.prompt_ids(language)
        }

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of the line."""
        return self._languages

    def recordings(self, items: tuple[c.Expected, ...], language: str) -> tuple[str, ...]:
        """Answer the audio ids that say ``items``."""
        said = Say(tuple(item_of(item) for item in items), language)
        return tuple(files_for(said, self._catalogue))

    def has_prompt(self, prompt: str) -> bool:
        """Answer whether any language has this prompt."""
        return any(self._catalogue.has_prompt(prompt, language) for language in self._catalogue.languages)

    def is_prompt(self, audio_id: str) -> bool:
        """Answer whether it is a whole prompt."""
        return audio_id in self._prompts

    def spoken(self, audio_id: str) -> str:
        """Answer the words of one recording, or its name where nothing is known of it."""
        text = self._catalogue.text_of(audio_id)
        if text is None:
            return "" if audio_id.endswith(f"/{PAUSE}") else f"({audio_id})"
        return text


def item_of(expected: c.Expected) -> Item:
    """Answer what a flow would say for this."""
    match expected:
        case c.HearPrompt():
            return Prompt(expected.id)
        case c.HearMoney():
            return SayMoney(expected.money)
        case c.HearDigits():
            return SayDigits(expected.digits)
        case c.HearNumber():
            return SayNumber(expected.number)
        case c.HearDate():
            return SayDate(expected.date)
        case c.HearName():
            return SayName(expected.name)
        case c.HearAny():
            raise AssertionError("'...' is no item")


def recording_seconds(catalogue: Catalogue) -> Callable[[str], float]:
    """Answer how long the catalogue's recordings play; one that is not built yet lasts a second."""

    @functools.cache
    def seconds(audio_id: str) -> float:
        if not catalogue.has_audio(audio_id):
            return UNBUILT_S
        with wave.open(str(catalogue.audio_path(audio_id)), "rb") as recording:
            return recording.getnframes() / recording.getframerate()

    return seconds
