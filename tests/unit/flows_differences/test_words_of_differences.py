"""Differences are told in the words of those who write flows, once each, and none is left out."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml

from flows.differences import Change, differences, summary
from flows.releases.bundle import Bundle
from flows.steps import KINDS, kind_of

FLOW = """\
flow: line
languages: [zh, en]
start: main
defaults: {on_fail: agent, tries: 3}
keys: {"*": back, "0": agent}
vars:
  pin: {type: secret}
  amount: {type: money, check: value > money("0 CNY")}
gates:
  auth: {voice: pin, sms: by_code}
sms:
  en: {"BAL": balance}
schedules:
  hours: {open: {mon-fri: 09:00-17:30}, holidays: [2026-10-01, 2026-12-31]}
notices:
  outage: [notice_outage]
steps:
  main: {menu: main_menu, choices: {"1": balance, "2": {label: Send, go: amount}, "3": {label: Recent, go: recent}}}
  pin: {ask: {prompt: enter_pin, digits: 6}, save: pin, next: pin_check}
  pin_check: {bank: auth.verify_pin, with: {pin: pin}, on: {ok: return, refused: pin, locked: agent, down: agent}}
  balance: {needs: {voice: auth}, bank: accounts.balance, save: bal, on: {ok: told, refused: told, down: agent}}
  told: {say: [your_balance_is, {money: bal.available}], next: main}
  amount: {ask: {prompt: enter_amount, digits: 1..9, end: "#"}, save: amount, next: send_now}
  send_now:
    needs: auth
    bank: transfers.authorise
    with: {intent: intent.id}
    wait: {prompt: one_moment, limit: 20s}
    on: {ok: done, refused: told, unknown: told, down: agent}
  done: {say: [done], next: main}
  recent: {say: [recent_entries], next: main}
  open: {schedule: hours, open: main, closed: bye}
  agent: {transfer: {queue: q, context: [last_step]}, on: {closed: bye, failed: bye}}
  bye: {say: [goodbye], hangup: true}
"""
TEXTS = {
    "zh": {"welcome": {"say": "欢迎", "sms": "欢迎", "keys": ""}},
    "en": {"welcome": {"say": "Welcome", "sms": "Welcome", "keys": "12"}},
}


def bundle(text: str = FLOW, **more: Any) -> Bundle:
    given: dict[str, Any] = {"texts": TEXTS, "audio": {"en/welcome": "aa"}, "fragments": {"en": "ff"}} | more
    files = {"line.yaml": text} | given.pop("files", {})
    return Bundle("line", "v", "line.yaml", files, **given)


def told(old: str, new: str, text: str = FLOW) -> list[str]:
    assert old in text
    return [str(change) for change in differences(bundle(text), bundle(text.replace(old, new)))]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"3": {label: Recent, go: recent}', '"3": {label: Recent, go: agent}',
         "menu main: key 3 now goes to agent (was: recent)"),
        ("label: Recent", "label: Entries", "menu main: key 3 is now called “Entries” (was: “Recent”)"),
        ('"1": balance, ', "", "menu main: key 1 does nothing any more (went to balance)"),
        ('{"1": balance', '{"4": agent, "1": balance', "menu main: key 4 is new and goes to agent"),
        ("digits: 1..9", "digits: 1..7", "ask amount: at most 7 digits (was 9)"),
        ("digits: 1..9", "digits: 2..7", "ask amount: at least 2 digits (was 1), at most 7 digits (was 9)"),
        ("digits: 6", "digits: 6, mask: true",
         "ask pin: people see only the end of the answer now: true (was: the default)"),
        ("digits: 6", "digits: 4", "ask pin: exactly 4 digits (was: exactly 6)"),
        ("    needs: auth\n", "", "gate auth is no longer needed by send_now"),
        ("needs: auth", "needs: {voice: auth}", "gate auth is no longer needed by send_now by sms (but by voice)"),
        ("{needs: {voice: auth}, bank", "{needs: auth, bank",
         "gate auth is now needed by balance by sms (but by voice)"),
        ("{needs: {voice: auth}, bank", "{bank", "gate auth is no longer needed by balance by voice"),
        ("refused: pin,", "refused: return,", "bank pin_check: refused now goes to return (was: pin)"),
        ("limit: 20s", "limit: 30s", "bank send_now: now waits for the bank at most 30s (was: 20s)"),
        ("limit: 20s", "after: 1s, limit: 20s",
         "bank send_now: now says that it takes time after 1s (was: the default)"),
        ("intent: intent.id", "intent: other.id", "bank send_now: now gives intent: other.id (was: intent.id)"),
        ("say: [done]", "say: [done, thanks]", "say done: now says [done, thanks] (was: [done])"),
        ("menu: main_menu", "menu: [hello]", "menu main: now says [hello] (was: [main_menu])"),
        ("{money: bal.available}", "{money: bal.booked}",
         "say told: now says [your_balance_is, {money: bal.booked}] (was: [your_balance_is, {money: bal.available}])"),
        ("save: bal,", "save: found,", "bank balance: now keeps the answer as found (was: bal)"),
        ("open: main, closed", "open: agent, closed", "schedule open: while open it now goes to agent (was: main)"),
        ("closed: bye}\n  agent", "closed: bye, holiday: bye}\n  agent",
         "schedule open: on holidays it now goes to bye"),
        ("queue: q", "queue: gold", "transfer agent: now hands over to the queue gold (was: q)"),
        ("context: [last_step]", "context: [reason]",
         "transfer agent: now tells the agent [reason] (was: [last_step])"),
        ("tries: 3", "tries: 4", "defaults: attempts now: 4 (was: 3)"),
        ("on_fail: agent", "on_fail: bye", "defaults: after too many attempts it now goes to bye (was: agent)"),
        ('"0": agent', '"0": bye', "everywhere key 0 now means bye (was: agent)"),
        ("sms: by_code", "sms: by_number", "gate auth: by text it is now proved by_number (was: by_code)"),
        ("voice: pin", "voice: amount", "gate auth: by voice it now goes to amount (was: pin)"),
        (', check: value > money("0 CNY")', "", 'variable amount: is no longer checked (was: value > money("0 CNY"))'),
        ("type: secret", "type: digits", "variable pin: type is now digits (was: secret)"),
        ("09:00-17:30", "09:00-18:00", "schedule hours: open mon-fri is now 09:00-18:00 (was: 09:00-17:30)"),
        ("holidays: [2026-10-01,", "holidays: [2026-10-02,",
         "schedule hours: holidays now with [2026-10-02], holidays now without [2026-10-01]"),
        ("outage: [notice_outage]", "outage: notice_storm",
         "notice outage now says [notice_storm] (was: [notice_outage])"),
        ('"BAL": balance', '"BAL": recent', "command BAL (en) now starts recent (was: balance)"),
        ('"BAL": balance', '"BALANCE": balance', "command BALANCE (en) is new and starts balance"),
        ("start: main", "start: open", "the flow now starts at open (was: main)"),
        ("languages: [zh, en]", "languages: [en]", "the flow now speaks [en] (was: [zh, en])"),
        ("{say: [recent_entries], next: main}", "{go: told}", "step recent is now a go, leading to told (was: a say)"),
    ],
)  # fmt: skip
def test_one_difference_is_told_in_words(old: str, new: str, words: str) -> None:
    assert words in told(old, new)


def test_how_a_file_is_written_is_no_difference() -> None:
    same = (
        FLOW.replace("say: [goodbye]", "say: goodbye").replace("menu: main_menu", "menu: [main_menu]") + "# a remark\n"
    )
    same = same.replace("digits: 6", "digits: 6..6").replace('"1": balance', '"1": {go: balance}')
    same = same.replace("    needs: auth\n", "    needs: {voice: [auth], sms: auth}\n")
    assert same != FLOW
    assert differences(bundle(), bundle(same)) == ()
    assert summary(bundle(), bundle(same)) == "nothing changed"


def test_what_lets_somebody_do_something_with_less_proof_is_marked() -> None:
    def marked(old: str, new: str) -> bool:
        assert old in FLOW
        return any(change.security for change in differences(bundle(), bundle(FLOW.replace(old, new))))

    assert marked("    needs: auth\n", "")
    assert marked("refused: pin,", "refused: return,")
    assert marked("sms: by_code", "sms: by_number")
    assert marked("type: secret", "type: digits")
    assert marked(', check: value > money("0 CNY")', "")
    assert marked("intent: intent.id", "intent: other.id")
    assert not marked("say: [done]", "say: [thanks]")
    assert not marked("{needs: {voice: auth}, bank", "{needs: auth, bank")


def test_a_new_name_is_told_once_and_not_wherever_it_leads_to() -> None:
    renamed = FLOW.replace("told", "tell_balance")
    assert [str(c) for c in differences(bundle(), bundle(renamed))] == ["say tell_balance: is a new name (was: told)"]
    everything = FLOW.replace("main", "top").replace("top_menu", "main_menu")
    assert [str(c) for c in differences(bundle(), bundle(everything))] == ["menu top: is a new name (was: main)"]


def test_steps_that_lead_to_each_other_are_renamed_together() -> None:
    both = (
        FLOW.replace("pin_check", "verify").replace("voice: pin", "voice: code").replace("  pin: {ask", "  code: {ask")
    )
    both = both.replace("refused: pin", "refused: code")
    assert {str(c) for c in differences(bundle(), bundle(both))} == {
        "ask code: is a new name (was: pin)",
        "bank verify: is a new name (was: pin_check)",
    }


def test_a_step_that_changed_with_its_name_is_told_as_both() -> None:
    other = FLOW.replace("amount: {ask", "how_much: {ask").replace("go: amount", "go: how_much").replace("1..9", "1..7")
    assert [str(c) for c in differences(bundle(), bundle(other))] == [
        "ask how_much: is a new name (was: amount)",
        "ask how_much: at most 7 digits (was 9)",
    ]


def test_a_step_that_is_gone_and_one_that_is_new_are_told_where_they_stand() -> None:
    other = FLOW.replace(
        "  recent: {say: [recent_entries], next: main}\n", "  loans: {bank: transfers.authorise, on: {}}\n"
    )
    words = [str(change) for change in differences(bundle(), bundle(other))]
    assert words == [
        "step recent removed (was: a say)",
        "step loans is new: a bank that moves money",
    ]


def test_prompts_and_recordings_are_told_by_language() -> None:
    texts = {
        "zh": {
            "welcome": {"say": "您好", "sms": "您好", "keys": ""},
            "bye": {"say": "再见", "sms": "再见", "keys": ""},
        },
        "en": {"welcome": {"say": "Welcome", "sms": "Hi", "keys": "123"}},
    }
    other = bundle(texts=texts, audio={"en/welcome": "bb", "zh/bye": "cc"}, fragments={"en": "ee"})
    assert [str(change) for change in differences(bundle(), other)] == [
        "prompt bye (zh) is said now: “再见”",
        "prompt welcome (zh) now says “您好” (was: “欢迎”)",
        "prompt welcome (en) now says by text “Hi” (was: “Welcome”)",
        "prompt welcome (en) now announces the keys “123” (was: “12”)",
        "recording en/welcome is another one",
        "recording zh/bye is new",
        "the recordings of numbers, digits and dates (en) are others",
    ]


def test_included_files_are_read_as_part_of_the_flow() -> None:
    main = FLOW.replace("flow: line", "flow: line\ninclude: [ends.yaml]").replace(
        "  bye: {say: [goodbye], hangup: true}\n", ""
    )
    ends = "defaults: {tries: 2}\nsteps:\n  bye: {say: [goodbye], hangup: true}\n"
    assert [str(change) for change in differences(bundle(), bundle(main, files={"ends.yaml": ends}))] == [
        "the included files are now [ends.yaml] (was: nothing)",
        "defaults of ends.yaml: attempts now: 2 (was: the default)",
        "ends.yaml now has what was in the main file: steps bye",
    ]


def test_the_summary_counts() -> None:
    other = FLOW.replace("digits: 1..9", "digits: 1..7").replace("told", "tell").replace("    needs: auth\n", "")
    other = other.replace("sms: by_code", "sms: by_number")
    texts = {**TEXTS, "zh": {"welcome": {"say": "您好", "sms": "您好", "keys": ""}}}
    assert summary(bundle(), bundle(other, texts=texts)) == (
        "2 steps changed, 1 renamed; 1 gate; 1 prompt; 2 changes of security"
    )


# --- whatever changes is told ---


def random_says(rng: random.Random) -> list[Any]:
    entries: list[Any] = [
        f"p{rng.randint(0, 20)}",
        {"money": "a.b"},
        {"if": "x", "say": ["y"]},
        {"attempt": [["a"], ["b"]]},
    ]
    return rng.sample(entries, rng.randint(1, 3))


def random_step(rng: random.Random, names: list[str]) -> dict[str, Any]:
    def to() -> str:
        return rng.choice(names)

    asking = {
        "no_input": random_says(rng),
        "tries": str(rng.randint(1, 9)),
        "on_fail": to(),
        "timeout": "6s",
        "barge_in": "true",
    }
    digits = rng.choice(["6", "1..9"])
    keys = rng.sample("0123456789", rng.randint(1, 4))
    makes: dict[str, dict[str, Any]] = {
        "menu": {
            "menu": random_says(rng),
            "choices": {key: rng.choice([to(), {"label": "L", "go": to(), "language": "zh"}]) for key in keys},
        },
        "ask": {"ask": {"prompt": random_says(rng), "digits": digits, "end": "#"}, "save": "v", "next": to()},
        "choose": {
            "choose": {"from": "l", "as": "i", "prompt": ["p"], "item": ["q"]},
            "save": "v",
            "next": to(),
            "none": to(),
        },
        "confirm": {"confirm": random_says(rng), "yes": to(), "no": to()},
        "bank": {
            "bank": "accounts.balance",
            "with": {"a": "b"},
            "save": "v",
            "on": {"ok": to(), "down": to()},
            "wait": {"limit": "8s"},
        },
        "if": {"if": "x == 1", "then": to(), "else": to()},
        "switch": {"switch": "x", "cases": {"a": to(), "b": to()}, "else": to()},
        "set": {"set": {"a": "1", "b": "2"}, "next": to()},
        "split": {"split": "t", "shares": {"a": {"share": "40", "go": to()}, "b": {"share": "60", "go": to()}}},
        "schedule": {"schedule": "h", "open": to(), "closed": to(), "holiday": to()},
        "notice": {"notice": ["a", "b"], "next": to()},
        "record": {"record": {"prompt": ["p"], "limit": "60s"}, "save": "v", "on": {"ok": to(), "empty": to()}},
        "callback": {"callback": {"number": "n", "queue": "q"}, "save": "v", "on": {"ok": to(), "down": to()}},
        "call": {"call": to(), "next": to()},
        "go": {"go": to(), "language": "zh"},
        "transfer": {"transfer": {"queue": "q", "context": ["a", "b"]}, "on": {"closed": to(), "failed": to()}},
        "say": {"say": random_says(rng), "next": to()},
        "hangup": {"say": random_says(rng), "hangup": "true"},
    }
    assert set(KINDS) <= set(makes), "a kind of step that the random flows do not have"
    kind = rng.choice(list(makes))
    step = makes[kind]
    if kind in ("menu", "ask", "choose", "confirm"):
        step |= {name: asking[name] for name in rng.sample(list(asking), 2)}
    if rng.random() < 0.4:
        step["needs"] = rng.choice(["auth", {"voice": "auth", "sms": ["known"]}, ["known", "auth"]])
    if rng.random() < 0.2:
        step["channels"] = ["voice"]
    return step


def random_flow(rng: random.Random) -> dict[str, Any]:
    names = [f"step_{chr(97 + number)}x" for number in range(rng.randint(3, 20))]
    return {
        "flow": "f", "languages": ["zh", "en"], "start": names[0], "defaults": {"on_fail": names[-1]},
        "gates": {"auth": {"voice": names[1], "sms": "by_code"}, "known": {"voice": names[2], "sms": "by_number"}},
        "steps": {name: random_step(rng, names) for name in names},
    }  # fmt: skip


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict | list):
        for key, found in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*path, key)
            yield from leaves(found, (*path, key))


def mutated(rng: random.Random, flow: dict[str, Any]) -> tuple[dict[str, Any], str, str]:
    """Answer the flow with one step changed somewhere, its name, and what was done."""
    other = copy.deepcopy(flow)
    name = rng.choice(list(other["steps"]))
    *way, last = rng.choice(list(leaves(other["steps"][name])))
    owner = other["steps"][name]
    for key in way:
        owner = owner[key]
    what = rng.choice(["change", "remove", "add"])
    if what == "remove" and (way or last not in KINDS):
        del owner[last]
    elif what == "add" and isinstance(owner, dict) and way and way[0] in ("choices", "on", "cases", "with", "set"):
        owner["zz"] = "elsewhere" if way[0] != "choices" or len(way) == 1 else "x"
    else:
        owner[last] = "changed" if not isinstance(owner[last], list) else [*owner[last], "changed"]
        what = "change"
    return other, name, f"{what} {name}: {[*way, last]}"


def as_bundle(flow: dict[str, Any]) -> Bundle:
    return Bundle("f", "v", "f.yaml", {"f.yaml": yaml.safe_dump(flow, sort_keys=False, allow_unicode=True)}, {}, {})


def names_it(change: Change, name: str) -> bool:
    return (change.name == name or change.was == name) and name in str(change)


@pytest.mark.parametrize("seed", range(40))
def test_every_change_of_a_step_is_told_and_names_it(seed: int) -> None:
    rng = random.Random(seed)
    flow = random_flow(rng)
    assert differences(as_bundle(flow), as_bundle(flow)) == ()
    shuffled = {**flow, "steps": dict(rng.sample(list(flow["steps"].items()), len(flow["steps"])))}
    assert differences(as_bundle(flow), as_bundle(shuffled)) == ()
    for _ in range(10):
        other, name, what = mutated(rng, flow)
        found = differences(as_bundle(flow), as_bundle(other))
        assert found, what
        assert all(names_it(change, name) for change in found), (what, *map(str, found))
        assert all("None" not in str(change) for change in found), (what, *map(str, found))


@pytest.mark.parametrize("seed", range(20))
def test_a_step_that_goes_or_comes_is_told(seed: int) -> None:
    rng = random.Random(seed)
    flow = random_flow(rng)
    name = rng.choice(list(flow["steps"]))
    other = {**flow, "steps": {each: step for each, step in flow["steps"].items() if each != name}}
    assert any(names_it(change, name) for change in differences(as_bundle(flow), as_bundle(other)))
    assert any(names_it(change, name) for change in differences(as_bundle(other), as_bundle(flow)))


@pytest.mark.parametrize("seed", range(20))
def test_a_new_name_of_any_step_is_one_change_only(seed: int) -> None:
    rng = random.Random(seed)
    flow = random_flow(rng)
    name = rng.choice(list(flow["steps"]))
    text = as_bundle(flow).files["f.yaml"].replace(name, "quite_another")
    found = differences(as_bundle(flow), replace(as_bundle(flow), files={"f.yaml": text}))
    kind = (*kind_of(flow["steps"][name]), "step")[0]
    assert [str(change) for change in found] == [f"{kind} quite_another: is a new name (was: {name})"]
