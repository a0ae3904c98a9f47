from __future__ import annotations

import pytest

from flows.dialogue import Channel, DigitsReceived, What
from tests.unit.flows.steps.made import begun, flow_of, slip, ways

TOP = "vars: {kind: {type: text}, count: {type: number}}\n"
ASK = "  main: {ask: {prompt: which, digits: 1..9, end: '#'}, save: %s, next: sw}\n"


@pytest.mark.parametrize(("keyed", "said"), [("1", "goodbye"), ("007", "goodbye"), ("2", "other"), ("99", "<end>")])
def test_a_number_goes_the_way_of_its_case(keyed: str, said: str) -> None:
    steps = ASK % "count" + '  sw: {switch: count, cases: {"1": bye, "7": bye, "2": other}, else: end}\n'
    driver = begun(steps + "  end: {say: [<end>], hangup: true}\n".replace("<end>", "last"), TOP)
    assert driver.resume(DigitsReceived(keyed)).said[0] == said.replace("<end>", "last")


def test_a_text_and_its_way_are_told_in_the_trail() -> None:
    steps = ASK % "kind" + '  sw: {switch: kind, cases: {"12": bye}, else: other}\n'
    played = begun(steps, TOP).resume(DigitsReceived("12"))
    assert [(m.step, m.way, m.word) for m in played.turn.trail if m.what is What.LEFT] == [
        ("main", "next", ""),
        ("sw", "case", "12"),
    ]
    assert begun(steps, TOP).resume(DigitsReceived("13")).turn.trail[-2].word == "else"


def test_a_flag_and_a_type_with_choices_need_no_else_when_all_cases_are_there() -> None:
    flow = flow_of(
        "  main: {switch: party.identified, cases: {true: lang, false: bye}}\n"
        "  lang: {switch: language, cases: {en: other, zh: bye}}\n"
    )
    assert ways(flow.steps["main"].edges(Channel.VOICE)) == ["case true -> lang", "case false -> bye"]
    assert begun("  main: {switch: language, cases: {en: other, zh: bye}}\n").played.said[0] == "other"


def test_a_switch_on_the_channel_leaves_one_way_but_both_targets_must_be_there() -> None:
    flow = flow_of("  main: {switch: channel, cases: {voice: bye, sms: other}}\n")
    step = flow.steps["main"]
    assert ways(step.edges(Channel.VOICE)) == ["case voice -> bye"]
    assert ways(step.edges(Channel.SMS)) == ["case sms -> other"]
    assert ways(step.branches()) == ["case voice -> bye", "case sms -> other"]
    slip("  main: {switch: channel, cases: {voice: bye, sms: othre}}\n", "no step 'othre'", "othre")


def test_a_value_that_is_not_there_goes_the_way_of_else() -> None:
    steps = '  main: {switch: count, cases: {"1": bye}, else: other}\n'
    assert begun(steps, TOP).played.said[0] == "other"
    withheld = '  main: {switch: party.number, cases: {"+8613900000001": bye}, else: other}\n'
    assert begun(withheld).played.said[0] == "goodbye"
    assert begun(withheld, number=None).played.said[0] == "other"


@pytest.mark.parametrize(
    ("step", "words", "at"),
    [
        ("{switch: count, cases: {one: bye}, else: bye}", "'one' is no whole number", "one"),
        ('{switch: count, cases: {"01": bye}, else: bye}', "'01' is no whole number", '"01"'),
        ('{switch: count, cases: {"-0": bye, "0": bye}, else: bye}', "case '0' is there twice", '"0"'),
        ('{switch: count, cases: {"1": bye}}', "a switch needs 'else'", '{"1"'),
        ("{switch: language, cases: {en: bye}}", "language can be 'zh', and the switch does not say", "{en"),
        ("{switch: language, cases: {fr: bye}, else: bye}", "language is never 'fr'", "fr"),
        ("{switch: party.identified, cases: {yes: bye}, else: bye}", "'yes' is no flag", "yes"),
        ("{switch: party.identified, cases: {true: bye}}", "flag can be 'false'", "{true"),
        ("{switch: today, cases: {x: bye}, else: bye}", "a switch looks at a text, a number or a flag", "today"),
        ("{switch: pin, cases: {x: bye}, else: bye}", "this is secret", "pin"),
        ("{switch: cuont, cases: {x: bye}, else: bye}", "unknown name 'cuont'. Did you mean 'count'?", "cuont"),
        ("{switch: count, cases: {}, else: bye}", "cases", "{}"),
        ("{switch: count, else: bye}", "switch 'main' needs 'cases'", "{switch"),
        ("{switch: count, cases: {x: [bye]}, else: bye}", "one word is needed", "[bye]"),
    ],
)
def test_a_slip_is_named_at_its_word(step: str, words: str, at: str) -> None:
    slip(f"  main: {step}\n", words, at, "vars: {count: {type: number}, pin: {type: secret}}\n")


def test_cases_are_bounded() -> None:
    many = ", ".join(f'"{number}": bye' for number in range(51))
    slip(f"  main: {{switch: count, cases: {{{many}}}, else: bye}}\n", "at most 50", "{", TOP)
