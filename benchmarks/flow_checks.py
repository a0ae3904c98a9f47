"""Load and check of 100 flows of 60 steps, against PyYAML's bare compose of the same text.

    python -m benchmarks.flow_checks [--flows 100] [--rounds 5] [--profile] [--save]

The bare side makes C's nodes of the text and nothing else: no types, no graph, no lints. Ours reads it with places,
checks shape, types, targets and channels, and runs every lint with the shipped catalogue. Both run in this process, in
turn, ten flows and ten, so that whatever else the machine does meets both alike and neither finds the other's caches
cold; of the rounds the one with the middle ratio counts. No flow is like another: names, prompts and ways differ, so
that nothing is remembered from one to the next but what a server remembers too.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import json
import pstats
import random
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from benchmarks.machine import machine
from flows.inspect import Severity, check_flow
from flows.reading.loader import load_flow_text
from sounds.catalogue import Catalogue

STEPS = 60
IN_TURN = 10
AT_MOST = 5.0  # times the bare compose
RESULTS = Path(__file__).parent / "results" / "flow_checks.json"

HEAD = """\
# Flow {n} of the benchmark.
flow: line_{n}
languages: [zh, en]
currency: CNY
start: main
defaults:
  barge_in: true
  timeout: {t}s
  digit_timeout: 3s
  tries: 3
  on_fail: agent
  no_input: [[no_input], [no_input_help]]
  no_match: [[no_match], [no_match_help]]
  wait: {{prompt: one_moment, after: 1500ms, limit: 8s}}
keys: {{"*": back, "0": agent, "9": repeat}}
vars:
  customer: {{type: digits}}
  pin: {{type: secret}}
  payee: {{type: payee}}
  amount: {{type: money, check: value > money("0 CNY") and value < money("{n}000 CNY")}}
gates:
  identified: {{unless: party.identified, voice: who, sms: by_number}}
  auth: {{voice: pin, sms: by_code}}
sms:
  en:
    "BAL{n}": balance_0
    "SEND{n} {{amount}} {{payee}}": prepare
    "HELP": help
  zh:
    "余额{n}": balance_0
    "转账{n} {{amount}} {{payee}}": prepare
    "帮助": help
steps:
  main:
    menu: [welcome, {{if: channel == "voice" and not known(party.language), say: [choose_language]}}]
    choices:
{choices}
  who: {{ask: {{prompt: [enter_customer_number], digits: 8}}, save: customer, next: who_claims}}
  who_claims:
    bank: identity.claim
    with: {{customer: customer}}
    on: {{ok: return, down: bank_down}}
  pin: {{needs: identified, ask: {{prompt: [enter_pin], digits: 6}}, save: pin, next: pin_check}}
  pin_check:
    bank: auth.verify_pin
    with: {{pin: pin}}
    on: {{ok: return, refused: pin, wait: bye, locked: agent, down: bank_down}}
  send: {{needs: auth, ask: {{prompt: [enter_payee], digits: 1..2, end: "#"}}, save: payee, next: amount}}
  amount: {{ask: {{prompt: [enter_amount], digits: 1..9, end: "#"}}, save: amount, next: prepare}}
  prepare:
    needs: {{voice: auth, sms: identified}}
    bank: transfers.prepare
    with: {{payee: payee, amount: amount}}
    save: intent
    on: {{ok: sure, refused: refused, down: bank_down}}
  sure:
    confirm: [you_send, {{money: intent.amount}}, {{name: intent.payee_name}}, {{digits: intent.payee_last4}}]
    "yes": authorise
    "no": main
  authorise:
    needs: auth
    bank: transfers.authorise
    with: {{intent: intent.id}}
    wait: {{prompt: one_moment, limit: 20s}}
    save: receipt
    on: {{ok: done, refused: refused, unknown: unknown, down: bank_down}}
  done: {{say: [transfer_done, {{digits: receipt.reference}}], next: main}}
  unknown: {{say: [transfer_unknown], next: main}}
  help: {{say: [sms_help], next: main}}
  refused: {{say: [{{reason: reason}}], next: main}}
  bank_down: {{say: [try_later], next: agent}}
  agent:
    transfer: {{queue: retail, context: [party.number, last_step]}}
    on: {{answered: bye, closed: bye, failed: bye, timeout: bye}}
  bye: {{say: [goodbye], hangup: true}}
"""

# One enquiry: seven steps, of which the names carry its number.
ENQUIRY = """\
  balance_{i}:
    needs: {{voice: auth, sms: identified}}
    bank: accounts.list
    save: mine_{i}
    on: {{ok: any_{i}, refused: refused, down: bank_down}}
  any_{i}: {{if: mine_{i}.count == {r}, then: none_{i}, else: which_{i}}}
  which_{i}: {{if: channel == "sms", then: all_{i}, else: choose_{i}}}
  all_{i}:
    say: [{{each: mine_{i}.accounts, as: one, say: [account_ending, {{digits: one.last4}}, {{money: one.available}}]}}]
    next: main
  choose_{i}:
    choose: {{from: mine_{i}.accounts, as: one, prompt: [which_account], item: [account_ending, {{digits: one.last4}}]}}
    save: chosen_{i}
    next: told_{i}
    none: none_{i}
  told_{i}: {{say: [your_balance_is, {{money: chosen_{i}.available}}], next: main}}
  none_{i}: {{say: [no_accounts], next: main}}
"""
ENQUIRIES = 6
FILL = "  more_{i}: {{say: [{prompt}], next: {next}}}\n"


def flow_text(number: int) -> str:
    """Answer one flow of sixty steps; another number makes another flow."""
    pick = random.Random(number)  # the same flows every time
    choices = [f'      "{i + 1}": {{label: Balance {i}, go: balance_{i}}}' for i in range(ENQUIRIES)]
    choices += ['      "7": {label: Send, go: send}', '      "8": more_0']
    text = HEAD.format(n=number, t=pick.randint(4, 9), choices="\n".join(choices))
    text += "".join(ENQUIRY.format(i=i, r=pick.randint(0, 3)) for i in range(ENQUIRIES))
    lacking = STEPS - text[text.index("\nsteps:") :].count("\n  ") + _deeper(text)
    said = ("welcome", "no_accounts", "goodbye", "try_later")
    for i in range(lacking):
        follows = f"more_{i + 1}" if i + 1 < lacking else "main"
        text += FILL.format(i=i, prompt=pick.choice(said), next=follows)
    return text


def _deeper(text: str) -> int:
    """Answer how many lines of the steps are no step's first one."""
    return text[text.index("\nsteps:") :].count("\n    ")


@dataclass(frozen=True, slots=True)
class Figures:
    """CPU of one round over all flows, the middle one."""

    flows: int
    steps: int
    text_kib: float
    bare_ms: float
    load_ms: float
    check_ms: float
    ratio: float
    machine: dict[str, str | int | None]


def round_of(texts: list[str], catalogue: Catalogue) -> tuple[float, float, float]:
    """Compose, load and check all flows, ten and ten in turn; answer the CPU seconds of the three."""
    bare = load = check = 0.0
    now = time.process_time
    for first in range(0, len(texts), IN_TURN):
        some = texts[first : first + IN_TURN]
        gc.collect()  # what one side has left is not the other's to look through
        begun = now()
        for text in some:
            yaml.compose(text, Loader=yaml.CBaseLoader)
        bare += now() - begun
        gc.collect()
        for text in some:
            begun = now()
            flow = load_flow_text(text, "line.yaml")
            loaded = now()
            check_flow(flow, catalogue)
            check += now() - loaded
            load += loaded - begun
    return bare, load, check


def measured(texts: list[str], rounds: int) -> Figures:
    """Run both sides in turn; the round with the middle ratio counts."""
    catalogue = Catalogue.load()
    taken = [round_of(texts, catalogue) for _ in range(rounds)]
    taken.sort(key=lambda each: (each[1] + each[2]) / each[0])
    bare, load, check = taken[len(taken) // 2]
    return Figures(
        flows=len(texts),
        steps=STEPS,
        text_kib=round(sum(len(text.encode()) for text in texts) / 1024, 1),
        bare_ms=round(bare * 1000, 1),
        load_ms=round(load * 1000, 1),
        check_ms=round(check * 1000, 1),
        ratio=round((load + check) / bare, 2),
        machine=machine(),
    )


def _is_what_it_says(texts: list[str]) -> None:
    catalogue = Catalogue.load()
    for text in texts:
        flow = load_flow_text(text, "line.yaml")
        assert len(flow.steps) == STEPS, len(flow.steps)
        errors = [found for found in check_flow(flow, catalogue) if found.severity is Severity.ERROR]
        assert not errors, errors[0]


def main() -> int:
    """Measure and print; exit code 1 when it takes more than five times the bare compose."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flows", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="show where the time goes instead")
    parser.add_argument("--save", action="store_true", help=f"keep the figures in {RESULTS.name}")
    given = parser.parse_args()
    texts = [flow_text(number) for number in range(1, given.flows + 1)]
    _is_what_it_says(texts)
    if given.profile:
        profile = cProfile.Profile()
        catalogue = Catalogue.load()
        with profile:
            for text in texts:
                check_flow(load_flow_text(text, "line.yaml"), catalogue)
        pstats.Stats(profile).sort_stats("tottime").print_stats(40)
        return 0
    figures = measured(texts, given.rounds)
    print(f"{figures.flows} flows of {STEPS} steps, {figures.text_kib} KiB; CPU, the middle of {given.rounds} rounds")
    print(f"  bare compose      {figures.bare_ms:8.1f} ms   1.00")
    print(f"  ours: load        {figures.load_ms:8.1f} ms   {figures.load_ms / figures.bare_ms:.2f}")
    print(f"  ours: check       {figures.check_ms:8.1f} ms   {figures.check_ms / figures.bare_ms:.2f}")
    print(f"  load and check                  {figures.ratio:.2f}   (at most {AT_MOST:.0f})")
    if given.save:
        RESULTS.write_text(json.dumps(asdict(figures), indent=2) + "\n", encoding="utf-8")
    return 0 if figures.ratio <= AT_MOST else 1


if __name__ == "__main__":
    sys.exit(main())
