from __future__ import annotations

import pytest

from flows.inspect import Finding, check_flow
from flows.inspect.rule import whole
from flows.reading.loader import load_flow_text
from tests.unit.flows.rules.example_prompts import Prompts

ASK = """
vars: {{it: {{type: {type}}}}}
steps:
  main: {{ask: {{prompt: enter_it, digits: {digits}, end: "#"}}, save: it, next: bye}}
"""
TEXT = """
sms: {en: {"BAL": sure}}
steps:
  main: {say: [x], next: bye}
  sure: {confirm: [x], "yes": bye, "no": bye, timeout: 20m}
"""
TRANSFER = (
    "{transfer: {queue: q, context: [last_step], callback_after: 11m}, "
    "on: {answered: bye, closed: bye, failed: bye, timeout: bye}}"
)


def told(text: str, rule: str, prompts: Prompts | None = None) -> list[Finding]:
    return [found for found in check_flow(load_flow_text(whole(text), "f.yaml"), prompts, 600.0) if found.rule == rule]


@pytest.mark.parametrize(
    ("type_", "digits", "hint"),
    [
        ("money", "1..16", "Ask for digits: 1..15."),
        ("money", "20", "Ask for digits: 15."),
        ("date", "6", "Ask for digits: 8."),
        ("date", "1..8", "Ask for digits: 8."),
        ("secret", "4", "Ask for digits: 6."),
        ("number", "1..16", "Ask for digits: 1..15."),
        ("phone", "1..20", "Ask for digits: 3..17."),
    ],
)
def test_digits_that_no_answer_of_the_type_can_have_are_told(type_: str, digits: str, hint: str) -> None:
    (found,) = told(ASK.format(type=type_, digits=digits), "ask-too-long")
    assert found.hint == hint


@pytest.mark.parametrize(
    ("type_", "digits"),
    [("money", "1..15"), ("date", "8"), ("secret", "6"), ("number", "1..15"), ("phone", "3..17"), ("digits", "1..32")],
)
def test_digits_that_fit_are_well(type_: str, digits: str) -> None:
    assert told(ASK.format(type=type_, digits=digits), "ask-too-long") == []


def test_money_of_a_currency_without_cents_may_be_longer() -> None:
    text = "currency: JPY\n" + ASK.format(type="money", digits="1..17")
    assert told(text, "ask-too-long") == []
    (found,) = told(text.replace("1..17", "1..18"), "ask-too-long")
    assert "an amount in JPY has at most 17" in found.message


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ('{menu: [x], choices: {"1": bye}, timeout: 201s}', "the 3 tries of step 'main' take up to 10m3s"),
        ('{menu: [x], choices: {"1": bye}, timeout: 11m, tries: 1}', "the waits of step 'main' take up to 11m"),
        (
            "{bank: cards.block, wait: {limit: 11m}, on: {ok: bye, refused: bye, down: bye}}",
            "the waits for the bank of step 'main' take up to 11m",
        ),
        (TRANSFER, "the waits for an agent of step 'main' take up to 11m"),
    ],
)
def test_a_wait_beyond_the_calls_limit_is_told(step: str, words: str) -> None:
    (found,) = told(f"steps:\n  main: {step}\n", "timeout-too-long")
    assert found.message == f"{words}; a call ends after 10m"
    assert told(f"steps:\n  main: {step}\n".replace("11m", "10m").replace("201s", "200s"), "timeout-too-long") == []


def test_digits_that_are_keyed_slowly_count_too() -> None:
    text = ASK.format(type="digits", digits="1..32").replace('"#"}', '"#"}, digit_timeout: 7s, timeout: 9s, tries: 3')
    (found,) = told(text, "timeout-too-long")
    assert "take up to 11m18s" in found.message  # three times 9 s and 31 times 7 s


def test_a_text_may_wait_longer_than_a_call() -> None:
    assert told(TEXT, "timeout-too-long") == []


CHAIN = "languages: [en, zh, fr]\nfallback: {zh: [en], fr: [zh, en]}\nsteps:\n  main: {say: [x], next: bye}\n"


def test_a_prompt_is_looked_for_along_the_chain_of_languages() -> None:
    missing = Prompts(without_text={("x", "zh"), ("x", "fr")})
    assert told(CHAIN, "missing-text", missing) == []
    assert [found.message for found in told(CHAIN, "fallback-used", missing)] == [
        "prompt 'x' has no text in 'fr' and is said in 'en'",
        "prompt 'x' has no text in 'zh' and is said in 'en'",
    ]
    nowhere = Prompts(without_text={("x", "zh"), ("x", "fr"), ("x", "en")})
    assert [found.message for found in told(CHAIN, "missing-text", nowhere)] == [
        "prompt 'x' has no text in 'en'",
        "prompt 'x' has no text in 'fr', nor in zh, en, which would step in",
        "prompt 'x' has no text in 'zh', nor in en, which would step in",
    ]


def test_a_recording_is_needed_of_the_language_that_is_heard() -> None:
    missing = Prompts(without_text={("x", "zh")}, without_audio={"zh/x"})
    assert told(CHAIN, "missing-recording", missing) == []
    missing = Prompts(without_text={("x", "zh")}, without_audio={"en/x"})
    assert len(told(CHAIN, "missing-recording", missing)) == 2  # heard by those of en, and by those of zh
