"""What the fake message centre does with submit_sm: takes, refuses, loses, answers, reports, and logs it faithfully."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any

from sms.errors import SubmitRefused
from sms.smpp import CommandId, LocalProtocolError, Message, MessageReceived, Status
from sms.testing.behaviour import Behaviour, ReceiptForm
from sms.testing.links import CentreLink, OddSession, pdu, tlvs_of
from sms.testing.receipts import receipt_for
from sms.text.segmentation import Content, Part, UnreadableError, content_of, text_of

FIRST_ID = 0x1000
EARLY_LEAD_S = 0.02  # an early receipt must also overtake the answer where each has a connection of its own
_WANTED, _WANTED_IF_FAILED = 1, 2  # registered_delivery (§5.2.17)


@dataclass(frozen=True, slots=True)
class ReceivedText:
    """One text that an ESME sent, joined from its parts."""

    source: str
    to: str
    text: str
    message_ids: tuple[str, ...]
    messages: tuple[Message, ...] = field(repr=False)


@dataclass(slots=True)
class Taken:
    """One submit_sm that the centre took responsibility for. What a test believes about the other side is here."""

    number: int  # the centre's own
    id: str  # as in submit_sm_resp
    account: str
    link: int
    source: str
    destination: str
    part: Part | None
    text: str = field(repr=False)  # of this part
    at: float  # the loop's time
    message: Message = field(repr=False)
    answered: bool = False  # its submit_sm_resp was given to the connection
    state: str = "ENROUTE"  # then what its receipt says, whether that was brought or not
    receipts: int = 0  # acknowledged by the ESME


class Taking:
    """Deals with submit_sm on all connections, as :class:`Behaviour` says."""

    def __init__(
        self,
        behaviour: Callable[[], Behaviour],
        bring: Callable[[Message, str], Awaitable[None]],
        tell: Callable[[], None],
        seed: int,
    ) -> None:
        """Wire it.

        Args:
            behaviour: answers how to treat what comes now.
            bring: gives a deliver_sm to one of the account's receivers and returns when it is acknowledged.
            tell: hears that something that a test may wait for has happened.
            seed: of what is shuffled.
        """
        self._behaviour_now = behaviour
        self._bring = bring
        self._tell = tell
        self._chance = random.Random(seed)  # noqa: S311 - which of a fake's answers goes first
        self._numbers = itertools.count(FIRST_ID)
        self._outcomes = itertools.count()
        self._parts: dict[tuple[str, str, int, int, int], dict[int, tuple[Content, Message, str]]] = {}
        self._answers: list[Callable[[], None]] = []  # held back
        self._receipts: list[Callable[[], None]] = []  # held back
        self._later: set[asyncio.Task[None]] = set()
        self.log: list[Taken] = []
        self.received: list[ReceivedText] = []
        self.submits = 0

    async def close(self) -> None:
        """Drop what was to be answered or reported later."""
        for task in list(self._later):
            task.cancel()
        await asyncio.gather(*self._later, return_exceptions=True)

    def release(self) -> None:
        """Let go, in another order, of the answers and receipts that are held back."""
        self._let_go(self._answers)
        self._let_go(self._receipts)

    # --- one submit_sm ---

    def submitted(self, link: CentreLink, event: MessageReceived) -> None:
        """Deal with one submit_sm."""
        self.submits += 1
        behaviour = self._behaviour_now()
        if _counted_down(behaviour, "drop_at_submit"):
            link.abort("dropped")
            return
        if behaviour.lose:
            behaviour.lose -= 1
            return
        if behaviour.nack_every and self.submits % behaviour.nack_every == 0:
            self._nack(link, event, behaviour.nack_with)
            return
        status = self._status(behaviour)
        taken = None if status else self._take(link, event.message, behaviour)
        if behaviour.swallow:
            behaviour.swallow -= 1
        elif behaviour.drop_after_next_submit or _counted_down(behaviour, "drop_at_answer"):
            behaviour.drop_after_next_submit = False
            link.abort("dropped")
        else:
            self._answer_in_time(link, event, status, taken)
            return
        if taken is not None and behaviour.receipts and behaviour.receipts_unanswered:
            self._report(taken)

    def _status(self, behaviour: Behaviour) -> int:
        if behaviour.statuses:
            status, *rest = behaviour.statuses
            behaviour.statuses = tuple(rest)
            return status
        if behaviour.throttle_every and self.submits % behaviour.throttle_every == 0:
            return behaviour.throttle_status
        every = behaviour.refuse_every
        return 0 if every and self.submits % every else behaviour.refuse_with

    def _take(self, link: CentreLink, message: Message, behaviour: Behaviour) -> Taken:
        number = next(self._numbers)
        try:
            content = content_of(message)
            text = text_of([content])
        except UnreadableError:
            content, text = Content(message.data_coding, message.short_message), ""
        source, destination = message.source.digits, message.destination.digits
        taken = Taken(
            number,
            behaviour.response_ids.write(number),
            link.system_id,
            link.number,
            source,
            destination,
            content.part,
            text,
            asyncio.get_running_loop().time(),
            message,
        )
        self.log.append(taken)
        self._join(content, taken)
        return taken

    def _join(self, content: Content, taken: Taken) -> None:
        part = content.part or Part(0, 0, 1, 1)
        key = (taken.source, taken.destination, part.reference, part.width, part.total)
        parts = self._parts.setdefault(key, {})
        parts[part.number] = (content, taken.message, taken.id)
        if len(parts) < part.total:
            return
        del self._parts[key]
        contents, messages, ids = zip(*(parts[number] for number in sorted(parts)), strict=True)
        try:
            text = text_of(contents)
        except UnreadableError:
            text = ""
        self.received.append(ReceivedText(taken.source, taken.destination, text, ids, messages))

    # --- its answer ---

    def _nack(self, link: CentreLink, event: MessageReceived, status: int) -> None:
        number = event.sequence_number
        octets = pdu(CommandId.GENERIC_NACK, status, number)
        _session(link).answer_instead(lambda: link.session.respond(number, Status.RSYSERR), octets)
        link.wake()

    def _answer_in_time(self, link: CentreLink, event: MessageReceived, status: int, taken: Taken | None) -> None:
        behaviour = self._behaviour_now()
        early = taken is not None and behaviour.receipts and behaviour.receipt_early
        if taken is not None and early:
            self._report(taken)
        delay_s = max(behaviour.answer_delay_s, EARLY_LEAD_S if early else 0.0)

        def answer() -> None:
            self._answer(link, event, status, taken)
            if taken is not None and behaviour.receipts and not early:
                self._report(taken)

        if delay_s:
            self._soon(_after(delay_s, answer))
        elif behaviour.answers_shuffled:
            self._answers.append(answer)
            if len(self._answers) >= behaviour.answers_shuffled:
                self._let_go(self._answers)
        else:
            answer()

    def _answer(self, link: CentreLink, event: MessageReceived, status: int, taken: Taken | None) -> None:
        behaviour = self._behaviour_now()
        number = event.sequence_number
        message_id = taken.id if taken is not None else ""
        try:
            if behaviour.response_tlvs or (status and behaviour.refused_with_body):
                body = message_id.encode() + b"\x00" + tlvs_of(behaviour.response_tlvs)
                octets = pdu(CommandId.SUBMIT_SM_RESP, status, number, body)
                _session(link).answer_instead(lambda: link.session.respond(number, status, message_id), octets)
            else:
                link.session.respond(number, status, message_id)
        except LocalProtocolError:  # the connection went meanwhile
            return
        if taken is not None and not link.closed.done():
            taken.answered = True
        link.wake()

    # --- its receipt ---

    def _report(self, taken: Taken) -> None:
        behaviour = self._behaviour_now()
        if behaviour.outcome is not None:
            state = behaviour.outcome(taken.message)
        else:
            state = behaviour.outcomes[next(self._outcomes) % len(behaviour.outcomes)]
        if not state:
            return
        taken.state = state
        part = taken.part
        wanted = taken.message.registered_delivery & 0x03
        if not wanted or (wanted == _WANTED_IF_FAILED and state == "DELIVRD"):
            return
        if behaviour.receipt_of_last_part_only and part is not None and part.number < part.total:
            return

        def bring() -> None:
            for _ in range(behaviour.receipt_copies):
                self._soon(self._bring_receipt(taken, state, behaviour.receipt_delay_s))

        if behaviour.receipts_shuffled:
            self._receipts.append(bring)
            if len(self._receipts) >= behaviour.receipts_shuffled:
                self._let_go(self._receipts)
        else:
            bring()

    async def _bring_receipt(self, taken: Taken, state: str, delay_s: float) -> None:
        if delay_s:
            await asyncio.sleep(delay_s)
        behaviour = self._behaviour_now()
        try:
            if behaviour.receipt_on_the_way:
                await self._bring(self._receipt(taken, "ENROUTE", behaviour), taken.account)
            await self._bring(self._receipt(taken, state, behaviour), taken.account)
        except (SubmitRefused, ConnectionError):  # for good, or too often: a real centre throws such a receipt away
            return
        taken.receipts += 1
        self._tell()

    def _receipt(self, taken: Taken, state: str, behaviour: Behaviour) -> Message:
        shown = taken.id
        if behaviour.decimal_receipt_ids:
            shown = str(taken.number)
        elif behaviour.receipt_ids is not None:
            shown = behaviour.receipt_ids.write(taken.number)
        if behaviour.receipt_form is ReceiptForm.LOWER:
            shown = shown.lower()
        error = behaviour.receipt_error if state == "DELIVRD" or behaviour.receipt_error != "000" else "011"
        receipt = receipt_for(taken.message, shown, state, error, behaviour.receipt_form)
        if behaviour.receipt_from_another_address:
            receipt = replace(receipt, source=receipt.destination, destination=receipt.source)
        return receipt

    # --- later ---

    def _let_go(self, held: list[Callable[[], None]]) -> None:
        acts = list(held)
        held.clear()
        self._chance.shuffle(acts)
        for act in acts:
            act()

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name="fake smsc")
        self._later.add(task)
        task.add_done_callback(self._later.discard)


async def _after(delay_s: float, act: Callable[[], None]) -> None:
    await asyncio.sleep(delay_s)
    act()


def _session(link: CentreLink) -> OddSession:
    if not isinstance(link.session, OddSession):
        raise TypeError("a link of this centre has an odd session")
    return link.session


def _counted_down(behaviour: Behaviour, name: str) -> bool:
    left = getattr(behaviour, name)
    if left:
        setattr(behaviour, name, left - 1)
    return bool(left == 1)


__all__ = ["ReceivedText", "Taken", "Taking"]
