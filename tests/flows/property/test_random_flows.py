"""Whatever clean flow an operator writes, and whatever party and bank do: dialogues end, and pass no gate unproved.

``TELLERLINE_PROOF=1`` walks 4,000 flows, otherwise a fixed fewer and some fresh ones. A failure names its seed:
``TELLERLINE_SEED=17`` walks that one alone.
"""

from __future__ import annotations

import datetime
import os
import random
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest

from core_client.domain.values import Value
from core_client.operations import UNAUTHENTICATED, Field
from flows.dialogue import (
    Channel,
    End,
    Facts,
    OperationAnswered,
    Party,
    Perform,
    Resume,
    Say,
    SaySecret,
    Trigger,
    Turn,
    What,
)
from flows.engine import MAX_TURNS, Engine
from flows.errors import FlowError
from flows.inspect import Severity, check_flow
from flows.model import BY_CODE, BY_NUMBER, Flow
from flows.reading.loader import load_flow_text
from flows.session import Session
from flows.steps import KINDS
from tests.flows.property import random_users
from tests.flows.property.random_flows import random_flow

PROOF = os.environ.get("TELLERLINE_PROOF") == "1"
FIXED, FRESH = (3_000, 1_000) if PROOF else (100, 20)
USERS = 6  # of one flow
MOST_TURNS = MAX_TURNS + 300  # rounds at the bank and reconnections do not count as turns of the party


def clean_flow(seed: str) -> Flow | None:
    """Make the flow of ``seed``; None when the loader or a lint has something against it."""
    try:
        flow = load_flow_text(random_flow(random.Random(seed)), f"{seed}.yaml")
    except FlowError:
        return None
    return None if any(found.severity is Severity.ERROR for found in check_flow(flow)) else flow


@dataclass
class Guard:
    """What the party has really proved, told apart from what the engine believes."""

    flow: Flow
    channel: Channel
    party: Party
    claimed: bool = False
    pin: bool = False
    code: bool = False  # of this turn
    seen: Counter[str] = field(default_factory=Counter)

    def hear(self, wait: object, resume: Resume) -> None:
        """Learn from what the bank answered."""
        self.code = False
        if not (isinstance(wait, Perform) and isinstance(resume, OperationAnswered)):
            return
        if resume.outcome == UNAUTHENTICATED:
            self.pin = self.claimed = False
        elif resume.outcome == "ok":
            self.pin |= wait.operation == "auth.verify_pin"
            self.claimed |= wait.operation == "identity.claim"
            self.code = wait.operation == "auth.verify_code"

    def watch(self, turn: Turn) -> None:
        """Refuse a step that was entered without its proof."""
        for mark in turn.trail:
            if mark.what is What.ENTERED:
                self.seen[self.flow.steps[mark.step].kind] += 1
                for gate in self.flow.steps[mark.step].needs.get(self.channel, ()):
                    assert self._passed(gate), f"'{mark.step}' was entered without '{gate}'"

    def _passed(self, name: str) -> bool:
        gate = self.flow.gates[name]
        if self.channel is Channel.SMS:
            return (gate.sms == BY_NUMBER and self.party.identified) or (gate.sms == BY_CODE and self.code)
        return self.pin if name == "auth" else self.claimed or self.party.identified


def begin(flow: Flow, rng: random.Random, channel: Channel) -> Trigger:
    """Make the trigger of one dialogue."""
    slots: dict[str, Value] = {}
    step = None
    if channel is Channel.SMS:
        pattern = rng.choice(flow.sms_patterns)
        step = pattern.step
        for part in pattern.parts:
            if not isinstance(part, str):
                slots[part.name] = random_users.value(rng, Field(part.type))
    party = Party(rng.choice(["+8613900000001", None]), rng.random() < 0.7, rng.choice(["zh", "en", None]))
    at = datetime.datetime(2026, 10, 1, tzinfo=datetime.UTC) + datetime.timedelta(hours=rng.randint(0, 400))
    return Trigger(flow.name, channel, party, f"x{rng.random()}", "a1", at, step, slots)


def walk(flow: Flow, rng: random.Random, channel: Channel) -> Counter[str]:
    """Play one dialogue to its end."""
    engine = Engine(flow)
    trigger = begin(flow, rng, channel)
    guard = Guard(flow, channel, trigger.party)
    facts = Facts(trigger.at, frozenset(name for name in flow.notices if rng.random() < 0.5))
    session, turn = engine.start(trigger, facts)
    guard.watch(turn)
    turns = 0
    while not session.ended:
        turns += 1
        assert turns <= MOST_TURNS, "it goes on for ever"
        assert turn.wait is not None
        facts = replace(facts, at=facts.at + datetime.timedelta(seconds=rng.randint(1, 4000)))
        resume = random_users.resume(rng, turn.wait)
        guard.hear(turn.wait, resume)
        here = engine.resume(session, resume, facts)
        there = engine.resume(Session.from_json(session.to_json()), resume, facts)
        assert here == there, "another node would have gone on otherwise"
        assert here[1].trail == there[1].trail
        session, turn = here
        guard.watch(turn)
    assert turn.wait is None
    assert isinstance(turn.effects[-1], End)
    assert len(session.to_json()) < 30_000
    assert channel is Channel.SMS or not _spoken_secret(turn)
    return guard.seen


def _spoken_secret(turn: Turn) -> bool:
    return any(isinstance(item, SaySecret) for say in turn.effects if isinstance(say, Say) for item in say.items)


def seeds() -> list[str]:
    """Answer the seeds of this run."""
    if wanted := os.environ.get("TELLERLINE_SEED"):
        return [wanted]
    fresh = random.SystemRandom()
    return [*map(str, range(FIXED)), *(f"fresh-{fresh.randrange(10**9)}" for _ in range(FRESH))]


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_every_dialogue_of_every_clean_flow_ends_and_passes_no_gate_unproved() -> None:
    clean = 0
    seen: Counter[str] = Counter()
    for seed in seeds():
        flow = clean_flow(seed)
        if flow is None:
            continue
        clean += 1
        for user in range(USERS):
            for channel in Channel:
                rng = random.Random(f"{seed} {user} {channel}")
                try:
                    seen += walk(flow, rng, channel)
                except Exception as error:
                    error.add_note(f"TELLERLINE_SEED={seed}, user {user}, by {channel}")
                    raise
    print(f"{clean} clean flows; steps entered: {dict(seen.most_common())}")
    if not os.environ.get("TELLERLINE_SEED"):
        assert clean > (FIXED + FRESH) / 3  # else the generator has lost touch with the language
        assert set(KINDS) - {"hangup"} <= set(seen)


def test_the_guard_sees_an_engine_that_skips_a_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "_missing", lambda self, draft, needed: None)
    with pytest.raises(AssertionError, match="entered without"):
        walk_many(40)


def walk_many(count: int) -> None:
    """Walk the first clean flows by voice."""
    for seed in range(count):
        flow = clean_flow(str(seed))
        for user in range(USERS if flow is not None else 0):
            assert flow is not None
            walk(flow, random.Random(user), Channel.VOICE)
