"""kill -9 around every commit, and again while a restart looks after the first kill, on SQLite and PostgreSQL.

``TELLERLINE_PROOF=1`` takes every story and every label with several seeds, otherwise a few.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable

import pytest

from core_client.adapters.sql.reconciling import reconcile
from core_client.domain.transfers import LAST_WORDS
from core_client.testing.world import world
from tests.scenario.bank.aftermath import KILLS, WORDS, Kill, assert_some_truth, settled
from tests.scenario.bank.dying_stories import STORIES, profile_of
from tests.scenario.bank.killing import Killer

PROOF = os.environ.get("TELLERLINE_PROOF") == "1"
SEEDS = range(4 if PROOF else 1)
MOST_COMMITS = 60  # more than any story has


@pytest.mark.proof
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("story", sorted(STORIES) if PROOF else ["transfer"])
@pytest.mark.parametrize("where", ["commit", "committed"] if PROOF else ["committed"])
async def test_every_commit_of_a_story_may_be_the_last_of_its_process(
    where: str, story: str, new_bank: Callable[[], str], kill: Killer
) -> None:
    whole: list[str] = []
    for number in range(1, MOST_COMMITS):
        url = new_bank()
        heard, code = kill.tried(url, story, f"{where}:{number}")
        if code == 0:
            break
        assert code == -signal.SIGKILL
        again = kill.tell(url, story)
        assert again[: len(heard)] == heard
        async with world(database_url=url, profile=profile_of(story)) as bank:
            whole.append(await assert_some_truth(bank, 5))
    else:
        raise AssertionError(f"{story} has more than {MOST_COMMITS} commits")
    assert len(whole) >= 2


@pytest.mark.proof
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("one", KILLS if PROOF else KILLS[7::12], ids=str)
async def test_whoever_is_killed_again_while_it_looks_after_the_first_kill_loses_nothing(
    one: Kill, seed: int, bank_url: str, kill: Killer
) -> None:
    random_ = random.Random(f"{one} {seed}")
    hundreds = random_.randint(1, 20)
    kill.tell(bank_url, one.story, one.label, hundreds)
    for _ in range(random_.randint(1, 3)):
        opening, at = random_.choice(("", "opening ")), random_.choice(("commit", "committed"))
        kill.tried(bank_url, one.story, f"{opening}{at}:{random_.randint(1, 12)}", hundreds)
    if seed % 2:
        kill.tell(bank_url, one.story, "", hundreds)
    async with world(database_url=bank_url, profile=profile_of(one.story)) as bank:
        await assert_some_truth(bank, hundreds)
    async with settled(bank_url, one.story) as (bank, texts):
        await assert_some_truth(bank, hundreds)
        assert (await reconcile(bank.bank.database)).open == []
        last_words = await bank.bank.ports.intents.in_states(LAST_WORDS)
        assert [WORDS[intent.state] in text for intent, text in zip(last_words, texts.sent.values(), strict=True)] == [
            True
        ] * len(last_words)
