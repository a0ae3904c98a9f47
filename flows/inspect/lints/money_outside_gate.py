"""Money that could move before anybody proved who they are."""

from __future__ import annotations

from collections.abc import Iterator

from flows.dialogue import Channel
from flows.inspect.finding import Finding
from flows.inspect.look import Look
from flows.inspect.proofs import proofs_of
from flows.inspect.rule import Rule
from flows.model import BY_CODE

RULE = Rule(
    "money-outside-gate",
    "money that moves outside of a gate",
    "By voice every way to a step that moves money must pass a gate that nobody leaves without the PIN: each way from "
    "its first step to `return` goes over `ok` of auth.verify_pin, and it has no `unless`. By text the step itself "
    "needs a gate that is passed `by_code`. The bank refuses without the proof anyway; this finds it before a "
    "customer does.",
    good="""
vars: {pin: {type: secret}, payee: {type: payee}, amount: {type: money}}
gates: {auth: {voice: pin, sms: by_code}}
steps:
  main: {needs: auth, ask: {prompt: enter_payee, digits: 2}, save: payee, next: amount}
  amount: {ask: {prompt: enter_amount, digits: 1..6, end: "#"}, save: amount, next: prepare}
  prepare:
    bank: transfers.prepare
    with: {payee: payee, amount: amount}
    save: intent
    on: {ok: send, refused: bye, down: bye}
  send:
    bank: transfers.authorise
    with: {intent: intent.id}
    on: {ok: bye, refused: bye, unknown: bye, down: bye}
  pin: {ask: {prompt: enter_pin, digits: 6}, save: pin, next: check}
  check:
    bank: auth.verify_pin
    with: {pin: pin}
    on: {ok: return, refused: pin, wait: bye, locked: agent, down: bye}
""",
    bad="""
vars: {pin: {type: secret}, payee: {type: payee}, amount: {type: money}}
gates: {auth: {voice: pin, sms: by_code}}
steps:
  main: {needs: auth, ask: {prompt: enter_payee, digits: 2}, save: payee, next: amount}
  amount: {ask: {prompt: enter_amount, digits: 1..6, end: "#"}, save: amount, next: prepare}
  prepare:
    bank: transfers.prepare
    with: {payee: payee, amount: amount}
    save: intent
    on: {ok: send, refused: bye, down: bye}
  send:  # the gate can be left without the PIN: after three failures
    bank: transfers.authorise
    with: {intent: intent.id}
    on: {ok: bye, refused: bye, unknown: bye, down: bye}
  pin: {ask: {prompt: enter_pin, digits: 6}, save: pin, next: check, on_fail: skip}
  skip: {say: [never_mind], next: return}
  check:
    bank: auth.verify_pin
    with: {pin: pin}
    on: {ok: return, refused: pin, wait: bye, locked: agent, down: bye}
""",
)


def lint(look: Look) -> Iterator[Finding]:
    """Find ways to money without a proof."""
    for step in look.voice.steps():
        if step.moves_money and (by := proofs_of(look).unproved.get(step.name)) is not None:
            message = f"step '{step.name}' moves money, and a call gets there without the PIN (by line {by.place.line})"
            yield look.found(RULE, step.place, message, "Give it 'needs:' a gate that nobody leaves without the PIN.")
    for step in look.sms.steps():
        gates = (look.flow.gates[name] for name in step.needs.get(Channel.SMS, ()))
        if step.moves_money and all(gate.sms != BY_CODE for gate in gates):
            message = f"step '{step.name}' moves money, and a text gets there without a code"
            yield look.found(RULE, step.place, message, "Give it 'needs:' a gate that is passed by_code.")
