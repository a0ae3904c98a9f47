"""A small flow that tests change line by line."""

from __future__ import annotations

SMALL = """\
flow: small
languages: [en, zh]
start: main
defaults: {on_fail: bye}
keys: {"*": back, "0": agent, "9": repeat}
vars:
  pin: {type: secret}
  payee: {type: payee}
  amount: {type: money, check: value > money("0 CNY")}
gates:
  identified: {unless: party.identified, voice: who, sms: by_number}
  auth: {voice: pin, sms: by_code}
sms:
  en:
    "BAL": balance
    "SEND {amount} {payee}": prepare
steps:
  main:
    menu: [main_menu]
    choices:
      "1": balance
      "2": {label: Send, go: payee}
      "3": {label: Bye, go: bye}
    no_input: [still_there, main_menu]
    no_match: [[not_an_option, main_menu], [really_not]]
  who: {say: [who], next: return}
  pin: {needs: identified, ask: {prompt: enter_pin, digits: 6}, save: pin, next: pin_check}
  pin_check:
    bank: auth.verify_pin
    with: {pin: pin}
    on: {ok: return, refused: pin, wait: bye, locked: bye, down: bye}
  balance:
    needs: {voice: auth, sms: identified}
    bank: accounts.balance
    save: bal
    on: {ok: told, refused: refused, down: bye}
  told: {say: [your_balance_is, {money: bal.available}], next: main}
  payee: {needs: auth, ask: {prompt: enter_payee, digits: 1..2, end: "#"}, save: payee, next: amount}
  amount: {ask: {prompt: enter_amount, digits: 1..9, end: "#"}, save: amount, next: prepare}
  prepare:
    needs: {voice: auth, sms: identified}
    bank: transfers.prepare
    with: {payee: payee, amount: amount}
    save: intent
    on: {ok: confirm, refused: refused, down: bye}
  confirm:
    confirm: [you_send, {money: intent.amount}, {name: intent.payee_name}]
    "yes": send
    "no": told_no
  send:
    needs: auth
    bank: transfers.authorise
    with: {intent: intent.id}
    wait: {prompt: one_moment, limit: 20s}
    save: receipt
    on: {ok: done, refused: refused, unknown: unknown, down: bye}
  done: {say: [done, {digits: receipt.reference}], next: main}
  told_no: {say: [nothing_moved], next: main}
  unknown: {say: [unknown], next: main}
  refused: {say: [{reason: reason}], next: main}
  agent: {transfer: {queue: q, context: [last_step]}, on: {answered: bye, closed: bye, failed: bye, timeout: bye}}
  bye: {say: [goodbye], hangup: true}
"""


def changed(*pairs: tuple[str, str]) -> str:
    """Answer the flow with texts replaced; each must be there."""
    text = SMALL
    for old, new in pairs:
        if old not in text:
            raise AssertionError(f"{old!r} is not in the flow")
        text = text.replace(old, new, 1)
    return text
