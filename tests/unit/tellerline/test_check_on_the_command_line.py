"""``tellerline check``: what it prints, for people and machines, and with which exit code it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flows.inspect.rule import whole
from tellerline.checking import RULES
from tellerline.cli.app import app

BROKEN = whole("steps:\n  main: {say: [welcome], next: by}\n")
WARNED = whole("steps:\n  main: {say: [welcome], next: bye}\n  lost: {say: [goodbye], next: bye}\n")
CLEAN = whole("steps:\n  main: {say: [welcome], next: bye}\n")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["check", *arguments])


def put(name: str, text: str) -> None:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The shipped catalogue knows no press_1; what the examples say is said by a prompt that it has.
    path.write_text(text.replace("press_1", "main_menu_short").replace("{menu: [main_menu_short]", "{menu: [welcome]"))


def test_a_flow_that_is_well_ends_with_0_and_says_so() -> None:
    put("flow.yaml", CLEAN)
    ended = run("flow.yaml")
    assert (ended.exit_code, ended.stdout) == (0, "nothing is wrong\n")


def test_an_error_is_shown_with_its_line_its_rule_and_a_sum_and_ends_with_1() -> None:
    put("flow.yaml", BROKEN)
    ended = run("flow.yaml")
    assert ended.exit_code == 1
    assert ended.stdout.splitlines() == [
        "flow.yaml:7:32: error: there is no step 'by'. Did you mean 'bye'? [missing-target]",
        "      main: {say: [welcome], next: by}",
        "                                   ^",
        "1 error, 0 warnings in 1 file",
        "tellerline check --explain RULE says more about a rule in brackets",
    ]


def test_a_warning_alone_passes() -> None:
    put("flow.yaml", WARNED)
    ended = run("flow.yaml")
    assert ended.exit_code == 0
    assert "warning: nobody gets to step 'lost'" in ended.stdout
    assert "0 errors, 1 warning in 1 file" in ended.stdout


def test_json_has_every_field_of_every_finding() -> None:
    put("flow.yaml", BROKEN)
    ended = run("flow.yaml", "--format", "json")
    assert ended.exit_code == 1
    told = json.loads(ended.stdout)
    assert told["errors"] == 1
    assert told["findings"] == [
        {
            "file": "flow.yaml",
            "line": 7,
            "column": 32,
            "end_column": 34,
            "message": "there is no step 'by'",
            "hint": "Did you mean 'bye'?",
            "severity": "error",
            "rule": "missing-target",
            "source_line": "  main: {say: [welcome], next: by}",
        }
    ]


def test_sarif_and_githubs_log_name_file_line_and_rule() -> None:
    put("flows/my flow, one.yaml", WARNED.replace("steps:", "# 100 %\nsteps:"))
    ended = run("flows", "--format", "sarif")
    assert ended.exit_code == 0
    (result,) = json.loads(ended.stdout)["runs"][0]["results"]
    assert (result["ruleId"], result["level"]) == ("unreachable-step", "warning")
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "flows/my%20flow%2C%20one.yaml"
    ended = run("flows", "--format", "github")
    assert ended.stdout == (
        "::warning file=flows/my flow%2C one.yaml,line=9,col=3,endColumn=7,title=unreachable-step::"
        "nobody gets to step 'lost'. Lead to it, or remove it.\n"
    )


def test_rules_are_listed_and_explained_with_their_examples() -> None:
    listed = run("--rules")
    assert listed.exit_code == 0
    for rule in RULES:
        assert f"{rule} " in listed.stdout
    told = run("--explain", "money-outside-gate")
    assert told.exit_code == 0
    assert "money-outside-gate (error): money that moves outside of a gate" in told.stdout
    assert "good" in told.stdout
    assert "# the gate can be left without the PIN" in told.stdout
    rules = json.loads(run("--rules", "--format", "json").stdout)["rules"]
    assert [rule["id"] for rule in rules] == list(RULES)
    assert {"id", "title", "help", "good", "bad", "severity", "level"} == set(rules[0])


def test_a_rule_that_nobody_knows_ends_with_2_and_the_nearest_one() -> None:
    ended = run("--explain", "unreachable-stop")
    assert ended.exit_code == 2
    assert "Did you mean 'unreachable-step'?" in ended.stderr


def test_a_part_named_alone_is_checked_through_its_flow() -> None:
    put("line/flow.yaml", "include: [parts/more.yaml]\n" + CLEAN.replace("next: bye}", "next: more}", 1))
    put("line/parts/more.yaml", "steps:\n  more: {say: [welcome], next: by}\n")
    ended = run("line/parts/more.yaml")
    assert ended.exit_code == 1
    assert "line/parts/more.yaml:2:32: error: there is no step 'by'" in ended.stdout
    put("line/parts/more.yaml", "steps:\n  more: {say: [welcome], next: bye}\n")
    assert run("line/parts/more.yaml").stdout == "nothing is wrong\n"
    put("line/parts/none.yaml", "steps:\n  more: {say: [welcome], next: bye}\n")
    assert "no flow includes this file" in run("line/parts/none.yaml").stdout
    assert "no flow includes this file" in run("line").stdout


def test_a_file_that_is_nothing_of_ours_is_told_when_it_is_named() -> None:
    put("compose.yaml", "services: {}\n")
    assert "neither a flow nor a conversation" in run("compose.yaml").stdout
    put("flow.yaml", CLEAN)
    assert run(".").stdout == "nothing is wrong\n"


def test_the_longest_call_of_the_settings_is_the_limit_of_waits() -> None:
    put("flow.yaml", CLEAN.replace('choices: {"1": main}', 'choices: {"1": main}, timeout: 40s'))
    assert run("flow.yaml").exit_code == 0
    Path("short.toml").write_text("[agi]\ncall_limit_s = 100\n")
    ended = run("flow.yaml", "-c", "short.toml")
    assert ended.exit_code == 1
    assert "the 3 tries of step 'begin' take up to 2m; a call ends after 1m40s" in ended.stdout


def test_an_operators_own_catalogue_is_looked_through_for_prompts_that_nobody_says() -> None:
    put("flows/flow.yaml", CLEAN)
    put("sounds/catalogue/en.yaml", 'christmas: {say: "Merry Christmas."}\n')
    Path("line.toml").write_text('[flows]\ndir = "flows"\n[sounds]\ndir = "sounds"\n')
    ended = run("-c", "line.toml")
    assert "sounds/catalogue/en.yaml:1:1: warning: no flow says prompt 'christmas'" in ended.stdout
    assert "no flow says prompt 'welcome'" not in ended.stdout
