"""Who sends texts, in worlds that go wrong at random, from a seed: what must hold whatever happens.

Operators throttle, refuse, answer late or never; binds come and go; people's rules make texts wait; and in half of the
worlds the process dies, with all that it had not stored yet. Then all is well again, and every text must have ended.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from sms.messages import Outgoing, Purpose, State
from sms.operators import BindSettings, Mode, Operator
from sms.people.verdicts import SEND, Verdict, Wait
from sms.smpp import Limits, Status
from sms.store.states import Progress
from tests.unit.sms.sending_world import LONG, Bench, Rules, ScriptedEsme, Store, Written, bench, operator, outgoing

PROOF = bool(os.environ.get("TELLERLINE_PROOF"))
TROUBLE_S = 120.0
REST_S = 900.0  # after it, in which all is well: pauses of half a minute and holds of five end
MOVES = {  # of a part, as its lines tell; from None: nothing was told of it
    None: {State.SENT, State.REJECTED},
    State.QUEUED: {State.SENT, State.REJECTED},
    State.SENT: {State.ACCEPTED, State.QUEUED, State.UNKNOWN, State.REJECTED},
    State.UNKNOWN: set(),
    State.ACCEPTED: set(),
    State.REJECTED: set(),
}


@dataclass
class Entry:
    """One PDU as its operator knows it."""

    at: float
    bind: str
    text: str
    part: int
    status: int | None = None  # nobody heard it


@dataclass
class Smscs:
    """All operators, and what they know."""

    rng: random.Random
    store: Store
    well: bool = False
    texts: dict[str, Outgoing] = field(default_factory=dict)  # by source address
    ledger: list[Entry] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)  # errors that nobody caught

    def script(self, esme: ScriptedEsme, written: Written) -> tuple[float, int | None] | None:
        text = self.texts[written.message.source.digits]
        part = written.body[5] if written.message.esm_class & 0x40 else 1
        entry = Entry(written.at, esme.name, text.id, part)
        self.ledger.append(entry)
        if not text.purpose.repeatable:
            told = self.store.states(text.id, part)
            assert told, "noted before it is written"
            assert told[-1] is State.SENT, "noted before it is written"
        done = written.done

        def hear(submitted: object) -> None:
            entry.status = submitted.status  # type: ignore[attr-defined]  # a Submitted
            done(submitted)  # type: ignore[arg-type]  # likewise

        written.done = hear
        if self.well:
            return 0.01, 0
        kind = self.rng.random()
        if kind < 0.60:
            return self.rng.uniform(0.001, 0.5), 0
        if kind < 0.75:
            return self.rng.uniform(0.001, 0.1), self.rng.choice([Status.RTHROTTLED, Status.RMSGQFUL])
        if kind < 0.82:
            return self.rng.uniform(0.001, 0.1), Status.RSYSERR
        if kind < 0.85:
            return 0.01, self.rng.choice([Status.RINVDSTADR, 0x0412])
        if kind < 0.95:
            return 10.0, None  # its answer comes late: nobody waits any more
        return None  # never, and the timer does not save us: the link goes first


def world(rng: random.Random, store: Store) -> Bench:
    window = rng.choice([1, 3, 10])
    speed = rng.choice([0.0, 50.0])
    north = operator("north", "a", "b", cost=rng.choice([1, 5]), window=window, per_second=speed)
    south = operator("south", "a", cost=3, window=window, per_second=speed)
    one = north.binds[0]
    receiver = BindSettings("rx", one.host, 1, "bank", one.password, Mode.RECEIVER, limits=Limits(window=9))
    operators = (north, Operator("south", (*south.binds, receiver), cost=south.cost))

    def verdict(text: Outgoing, at: float) -> Verdict:
        return Wait(at + rng.uniform(1, 60)) if rng.random() < 0.2 else SEND

    rules = Rules(verdict)
    rules.delay_s = rng.choice([0.0, 0.05])
    return bench(*operators, store=store, rules=rules)


async def disturb(it: Bench, rng: random.Random, smscs: Smscs, until: float) -> None:
    """Let texts come and binds come and go."""
    loop = asyncio.get_running_loop()
    numbers = [f"+86139{number:08}" for number in range(12)]
    while loop.time() < until:
        await asyncio.sleep(rng.expovariate(4.0))
        if rng.random() < 0.75:
            source = f"95500{len(smscs.texts)}"
            text = outgoing(
                rng.choice(["hi", LONG]),
                rng.choice(numbers),
                rng.choice(list(Purpose)),
                source=source,
                expires_at=10 * 1e9,
                link=it.esme("north/a").link_name,
            )
            smscs.texts[source] = text
            it.send(text)
        else:
            esme = it.esme(rng.choice(["north/a", "north/b", "south/a"]))
            if esme.bound:
                esme.down()
            else:
                esme.up()


async def heal(it: Bench, smscs: Smscs) -> None:
    smscs.well = True
    for esme in it.binds.esmes.values():
        if esme.bound and esme.room < 1:
            esme.down()  # what is never answered keeps its place for ever here, where no timer runs
        if not esme.bound:
            esme.up()
    await asyncio.sleep(REST_S / 3)
    for esme in it.binds.esmes.values():
        esme.down()
        esme.up()
    await asyncio.sleep(REST_S)


def connect(it: Bench, smscs: Smscs) -> None:
    for esme in it.binds.esmes.values():
        esme.script = lambda written, esme=esme: smscs.script(esme, written)  # type: ignore[misc]  # bound early


def left(store: Store, texts: list[Outgoing]) -> list[tuple[Outgoing, dict[int, State]]]:
    """What a process that starts finds, as the outbox finds it."""
    found = []
    for text in texts:
        if text.id in store.finished:
            continue
        progress = Progress()
        for change in store.lines.get(text.id, []):
            progress.hear(change)
        found.append((text, progress.parts))
    return found


async def play(seed: int, *, dies: bool) -> tuple[Smscs, Store, bool]:
    rng = random.Random(seed)
    store = Store(delay_s=rng.choice([0.0, 0.02]))
    smscs = Smscs(rng, store)
    it = world(rng, store)
    connect(it, smscs)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: smscs.faults.append(str(context)))
    async with it.dispatcher.running():
        it.esme("north/a").up()
        await disturb(it, rng, smscs, loop.time() + TROUBLE_S)
        if not dies:
            await heal(it, smscs)
    if not dies:
        return smscs, store, dies
    store.waiting.clear()  # what was not stored yet is gone, and answers that come now reach nobody
    for esme in it.binds.esmes.values():
        esme.bound, esme._open = False, {}
    again = world(rng, store)
    connect(again, smscs)
    async with again.dispatcher.running():
        again.up()
        for text, parts in left(store, list(smscs.texts.values())):
            again.send(text, parts)
        await disturb(again, rng, smscs, loop.time() + TROUBLE_S / 2)
        await heal(again, smscs)
    return smscs, store, dies


def check(smscs: Smscs, store: Store, *, died: bool) -> None:
    refused = {status for status in Status if status} | {0x0412}
    writes: dict[tuple[str, int], list[Entry]] = defaultdict(list)
    for entry in smscs.ledger:
        writes[entry.text, entry.part].append(entry)
    assert not smscs.faults
    assert len(smscs.texts) > 200
    for text in smscs.texts.values():
        total = 3 if text.text == LONG else 1
        mine = [writes[text.id, part] for part in range(1, total + 1)]
        assert text.id in store.finished, "every text ends"
        for part, some in enumerate(mine, 1):
            perhaps = [one for one in some if one.status not in refused]
            states = store.states(text.id, part)
            if not text.purpose.repeatable:
                assert len(perhaps) <= 1, "what may not be repeated is never written twice"
                assert len(perhaps) == len([one for one in some if one.status is None or one.status == 0])
            _check_moves(states, repeatable=text.purpose.repeatable, died=died)
        if text.purpose.repeatable:
            taken = all(any(one.status == 0 for one in some) for some in mine)
            given_up = State.REJECTED in store.states(text.id)
            assert taken or given_up, "what may be repeated is not lost"
        if total > 1:
            by = {line.bind.partition("/")[0] for line in store.lines[text.id] if line.state is State.ACCEPTED}
            assert len(by) <= 1, "all parts go by one operator"
        if store.finished[text.id]:
            links = {one.bind for some in mine for one in some if one.status == 0}
            assert links == {"north/a"}, "only the question's own connection proves anything"
    assert not any(entry.bind == "south/rx" for entry in smscs.ledger), "a receiver sends nothing"
    if not died:
        _check_order(smscs)


def _check_moves(states: list[State], *, repeatable: bool, died: bool) -> None:
    for before, after in pairwise([None, *states]):
        allowed = set(MOVES[before])
        if repeatable and before is State.UNKNOWN:
            allowed |= {State.SENT, State.REJECTED}
        if died:
            if repeatable and before is State.SENT:
                allowed |= {State.SENT}
            if before is None:
                allowed |= {State.UNKNOWN}
        assert after in allowed, f"{before} to {after} in {states}"


def _check_order(smscs: Smscs) -> None:
    first: dict[str, float] = {}
    last: dict[str, float] = {}
    for entry in smscs.ledger:
        first.setdefault(entry.text, entry.at)
        last[entry.text] = entry.at
    lanes: dict[tuple[str, Purpose], list[Outgoing]] = defaultdict(list)
    for text in smscs.texts.values():
        if text.purpose is Purpose.ANSWER and text.id in first:  # others are made to wait by the rules
            lanes[text.destination, text.purpose].append(text)
    assert any(len(lane) > 3 for lane in lanes.values())
    for lane in lanes.values():
        for before, after in pairwise(lane):
            assert last[before.id] <= first[after.id], "one after another, in order"


@pytest.mark.proof
@pytest.mark.looptime(noop_cycles=3)
@pytest.mark.parametrize("dies", [False, True])
@pytest.mark.parametrize("seed", range(200) if PROOF else range(5))
async def test_whatever_happens_nothing_is_lost_and_nothing_is_sent_twice_that_may_not_be(
    seed: int, *, dies: bool
) -> None:
    smscs, store, died = await play(seed, dies=dies)
    check(smscs, store, died=died)
