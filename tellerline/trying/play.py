"""Plays a conversation through a driver and judges it: the one place that compares what came with what is expected."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from core_client.domain.secret import Secret
from tellerline.trying import conversation as c
from tellerline.trying.driver import CallEnded, Driver, EndedBy, Heard, Leg, TextMessage
from tellerline.trying.matching import Pattern, describe, find
from tellerline.trying.transcript import Kind, Transcript, masked

LAST_WORDS_S = 0.5  # after the last step: what is still reported of what was already heard
_SLOT = re.compile(r"\{([a-z_][a-z0-9_]*)\}")


class Words(Protocol):
    """What the catalogue knows of recordings."""

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of the line."""
        ...

    def recordings(self, items: tuple[c.Expected, ...], language: str) -> tuple[str, ...]:
        """Answer the audio ids that say ``items``, one after another."""
        ...

    def has_prompt(self, prompt: str) -> bool:
        """Answer whether the catalogue knows this prompt."""
        ...

    def is_prompt(self, audio_id: str) -> bool:
        """Answer whether it is a whole prompt, and not a fragment of an amount or a date."""
        ...

    def spoken(self, audio_id: str) -> str:
        """Answer the words of one recording."""
        ...


class Customers(Protocol):
    """What a demo world knows of its customers."""

    def pin(self, of: c.PinOf, caller: str | None) -> Secret:
        """Answer a PIN to press.

        Raises:
            ParleyError: no such customer.
        """
        ...


@dataclass(frozen=True, slots=True)
class Mismatch:
    """What was expected at a step and did not happen."""

    place: c.Place
    expected: str
    instead: str

    def __str__(self) -> str:
        return f"{self.place}: expected {self.expected}\n  instead: {self.instead}"


@dataclass(slots=True)
class Result:
    """How one conversation went through one wire. Without a ``mismatch`` it passed."""

    conversation: c.Conversation
    through: str
    transcript: Transcript = field(default_factory=Transcript)
    mismatch: Mismatch | None = None
    took_s: float = 0.0  # the conversation's own seconds

    @property
    def passed(self) -> bool:
        """Whether everything expected happened."""
        return self.mismatch is None


class _Missed(Exception):  # noqa: N818 - control flow inside this module, never seen outside
    def __init__(self, place: c.Place, expected: str, instead: str) -> None:
        self.mismatch = Mismatch(place, expected, instead)


@dataclass(slots=True)
class _Party:
    """One customer in a call: the leg, everything heard, and how far ``hear`` has come."""

    name: str
    number: str | None
    leg: Leg
    heard: list[Heard] = field(default_factory=list)
    cursor: int = 0
    over: bool = False


class Player:
    """Plays one conversation. Make one for each."""

    def __init__(self, driver: Driver, words: Words, customers: Customers) -> None:
        self._driver = driver
        self._words = words
        self._customers = customers
        self._parties: dict[str, _Party] = {}
        self._captured: dict[str, str] = {}
        self._unread: list[TextMessage] = []
        self._read: list[TextMessage] = []
        self._transcript = Transcript()

    async def play(self, conversation: c.Conversation) -> Result:
        """Play every step in order, up to the first mismatch."""
        result = Result(conversation, self._driver.name, self._transcript)
        try:
            for step in conversation.steps:
                await self._step(step)
            await self._hear_out()
            await self._witnesses(conversation)
        except _Missed as missed:
            result.mismatch = missed.mismatch
            await self._hear_out()
        finally:
            result.took_s = self._driver.now_s()
        return result

    async def _step(self, step: c.Step) -> None:
        match step:
            case c.Call() | c.Called():
                await self._connect(step)
            case c.Hear():
                await self._hear(step)
            case c.Press():
                await self._press(step)
            case c.Silence():
                party = self._parties[step.party]
                self._note(party.name, Kind.SILENT, f"{step.seconds:g} s")
                await party.leg.silence(step.seconds)
            case c.Speak():
                party = self._parties[step.party]
                self._note(party.name, Kind.SPOKE, f"{step.seconds:g} s")
                await party.leg.speak(step.seconds)
            case c.HangUp():
                party = self._parties[step.party]
                self._note(party.name, Kind.HUNG_UP)
                await party.leg.hang_up()
            case c.Ended() | c.Transferred():
                await self._over(step)
            case c.Text():
                await self._text(step)
            case c.Receive():
                await self._receive(step)
            case c.NotReceive():
                await self._not_receive(step)
            case c.Bank():
                self._driver.tell(step.told)
            case c.Wait():
                self._note(c.DEFAULT_PARTY, Kind.WAITED, f"{step.seconds:g} s")
                await self._driver.wait(step.seconds)

    def _note(self, party: str, kind: Kind, text: str = "") -> None:
        self._transcript.add(self._driver.now_s(), party, kind, text)

    # --- calls ---------------------------------------------------------------------------------------------------

    async def _connect(self, step: c.Call | c.Called) -> None:
        if isinstance(step, c.Call):
            self._note(step.party, Kind.CALL, f"{step.to} from {step.from_ or 'a withheld number'}")
            leg = await self._driver.call(step.from_, step.to, attestation=step.attestation, trunk=step.trunk)
            self._parties[step.party] = _Party(step.party, step.from_, leg)
            return
        answered = await self._driver.called(step.to, step.within_s)
        if answered is None:
            raise _Missed(step.place, f"a call of the bank to {step.to}", f"none came within {step.within_s:g} s")
        self._note(step.party, Kind.CALLED, step.to)
        self._parties[step.party] = _Party(step.party, step.to, answered)

    async def _hear(self, step: c.Hear) -> None:
        for item in step.items:
            if isinstance(item, c.HearPrompt) and not self._words.has_prompt(item.id):
                raise _Missed(step.place, f"prompt {item.id}", "the catalogue has no prompt of this name")
        party = self._parties[step.party]
        languages = (step.language,) if step.language else self._words.languages
        patterns = [Pattern.of(step.items, language, self._words.recordings) for language in languages]
        started_s, mark = self._driver.now_s(), party.cursor
        while True:
            for pattern in patterns:
                end = find(pattern, party.heard, party.cursor)
                if end is not None:
                    party.cursor = end
                    return
            left_s = started_s + step.within_s - self._driver.now_s()
            if left_s <= 0 or not await self._listen(party, left_s):
                break
        raise _Missed(step.place, f"to hear {describe(step.items)}", await self._what_was_heard(party, mark, step))

    async def _listen(self, party: _Party, timeout_s: float) -> bool:
        """Take in one more recording; False: none came, or the call is over."""
        heard = await party.leg.heard(timeout_s)
        if heard is None:
            return False
        party.heard.append(heard)
        self._transcript.heard(
            heard.at_s,
            party.name,
            self._words.spoken(heard.audio_id),
            joins=not self._words.is_prompt(heard.audio_id),
            cut=heard.cut,
        )
        return True

    async def _what_was_heard(self, party: _Party, mark: int, step: c.Hear) -> str:
        ids = [f"{item.audio_id} (cut)" if item.cut else item.audio_id for item in party.heard[mark:]]
        text = f"heard {' '.join(ids)}" if ids else "nothing was heard"
        ended = await party.leg.ended(0)
        if ended is None:
            return f"{text}, and nothing more within {step.within_s:g} s"
        self._note_end(party, ended)
        return f"{text}, then the call ended: {_how(ended)}"

    async def _press(self, step: c.Press) -> None:
        party = self._parties[step.party]
        if isinstance(step.keys, c.PinOf):
            secret = self._customers.pin(step.keys, party.number)
            self._note(party.name, Kind.PRESSED, _pin_text(step.keys))
            await party.leg.press(secret.reveal())
            return
        self._note(party.name, Kind.PRESSED, step.keys)
        await party.leg.press(self._filled(step.keys, step.place))

    async def _over(self, step: c.Ended | c.Transferred) -> None:
        party = self._parties[step.party]
        wanted = "the call to end" if isinstance(step, c.Ended) else f"to be handed to {step.queue or 'a person'}"
        ended = await party.leg.ended(step.within_s)
        await self._drain(party)
        if ended is None:
            raise _Missed(step.place, wanted, f"it went on for {step.within_s:g} s")
        self._note_end(party, ended)
        right = EndedBy.BANK if isinstance(step, c.Ended) else EndedBy.TRANSFER
        queue = step.queue if isinstance(step, c.Transferred) else None
        if ended.by is not right or (queue is not None and ended.queue != queue):
            raise _Missed(step.place, wanted, _how(ended))

    def _note_end(self, party: _Party, ended: CallEnded) -> None:
        if not party.over:
            party.over = True
            self._note(party.name, Kind.ENDED, _how(ended))

    # --- texts ---------------------------------------------------------------------------------------------------

    async def _text(self, step: c.Text) -> None:
        if isinstance(step.body, c.PinOf):
            body, shown = self._customers.pin(step.body, step.from_).reveal(), _pin_text(step.body)
        else:
            body, shown = self._filled(step.body, step.place), masked(step.body, {})
        self._note(c.DEFAULT_PARTY, Kind.TEXTED, shown)
        await self._driver.text(step.from_, step.to, body)

    async def _receive(self, step: c.Receive) -> None:
        started_s = self._driver.now_s()
        while True:
            for message in self._unread:
                if message.to == step.to and self._fits(message, step):
                    self._unread.remove(message)
                    return
            left_s = started_s + step.within_s - self._driver.now_s()
            if left_s <= 0 or not await self._fetch(left_s, step.capture):
                break
        wanted = f"{step.to} to receive a text with {', '.join(map(repr, step.contains)) or 'anything'}"
        if step.capture:
            wanted += f" and {', '.join(step.capture)}"
        raise _Missed(step.place, wanted, self._unread_text())

    def _fits(self, message: TextMessage, step: c.Receive) -> bool:
        if not all(self._filled(part, step.place) in message.body for part in step.contains):
            return False
        found: dict[str, str] = {}
        for name, pattern in step.capture.items():
            match = re.search(pattern, message.body)
            if match is None:
                return False
            found[name] = match[1] if match.re.groups else match[0]
        self._captured.update(found)
        return True

    async def _fetch(self, timeout_s: float, capture: Mapping[str, str]) -> bool:
        message = await self._driver.received(timeout_s)
        if message is None:
            return False
        self._unread.append(message)
        self._read.append(message)
        named = {name: found[0] for name, pattern in capture.items() if (found := re.search(pattern, message.body))}
        self._transcript.add(
            message.at_s, c.DEFAULT_PARTY, Kind.READ, masked(message.body, {**self._captured, **named})
        )
        return True

    async def _not_receive(self, step: c.NotReceive) -> None:
        deadline_s = self._driver.now_s() + step.within_s
        while (left_s := deadline_s - self._driver.now_s()) > 0 and await self._fetch(left_s, {}):
            pass
        messages = self._read if step.contains else self._unread
        for message in messages:
            if step.to not in (None, message.to):
                continue
            for part in step.contains or ("",):
                if self._filled(part, step.place) in message.body:
                    wanted = f"no text with {masked(part, {})!r}" if part else "no text"
                    raise _Missed(step.place, wanted, f"{message.to} read: {masked(message.body, self._captured)}")

    def _unread_text(self) -> str:
        if not self._unread:
            return "no text came"
        return "; ".join(f"{item.to} read: {masked(item.body, self._captured)}" for item in self._unread)

    def _filled(self, text: str, place: c.Place) -> str:
        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name not in self._captured:
                raise _Missed(place, f"{{{name}}} to be captured before", "no text has matched its pattern")
            return self._captured[name]

        return _SLOT.sub(value, text)

    # --- the end -------------------------------------------------------------------------------------------------

    async def _drain(self, party: _Party) -> None:
        while await self._listen(party, LAST_WORDS_S):
            pass

    async def _hear_out(self) -> None:
        for party in self._parties.values():
            if await party.leg.ended(0) is None:
                await party.leg.hang_up()
            await self._drain(party)

    async def _witnesses(self, conversation: c.Conversation) -> None:
        for party in self._parties.values():
            complaints = await party.leg.complaints()
            if complaints:
                place = conversation.steps[-1].place
                raise _Missed(place, "the recorded call to hold what was reported as heard", "; ".join(complaints))


def _pin_text(pin: c.PinOf) -> str:
    return "{pin: wrong}" if pin.wrong else f"{{pin: {pin.customer or 'customer'}}}"


def _how(ended: CallEnded) -> str:
    how = {
        EndedBy.BANK: "the bank ended the call",
        EndedBy.CUSTOMER: "the customer hung up",
        EndedBy.TRANSFER: f"handed to the queue {ended.queue}",
        EndedBy.FAILURE: "the line broke off without a proper end",
    }[ended.by]
    return f"{how} ({ended.detail})" if ended.detail else how
