from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from tellerline.trying.driver import CallEnded, EndedBy, TextMessage
from tellerline.trying.junit import write_junit
from tellerline.trying.loader import load_conversation_text
from tellerline.trying.play import Player, Result
from tests.unit.tellerline.scripted import ScriptedCustomers, ScriptedDriver, ScriptedLeg, ScriptedWords

CALL = '- call: {from: "+8613900000001", to: "95500"}\n'
ME = "+8613900000001"


async def _play(steps: str, says: list[str] | None = None, **leg: object) -> tuple[Result, ScriptedDriver]:
    driver = ScriptedDriver()
    driver.leg = ScriptedLeg(list(says or []), driver, **leg)  # type: ignore[arg-type]
    return await _play_on(driver, steps), driver


async def _play_on(driver: ScriptedDriver, steps: str) -> Result:
    conversation = load_conversation_text(f"conversation: x\nsteps:\n{steps}", "x.yaml")
    return await Player(driver, ScriptedWords(), ScriptedCustomers()).play(conversation)


async def test_prompts_before_the_one_awaited_are_passed_over() -> None:
    result, _ = await _play(CALL + "- hear: main_menu\n", ["zh/choose", "zh/welcome", "zh/main_menu"])
    assert result.passed


async def test_a_list_is_heard_with_nothing_between() -> None:
    steps = CALL + '- hear: [your_balance_is, {money: "5.00 CNY"}]\n'
    right, _ = await _play(steps, ["en/welcome", "en/your_balance_is", "en/n/5", "en/yuan"])
    assert right.passed
    between, _ = await _play(steps, ["en/your_balance_is", "en/one_moment", "en/n/5", "en/yuan"])
    assert not between.passed
    other_amount, _ = await _play(steps, ["en/your_balance_is", "en/n/6", "en/yuan"])
    assert not other_amount.passed


async def test_two_languages_mixed_are_not_one_sentence() -> None:
    result, _ = await _play(CALL + '- hear: [your_balance_is, {money: "5.00 CNY"}]\n', ["en/your_balance_is", "zh/n/5"])
    assert not result.passed


async def test_a_language_that_is_asked_for_must_be_the_one_heard() -> None:
    result, _ = await _play(CALL + "- hear: welcome\n  in: en\n", ["zh/welcome"])
    assert result.mismatch is not None
    assert "zh/welcome" in result.mismatch.instead


async def test_what_was_heard_once_is_not_matched_again() -> None:
    result, _ = await _play(CALL + "- hear: welcome\n- hear: welcome\n", ["zh/welcome", "zh/main_menu"])
    assert result.mismatch is not None
    assert result.mismatch.place.line == 5


async def test_a_prompt_that_was_cut_short_was_not_heard() -> None:
    result, _ = await _play(CALL + "- hear: welcome\n", ["zh/welcome~"])
    assert result.mismatch is not None
    assert "zh/welcome (cut)" in result.mismatch.instead


async def test_dots_pass_over_what_is_between() -> None:
    steps = CALL + "- hear: [welcome, ..., main_menu]\n"
    assert (await _play(steps, ["zh/welcome", "zh/notice", "zh/main_menu"]))[0].passed
    assert not (await _play(steps, ["zh/main_menu", "zh/notice", "zh/welcome"]))[0].passed


async def test_an_unknown_prompt_is_told_as_such() -> None:
    result, _ = await _play(CALL + "- hear: no_such_prompt\n", ["zh/welcome"])
    assert result.mismatch is not None
    assert "no prompt of this name" in result.mismatch.instead


async def test_a_pin_is_pressed_and_never_written() -> None:
    result, driver = await _play(CALL + "- press: {pin: customer}\n- press: {pin: wrong}\n")
    assert driver.leg is not None
    assert driver.leg.pressed == ["739154", "000001"]
    assert "739154" not in result.transcript.plain()
    assert "{pin: customer}" in result.transcript.plain()


async def test_a_mismatch_tells_file_line_what_was_expected_and_the_transcript_so_far() -> None:
    result, _ = await _play(CALL + "- hear: enter_pin\n  within: 5s\n", ["zh/welcome"])
    assert str(result.mismatch) == (
        "x.yaml:4: expected to hear enter_pin\n  instead: heard zh/welcome, and nothing more within 5 s"
    )
    assert "hears  welcome" in result.transcript.plain()


@pytest.mark.parametrize(
    ("by", "step", "passes"),
    [
        (CallEnded(EndedBy.BANK), "- ended: true\n", True),
        (CallEnded(EndedBy.FAILURE), "- ended: true\n", False),
        (CallEnded(EndedBy.CUSTOMER), "- ended: true\n", False),
        (CallEnded(EndedBy.TRANSFER, "retail"), "- transferred: {queue: retail}\n", True),
        (CallEnded(EndedBy.TRANSFER, "loans"), "- transferred: {queue: retail}\n", False),
        (CallEnded(EndedBy.TRANSFER, "loans"), "- transferred: true\n", True),
        (CallEnded(EndedBy.BANK), "- transferred: true\n", False),
        (None, "- ended: true\n", False),
    ],
)
async def test_how_a_call_ended_is_judged(by: CallEnded | None, step: str, passes: bool) -> None:
    result, _ = await _play(CALL + step, ends=by)
    assert result.passed is passes


async def test_a_witness_that_contradicts_fails_the_conversation() -> None:
    result, _ = await _play(CALL + "- hear: welcome\n", ["zh/welcome"], complains=("the recording is silent",))
    assert result.mismatch is not None
    assert "the recording is silent" in result.mismatch.instead


async def test_a_call_still_up_at_the_end_is_hung_up() -> None:
    _, driver = await _play(CALL)
    assert driver.leg is not None
    assert driver.leg.ends == CallEnded(EndedBy.CUSTOMER)


async def test_a_captured_code_is_sent_and_shown_by_its_name_only() -> None:
    driver = ScriptedDriver(texts=[TextMessage(ME, "95500", "Send 500.00 CNY? Reply 482913.", 1.0)])
    result = await _play_on(
        driver,
        f"- receive: {{to: '{ME}', contains: '500.00', capture: {{code: '\\b\\d{{6}}\\b'}}}}\n"
        f"- text: {{from: '{ME}', to: '95500', body: '{{code}}'}}\n",
    )
    assert result.passed
    assert driver.sent == ["482913"]
    assert "482913" not in result.transcript.plain()
    assert "Reply {code}." in result.transcript.plain()


async def test_six_digits_that_nobody_captured_are_masked_too() -> None:
    driver = ScriptedDriver(texts=[TextMessage(ME, "95500", "Your code is 482913", 1.0)])
    result = await _play_on(driver, f"- receive: {{to: '{ME}', contains: nothing of it}}\n")
    assert result.mismatch is not None
    assert "482913" not in str(result.mismatch) + result.transcript.plain()


async def test_texts_wait_until_they_are_asked_for_and_each_is_read_once() -> None:
    driver = ScriptedDriver(texts=[TextMessage(ME, "95500", "one", 1.0), TextMessage(ME, "95500", "two", 2.0)])
    steps = f"- receive: {{to: '{ME}', contains: two}}\n- receive: {{to: '{ME}', contains: one}}\n"
    assert (await _play_on(driver, steps)).passed
    driver.texts = [TextMessage(ME, "95500", "one", 1.0)]
    assert not (await _play_on(driver, steps + f"- receive: {{to: '{ME}', contains: one}}\n")).passed


async def test_a_text_that_must_not_come_is_found_among_those_already_read() -> None:
    driver = ScriptedDriver(texts=[TextMessage(ME, "95500", "the PIN is hunter2", 1.0)])
    result = await _play_on(driver, f"- receive: {{to: '{ME}'}}\n- not_receive: {{contains: hunter2}}\n")
    assert result.mismatch is not None
    assert result.mismatch.place.line == 4


async def test_no_text_at_all_may_be_expected() -> None:
    assert (await _play_on(ScriptedDriver(), f"- not_receive: {{to: '{ME}'}}\n")).passed
    driver = ScriptedDriver(texts=[TextMessage(ME, "95500", "hello", 1.0)])
    assert not (await _play_on(driver, f"- not_receive: {{to: '{ME}'}}\n")).passed


async def test_a_bank_that_does_not_call_is_a_mismatch() -> None:
    result = await _play_on(ScriptedDriver(), f"- called: {{to: '{ME}'}}\n  within: 5s\n")
    assert result.mismatch is not None
    assert "none came within 5 s" in result.mismatch.instead


async def test_junit_holds_the_mismatch_and_the_transcript(tmp_path: Path) -> None:
    good, _ = await _play(CALL + "- hear: welcome\n", ["zh/welcome"])
    bad, _ = await _play(CALL + "- hear: welcome\n", ["zh/\x01odd"])
    write_junit([good, bad], tmp_path / "deep" / "junit.xml")
    root = ElementTree.parse(tmp_path / "deep" / "junit.xml").getroot()
    assert (root.get("tests"), root.get("failures")) == ("2", "1")
    failure = root.find(".//failure")
    assert failure is not None
    assert "x.yaml:4: expected to hear welcome" in (failure.text or "")
