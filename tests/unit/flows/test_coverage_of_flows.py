from __future__ import annotations

import pickle
from collections.abc import Iterable

import pytest

from flows.coverage import Coverage, Item, Kind, Reach, Seen, by_kind, reachable
from flows.dialogue import Channel, Mark, Party, Prompt, Say, Turn, What
from flows.model import Flow, Way
from flows.reading.loader import load_flow_text
from flows.session import Session

FLOW = """\
flow: line
languages: [zh, en]
start: begin
defaults: {on_fail: bye}
keys: {"*": back, "0": agent}
vars: {pin: {type: secret}, last4: {type: digits}}
gates:
  auth: {voice: pin, sms: by_number}
sms:
  en: {"BAL": balance, "BLOCK {last4}": block}
  zh: {"余额": balance}
steps:
  begin: {if: known(party.language), then: main, else: choose}
  choose:
    menu: [choose_language]
    choices:
      "1": {language: zh, go: main}
      "2": {language: en, go: main}
  main:
    menu: [main_menu]
    choices: {"1": balance, "2": ask_block, "8": choose}
  pin: {ask: {prompt: enter_pin, digits: 6}, save: pin, next: pin_check}
  pin_check:
    bank: auth.verify_pin
    with: {pin: pin}
    on: {ok: return, refused: pin, wait: bye, locked: bye, down: bye}
  balance:
    needs: auth
    bank: accounts.balance
    save: bal
    on: {ok: tell, refused: bye, down: bye}
  tell: {say: [your_balance_is, {money: bal.available}], next: main}
  ask_block: {confirm: [block_warning], "yes": block, "no": main}
  block: {ask: {prompt: enter_card_last4, digits: 4}, save: last4, next: text_only}
  text_only: {if: channel == "sms", then: sent, else: bye}
  sent: {say: [card_blocked], hangup: true}
  agent:
    transfer: {queue: line, context: [party.number]}
    on: {answered: bye, closed: bye, failed: bye, timeout: bye}
  bye: {say: [goodbye], hangup: true}
  never: {say: [welcome], next: bye}
"""


@pytest.fixture(scope="module")
def flow() -> Flow:
    return load_flow_text(FLOW, "line.yaml")


@pytest.fixture(scope="module")
def items(flow: Flow) -> tuple[Item, ...]:
    return reachable(flow)


def _of(items: Iterable[Item], kind: Kind, language: str = "zh") -> dict[str, Item]:
    return {
        f"{item.step}:{item.word or item.way}": item
        for item in items
        if item.kind is kind and item.language == language
    }


def _session(language: str, channel: Channel = Channel.VOICE) -> Session:
    return Session("s", "line", "v", channel, Party(None), "a", "2026-03-02", language, "main")


def test_a_step_that_nobody_can_get_to_is_not_asked_for(items: tuple[Item, ...]) -> None:
    assert "never:" not in _of(items, Kind.STEP)
    assert "tell:" in _of(items, Kind.STEP)


def test_a_way_that_cannot_be_taken_in_a_language_is_not_asked_for(items: tuple[Item, ...]) -> None:
    # Who is spoken to in English from the start has chosen it: only Chinese begins without a choice.
    assert set(_of(items, Kind.CASE)) == {"begin:then", "begin:else", "text_only:else"}
    assert set(_of(items, Kind.CASE, "en")) == {"begin:then", "text_only:else", "text_only:then"}
    # The only Chinese command is the balance.
    assert "sent:" in _of(items, Kind.STEP, "en")
    assert "sent:" not in _of(items, Kind.STEP)
    assert list(_of(items, Kind.COMMAND)) == [":余额"]


def test_keys_answers_outcomes_and_failures_are_asked_for(items: tuple[Item, ...]) -> None:
    assert set(_of(items, Kind.KEY, "en")) == {"choose:1", "choose:2", "main:1", "main:2", "main:8"}
    assert set(_of(items, Kind.ANSWER)) == {"ask_block:yes", "ask_block:no", "pin:next", "block:next"}
    assert {"balance:down", "agent:timeout", "pin_check:locked"} <= set(_of(items, Kind.OUTCOME))
    assert set(_of(items, Kind.FAILED)) == {
        f"{step}:failed" for step in ("choose", "main", "pin", "ask_block", "block")
    }
    assert set(_of(items, Kind.UNIVERSAL)) == {":*", ":0"}
    assert "block_warning" in {item.word for item in items if item.kind is Kind.PROMPT}


def test_a_hint_is_the_shortest_way_there(items: tuple[Item, ...]) -> None:
    steps, keys, outcomes = _of(items, Kind.STEP, "en"), _of(items, Kind.KEY, "en"), _of(items, Kind.OUTCOME, "en")
    assert steps["ask_block:"].hint == "call as who has chosen en, press 2"
    assert steps["tell:"].hint == "call as who has chosen en, press 1, pass gate auth"
    assert keys["choose:1"].hint == "call as who has chosen en, press 8, press 1"
    assert outcomes["balance:down"].hint.endswith("press 1, pass gate auth, let accounts.balance answer down")
    assert outcomes["agent:timeout"].hint.endswith("press 0, let the transfer end as timeout")
    assert _of(items, Kind.STEP)["choose:"].hint == "call from an unknown number"
    assert _of(items, Kind.FAILED)["pin:failed"].hint.endswith("press 1, answer nothing until it gives up")
    assert steps["sent:"].hint == 'text "BLOCK {last4}", reply last4'


def test_an_item_names_its_line(items: tuple[Item, ...]) -> None:
    item = _of(items, Kind.KEY, "en")["main:8"]
    assert FLOW.splitlines()[item.line - 1].strip().startswith("choices: {")
    assert str(item) == f'line.yaml:{item.line}: en: step main: key "8"'


def test_what_was_seen_is_counted_in_its_language(flow: Flow) -> None:
    seen = Seen()
    chinese, english = _session("zh"), _session("en")
    trail = (Mark("begin", What.ENTERED), Mark("begin", What.LEFT, Way.CASE, "else"), Mark("choose", What.ENTERED))
    seen.turned(chinese, Turn((), None, trail), None)
    # The choice is made in Chinese; what follows is in English.
    onward = (Mark("choose", What.LEFT, Way.KEY, "2"), Mark("main", What.ENTERED))
    seen.turned(english, Turn((), None, onward), chinese)
    assert seen.ways == {("begin", "case", "else", "zh"), ("choose", "key", "2", "zh")}
    assert seen.steps == {("begin", "zh"), ("choose", "zh"), ("main", "en")}
    coverage = Coverage.of(flow, seen)
    assert coverage.count("zh", Kind.KEY) == (1, 5)
    assert coverage.count("en", Kind.KEY) == (0, 5)
    assert "step main" in {item.what for item in coverage.missing if item.language == "zh"}
    assert "step main" not in {item.what for item in coverage.missing if item.language == "en"}


def test_a_command_and_a_prompt_are_seen_by_themselves(flow: Flow) -> None:
    seen = Seen()
    seen.commanded("BAL", "en")
    seen.speaks(Say((Prompt("goodbye"),), "en"))
    coverage = Coverage.of(flow, seen)
    assert coverage.count("en", Kind.COMMAND) == (1, 2)
    assert "goodbye" not in {item.word for item in coverage.unsaid if item.language == "en"}
    assert "goodbye" in {item.word for item in coverage.unsaid if item.language == "zh"}


def test_prompts_are_told_and_do_not_count(flow: Flow) -> None:
    coverage = Coverage({item: item.kind is not Kind.PROMPT for item in reachable(flow)})
    assert coverage.percent("zh") == 100
    assert not coverage.missing
    assert coverage.unsaid
    assert by_kind(coverage, "zh")[Kind.PROMPT][0] == 0


def test_what_processes_saw_is_joined() -> None:
    one, other = Seen(steps={("a", "zh")}), Seen(steps={("b", "en")}, commands={("BAL", "en")})
    one.join(pickle.loads(pickle.dumps(other)))
    assert one.steps == {("a", "zh"), ("b", "en")}
    assert one.commands == {("BAL", "en")}


def test_every_way_of_the_reach_is_a_way_of_the_graph(flow: Flow) -> None:
    reach = Reach(flow)
    for state in reach.states:
        assert set(reach.ways(state)) <= set(flow.steps[state.step].edges(state.channel))
        assert reach.path(state)
