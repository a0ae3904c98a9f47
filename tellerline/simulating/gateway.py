"""Texts: stored before they are acknowledged, worked on under a lease, answered once a name through an outbox.

The store survives every crash, as Valkey's append-only file does. A lease that is lost lets a second node work on the
same text while the first still does.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core_client.domain.money import Money
from core_client.domain.secret import Secret
from core_client.errors import BankError
from core_client.services.call import OperationCall, OperationResult
from sms.store.journal import JournalDown
from tellerline.simulating.loop import CHANCE, Died, Place
from tellerline.simulating.told import MADE, NOT_MADE, REVERSED, Order

if TYPE_CHECKING:
    from tellerline.simulating.node import Node
    from tellerline.simulating.world import World

LEASE_S = 20.0  # a text whose node says nothing for that long is another node's
RETRY_S = 3.0
WIRE_S = (0.01, 2.0)
_REFERENCE = re.compile(r"\d[\d ]{8,}\d")
_LATE, _REVERSED = "late-result-", "-reversed"


@dataclass(slots=True)
class Message:
    """One text of a customer, as it is stored."""

    id: str
    person: int
    number: str
    command: str  # balance, recent, pay, code, stop
    amount: Money | None = None
    payee: str = ""
    code: str = ""
    done: bool = False
    sent_at_s: float = 0.0


@dataclass(slots=True)
class Dialogue:
    """What waits for a code, over texts and nodes."""

    session: str
    intent: str


@dataclass(slots=True)
class Reply:
    """What a text is answered with."""

    kind: str  # code, order, other
    intent: str = ""
    request: str = ""
    result: OperationResult | None = None
    prepared: Mapping[str, Any] = field(default_factory=dict)
    asked_at_s: float = 0.0


class Gateway:
    """The store of texts and the way in and out."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._messages: dict[str, Message] = {}
        self._dialogues: dict[str, Dialogue] = {}
        self._sent: dict[str, str] = {}  # the names that were sent
        self._ids = 0

    @property
    def waiting(self) -> int:
        """How many texts nobody has answered."""
        return sum(not message.done for message in self._messages.values())

    def receive(self, message: Message) -> None:
        """A text arrives and is stored; now and then it is worked on twice, or late."""
        self._ids += 1
        message.id = f"m{self._ids}"
        message.sent_at_s = self._world.loop.time()
        self._messages[message.id] = message
        fault = self._world.faults.at("text.in", None)
        after_s = CHANCE.get().uniform(30, 400) if fault == "late" else CHANCE.get().uniform(*WIRE_S)
        for copy in range(2 if fault == "twice" else 1):
            self._world.spawn(self._until_done(message, after_s), None, "a text's way", message.id, copy)

    async def _until_done(self, message: Message, after_s: float) -> None:
        await asyncio.sleep(after_s)
        while not message.done:
            node = self._world.up(CHANCE.get().randrange(8))
            if node is None:
                await asyncio.sleep(RETRY_S)
                continue
            salt = CHANCE.get().random()
            work = self._world.spawn(self._work(node, message), node.place, "a text", message.id, salt)
            await asyncio.wait([work], timeout=LEASE_S)
            error = work.exception() if work.done() and not work.cancelled() else None
            if isinstance(error, BankError):
                self._world.note(f"a text is tried again after {type(error).__name__}")
            elif error is not None:
                self._world.failed(f"a text ended in {error!r}")
                return
            if not message.done:
                await asyncio.sleep(RETRY_S)

    async def _work(self, node: Node, message: Message) -> None:
        """Answer one text on a node, as the dialogue over SMS does."""
        assert node.bank is not None
        core = node.bank.client
        arrival = await core.arrive("sms", message.number)
        session = arrival.auth_session_id
        if message.command == "pay":
            reply = await self._pay(node, message, session)
        elif message.command == "code":
            reply = await self._code(node, message)
        else:
            asked = self._world.loop.time()
            result = await self._ask(node, message, session, f"accounts.{message.command}", 1)
            reply = Reply("other", result=result, asked_at_s=asked)
        if reply.kind != "code":
            core.let_go(session)
        taken = self.send(message.person, message.id, reply)
        if taken and reply.kind == "order" and reply.result is not None:
            call = OperationCall("transfers.authorise", {"intent": reply.intent}, session, reply.request, "sms")
            core.heard(call, reply.result)
        message.done = True

    async def _pay(self, node: Node, message: Message, session: str) -> Reply:
        prepared = await self._ask(
            node, message, session, "transfers.prepare", 1, payee=message.payee, amount=message.amount
        )
        if prepared.outcome != "ok":
            return Reply("other", result=prepared)
        intent = str(prepared.answer["id"])
        code = await self._ask(node, message, session, "auth.issue_code", 2, intent=intent)
        if code.outcome != "ok":
            return Reply("other", result=code)
        assert node.bank is not None
        await node.bank.client.keep(session)
        self._dialogues[message.number] = Dialogue(session, intent)
        return Reply("code", intent, result=code, prepared=prepared.answer)

    async def _code(self, node: Node, message: Message) -> Reply:
        dialogue = self._dialogues.get(message.number)
        if dialogue is None:
            return Reply("other")
        given = Secret(message.code)
        right = await self._ask(
            node, message, dialogue.session, "auth.verify_code", 1, intent=dialogue.intent, code=given
        )
        if right.outcome == "refused":
            self._world.wrong(message.person)
        if right.outcome != "ok":
            return Reply("other", dialogue.intent, result=right)
        request = f"{message.id}:2"
        order = self._world.told.ordered(dialogue.intent, request, entitled=True)
        try:
            result = await self._ask(
                node, message, dialogue.session, "transfers.authorise", 2, intent=dialogue.intent, cancellable=True
            )
        except BaseException:
            order.copies -= 1
            raise
        if self._dialogues.get(message.number) is dialogue:
            del self._dialogues[message.number]
        return Reply("order", dialogue.intent, request, result)

    async def _ask(
        self, node: Node, message: Message, session: str, operation: str, turn: int, **arguments: Any
    ) -> OperationResult:
        assert node.bank is not None
        self._world.operations += 1
        call = OperationCall(operation, arguments, session, f"{message.id}:{turn}", "sms")
        return await node.bank.client.perform(call)

    # --- out ---

    def send(self, person: int, name: str, reply: Reply) -> bool:
        """Put an answer into the outbox; a name that was sent is not sent again. Answer whether it is."""
        if name in self._sent:
            if reply.kind == "order":
                self._world.told.unheard(reply.intent, reply.request)
            return False
        self._sent[name] = ""
        self._world.spawn(self._deliver(person, reply), None, "a text to a customer", name)
        return True

    async def _deliver(self, person: int, reply: Reply) -> None:
        await self._world.pause(*WIRE_S)
        self._world.people[person].has_text(reply)

    def send_result(self, number: str, text: str, name: str) -> None:
        """Put a late result into the outbox."""
        if name in self._sent:
            return
        self._sent[name] = text
        self._world.spawn(self._deliver_result(text, name), None, "a late result", name)

    async def _deliver_result(self, text: str, name: str) -> None:
        await self._world.pause(*WIRE_S)
        found = _REFERENCE.search(text)
        reference = None if found is None else found.group().replace(" ", "")
        intent = self.intent_of(name)
        if intent is not None:
            word = NOT_MADE if reference is None else REVERSED if name.endswith(_REVERSED) else MADE
            self._world.told.texted(intent, name, word, reference)

    @staticmethod
    def intent_of(name: str) -> str | None:
        """Answer the intent that a text is about, by its name."""
        return name.removeprefix(_LATE).removesuffix(_REVERSED).partition(":")[0] if name.startswith(_LATE) else None


class Texting:
    """What a node sends texts unasked with, as :class:`sms.gateway.SmsGateway`."""

    def __init__(self, world: World, place: Place) -> None:
        self._world = world
        self._place = place

    async def send(self, number: str, text: str, name: str, *_more: object) -> None:
        """Store a text to be sent, once for each name.

        Raises:
            JournalDown: not known whether it is stored.
        """
        await self._world.pause(0.001, 0.01)
        self._place.check()
        fault = self._world.faults.at("text.out", self._place)
        if fault == "down":
            raise JournalDown("told to be down")
        self._world.gateway.send_result(number, text, name)
        if fault == "unsaid":
            raise JournalDown("told to say nothing")
        if self._world.faults.at("tell", self._place) == "crash":
            self._world.crash(self._place)
            raise Died(self._place.name)


__all__ = ["Dialogue", "Gateway", "Message", "Order", "Reply", "Texting"]
