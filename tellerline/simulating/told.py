"""What customers were told, held against what the books say: at that moment, and for ever after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from core_client.domain.money import Money
from core_client.services.call import OperationResult
from core_client.services.cash import PayoutAnswer
from tellerline.simulating.books import UNDER_WAY, Books, Broken, Invariant, Shadow

MADE, NOT_MADE, NOT_YET, HELD, REVERSED = "made", "not made", "not yet known", "held", "reversed"
OPEN_WORDS = frozenset({NOT_YET, HELD})  # words after which a customer is owed another one


@dataclass(slots=True)
class Order:
    """One request to carry an intent out, as often as it was sent."""

    entitled: bool  # who sent it had proved who they are, and had heard what it is
    sent_at_s: float
    copies: int = 0  # under way now
    said: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Heard:
    """What one customer knows of one intent."""

    customer: int
    amount: Money
    fee_minor: int = 0
    orders: dict[str, Order] = field(default_factory=dict)
    last: str | None = None  # the last word that they have of it
    by_text: dict[str, str] = field(default_factory=dict)  # texts with a late result, and what each said


class Told:
    """Every intent that somebody was read back, and every word about it since."""

    def __init__(self, books: Books, broken: Callable[[Broken], None], now_s: Callable[[], float]) -> None:
        self._books = books
        self._broken = broken
        self._now_s = now_s
        self.intents: dict[str, Heard] = {}
        self.locked_since: dict[int, float] = {}
        self.words = 0
        self.paid: dict[str, None] = {}  # intents whose notes came out
        self.may_reverse: dict[str, None] = {}  # what staff wanted to be booked back
        books.may_move = self._may_move

    def read_back(self, intent: str, customer: int, amount: Money, fee: Money | None) -> Heard:
        """A customer heard what an intent is."""
        fee_minor = 0 if fee is None else fee.amount_minor
        return self.intents.setdefault(intent, Heard(customer, amount, fee_minor))

    def ordered(self, intent: str, request: str, *, entitled: bool) -> Order:
        """A request to carry an intent out is sent."""
        heard = self.intents[intent]
        order = heard.orders.setdefault(request, Order(entitled, self._now_s()))
        order.copies += 1
        return order

    def answered(self, intent: str, request: str, result: OperationResult) -> None:
        """A customer heard what became of their order."""
        self.words += 1
        heard = self.intents[intent]
        order = heard.orders[request]
        order.copies -= 1
        if result.reason == "intent_spent" or result.outcome in ("unauthenticated", "locked", "wait"):
            return  # that says nothing of the money
        word = {"ok": MADE, "unknown": NOT_YET}.get(result.outcome, NOT_MADE)
        if "cancel_minutes" in result.answer or "minutes" in result.answer:
            word = HELD
        order.said.add(word)
        reference = result.answer.get("reference")
        why = f" ({result.outcome}{f', {result.reason}' if result.reason else ''})"
        self._check(intent, heard, word, reference if isinstance(reference, str) else None, order, why)
        if word not in OPEN_WORDS or not (heard.by_text or heard.last == MADE):  # they know it: a text, or another
            heard.last = word  # answer, may overtake "not yet"

    def unheard(self, intent: str, request: str) -> None:
        """An order's answer never reached its customer."""
        self.intents[intent].orders[request].copies -= 1

    def cancelled(self, intent: str, result: OperationResult) -> None:
        """A customer heard what became of a cancellation."""
        self.words += 1
        heard = self.intents.get(intent)
        if heard is None or result.outcome != "ok":
            return
        shadow = self._books.intents.get(intent, Shadow())
        if shadow.state not in ("voided", "expired") or shadow.posted is not None:
            self._say(Invariant.TOLD, f"cancelled was said of {intent[:8]}, which is {shadow.state}")
        heard.last = NOT_MADE

    def texted(self, intent: str, name: str, word: str, reference: str | None) -> None:
        """A text with a late result arrived."""
        self.words += 1
        heard = self.intents.get(intent)
        if heard is None:
            self._say(Invariant.TOLD, f"a text about {intent[:8]}, of which nobody has heard")
            return
        if name in heard.by_text:
            self._say(Invariant.TOLD_ONCE, f"the text {name[:24]} arrived twice")
        elif word in heard.by_text.values():
            self._say(Invariant.TOLD_ONCE, f"{intent[:8]} was texted as {word} twice")
        elif heard.by_text and word != REVERSED:
            self._say(Invariant.TOLD, f"{intent[:8]} was texted as {', '.join(heard.by_text.values())}, then as {word}")
        heard.by_text[name] = word
        self._check(intent, heard, word, reference, None)
        heard.last = word

    def paid_out(self, answer: PayoutAnswer) -> None:
        """A machine let notes out."""
        self.words += 1
        intents = [intent for intent, shadow in self._books.intents.items() if shadow.posted == answer.reference]
        if not intents or self._books.intents[intents[0]].reversed is not None:
            self._say(Invariant.NOTES, f"notes came out under {answer.reference}, which is not booked")
            return
        intent = intents[0]
        if intent in self.paid:
            self._say(Invariant.NOTES, f"notes came out twice for {intent[:8]}")
        self.paid[intent] = None
        heard = self.intents[intent]
        if answer.amount != heard.amount:
            self._say(Invariant.NOTES, f"{answer.amount} came out for {intent[:8]}, which is {heard.amount}")
        heard.last = MADE

    def recheck(self) -> None:
        """Hold every last word against the books once more: after a power cut, and at the end."""
        for intent, heard in self.intents.items():
            shadow = self._books.intents.get(intent, Shadow())
            if intent in self.paid and shadow.reversed is not None:
                self._say(Invariant.NOTES, f"notes came out for {intent[:8]}, and it was booked back")
            if heard.last == MADE and shadow.posted is None:
                self._say(Invariant.DURABLE, f"{intent[:8]} was said to be made, and is {shadow.state}")
            if heard.last == NOT_MADE and shadow.posted is not None and shadow.reversed is None and not _open(heard):
                self._say(Invariant.TOLD, f"{intent[:8]} was said not to be made, and is posted")

    def untold(self) -> Mapping[str, Heard]:
        """Answer the intents whose customers ordered them and still wait for a last word."""
        return {
            intent: heard
            for intent, heard in self.intents.items()
            if heard.last in OPEN_WORDS and self._books.intents.get(intent, Shadow()).authorised_by in heard.orders
        }

    def _check(self, intent: str, heard: Heard, word: str, reference: str | None, order: Order | None,
               why: str = "") -> None:  # fmt: skip
        shadow = self._books.intents.get(intent, Shadow())
        if word == MADE and (shadow.posted is None or shadow.posted != reference):
            said = f"{intent[:8]} was said to be made as {reference}"
            self._say(Invariant.DURABLE, f"{said}; it is {shadow.state}, booked as {shadow.posted}")
        if word == HELD and shadow.state not in (*UNDER_WAY, "posted", "voided"):
            self._say(Invariant.DURABLE, f"{intent[:8]} was said to be held, and is {shadow.state}")
        if word == NOT_MADE and not _open(heard, order):
            if shadow.posted is not None and shadow.reversed is None:
                self._say(
                    Invariant.TOLD, f"{intent[:8]} was said not to be made, and is posted as {shadow.posted}{why}"
                )
            elif shadow.state in UNDER_WAY:
                self._say(Invariant.TOLD, f"{intent[:8]} was said not to be made, and is {shadow.state}{why}")

    def _may_move(self, intent: str, request: str | None, paid_minor: int) -> str | None:
        """Answer why money must not move on this intent, or None."""
        heard = self.intents.get(intent)
        if heard is None:
            return "nobody was read its amount and payee"
        order = heard.orders.get(request or "")
        if order is None:
            return "its customer sent no such order"
        if not order.entitled:
            return "on an order of somebody who had proved nothing"
        if paid_minor != heard.amount.amount_minor + heard.fee_minor:
            return f"{paid_minor} left the account, {heard.amount} was read back"
        if heard.last == NOT_MADE and order.said == {NOT_MADE} and order.copies == 0:
            return "its customer was told that it was not made"
        since = self.locked_since.get(heard.customer)
        if since is not None and order.sent_at_s > since:
            return "its customer was locked when it was ordered"
        return None

    def _say(self, invariant: Invariant, detail: str) -> None:
        self._broken(Broken(invariant, detail))


def _open(heard: Heard, order: Order | None = None) -> bool:
    """Answer whether another order, or another copy of this one, may still have carried the intent out."""
    return any(
        each is not order and (each.copies > 0 or bool(each.said - {NOT_MADE})) for each in heard.orders.values()
    ) or (order is not None and order.copies > 0)
