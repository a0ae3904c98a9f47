"""Flows at random: every kind of step, joined at random, written as an operator would write them.

The parts that need each other (a question and what uses its answer, the proof, a transfer of money) are made as small
groups; everything else, and how the groups lead to each other, is random. Most of what comes out is clean; the test
takes what the loader and the lints have nothing against.
"""

from __future__ import annotations

import random
from collections.abc import Callable

HEAD = """\
flow: random
languages: [zh, en]
currency: CNY
start: first
defaults: {{on_fail: {on_fail}, tries: {tries}, no_input: [[no_input], [no_input_help]], no_match: [no_match]}}
keys: {{"*": back, "0": agent, "9": repeat}}
vars:
  customer: {{type: digits}}
  pin: {{type: secret}}
  payee: {{type: payee}}
  amount: {{type: money, check: value <= money("90000 CNY")}}
  day: {{type: date}}
  number: {{type: number}}
  phone: {{type: phone}}
  word: {{type: text}}
gates:
  identified: {{unless: party.identified, voice: who, sms: by_number}}
  auth: {{voice: prove, sms: by_code}}
schedules:
  hours: {{open: {{mon-fri: 09:00-17:30, sat: [09:00-12:00]}}, holidays: [2026-10-01..2026-10-07]}}
notices:
  outage: [try_later]
  prize: [how_to_unlock]
sms:
  en: {{"BAL": tell_balance, "SEND {{amount}} {{payee}}": pay_prepare, "ANY": {any_by_sms}, "AGENT": agent}}
  zh: {{"余额": tell_balance, "人工": agent}}
steps:
  who: {{ask: {{prompt: [enter_customer_number], digits: 8}}, save: customer, next: who_claims}}
  who_claims: {{bank: identity.claim, with: {{customer: customer}}, on: {{ok: return, down: bye}}}}
  prove: {{needs: identified, ask: {{prompt: [enter_pin], digits: 6}}, save: pin, next: prove_check}}
  prove_check:
    bank: auth.verify_pin
    with: {{pin: pin}}
    on: {{ok: return, refused: prove, wait: bye, locked: agent, down: bye}}
  tell_balance:
    needs: {{voice: auth, sms: identified}}
    bank: accounts.balance
    save: bal
    on: {{ok: say_balance, refused: {refused}, down: bye}}
  say_balance: {{say: [your_balance_is, {{money: bal.available}}], next: hub}}
  to_pay: {{if: channel == "voice", then: pay, else: tell_balance}}
  to_message: {{if: channel == "voice", then: message, else: agent}}
  pay:
    needs: {{voice: auth}}
    channels: [voice]
    ask: {{prompt: [enter_payee], digits: 1..2, end: "#"}}
    save: payee
    next: pay_amount
  pay_amount:
    needs: {{voice: auth}}
    ask: {{prompt: [enter_amount], digits: 1..7, end: "#"}}
    save: amount
    next: pay_prepare
  pay_prepare:
    needs: {{voice: auth, sms: identified}}
    bank: transfers.prepare
    with: {{payee: payee, amount: amount}}
    save: intent
    on: {{ok: pay_confirm, refused: {refused}, down: bye}}
  pay_confirm:
    confirm: [you_send, {{money: intent.amount}}]
    "yes": pay_now
    "no": hub
  pay_now:
    needs: auth
    bank: transfers.authorise
    with: {{intent: intent.id}}
    save: receipt
    wait: {{limit: 20s}}
    on: {{ok: pay_done, refused: {refused}, unknown: pay_unknown, down: bye}}
  pay_done: {{say: [transfer_done, {{digits: receipt.reference}}], next: hub}}
  pay_unknown: {{say: [transfer_unknown], next: hub}}
  accounts:
    needs: {{voice: auth, sms: identified}}
    bank: accounts.list
    save: mine
    on: {{ok: one_account, refused: {refused}, down: bye}}
  one_account:
    choose: {{from: mine.accounts, as: one, prompt: [which_account], item: [account_ending, {{digits: one.last4}}]}}
    save: chosen
    next: {after_choice}
    none: hub
  sub: {sub}
  sub_end: {{say: [one_moment], next: return}}
  message:
    record: {{prompt: [agents_busy], limit: 60s}}
    save: said
    on: {{ok: call_me, empty: bye, failed: bye}}
  call_me:
    callback: {{queue: retail, recording: said.recording, seconds: said.seconds}}
    save: asked
    on: {{ok: bye, refused: bye, down: bye}}
  why_not: {{say: [{{reason: reason}}], next: bye}}
  agent:
    transfer: {{queue: retail, context: [last_step], callback_after: 60s}}
    on: {{answered: bye, closed: bye, failed: bye, timeout: bye}}
  bye: {{say: [goodbye], hangup: true}}
  hub:
    menu: [main_menu]
    choices: {{"1": tell_balance, "2": pay, "3": accounts, "4": {hub_to}, "#": bye}}
    channels: [voice, sms]
"""

Make = Callable[[random.Random, Callable[[], str]], str]

CONDITIONS = (
    "hours.open",
    "not hours.holiday",
    "notices.outage",
    'channel == "voice"',
    'known(amount) and amount > money("5 CNY")',
    "known(number) and number / 2 > 1",
    'party.identified or language == "zh"',
    'known(word) and word == "x"',
)
SAID = (
    "welcome",
    "{attempt: [[welcome], [still_there], [goodbye]]}",
    "{if: hours.open, say: [welcome], else: [agents_busy]}",
    "{in: zh, say: [choose_language]}",
    "{if: known(amount), say: [{money: amount}]}",
    "{if: known(day), say: [{date: day}]}",
)

BODY: dict[str, Make] = {
    "menu": lambda r, to: (
        f'{{menu: [main_menu], choices: {{"1": {to()}, "2": {{label: B, language: en, go: {to()}}}, "3": {to()}}}'
        f"{r.choice(['', ', no_input: [still_there]', f', on_fail: {to()}', ', tries: 1', ', barge_in: false'])}}}"
    ),
    "day": lambda r, to: f"{{ask: {{prompt: [enter_amount], digits: 8}}, save: day, next: {to()}}}",
    "number": lambda r, to: f"{{ask: {{prompt: [enter_amount], digits: 1..3}}, save: number, next: {to()}}}",
    "phone": lambda r, to: f'{{ask: {{prompt: [enter_payee], digits: 7..15, end: "#"}}, save: phone, next: {to()}}}',
    "if": lambda r, to: f"{{if: {r.choice(CONDITIONS)}, then: {to()}, else: {to()}}}",
    "switch": lambda r, to: r.choice(
        [
            f"{{switch: channel, cases: {{voice: {to()}, sms: {to()}}}}}",
            f"{{switch: language, cases: {{zh: {to()}, en: {to()}}}}}",
            f"{{switch: party.identified, cases: {{true: {to()}}}, else: {to()}}}",
        ]
    ),
    "schedule": lambda r, to: (
        f"{{schedule: hours, open: {to()}, closed: {to()}{r.choice(['', f', holiday: {to()}'])}}}"
    ),
    "notice": lambda r, to: f"{{notice: {r.choice(['outage', '[outage, prize]'])}, next: {to()}}}",
    "split": lambda r, to: (
        f"{{split: test_{r.randint(1, 3)}, shares: {{a: {{share: 30, go: {to()}}}, b: {{share: 70, go: {to()}}}}}}}"
    ),
    "set": lambda r, to: r.choice(
        [
            f"{{set: {{word: \"'x'\"}}, next: {to()}}}",
            f"{{set: {{number: 3 + 4}}, next: {to()}}}",
            f'{{set: {{amount: money("12 CNY") + money("2 CNY")}}, next: {to()}}}',
            f"{{set: {{since: today}}, next: {to()}}}",
        ]
    ),
    "say": lambda r, to: (
        f"{{say: [{r.choice(SAID)}], next: {to()}}}"
        if r.random() < 0.9
        else f"{{say: [{r.choice(SAID)}], hangup: true}}"
    ),
    "call": lambda r, to: f"{{call: sub, next: {to()}}}",
    "go": lambda r, to: f"{{go: {to()}{r.choice(['', ', language: zh'])}}}",
    "confirm": lambda r, to: f'{{confirm: [block_warning], "yes": {to()}, "no": {to()}}}',
    "gated": lambda r, to: (
        f"{{needs: {{voice: {r.choice(['auth', '[identified, auth]'])}, sms: identified}}, "
        f"say: [welcome], next: {to()}}}"
    ),
    "block": lambda r, to: f"{{needs: identified, bank: cards.block, on: {{ok: {to()}, refused: why_not, down: bye}}}}",
    "agent": lambda r, to: (
        f"{{transfer: {{queue: cards, context: [party.number], prompt: [connecting_agent]}}, "
        f"on: {{answered: bye, closed: {to()}, failed: bye, timeout: {to()}}}}}"
    ),
}


def random_flow(rng: random.Random) -> str:
    """Write one flow."""
    names = [f"s{number}" for number in range(rng.randint(4, 30))]
    groups = ["tell_balance", "to_pay", "accounts", "agent", "bye", "hub", "to_message"]

    def to() -> str:
        return rng.choice(names) if rng.random() < 0.7 else rng.choice(groups)

    kinds = list(BODY)
    head = HEAD.format(
        on_fail=rng.choice(["bye", "agent"]),
        tries=rng.randint(1, 4),
        any_by_sms=rng.choice(names),
        refused=rng.choice(["why_not", "bye"]),
        after_choice=rng.choice(["hub", "bye", *names]),
        hub_to=rng.choice(names),
        sub=rng.choice(
            [
                "{say: [welcome], next: return}",
                "{ask: {prompt: [enter_amount], digits: 1..3}, save: number, next: sub_end}",
                '{menu: [main_menu], choices: {"1": sub_end, "2": return, "3": bye}}',
                "{needs: {voice: auth, sms: identified}, say: [welcome], next: sub_end}",
            ]
        ),
    )
    first = f"  first: {BODY[rng.choice(['menu', 'schedule', 'if', 'notice', 'call'])](rng, to)}\n"
    body = "".join(f"  {name}: {BODY[rng.choice(kinds)](rng, to)}\n" for name in names)
    return head + first + body
