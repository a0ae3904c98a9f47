"""Customers, thieves and staff: each does what they would do next, by the event's own salt."""

from __future__ import annotations

import random
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core_client.adapters import demo_world
from core_client.adapters.demo_world import DemoCustomer
from core_client.domain.money import Money
from core_client.domain.secret import Secret
from core_client.errors import BankError
from core_client.services.call import OperationCall, OperationResult
from tellerline.simulating import errands
from tellerline.simulating.books import Broken, Invariant
from tellerline.simulating.gateway import Message, Reply
from tellerline.simulating.plan import EVERYTHING, Event

if TYPE_CHECKING:
    from tellerline.simulating.node import Node
    from tellerline.simulating.world import World

MAX_COPIES = 3  # how often an impatient customer, or a line that repeats, sends one order
THIEVES = 12  # guesses at once
STRANGE_LINE = "+8613999999999"


@dataclass(slots=True)
class Call:
    """A telephone call of a customer."""

    id: str
    session: str
    node: Node
    proven: bool = False
    intent: str | None = None
    turns: int = 0

    def request(self) -> str:
        """Answer the id of the next request."""
        self.turns += 1
        return f"{self.id}:{self.turns}"


@dataclass(slots=True)
class Person:
    """One customer and their telephones."""

    world: World
    n: int
    who: DemoCustomer
    call: Call | None = None
    busy: bool = False  # in a call, waiting for an answer
    code: tuple[str, str] | None = None  # of a text: intent and code
    old_codes: list[str] = field(default_factory=list)
    last_intent: str | None = None
    calls: int = 0
    cash: errands.CashCode | None = None
    added: str = ""  # the short number of a payee whom they registered

    # --- by voice ---

    def voice(self, event: Event) -> None:
        """Do the next thing on the telephone."""
        chance = random.Random(event.salt)
        if self.call is not None and self.call.node.bank is None:
            self.call = None  # the line went dead
        if self.busy:
            if chance.random() < 0.1:
                self.call, self.busy = None, False  # hangs up while something is under way
            return
        node = self.world.up(chance.randrange(8)) if self.call is None else self.call.node
        if node is not None:
            self.busy = True
            self.world.spawn(self._voice(event, chance, node), node.place, "a caller", event.n, event.salt)

    async def _voice(self, event: Event, chance: random.Random, node: Node) -> None:
        call = self.call
        try:
            if call is None:
                await self._arrive(event, chance, node)
            elif not call.proven:
                await self._prove(call, chance)
            elif call.intent is None:
                await self._choose(call, event, chance)
            else:
                await self._decide(call, call.intent, chance)
        finally:
            self.busy = False
            if node.bank is None:
                self.call = None

    async def _arrive(self, event: Event, chance: random.Random, node: Node) -> None:
        assert node.bank is not None
        number = self.who.line if chance.random() < 0.85 else STRANGE_LINE
        arrival = await node.bank.client.arrive("voice", number)
        self.calls += 1
        call = Call(f"v-{self.n}-{self.calls}", arrival.auth_session_id, node)
        self.call = call
        if not arrival.identified:
            await self.ask(call, "identity.claim", customer=self.who.number)

    async def _prove(self, call: Call, chance: random.Random) -> None:
        drawn = chance.random()
        if drawn < 0.06:
            self.call = None
            return
        pin = self.who.pin if drawn < 0.9 else f"{chance.randrange(10**6):06d}"
        result = await self.ask(call, "auth.verify_pin", pin=Secret(pin))
        if result.outcome == "ok":
            call.proven = True
        elif result.outcome in ("locked", "unauthenticated"):
            self.call = None

    async def _choose(self, call: Call, event: Event, chance: random.Random) -> None:
        drawn = chance.random()
        if drawn < 0.60:
            await self._prepare(call, event, chance)
        elif drawn < 0.80:
            asked = self.world.loop.time()
            self.heard_balance(await self.ask(call, "accounts.balance"), asked)
        elif drawn < 0.88:
            await self.ask(call, "accounts.recent")
        elif drawn < 0.91 and self.last_intent is not None:
            await self._cancel(call, self.last_intent)
        elif drawn < 0.925:
            await self.ask(call, "cash.cancel")
        elif drawn < 0.945:
            await errands.rearrange_payees(self, call, chance)
        elif drawn < 0.95:
            await self.ask(call, "accounts.freeze")
        elif drawn < 0.96:
            await self.ask(call, "cards.block")
        else:
            self.call = None

    async def _prepare(self, call: Call, event: Event, chance: random.Random) -> None:
        operation, arguments = errands.wanted(self, self._amount(event), chance)
        result = await self.ask(call, operation, **arguments)
        if result.outcome == "ok":
            self._read_back(result.answer)
            intent = str(result.answer["id"])
            if operation == "cash.prepare":
                await errands.order_cash(self, call, intent, chance)
            else:
                call.intent = self.last_intent = intent
        elif result.outcome == "unauthenticated":
            call.proven = False

    def _amount(self, event: Event) -> Money:
        """Answer how much: what was drawn, or everything there is."""
        if not self.who.accounts:
            return Money(event.amount + 1, "CNY")
        account = self.who.accounts[0]
        everything = self.world.books.accounts[self.world.account_of(self.who, account.number)].available
        return Money(everything if event.amount == EVERYTHING else event.amount, account.currency)

    def _read_back(self, answer: Mapping[str, Any]) -> None:
        fee = answer.get("fee")
        self.world.told.read_back(str(answer["id"]), self.n, answer["amount"], fee if isinstance(fee, Money) else None)

    async def _decide(self, call: Call, intent: str, chance: random.Random) -> None:
        drawn = chance.random()
        if drawn < 0.08:
            self.call = None
        elif drawn < 0.2:
            call.intent = None
            await self._cancel(call, intent)
        else:
            if drawn < 0.85:
                call.intent = None
            await self._confirm(call, intent, 1 if drawn < 0.6 else chance.randint(2, MAX_COPIES))

    async def _confirm(self, call: Call, intent: str, copies: int) -> None:
        """Order it; the line may repeat the very same request."""
        request = call.request()
        again = [
            self.world.spawn(self._order(call, intent, request), call.node.place, "the same order again", request, copy)
            for copy in range(1, copies)
        ]
        await self._order(call, intent, request)
        for other in again:
            await other

    async def _order(self, call: Call, intent: str, request: str) -> None:
        told = self.world.told
        told.ordered(intent, request, entitled=call.proven)
        wait = {"cancellable": True} if self.n % 2 else {}  # some lines let a customer think again
        try:
            result = await self.ask(call, "transfers.authorise", request, intent=intent, **wait)
        except BaseException:
            told.unheard(intent, request)
            raise
        if self.call is call:
            told.answered(intent, request, result)
            self.took(call, "transfers.authorise", intent, result)
        else:
            told.unheard(intent, request)
        if result.outcome == "unauthenticated":
            call.proven = False

    async def _cancel(self, call: Call, intent: str) -> None:
        result = await self.ask(call, "transfers.cancel", intent=intent)
        self.world.told.cancelled(intent, result)
        self.took(call, "transfers.cancel", intent, result)

    def took(self, call: Call, operation: str, intent: str, result: OperationResult) -> None:
        """The line has said an answer: the bank notes that it was."""
        if call.node.bank is not None:
            heard = OperationCall(operation, {"intent": intent}, call.session, "", "voice")
            call.node.bank.client.heard(heard, result)

    async def ask(self, call: Call, operation: str, request: str | None = None, **arguments: Any) -> OperationResult:
        """Have an operation carried out for this call."""
        assert call.node.bank is not None
        self.world.operations += 1
        order = OperationCall(operation, arguments, call.session, request or call.request(), "voice")
        return await call.node.bank.client.perform(order)

    # --- what is heard ---

    def heard_balance(self, result: OperationResult, asked_s: float) -> None:
        """A balance is what the account had at some moment between question and answer."""
        available, last4 = result.answer.get("available"), result.answer.get("last4")
        if result.outcome != "ok" or not isinstance(available, Money):
            return
        self.world.told.words += 1
        account = self.world.account_of(self.who, str(last4))
        history = self.world.books.available[account]
        within = [
            minor
            for (since, minor), until in zip(history, [*(at for at, _ in history[1:]), float("inf")], strict=True)
            if until >= asked_s and since <= self.world.loop.time()
        ]
        if available.amount_minor not in within:
            detail = f"{available} was said of account {account}, which had {within} meanwhile"
            self.world.report(Broken(Invariant.TOLD, detail))

    # --- by text ---

    def text(self, event: Event) -> None:
        """Write the next text."""
        if self.who.line is None:
            return
        chance = random.Random(event.salt)
        drawn = chance.random()
        message = Message("", self.n, self.who.line, "balance")
        if self.code is not None and drawn < 0.8:
            message.command, message.code = "code", self.code[1]
            if drawn > 0.72:
                message.code = f"{chance.randrange(10**6):06d}"
            elif drawn > 0.64 and self.old_codes:
                message.code = chance.choice(self.old_codes)
            else:
                self.code = None
        elif drawn < 0.7 and self.who.payees:
            message.command, message.payee = "pay", chance.choice(self.who.payees).alias
            message.amount = self._amount(event)
        elif drawn < 0.84:
            message.command = "recent"
        elif drawn < 0.85:
            message.command = "freeze"
        self.world.gateway.receive(message)

    def has_text(self, reply: Reply) -> None:
        """An answer arrived on the handset."""
        result = reply.result
        if result is None:
            return
        if reply.kind == "code":
            self._read_back(reply.prepared)
            code = result.answer["code"]
            assert isinstance(code, Secret)
            if self.code is not None:
                self.old_codes.append(self.code[1])
            self.code = (reply.intent, code.reveal())
            self.last_intent = reply.intent
        elif reply.kind == "order":
            self.world.told.answered(reply.intent, reply.request, result)
        elif "available" in result.answer:
            self.heard_balance(result, reply.asked_at_s)


# --- who means no good, and who looks after it ---


def thief(world: World, event: Event) -> None:
    """Guess one customer's PIN many times at once, over lines, nodes and channels."""
    chance = random.Random(event.salt)
    person = world.people[event.who % len(world.people)]
    for guess in range(chance.randint(1, THIEVES)):
        node = world.up(chance.randrange(8))
        if node is not None:
            pin = f"{chance.randrange(10**6):06d}"
            channel = chance.choice(("voice", "voice", "sms"))
            world.spawn(_guess(node, person, pin, channel), node.place, "a guess", event.n, event.salt, guess)


async def _guess(node: Node, person: Person, pin: str, channel: str) -> None:
    assert node.bank is not None
    core = node.bank.client
    arrival = await core.arrive(channel, STRANGE_LINE if person.who.line is None else person.who.line)
    number = f"guess-{arrival.auth_session_id}"
    if person.who.line is None:
        claim = OperationCall(
            "identity.claim", {"customer": person.who.number}, arrival.auth_session_id, number, channel
        )
        await core.perform(claim)
    guess = OperationCall("auth.verify_pin", {"pin": Secret(pin)}, arrival.auth_session_id, f"{number}-1", channel)
    await core.perform(guess)


def forger(world: World, event: Event) -> None:
    """Try to carry somebody's intent out without having proved anything."""
    chance = random.Random(event.salt)
    waiting = [person for person in world.people if person.last_intent is not None]
    node = world.up(chance.randrange(8))
    if waiting and node is not None:
        victim = chance.choice(waiting)
        world.spawn(_forge(world, node, victim, chance), node.place, "a forger", event.n, event.salt)


async def _forge(world: World, node: Node, victim: Person, chance: random.Random) -> None:
    """From the victim's own line, or from another customer's with that one's PIN."""
    assert node.bank is not None
    core, intent = node.bank.client, victim.last_intent or ""
    other = chance.choice(world.people)
    mine = chance.random() < 0.5
    arrival = await core.arrive("voice", victim.who.line if mine else other.who.line)
    request = f"forged-{arrival.auth_session_id}"
    if not mine and other.who.line is not None:
        proof = OperationCall(
            "auth.verify_pin", {"pin": Secret(other.who.pin)}, arrival.auth_session_id, request, "voice"
        )
        await core.perform(proof)
    world.told.ordered(intent, f"{request}-1", entitled=other is victim and not mine)
    order = OperationCall("transfers.authorise", {"intent": intent}, arrival.auth_session_id, f"{request}-1", "voice")
    try:
        await core.perform(order)
    finally:
        world.told.unheard(intent, f"{request}-1")  # what a forger hears is nothing that the customer was told


def staff(world: World, event: Event) -> None:
    """Somebody unlocks a customer, lifts a freeze, or has a transfer booked back."""
    chance = random.Random(event.salt)
    node = world.up(chance.randrange(8))
    if node is not None:
        drawn, person = chance.random(), chance.choice(world.people)
        if drawn < 0.3:
            work = _unlock(world, node, person)
        elif drawn < 0.6:
            work = errands.lift(node, person)
        else:
            work = errands.book_back(world, node, chance)
        world.spawn(_staffed(world, work), node.place, "staff", event.n, event.salt)


async def _staffed(world: World, work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except BankError as error:
        world.note(f"staff could not: {type(error).__name__}")


async def _unlock(world: World, node: Node, person: Person) -> None:
    assert node.bank is not None
    try:
        world.unlocking(person.n)
        await node.bank.admin.unlock(person.who.number, "staff")
    except BankError as error:
        world.note(f"not unlocked: {type(error).__name__}")


__all__ = ["STRANGE_LINE", "Call", "Person", "demo_world", "forger", "staff", "thief"]
