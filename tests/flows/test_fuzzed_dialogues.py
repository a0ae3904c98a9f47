"""Whatever a party does and a bank answers, a dialogue goes on or ends; it never raises and never goes on for ever."""

from __future__ import annotations

import datetime
import random

import pytest

from core_client.domain.values import SecretHandle, Value
from core_client.operations import REASONS, REGISTRY, Field
from flows.dialogue import (
    SECRET_LOST,
    Channel,
    DigitsReceived,
    Facts,
    InputTimedOut,
    OperationAnswered,
    PartyLeft,
    Perform,
    Reconnected,
    Record,
    RecordingEnded,
    Resume,
    SessionExpired,
    TextReceived,
    TransferEnded,
)
from flows.engine import MAX_TURNS
from flows.reading.loader import load_flow_text
from flows.store import FlowStore
from flows.testing import Driver
from tests.flows.property import random_users

DIALOGUES = 400


def value(rng: random.Random, field: Field) -> Value:
    """Make a value, of money in a currency that the flow may not have."""
    return random_users.value(rng, field, ("CNY", "USD"))


def answer(rng: random.Random, wait: Perform) -> OperationAnswered:
    operation = REGISTRY[wait.operation]
    outcome = rng.choice([*operation.outcomes, "ok", "ok", "ok", "unauthenticated", SECRET_LOST])
    fields = {name: value(rng, field) for name, field in operation.answer.items() if rng.random() < 0.98}
    return OperationAnswered(outcome, fields if outcome == "ok" else {}, rng.choice([None, *REASONS, "odd"]))


def anything(rng: random.Random, wait: object) -> Resume:
    if isinstance(wait, Perform) and rng.random() < 0.9:
        return answer(rng, wait)
    if isinstance(wait, Record) and rng.random() < 0.7:
        return RecordingEnded("ok", "rec/1", 7)
    keys = DigitsReceived(
        rng.choice([*"0123456789*#", "", "12", "500", "10000001", "13900000001", "99999999999999999999999999"])
    )
    choices: list[Resume] = [
        keys, keys, keys, keys,
        DigitsReceived("", SecretHandle("p")),
        InputTimedOut(rng.randint(0, 3)),
        TextReceived(rng.choice(["yes", "no", "1", "是", "x" * 300, ""])),
        TextReceived("", SecretHandle("c")),
        TransferEnded(rng.choice(["answered", "closed", "failed", "timeout", "odd"])),
        RecordingEnded(rng.choice(["ok", "empty", "failed", "odd"]), "m" * rng.choice([0, 9]), rng.randint(-1, 60)),
        Reconnected(),
        OperationAnswered("ok"),
    ]  # fmt: skip
    if rng.random() < 0.02:
        return PartyLeft() if rng.random() < 0.5 else SessionExpired()
    return rng.choice(choices)


@pytest.mark.parametrize("channel", list(Channel))
def test_no_dialogue_raises_or_goes_on_for_ever(channel: Channel) -> None:
    flow = FlowStore().current("retail")
    ends: dict[str, int] = {}
    for number in range(DIALOGUES):
        rng = random.Random(f"{channel} {number}")
        driver = Driver(flow, channel, identified=rng.random() < 0.8, language=rng.choice(["zh", "en", "xx", None]))
        if channel is Channel.SMS:
            pattern = rng.choice(flow.sms_patterns)
            slots = [slot for slot in pattern.parts if not isinstance(slot, str)]
            driver.start(pattern.step, {slot.name: value(rng, Field(slot.type)) for slot in slots}, pattern.language)
        else:
            driver.start()
        while not driver.session.ended:
            driver.resume(anything(rng, driver.played.wait))
            assert len(driver.turns) <= MAX_TURNS * 2 + 2, number
        assert len(driver.session.to_json()) < 20_000
        ends[driver.played.said[-1]] = ends.get(driver.played.said[-1], 0) + 1
    assert ends["<end done>"] > DIALOGUES / 10


MADE = """\
flow: made
languages: [en, zh]
start: main
defaults: {on_fail: bye}
keys: {"*": back, "0": queue, "9": repeat}
vars: {number: {type: phone, check: value != "+8613900000007"}, count: {type: number, check: value < 5}}
schedules:
  hours: {open: {mon-sun: "09:00-17:00"}, holidays: [2026-03-02]}
notices: {outage: [notice_outage], scam: {attempt: [[a], [b]]}}
sms: {en: {"CALL {number}": text, "SET {count}": more}}
steps:
  main: {notice: [outage, scam], next: sets}
  sets: {set: {tries: 3, sure: tries > 2}, next: test}
  test: {split: greeting, shares: {short: {share: 50, go: menu}, long: {share: 50, go: times}}}
  times: {schedule: hours, open: menu, closed: menu, holiday: rec}
  menu:
    menu: [{attempt: [[first], [second, {number: tries}], [later]]}]
    choices: {"1": more, "2": rec, "3": number, "4": queue, "5": where, "6": less}
  more: {set: {count: tries}, next: cases}
  less: {set: {tries: tries - 1, count: tries * tries}, next: cases}
  cases: {switch: tries, cases: {"0": bye, "2": menu, "3": rec_if}, else: voice}
  rec_if: {switch: channel, cases: {voice: rec, sms: bye}}
  voice: {switch: channel, cases: {voice: menu, sms: text}}
  where: {switch: party.number, cases: {"+8613900000001": menu}, else: number}
  number: {ask: {prompt: enter_number, digits: 3..15, end: "#"}, save: number, next: text}
  rec: {record: {prompt: leave_message}, save: m, on: {ok: send, empty: menu, failed: queue}}
  send:
    callback: {number: number, queue: retail, about: last_step, recording: m.recording, seconds: m.seconds}
    save: c
    on: {ok: told, refused: why, down: bye}
  text: {callback: {number: number}, save: c, on: {ok: told, refused: why, down: bye}}
  told: {say: [{digits: c.reference}, {date: c.due}, {attempt: [[once], [again]]}], next: voice_only}
  voice_only: {if: channel == "voice", then: main, else: bye}
  why: {say: [{reason: reason}], next: bye}
  queue:
    transfer: {queue: q, context: [tries, number, m.seconds], position: 5s, callback_after: 9s}
    on: {answered: bye, closed: rec, failed: bye, timeout: send}
  bye: {say: [goodbye], hangup: true}
"""


@pytest.mark.parametrize("channel", list(Channel))
def test_every_kind_of_step_stands_whatever_comes(channel: Channel) -> None:
    flow = load_flow_text(MADE, "made.yaml")
    ends: dict[str, int] = {}
    walked: set[str] = set()
    for number in range(DIALOGUES):
        rng = random.Random(f"made {channel} {number}")
        driver = Driver(flow, channel, number=rng.choice(["+8613900000001", "+447911123456", None]))
        at = datetime.datetime(2026, 3, 2, tzinfo=datetime.UTC) + datetime.timedelta(hours=rng.randint(0, 200))
        driver.facts = Facts(at, frozenset(rng.sample(["outage", "scam", "odd"], rng.randint(0, 3))))
        slots: dict[str, Value] = {"number": "+8613900000007"} if rng.random() < 0.2 else {"number": "+8613900000002"}
        if channel is Channel.SMS:
            texted: list[tuple[str, dict[str, Value]]] = [("text", slots), ("more", {"count": rng.randint(0, 9)})]
            step, filled = rng.choice(texted)
            driver.start(step, filled)
        else:
            driver.start()
        while not driver.session.ended:
            driver.resume(anything(rng, driver.played.wait))
            assert len(driver.turns) <= MAX_TURNS * 2 + 2, number
        assert len(driver.session.to_json()) < 5_000
        walked |= {mark.step for played in driver.turns for mark in played.turn.trail}
        ends[driver.played.said[-1]] = ends.get(driver.played.said[-1], 0) + 1
    assert ends["<end done>"] > DIALOGUES / 10
    if channel is Channel.VOICE:
        assert walked == set(flow.steps)
