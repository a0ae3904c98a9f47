"""Whether what became of every text agrees with what the message centre, the bank and the customers know."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import redis.asyncio

from core_client.adapters.sealing import Sealer
from sms.messages import Purpose, State
from sms.store.journal import Journal
from sms.store.lifelines import Life
from sms.store.lives import Lives
from sms.testing.taking import Taken
from tests.scenario.chaos.load import Told

_OF_RECEIPT = {
    "DELIVRD": State.DELIVERED,
    "UNDELIV": State.UNDELIVERABLE,
    "EXPIRED": State.EXPIRED,
    "REJECTD": State.REJECTED,
}
_NOT_SENT = frozenset({State.EXPIRED, State.REJECTED})


class Verdict:
    """Finds what does not agree, in words for people, and counts."""

    def __init__(self, log: Sequence[Taken], lives: Lives) -> None:
        self._lives = lives
        self._by_number: dict[str, list[Taken]] = defaultdict(list)
        self._by_id = {taken.id: taken for taken in log}
        for taken in log:
            self._by_number["+" + taken.destination].append(taken)
        self.wrong: list[str] = []
        self.counts: Counter[str] = Counter()

    async def of_all(self, told: Told, figures: Mapping[str, str], intents: Mapping[int, int]) -> None:
        """Judge everything that was brought."""
        for number in told.strangers:
            await self._question(number, "stranger")
        for number in told.asked:
            await self._question(number, "balance", figures[number])
        for outgoing in told.put:
            life = await self._lives.life(outgoing.id)
            if life is None:
                self.wrong.append(f"{outgoing.id}: put, and there is no life of it")
                continue
            self._sent(life, self._by_number[outgoing.destination])
        self._payments(told.payments, intents)
        for number in (
            {"+" + taken.destination for taken in self._by_id.values()} - set(told.strangers) - set(told.asked)
        ):
            for life in await self._lives_of(number):
                if not life.received and life.purpose in (Purpose.ANSWER, Purpose.CODE):
                    self._sent(life, [])

    def _payments(self, accepted: Iterable[int], intents: Mapping[int, int]) -> None:
        for amount in accepted:
            if intents.get(amount) != 1:
                self.wrong.append(f"SEND of {amount}: acknowledged once, {intents.get(amount, 0)} intents")
            else:
                self.counts["payments, one intent each"] += 1
        self.wrong += [f"SEND of {amount}: nobody sent it" for amount in intents.keys() - set(accepted)]

    async def _lives_of(self, number: str) -> list[Life]:
        found = [await self._lives.life(id_) for id_ in await self._lives.find(number)]
        return [life for life in found if life is not None]

    async def _question(self, number: str, kind: str, words: str = "") -> None:
        """One text of this number was acknowledged: it was processed once, and its answer came at least once."""
        lives = await self._lives_of(number)
        handled = [life for life in lives if life.handled is not None]
        answers = [life for life in lives if not life.received]
        if len(handled) != 1 or len(answers) != 1 or handled[0].answers != (answers[0].id,):
            self.wrong.append(f"{kind} {number}: processed {len(handled)} times, {len(answers)} answers made")
            return
        taken = self._by_number[number]
        if not any(words in one.text for one in taken):
            self.wrong.append(f"{kind} {number}: acknowledged, and the right answer never came")
        self.counts[f"{kind} texts, processed once each"] += 1
        self._sent(answers[0], taken)

    # --- one text of ours ---

    def _sent(self, life: Life, taken: Sequence[Taken]) -> None:
        """Compare a life with what the centre took. ``taken`` empty: only by the centre's ids."""
        purpose, state = life.purpose, life.state
        if purpose is None or state is None:
            self.wrong.append(f"{life.id}: its beginning is lost")
            return
        kind = "repeatable" if purpose.repeatable else "not repeatable"
        self.counts[f"{kind}: {state}"] += 1
        parts = dict(life.parts)
        for number in range(1, max(life.of, 1) + 1):
            here = [one for one in taken if (one.part.number if one.part else 1) == number]
            self.counts[f"{kind}: taken again"] += max(0, len(here) - 1)
            if len(here) > 1 and not purpose.repeatable:
                self.wrong.append(f"{life.id} ({purpose}) part {number}: taken {len(here)} times")
            self._part(life, number, parts.get(number, State.QUEUED), here)

    def _part(self, life: Life, number: int, state: State, here: Sequence[Taken]) -> None:
        name = f"{life.id} ({life.purpose}, {life.state}) part {number} {state}"
        ids = {one.remote_id for one in life.changes if one.part == number and one.state is State.ACCEPTED}
        strange = ids - self._by_id.keys()
        if strange:
            self.wrong.append(f"{name}: the centre never gave the ids {sorted(strange)}")
        elif ids:
            said = {_OF_RECEIPT.get(self._by_id[id_].state) for id_ in ids}
            wanted = {State.DELIVERED} if State.DELIVERED in said else said
            if state not in wanted:
                self.wrong.append(f"{name}: the centre says {sorted(map(str, said))}")
            if here and not ids <= {one.id for one in here}:
                self.wrong.append(f"{name}: has ids of another text")
        elif state is State.UNKNOWN:
            self.counts["unknown, and " + ("taken" if here else "not taken")] += 1
        elif state in _NOT_SENT or (state is State.QUEUED and life.state in _NOT_SENT):
            if here:
                self.wrong.append(f"{name}: the centre took it")
        else:
            self.wrong.append(f"{name}: no last word; the centre took it {len(here)} times: {life.changes}")


async def judged(
    store_url: str,
    sealer: Sealer,
    log: Sequence[Taken],
    told: Told,
    figures: Mapping[str, str],
    intents: Mapping[int, int],
) -> Verdict:
    """Judge all that was brought, by the store and the centre's log."""
    client = redis.asyncio.Redis.from_url(store_url)
    journal = Journal(client)
    async with client, journal.running():
        verdict = Verdict(log, Lives(journal, sealer))
        await verdict.of_all(told, figures, intents)
    return verdict
