from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from flows.inspect import Finding, Severity, check, check_flow
from flows.prompts import SYSTEM_PROMPTS
from flows.reading.loader import load_flow_text
from flows.store import DEFINITIONS
from sounds.catalogue import Catalogue
from tests.unit.flows.flow_texts import SMALL, changed


@dataclass
class Prompts:
    """A catalogue that has everything but what a test takes away."""

    without_text: set[tuple[str, str]] = field(default_factory=set)
    without_audio: set[str] = field(default_factory=set)
    announces: dict[str, str] = field(default_factory=dict)

    def has_prompt(self, prompt: str, lang: str) -> bool:
        return (prompt, lang) not in self.without_text

    def keys(self, prompt: str, lang: str) -> str:
        return self.announces.get(prompt, "")

    def has_audio(self, audio_id: str) -> bool:
        return audio_id not in self.without_audio


def found(text: str, prompts: Prompts | None = None) -> list[Finding]:
    return check_flow(load_flow_text(text, "small.yaml"), prompts)


def test_nothing_is_found_in_a_flow_that_is_well() -> None:
    assert found(SMALL, Prompts()) == []


def test_the_shipped_flows_have_every_text_in_every_language() -> None:
    findings = check([DEFINITIONS], Catalogue.load())
    assert [finding for finding in findings if "recording" not in finding.message] == []


def test_every_prompt_of_the_engines_own_is_in_the_catalogue() -> None:
    catalogue = Catalogue.load()
    missing = [(id_, lang) for id_ in SYSTEM_PROMPTS for lang in ("zh", "en") if not catalogue.has_prompt(id_, lang)]
    assert missing == []


def test_a_step_that_nobody_gets_to_is_found() -> None:
    (finding,) = found(SMALL + "  lost: {say: [x], next: main}\n")
    assert finding.message == "nobody gets to step 'lost'"
    assert finding.severity is Severity.WARNING
    assert finding.source_line[finding.column - 1 :].startswith("lost")


def test_a_currency_that_no_recording_names_is_found_in_every_language() -> None:
    findings = found(changed(("flow: small\n", "flow: small\ncurrency: KRW\n")))
    assert [finding.message for finding in findings] == [
        "amounts in KRW cannot be spoken in 'en'",
        "amounts in KRW cannot be spoken in 'zh'",
    ]
    assert {finding.severity for finding in findings} == {Severity.ERROR}


def test_a_prompt_without_a_text_in_one_language_is_found_at_its_place() -> None:
    (finding,) = found(SMALL, Prompts(without_text={("your_balance_is", "zh")}))
    assert finding.message == "prompt 'your_balance_is' has no text in 'zh'"
    assert finding.source_line[finding.column - 1 :].startswith("your_balance_is")
    assert "small.yaml:37:16: error:" in str(finding)


def test_a_prompt_without_a_recording_is_found_where_it_is_spoken() -> None:
    (finding,) = found(SMALL, Prompts(without_audio={"en/enter_pin"}))
    assert finding.message == "prompt 'enter_pin' has no recording in 'en'"
    assert "tellerline sounds add FILE --as enter_pin --lang en" in finding.hint


def test_what_only_texts_say_needs_no_recording() -> None:
    assert found(SMALL, Prompts(without_audio={"en/sms_help", "en/code_wrong"})) == []


def test_a_language_that_was_never_recorded_is_one_finding() -> None:
    class Mute(Prompts):
        def has_audio(self, audio_id: str) -> bool:
            return not audio_id.startswith("zh/")

    (finding,) = found(SMALL, Mute())
    assert "prompts have no recording in 'zh'" in finding.message


def test_a_prompt_of_one_language_is_asked_for_in_that_one_only() -> None:
    text = changed(("menu: [main_menu]", "menu: [{in: zh, say: [only_zh]}]"))
    assert found(text, Prompts(without_text={("only_zh", "en")})) == []


def test_a_round_that_asks_nothing_is_found() -> None:
    text = changed(('"3": {label: Bye, go: bye}', '"3": round'), ("  told_no:", "  round: {go: around}\n  around: {say: [x], next: round}\n  told_no:"))  # fmt: skip  # noqa: E501
    messages = [finding.message for finding in found(text)]
    assert "a round without an end: round -> around -> round" in messages


def test_a_round_through_the_bank_is_found_too() -> None:
    text = changed(("on: {ok: confirm, refused: refused", "on: {ok: confirm, refused: prepare"))
    (finding,) = found(text)
    assert finding.message == "a round without an end: prepare -> prepare"


def test_a_flow_that_never_ends_is_found() -> None:
    text = changed(("bye: {say: [goodbye], hangup: true}", "bye: {say: [goodbye], next: main}"))
    text = text.replace("who: {say: [who], next: return}", "who: {say: [who], next: main}").replace(
        "{ok: return", "{ok: main"
    )
    messages = [finding.message for finding in found(text)]
    assert "this flow never ends" in messages


def test_a_step_from_which_no_end_can_be_reached_is_found() -> None:
    text = changed(('"no": told_no', '"no": trap'))
    trap = "  trap: {menu: [x], choices: {'1': trap}, on_fail: trap}\n"
    text = text.replace('keys: {"*": back, "0": agent, "9": repeat}', 'keys: {"*": back}')
    messages = [finding.message for finding in found(text + trap)]
    assert "from step 'trap' no end can be reached" in messages


def test_keys_that_a_menu_says_and_does_not_have_are_found() -> None:
    findings = found(SMALL, Prompts(announces={"main_menu": "1240"}))
    assert {finding.message for finding in findings} == {
        "menu 'main' says key 4 in 'en' and has none",
        "menu 'main' says key 4 in 'zh' and has none",
        "menu 'main' has key 3 and does not say so in 'en'",
        "menu 'main' has key 3 and does not say so in 'zh'",
    }


def test_what_does_not_load_is_a_finding_with_all_of_its_level(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(changed(("digits: 6}", "digits: six}"), ("limit: 20s", "limit: 20")), encoding="utf-8")
    findings = check([tmp_path])
    assert [finding.line for finding in findings] == [27, 54]
    assert all(finding.severity is Severity.ERROR for finding in findings)


def test_two_files_of_one_name_and_a_missing_file_are_findings(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(SMALL, encoding="utf-8")
    messages = [finding.message for finding in check([tmp_path, tmp_path / "none.yaml"])]
    assert any("stands in" in message for message in messages)
    assert any("cannot read it" in message for message in messages)
