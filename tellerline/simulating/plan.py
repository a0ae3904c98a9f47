"""The plan of a run: what happens to the bank, drawn from the seed before anything runs.

An event says what and when, and has a salt of its own for whatever is drawn while it plays out. So an event that is
taken away changes nothing about the others, and a plan can be made shorter and shorter while it still fails.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from core_client.adapters import demo_world


@dataclass(frozen=True, slots=True)
class Event:
    """One step: ``kind`` happens to or by ``who``, ``wait_s`` after the one before; ``what`` says more."""

    n: int
    wait_s: float
    kind: str
    who: int
    what: str
    amount: int
    salt: int

    def __str__(self) -> str:
        said = f"{self.n:>5}  +{self.wait_s:>8.3f} s  {self.kind:<8}"
        if self.kind in _PEOPLE:
            return f"{said} {demo_world.CUSTOMERS[self.who % len(demo_world.CUSTOMERS)].name}"
        return f"{said} {self.what} {self.amount or ''}".rstrip()


@dataclass(frozen=True, slots=True)
class Setting:
    """What is fixed for a whole run, drawn from its seed too."""

    seed: int
    remote: bool  # the core bank is at the far end of a network, else embedded in each node
    nodes: int
    calm: float  # what share of the faults never comes
    by_flows: bool  # texts go through the real flow engine


_PEOPLE = frozenset({"voice", "text", "thief", "forger", "machine"})
_KINDS = (
    ("voice", 46),
    ("text", 26),
    ("thief", 3),
    ("forger", 3),
    ("staff", 6),
    ("machine", 5),
    ("fault", 15),
    ("world", 4),
    ("late", 1),
)
# Points and what may go wrong there, each with how often it is drawn.
FAULTS: Sequence[tuple[str, str, int]] = (
    ("checkpoint.", "crash", 10),
    ("checkpoint.", "power", 3),
    ("checkpoint.cash.", "crash", 5),
    ("checkpoint.intent.reversing", "crash", 2),
    ("checkpoint.transfer.reversed", "crash", 2),
    ("checkpoint.account.frozen", "crash", 1),
    ("commit", "crash_before", 3),
    ("commit", "crash_after", 4),
    ("commit", "torn", 3),
    ("commit", "full", 3),
    ("commit", "down", 4),
    ("commit", "lost", 4),
    ("commit", "unsaid", 5),
    ("read", "down", 2),
    ("core.hold.request", "lost", 3),
    ("core.hold.request", "late", 4),
    ("core.hold.request", "twice", 4),
    ("core.hold.request", "down", 2),
    ("core.hold.request", "no", 2),
    ("core.hold.reply", "lost", 4),
    ("core.post.request", "lost", 3),
    ("core.post.request", "late", 4),
    ("core.post.request", "twice", 4),
    ("core.post.request", "down", 2),
    ("core.post.request", "no", 2),
    ("core.post.reply", "lost", 5),
    ("core.void.request", "lost", 2),
    ("core.void.request", "late", 2),
    ("core.void.reply", "lost", 2),
    ("core.query.request", "lost", 2),
    ("core.reverse.request", "lost", 1),
    ("core.reverse.request", "twice", 2),
    ("core.reverse.reply", "lost", 2),
    ("core.", "slow", 4),
    ("text.in", "twice", 5),
    ("text.in", "late", 3),
    ("text.out", "down", 3),
    ("text.out", "unsaid", 4),
    ("tell", "crash", 3),
    ("pin", "crash", 2),
)
_WORLD = (("crash", 5), ("power", 2), ("jump", 3), ("core_down", 3), ("store_down", 3), ("sweep", 4))
MAX_SKIP = 6
MAX_AMOUNT_MINOR = 600_000
EVERYTHING = 0  # as an amount: all that the customer has just then


def setting_of(seed: int) -> Setting:
    """Answer what is fixed for the run of a seed."""
    chance = random.Random(f"setting {seed}")
    return Setting(
        seed=seed,
        remote=chance.random() < 0.6,
        nodes=chance.choice((1, 2, 2, 2)),
        calm=chance.choice((0.0, 0.0, 0.5, 0.9)),
        by_flows=chance.random() < 0.1,
    )


def plan_of(seed: int, steps: int) -> tuple[Event, ...]:
    """Draw the plan of a seed. A longer plan begins with the shorter one."""
    chance, setting = random.Random(f"plan {seed}"), setting_of(seed)
    crowd = chance.choice((1, 2, 3, 6, len(demo_world.CUSTOMERS)))  # few people collide more often
    people = chance.sample(range(len(demo_world.CUSTOMERS)), crowd)
    return tuple(_draw(n, chance, setting, people) for n in range(steps))


def _draw(n: int, chance: random.Random, setting: Setting, people: Sequence[int]) -> Event:
    kind = _weighted(chance, _KINDS)
    wait_s, who = _wait_s(chance), chance.choice(people)
    what, amount = "", chance.randrange(MAX_SKIP)
    if kind == "fault":
        label, fault, _ = chance.choices(FAULTS, [weight for *_, weight in FAULTS])[0]
        what = f"{label} {fault}"
    elif kind == "world":
        what = _weighted(chance, _WORLD)
    elif kind in ("voice", "text"):
        amount = _amount(chance)
    if kind in ("fault", "world") and chance.random() < setting.calm:
        kind, what, amount = "voice", "", _amount(chance)
    return Event(n, wait_s, kind, who, what, amount, chance.getrandbits(48))


def _amount(chance: random.Random) -> int:
    return int(chance.choice((EVERYTHING, 1, chance.randint(1, 9_999), chance.randint(1, MAX_AMOUNT_MINOR))))


def _wait_s(chance: random.Random) -> float:
    """Mostly at once or nearly so: races are where it breaks. Now and then minutes, and hours."""
    drawn = chance.random()
    if drawn < 0.30:
        return 0.0
    if drawn < 0.60:
        return round(chance.uniform(0.0, 0.05), 4)
    if drawn < 0.97:
        return round(chance.uniform(0.05, 8.0), 3)
    if drawn < 0.997:
        return round(chance.uniform(8.0, 200.0), 1)
    return round(chance.uniform(200.0, 4_000.0), 0)


def _weighted(chance: random.Random, table: Sequence[tuple[str, int]]) -> str:
    return chance.choices([name for name, _ in table], [weight for _, weight in table])[0]
