"""The bank's own line as a whole: all of it is visited, the way to a balance is short, and hours and texts fit."""

from __future__ import annotations

import datetime

import pytest

from core_client.adapters.demo_world import CUSTOMERS, DemoCustomer
from flows.coverage import Kind
from flows.schedules import State
from flows.store import FlowStore
from sounds.catalogue import Catalogue
from tellerline.config import Config
from tellerline.demo import CONVERSATIONS
from tellerline.trying import conversation as c
from tellerline.trying.covering import Covered, cover
from tellerline.trying.loader import load_conversation_text
from tellerline.trying.runs import run_conversation

FLOW = FlowStore().current("retail")
LANGUAGES = ("zh", "en")
FEWEST = {Kind.STEP: 270, Kind.KEY: 70, Kind.OUTCOME: 260, Kind.CASE: 50, Kind.FAILED: 65, Kind.COMMAND: 60}
MOST_KEYS = 8  # from the answer to hearing the balance
ONE_TEXT = {"en": 160, "zh": 70}  # characters of GSM 03.38 and of UCS-2
WITH_ACCOUNTS = [who for who in CUSTOMERS if who.line is not None and who.accounts]


@pytest.fixture(scope="module")
def covered() -> Covered:
    return cover(sorted(CONVERSATIONS.rglob("*.yaml")), Config(), workers=1)


@pytest.mark.parametrize("language", LANGUAGES)
def test_conversations_visit_every_step_choice_outcome_case_and_command(covered: Covered, language: str) -> None:
    assert covered.failures == ()
    assert [str(item) for item in covered.coverage.missing if item.language == language] == []
    for kind, fewest in FEWEST.items():  # nothing was left out of what is asked for
        visited, total = covered.coverage.count(language, kind)
        assert visited == total >= fewest, kind


@pytest.mark.parametrize("language", LANGUAGES)
def test_conversations_have_every_prompt_of_the_line_said(covered: Covered, language: str) -> None:
    assert [str(item) for item in covered.coverage.unsaid if item.language == language] == []


def to_the_balance(who: DemoCustomer) -> c.Conversation:
    """Answer the way of one who knows the line, and waits for no prompt to end."""
    steps = [f'- call: {{from: "{who.line}", to: "95500"}}']
    if who.language is None:
        steps += ["- hear: choose_language", '- press: "1"']
    steps += ["- hear: welcome", '- press: "2"', "- hear: enter_pin", "- press: {pin: customer}"]
    if len(who.accounts) > 1:
        steps += ["- hear: which_account", '- press: "1"']
    steps += [f'- hear: [your_balance_is, {{money: "{who.accounts[0].booked}"}}]', "- hang_up: true"]
    return load_conversation_text("conversation: a balance\nsteps:\n" + "\n".join(steps) + "\n", "balance.yaml")


@pytest.mark.parametrize("who", WITH_ACCOUNTS, ids=lambda who: who.name)
def test_a_known_caller_hears_the_balance_after_at_most_eight_keys(who: DemoCustomer) -> None:
    conversation = to_the_balance(who)
    result = run_conversation(conversation, "engine")
    assert result.passed, f"{result.mismatch}\n{result.transcript.plain()}"
    pressed = [step.keys for step in conversation.steps if isinstance(step, c.Press)]
    keys = sum(len(who.pin) if isinstance(key, c.PinOf) else len(key) for key in pressed)
    assert keys <= MOST_KEYS


@pytest.mark.parametrize(
    ("at", "state"),
    [
        ("2026-03-02 08:29", State.CLOSED),
        ("2026-03-02 08:30", State.OPEN),
        ("2026-03-02 20:00", State.CLOSED),
        ("2026-03-07 16:59", State.OPEN),  # a Saturday
        ("2026-03-07 18:00", State.CLOSED),
        ("2026-10-10 18:00", State.OPEN),  # a Saturday that is worked, in exchange for a bridged day
        ("2026-10-01 10:00", State.HOLIDAY),
        ("2026-02-23 10:00", State.HOLIDAY),
        ("2026-02-24 10:00", State.OPEN),
        ("2027-02-06 10:00", State.HOLIDAY),
        ("2027-02-09 10:00", State.OPEN),
    ],
)
def test_agents_answer_in_office_hours_and_never_on_a_public_holiday(at: str, state: State) -> None:
    moment = datetime.datetime.fromisoformat(f"{at}:00+08:00")
    assert FLOW.schedules["agents"].state(moment) is state


def test_one_text_is_enough_for_help_in_each_language() -> None:
    catalogue = Catalogue.load()
    for language, most in ONE_TEXT.items():
        assert len(catalogue.sms_text("sms_help", language)) <= most
