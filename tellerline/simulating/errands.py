"""What else is done with money: other kinds of transfer, cash without a card, payees, freezes, booking back."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from core_client.adapters.demo_billers import BILLS
from core_client.domain.money import Money
from core_client.domain.secret import Secret
from core_client.domain.staff import Person as Worker
from core_client.domain.staff import Role
from core_client.errors import BankError
from core_client.services.admin import NotFoundError
from core_client.services.cash import Payout, PayoutAnswer
from core_client.services.staff import StaffError
from core_client.testing.clock import DEFAULT_START
from tellerline.simulating.plan import Event

if TYPE_CHECKING:
    from tellerline.simulating.node import Node
    from tellerline.simulating.people import Call, Person
    from tellerline.simulating.world import World

T = TypeVar("T")

NOTE_MINOR = 10_000
MOST_NOTES = 20
WAIT_S = 20.0  # a machine that hears nothing for so long asks again
ASKED = 6  # times, until a machine gives up
TAKEN_BACK_EVERY_S, TAKEN_BACK = 30.0, 60  # how often, and how many times, it says that it paid nothing
OPERATOR = Worker("operator", frozenset({Role.OPERATOR}), DEFAULT_START)
APPROVER = Worker("approver", frozenset({Role.APPROVER}), DEFAULT_START)


@dataclass(slots=True)
class CashCode:
    """What a customer may key at a machine."""

    intent: str
    code: str


def wanted(person: Person, amount: Money, chance: random.Random) -> tuple[str, Mapping[str, Any]]:
    """Answer what a caller wants to have prepared: mostly to pay a payee."""
    drawn, others = chance.random(), [account for account in person.who.accounts if account.currency == "CNY"]
    if drawn < 0.5 and person.who.payees:
        return "transfers.prepare", {"payee": chance.choice(person.who.payees).short_number, "amount": amount}
    if drawn < 0.58 and len(others) > 1:
        return "transfers.prepare_own", {"to": others[1].number[-4:], "amount": amount}
    if drawn < 0.68:
        to = chance.choice([one for one in person.world.people if one is not person and one.who.accounts])
        return "transfers.prepare_account", {"number": to.who.accounts[0].number, "amount": amount}
    if drawn < 0.75:
        biller, references = chance.choice(sorted(BILLS.items()))
        return "bills.prepare", {"biller": biller, "reference": chance.choice(references)[0]}
    if drawn < 0.82:
        return "top_up.prepare", {"amount": Money(chance.choice((10, 20, 30, 50, 100)) * 100, "CNY")}
    return "cash.prepare", {"amount": Money(chance.randint(1, MOST_NOTES) * NOTE_MINOR, "CNY")}


# --- customers ---


async def order_cash(person: Person, call: Call, intent: str, chance: random.Random) -> None:
    """Order what was prepared, under a code of the caller's own; now and then the line repeats it."""
    told, request, code = person.world.told, call.request(), f"{chance.randrange(10**6):06d}"
    person.world.cash_intents[intent] = None
    for _ in range(chance.choice((1, 1, 2))):
        told.ordered(intent, request, entitled=call.proven)
        try:
            result = await person.ask(call, "cash.order", request, intent=intent, code=Secret(code))
        except BaseException:
            told.unheard(intent, request)
            raise
        told.answered(intent, request, result)
        person.took(call, "cash.order", intent, result)
        if result.outcome == "ok":
            person.cash = CashCode(intent, code)


async def rearrange_payees(person: Person, call: Call, chance: random.Random) -> None:
    """Register somebody, or remove whom one registered before."""
    if person.added:
        asked = await person.ask(call, "payees.prepare_remove", payee=person.added)
        if asked.outcome == "ok" and (await person.ask(call, "payees.remove", intent=asked.answer["id"])).outcome == (
            "ok"
        ):
            person.added = ""
        return
    to = chance.choice([one for one in person.world.people if one is not person and one.who.accounts])
    asked = await person.ask(call, "payees.prepare_add", account=to.who.accounts[0].number)
    if asked.outcome == "ok":
        added = await person.ask(call, "payees.add", intent=asked.answer["id"])
        if added.outcome == "ok":
            person.added = str(added.answer["short"])
            await person.ask(call, "transfers.prepare", payee=person.added, amount=Money(100, "CNY"))


# --- machines ---


async def _asked(world: World, chance: random.Random, name: str, ask: Callable[[Node], Awaitable[T]]) -> T | None:
    """Ask a node that is up; None when it says nothing, or cannot."""
    node = world.up(chance.randrange(8))
    if node is None:
        return None

    async def work() -> T:
        return await ask(node)

    task = world.spawn(work(), node.place, name, chance.random())
    await asyncio.wait([task], timeout=WAIT_S)
    if not task.done() or task.cancelled():
        return None
    if isinstance(task.exception(), BankError):
        return None
    answer: T = task.result()
    return answer


def machine(world: World, event: Event) -> None:
    """Somebody keys a number and a code at a cash machine."""
    chance = random.Random(event.salt)
    person = world.people[event.who % len(world.people)]
    waiting = [one for one in world.people if one.cash is not None]
    if person.cash is None and waiting:
        person = chance.choice(waiting)
    if person.who.line is None:
        return
    code = f"{chance.randrange(10**6):06d}" if person.cash is None or chance.random() < 0.15 else person.cash.code
    world.spawn(_at_machine(world, person.who.line, code, f"atm-{event.n}", chance), None, "a machine", event.n)


async def _at_machine(world: World, number: str, code: str, request: str, chance: random.Random) -> None:
    terminal = f"ATM{chance.randrange(3)}"

    async def ask(node: Node) -> PayoutAnswer:
        assert node.bank is not None
        return await node.bank.client.cash.collect(number, Secret(code), terminal, request)

    if chance.random() < 0.2:  # the line repeats it; what is answered to that, nobody hears
        world.spawn(_asked(world, random.Random(chance.random()), "the same asked again", ask), None, "twice", request)
    unheard = False
    for _ in range(ASKED):
        answer = await _asked(world, chance, "a machine asks", ask)
        if answer is not None and answer.payout is Payout.REFUSED:
            return
        if answer is not None and answer.payout is Payout.PAY:
            if chance.random() > 0.15:
                world.told.paid_out(answer)
                return
            unheard = True  # the notes are stuck
            break
        unheard = True
        await asyncio.sleep(chance.uniform(1, 15))
    if unheard:
        await _take_back(world, number, terminal, request, chance)


async def _take_back(world: World, number: str, terminal: str, request: str, chance: random.Random) -> None:
    """Say that nothing was paid out, until it is booked back."""

    async def ask(node: Node) -> bool:
        assert node.bank is not None
        return await node.bank.client.cash.not_paid_out(number, terminal, request)

    for _ in range(TAKEN_BACK):
        if await _asked(world, chance, "a machine takes back", ask):
            return
        await asyncio.sleep(TAKEN_BACK_EVERY_S)


# --- staff ---


async def lift(node: Node, person: Person) -> None:
    """Lift what a customer froze, after a person has checked who it is."""
    assert node.bank is not None
    customer = await node.bank.ports.registry.customer_by_number(person.who.number)
    if customer is not None:
        await node.bank.admin.freezes.lift(customer.id, "staff")


async def book_back(world: World, node: Node, chance: random.Random) -> None:
    """Have a transfer booked back, by two people; sometimes the second one approves it twice at once."""
    booked = [
        intent
        for intent, shadow in world.books.intents.items()
        if shadow.posted and not shadow.reversed and intent not in world.cash_intents and intent in world.told.intents
    ]
    if not booked or node.bank is None:
        return
    intent, desk = chance.choice(booked), node.bank.reversals
    world.told.may_reverse[intent] = None
    try:
        await desk.ask(intent, OPERATOR, "the payee was the wrong one")
    except (BankError, StaffError, NotFoundError) as error:
        world.note(f"no reversal: {type(error).__name__}")
    if chance.random() < 0.8:
        await asyncio.gather(*(desk.approve(intent, APPROVER) for _ in range(2)), return_exceptions=True)


__all__ = ["CashCode", "book_back", "lift", "machine", "order_cash", "rearrange_payees", "wanted"]
