"""What every operation is asked with by the tests of the door, and what has to be there before it can be answered."""

from __future__ import annotations

from collections.abc import Mapping

from core_client.domain.money import Money
from core_client.domain.secret import Secret
from core_client.domain.values import Value
from core_client.testing.world import World

HUNDRED = Money(10_000, "CNY")
ARGUMENTS: Mapping[str, Mapping[str, Value | Secret]] = {
    "identity.claim": {"customer": "10000001"},
    "auth.verify_pin": {"pin": Secret("739154")},
    "auth.issue_code": {"intent": "x"},
    "auth.verify_code": {"intent": "x", "code": Secret("123456")},
    "customer.set_language": {"language": "en"},
    "customer.stop_messages": {"stopped": True},
    "customer.missed_call_balance": {"on": True},
    "accounts.list": {},
    "accounts.balance": {},
    "accounts.recent": {},
    "accounts.request_statement": {},
    "accounts.freeze": {},
    "accounts.request_unfreeze": {},
    "transfers.prepare": {"payee": "1", "amount": Money(100, "CNY")},
    "transfers.prepare_own": {"to": "3317", "amount": Money(100, "CNY"), "account": "3303"},
    "transfers.prepare_account": {"number": "990200000077", "amount": Money(100, "CNY")},
    "transfers.pending": {},
    "transfers.authorise": {"intent": "x"},
    "transfers.cancel": {"intent": "x"},
    "payees.list": {},
    "payees.prepare_add": {"account": "440100008808", "name": "陈洁"},
    "payees.add": {"intent": "x"},
    "payees.prepare_remove": {"payee": "1"},
    "payees.remove": {"intent": "x"},
    "payees.drop": {"intent": "x"},
    "bills.billers": {},
    "bills.due": {"biller": "101", "reference": "12345678"},
    "bills.prepare": {"biller": "101", "reference": "12345678"},
    "top_up.prepare": {"amount": Money(5_000, "CNY")},
    "cash.prepare": {"amount": HUNDRED},
    "cash.order": {"intent": "x", "code": Secret("730184")},
    "cash.cancel": {},
    "cards.block": {"last4": "4821"},
    "cards.request_unblock": {"last4": "4821"},
    "service.request_callback": {"queue": "retail", "about": "a loan", "seconds": 7},
    "service.complain": {"about": "a machine kept my card"},
    "rates.deposit": {},
    "rates.exchange": {},
    "products.list": {},
    "branches.find": {"place": "510620"},
    "branches.text": {"place": "510620"},
    "loans.list": {},
    "loans.quote": {"amount": Money(1_000_000, "CNY"), "months": 12},
    "cheques.status": {"cheque": "100021"},
    "cheques.stop": {"cheque": "100022"},
    "cheques.order_book": {},
    "alerts.show": {},
    "alerts.set": {"on": True},
    "appointments.offer": {},
    "appointments.slots": {"branch": "101"},
    "appointments.book": {"branch": "101", "slot": "2099010109", "topic": "1"},
    "appointments.next": {},
    "appointments.cancel": {"reference": "1234567890"},
}
CALLERS: Mapping[str, str] = {"transfers.prepare_own": "+8613900000003"}  # who has more than one account
_PREPARED_BY: Mapping[str, str] = {
    "payees.add": "payees.prepare_add",
    "payees.drop": "payees.prepare_add",
    "payees.remove": "payees.prepare_remove",
    "cash.order": "cash.prepare",
}


async def made_ready(bank: World, session: str, channel: str, operation: str) -> dict[str, Value | Secret]:
    """Bring the bank to where ``operation`` can be answered; answer the arguments that it then takes."""
    arguments = dict(ARGUMENTS[operation])
    if "intent" in arguments:
        first = _PREPARED_BY.get(operation, "transfers.prepare")
        prepared = await bank.perform(session, first, channel, None, **ARGUMENTS[first])
        arguments["intent"] = str(prepared.answer["id"])
    match operation:
        case "cash.cancel":
            intent = str((await bank.perform(session, "cash.prepare", channel, amount=HUNDRED)).answer["id"])
            await bank.perform(session, "cash.order", channel, intent=intent, code="730184")
        case "cards.request_unblock":
            await bank.perform(session, "cards.block", channel, last4="4821")
        case "accounts.request_unfreeze":
            await bank.perform(session, "accounts.freeze", channel)
        case "appointments.book" | "appointments.cancel":
            slot = await _first_slot(bank, session, channel)
            if operation == "appointments.book":
                arguments["slot"] = slot
            else:
                booked = {"branch": "101", "slot": slot, "topic": "1"}
                answer = (await bank.perform(session, "appointments.book", channel, None, **booked)).answer
                arguments["reference"] = str(answer["reference"])
    return arguments


async def _first_slot(bank: World, session: str, channel: str) -> str:
    slots = (await bank.perform(session, "appointments.slots", channel, branch="101")).answer["slots"]
    assert isinstance(slots, tuple | list)
    first = slots[0]
    assert isinstance(first, Mapping)
    return str(first["slot"])
