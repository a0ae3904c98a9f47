"""Codes by text without a confirmation."""

from __future__ import annotations

from flows.inspect.rule import Level, Rule

RULE = Rule(
    "code-unconfirmed",
    "a code by text that nothing asks for",
    "A gate that is passed by_code is passed by the code that confirms the own intent of the step that needs it: "
    "a confirm step leads there by its yes, and the step is a bank operation on an intent.",
    good="""
vars: {payee: {type: payee}, amount: {type: money}}
gates: {auth: {voice: proof, sms: by_code}, known: {voice: proof, sms: by_number}}
sms: {en: {"SEND {amount} {payee}": prepare}}
steps:
  main: {needs: known, say: [welcome], next: bye}
  prepare:
    needs: known
    bank: transfers.prepare
    with: {payee: payee, amount: amount}
    save: intent
    on: {ok: sure, refused: bye, down: bye}
  sure: {confirm: [sure], "yes": send, "no": bye}
  send:
    needs: auth
    bank: transfers.authorise
    with: {intent: intent.id}
    on: {ok: bye, refused: bye, unknown: bye, down: bye}
  proof: {say: [welcome], next: return}
""",
    bad="""
vars: {payee: {type: payee}, amount: {type: money}}
gates: {auth: {voice: proof, sms: by_code}, known: {voice: proof, sms: by_number}}
sms:
  en:
    "SEND {amount} {payee}": prepare
steps:
  main: {needs: known, say: [welcome], next: bye}
  prepare:
    needs: known
    bank: transfers.prepare
    with: {payee: payee, amount: amount}
    save: intent
    on: {ok: send, refused: bye, down: bye}  # straight on, without a confirm step
  send:
    needs: auth
    bank: transfers.authorise
    with: {intent: intent.id}
    on: {ok: bye, refused: bye, unknown: bye, down: bye}
  proof: {say: [welcome], next: return}
""",
    level=Level.LOAD,
)
