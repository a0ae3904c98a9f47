# ruff: noqa: E501 - a table of slips reads best as one row a slip
from __future__ import annotations

from pathlib import Path

import pytest

from flows.errors import FlowError
from flows.model import Flow
from flows.reading.files import MAX_DEPTH, MAX_FILES, is_only_included, source_of
from flows.reading.loader import load_flow, load_flow_files, load_flow_text
from flows.saying import Saying
from flows.steps.bank import Bank
from flows.steps.menu import Menu
from flows.steps.say import SayStep
from tests.unit.flows.flow_texts import SMALL

MAIN = """\
flow: parts
languages: [en, zh]
include: [common.yaml, parts/hours.yaml]
start: main
defaults: {on_fail: bye, tries: 4, timeout: 5s, no_input: [main_nothing], wait: {prompt: one, after: 2s, limit: 5s}}
vars:
  pin: {type: secret}
steps:
  main: {menu: [main_menu], choices: {"1": balance, "2": ending}}
  balance: {needs: {voice: auth, sms: by_line}, bank: accounts.balance, save: bal, on: {ok: told, refused: bye, down: bye}}
  told: {say: [balance, {money: bal.available}], next: main}
"""
COMMON = """\
include: [parts/hours.yaml]
defaults: {barge_in: false, tries: 2, no_match: [[common_no]], wait: {limit: 9s}}
gates:
  auth: {voice: pin, sms: by_number}
  by_line: {voice: pin, sms: by_number}
sms:
  en: {"BAL": balance}
steps:
  pin: {ask: {prompt: enter_pin, digits: 6}, save: pin, next: check}
  check: {bank: auth.verify_pin, with: {pin: pin}, on: {ok: return, refused: pin, wait: bye, locked: bye, down: bye}}
  ending: {menu: [sure], choices: {"1": bye, "2": main}, tries: 7}
  bye: {say: [goodbye], hangup: true}
"""
HOURS = """\
schedules:
  hours: {open: {mon-fri: 09:00-17:30}}
"""
FILES = {"parts.yaml": MAIN, "common.yaml": COMMON, "parts/hours.yaml": HOURS}


def loaded(**changed: str) -> Flow:
    return load_flow_files("parts.yaml", {**FILES, **{name.replace("__", "/") + ".yaml": text for name, text in changed.items()}})  # fmt: skip


def refused(**changed: str) -> FlowError:
    with pytest.raises(FlowError) as caught:
        loaded(**changed)
    return caught.value


def prompts(sayings: tuple[Saying, ...]) -> list[str]:
    return [id_ for saying in sayings for id_, _, _ in saying.prompts]


def test_what_is_included_is_part_of_the_flow_in_the_order_of_the_files() -> None:
    flow = loaded()
    assert list(flow.steps) == ["main", "balance", "told", "pin", "check", "ending", "bye"]
    assert flow.gates["auth"].steps == {"pin", "check"}
    assert [pattern.text for pattern in flow.sms_patterns] == ["BAL"]
    assert set(flow.schedules) == {"hours"}
    assert list(flow.included) == ["common.yaml", "parts/hours.yaml"]


def test_defaults_go_from_the_flow_to_the_file_to_the_step() -> None:
    flow = loaded()
    main, ending, bye, told = (flow.steps[name] for name in ("main", "ending", "bye", "told"))
    check, balance = flow.steps["check"], flow.steps["balance"]
    assert isinstance(main, Menu)
    assert isinstance(ending, Menu)
    assert (main.asking.tries, ending.asking.tries) == (4, 7)
    assert ending.asking.first_digit_timeout_s == 5.0  # of the flow: the file says nothing
    assert ending.asking.on_fail.target == "bye"
    assert prompts(main.asking.sayings()) == ["main_nothing"]
    assert prompts(ending.asking.sayings()) == ["main_nothing", "common_no"]
    assert isinstance(bye, SayStep)
    assert isinstance(told, SayStep)
    assert (bye.barge_in, told.barge_in) == (False, True)
    assert isinstance(check, Bank)
    assert isinstance(balance, Bank)
    assert (balance.limit_s, balance.filler_after_s) == (5.0, 2.0)
    assert (check.limit_s, check.filler_after_s) == (9.0, 2.0)  # one key of several: the others stay the flow's
    assert prompts(check.sayings()) == ["one"]


def test_files_are_read_beside_the_flow(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    flow = load_flow(tmp_path / "parts.yaml")
    assert flow.version == loaded().version
    assert flow.file_at(flow.steps["bye"].place) == str(tmp_path / "common.yaml")
    assert flow.line_at(flow.steps["bye"].place) == "  bye: {say: [goodbye], hangup: true}"
    (tmp_path / "common.yaml").write_text(COMMON + "  lost: {go: nowhere}\n", encoding="utf-8")
    with pytest.raises(FlowError) as caught:
        load_flow(tmp_path / "parts.yaml")
    assert caught.value.file == str(tmp_path / "common.yaml")
    assert str(caught.value).splitlines()[1] == "      lost: {go: nowhere}"


def test_a_file_outside_of_the_folder_is_not_read_by_a_link_either(tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    (tmp_path / "outside.yaml").write_text(COMMON, encoding="utf-8")
    (tmp_path / "flows" / "common.yaml").symlink_to(tmp_path / "outside.yaml")
    (tmp_path / "flows" / "parts.yaml").write_text(MAIN, encoding="utf-8")
    with pytest.raises(FlowError, match=r"there is no file 'common.yaml' beside the flow"):
        load_flow(tmp_path / "flows" / "parts.yaml")


def test_a_version_covers_all_files() -> None:
    assert loaded().version != loaded(common=COMMON + "# a word\n").version
    assert loaded().version != loaded(parts__hours=HOURS + "# a word\n").version
    assert loaded().version == loaded().version
    assert loaded().version != load_flow_files("parts.yaml", {**FILES, "parts.yaml": MAIN + "#\n"}).version


def test_a_file_that_two_files_include_is_read_once() -> None:
    assert [name for name in loaded().included if name == "parts/hours.yaml"] == ["parts/hours.yaml"]


SLIPS = [
    ("parts", MAIN.replace("[common.yaml", "[comon.yaml"), "parts.yaml", 3, 11, "there is no file 'comon.yaml' beside the flow. Did you mean 'common.yaml'?"),
    ("parts", MAIN.replace("[common.yaml", "[../common.yaml"), "parts.yaml", 3, 11, "'../common.yaml' cannot be included"),
    ("parts", MAIN.replace("[common.yaml", "[/etc/common.yaml"), "parts.yaml", 3, 11, "'/etc/common.yaml' cannot be included"),
    ("parts", MAIN.replace("[common.yaml", "[a/../../common.yaml"), "parts.yaml", 3, 11, "cannot be included"),
    ("parts", MAIN.replace("[common.yaml", "[.hidden.yaml"), "parts.yaml", 3, 11, "cannot be included"),
    ("parts", MAIN.replace("[common.yaml", "[common.json"), "parts.yaml", 3, 11, "cannot be included"),
    ("parts", MAIN.replace("[common.yaml", "[common.yaml, common.yaml"), "parts.yaml", 3, 24, "'common.yaml' is included here twice"),
    ("parts", MAIN.replace("[common.yaml, parts/hours.yaml]", "common.yaml"), "parts.yaml", 3, 10, "'include' takes a list of files"),
    ("parts", MAIN.replace("[common.yaml", "[{a: b}"), "parts.yaml", 3, 11, "the name of a file is needed here"),
    ("parts", MAIN.replace("[common.yaml", "[parts.yaml"), "parts.yaml", 3, 11, "files that include each other: the flow -> parts.yaml"),
    ("parts__hours", HOURS + "include: [common.yaml]\n", "parts/hours.yaml", 3, 11, "the flow -> common.yaml -> parts/hours.yaml -> common.yaml"),
    ("common", COMMON + "  told: {say: [x], hangup: true}\n", "common.yaml", 13, 3, "'told' stands in parts.yaml too. See parts.yaml:11."),
    ("common", COMMON + "vars: {pin: {type: digits}}\n", "common.yaml", 13, 8, "'pin' stands in parts.yaml too. See parts.yaml:7."),
    ("common", COMMON + "schedules: {hours: {open: {mon: closed}}}\n", "parts/hours.yaml", 2, 3, "'hours' stands in common.yaml too. See common.yaml:13."),
    ("parts", MAIN + "sms: {en: {BAL: told}}\n", "common.yaml", 7, 8, "'BAL' stands in parts.yaml too. See parts.yaml:12."),
    ("parts", MAIN + "gates: {auth: {voice: pin, sms: by_number}}\n", "common.yaml", 4, 3, "'auth' stands in parts.yaml too. See parts.yaml:12."),
    ("common", COMMON + "languages: [en]\n", "common.yaml", 13, 1, "'languages' cannot stand in an included file. It stands in the flow's own file."),
    ("common", COMMON + 'keys: {"0": bye}\n', "common.yaml", 13, 1, "'keys' cannot stand in an included file"),
    ("common", COMMON + "stepss: {}\n", "common.yaml", 13, 1, "unknown key 'stepss' in the included file. Did you mean 'steps'?"),
    ("common", "- a\n", "common.yaml", 1, 1, "an included file must be a mapping of keys"),
    ("common", COMMON + "x: [\n", "common.yaml", 13, 4, "this '[' is never closed"),
    ("common", COMMON.replace("tries: 2", "tries: two"), "common.yaml", 2, 36, "tries"),
    ("common", COMMON.replace("with: {pin: pin}", "with: {pin: pni}"), "common.yaml", 10, 46, "unknown name 'pni'. Did you mean 'pin'?"),
    ("common", COMMON.replace("[goodbye]", "[good bye]"), "common.yaml", 12, 15, "'good bye' is no prompt id"),
    ("common", COMMON.replace('"2": main', '"2": mian'), "common.yaml", 11, 51, "there is no step 'mian'. Did you mean 'main'?"),
    ("common", COMMON.replace("next: check", "next: check, needs: auth"), "common.yaml", 9, 3, "step 'pin' is inside gate 'auth' and needs it"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "text", "named", "line", "column", "words"), SLIPS)
def test_a_slip_in_any_file_is_named_with_its_file_and_place(
    file: str, text: str, named: str, line: int, column: int, words: str
) -> None:
    error = refused(**{file: text})
    assert words in str(error).splitlines()[0]
    assert (error.file, error.line, error.column) == (named, line, column), str(error)
    assert error.source_line == {**FILES, f"{file.replace('__', '/')}.yaml": text}[named].splitlines()[line - 1]


def test_slips_of_several_files_are_told_by_file() -> None:
    error = refused(
        parts=MAIN.replace('"2": ending', '"2": endng'),
        common=COMMON.replace('"2": main', '"2": mian').replace('"1": bye', '"1": bey'),
    )
    places = [(each.file, each.line) for each in (error, *error.more)]
    assert places == [("parts.yaml", 9), ("common.yaml", 11), ("common.yaml", 11)]


def chain(length: int) -> dict[str, str]:
    files = {f"f{n}.yaml": f"include: [f{n + 1}.yaml]\n" for n in range(length)}
    return {**FILES, "parts.yaml": MAIN.replace("[common.yaml", "[common.yaml, f1.yaml"), **files, f"f{length}.yaml": "steps: {}\n"}  # fmt: skip


def test_files_include_files_to_a_depth() -> None:
    load_flow_files("parts.yaml", chain(MAX_DEPTH))
    with pytest.raises(FlowError, match=f"deeper than {MAX_DEPTH}"):
        load_flow_files("parts.yaml", chain(MAX_DEPTH + 1))


def test_a_flow_has_so_many_files_and_no_more() -> None:
    def with_files(count: int) -> dict[str, str]:
        names = [f"f{n}.yaml" for n in range(count)]
        main = MAIN.replace("[common.yaml", f"[common.yaml, {', '.join(names)}")
        return {**FILES, **dict.fromkeys(names, "steps: {}\n"), "parts.yaml": main}

    assert len(load_flow_files("parts.yaml", with_files(MAX_FILES - 2)).included) == MAX_FILES
    with pytest.raises(FlowError, match=f"more than {MAX_FILES} files"):
        load_flow_files("parts.yaml", with_files(MAX_FILES - 1))


@pytest.mark.parametrize(
    ("text", "only"),
    [
        (SMALL, False),
        (COMMON, True),
        (HOURS, True),
        ('{"flow": x}', False),
        (" flow: x\n steps: {}\n", False),
        ("start: main\nsteps: {}\n", False),  # a flow whose name is missing: loading it says so
        ("steps: [", False),
        ("", False),
        ("[a]", False),
    ],
)
def test_a_file_that_is_only_included_is_no_flow(text: str, only: bool) -> None:
    assert is_only_included(source_of(text, "x.yaml")) is only


def test_one_text_alone_can_include_nothing() -> None:
    with pytest.raises(FlowError, match=r"there is no file 'common.yaml'"):
        load_flow_text(MAIN, "parts.yaml")
