from __future__ import annotations

import datetime
from pathlib import Path

from flows.inspect import Severity, check, is_part
from flows.inspect.rule import whole

MAIN = whole("include: [parts/more.yaml]\nsteps:\n  main: {say: [welcome], next: more}\n")
MORE = "steps:\n  more: {say: [more], next: bye}\n"


def folder(tmp_path: Path, **files: str) -> Path:
    (tmp_path / "parts").mkdir(exist_ok=True)
    for name, text in files.items():
        path = tmp_path / (name.replace("__", "/") + ".yaml")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def told(path: Path, *, catalogues: tuple[Path, ...] = ()) -> list[tuple[str, str]]:
    return [(found.rule, Path(found.file).name) for found in check([path], own_catalogues=catalogues)]


def test_a_part_is_checked_through_the_flow_that_includes_it(tmp_path: Path) -> None:
    lost = MORE + "  lost: {say: [x], next: bye}\n"
    (found,) = check([folder(tmp_path, main=MAIN, parts__more=lost)])
    assert (found.rule, Path(found.file).name, found.line) == ("unreachable-step", "more.yaml", 3)
    assert found.source_line == "  lost: {say: [x], next: bye}"


def test_a_part_that_two_flows_include_is_told_once(tmp_path: Path) -> None:
    lost = MORE + "  lost: {say: [x], next: bye}\n"
    other = MAIN.replace("flow: example", "flow: other")
    assert told(folder(tmp_path, main=MAIN, other=other, parts__more=lost)) == [("unreachable-step", "more.yaml")]


def test_what_one_flow_allows_in_a_part_is_no_unused_permission_for_the_other(tmp_path: Path) -> None:
    allowed = "  also: {say: [y], next: bye}  # check: allow unreachable-step only the other flow says it\n"
    part = f"steps:\n  more: {{say: [x], next: bye}}\n{allowed}"
    other = MAIN.replace("flow: example", "flow: other").replace("next: more}", "next: also}")
    other = other.replace("steps:\n", "steps:\n  go: {go: more}\n").replace('"1": main', '"1": main, "2": go')
    assert told(folder(tmp_path, main=MAIN, other=other, parts__more=part)) == []
    (tmp_path / "main.yaml").unlink()
    assert told(tmp_path) == [("unused-allow", "more.yaml")]


def test_a_part_that_no_flow_includes_is_told(tmp_path: Path) -> None:
    here = folder(tmp_path, main=MAIN, parts__more=MORE, parts__other=MORE, conversations__talk="conversation: x\n")
    assert told(here) == [("unused-include", "other.yaml")]
    assert is_part(tmp_path / "parts" / "other.yaml")
    assert not is_part(tmp_path / "conversations" / "talk.yaml")
    (tmp_path / "main.yaml").write_text(MAIN.replace("next: more", "next: mor"), encoding="utf-8")
    assert told(here) == [("missing-target", "main.yaml")]  # of a flow that does not load nobody knows what it includes


def test_prompts_that_no_flow_says_are_told_where_they_stand(tmp_path: Path) -> None:
    catalogue = tmp_path / "en.yaml.txt"
    catalogue.write_text(
        'welcome: {say: "Welcome"}\n# old\nchristmas: {say: "Merry"}\nrefused_xyz: {say: "No"}\nno_input: {say: "?"}\n',
        encoding="utf-8",
    )
    (found,) = check([folder(tmp_path, main=MAIN, parts__more=MORE)], own_catalogues=[catalogue])
    assert (found.rule, found.line, found.column, found.severity) == ("unused-prompt", 3, 1, Severity.WARNING)
    assert found.message == "no flow says prompt 'christmas'"


def test_a_schedule_whose_special_days_are_over_never_opens(tmp_path: Path) -> None:
    flow = whole(
        "schedules: {fair: {open: {}, special: {2026-03-02: 09:00-12:00}}}\n"
        "steps:\n  main: {schedule: fair, open: agent, closed: bye}\n"
    )
    here = folder(tmp_path, main=flow)
    before, after = datetime.date(2026, 3, 2), datetime.date(2026, 3, 3)
    assert check([here], today=before) == []
    assert [found.rule for found in check([here], today=after)] == ["never-open"]
