from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator

from flows.inspect import RULES, Finding, Severity
from flows.inspect.sarif import sarif
from tests.unit.flows.rules.sarif_subset import SARIF

LINE = "  main: {say: [welcome], next: by}"
FOUND = Finding(
    "flows/retail.yaml",
    7,
    32,
    "there is no step 'by'",
    "Did you mean 'bye'?",
    Severity.ERROR,
    LINE,
    "missing-target",
    34,
)


def log(*findings: Finding) -> dict[str, Any]:
    made = sarif(findings, RULES, "1.2.3", Path.cwd())
    Draft7Validator.check_schema(SARIF)
    errors = [f"{list(error.absolute_path)}: {error.message}" for error in Draft7Validator(SARIF).iter_errors(made)]
    assert errors == []
    assert json.loads(json.dumps(made)) == made
    return made


def result(finding: Finding) -> dict[str, Any]:
    found: dict[str, Any] = log(finding)["runs"][0]["results"][0]
    return found


def test_every_rule_is_described_with_its_help_its_level_and_both_examples() -> None:
    driver = log()["runs"][0]["tool"]["driver"]
    assert (driver["name"], driver["semanticVersion"]) == ("Tellerline", "1.2.3")
    assert [rule["id"] for rule in driver["rules"]] == list(RULES)
    for rule in driver["rules"]:
        known = RULES[rule["id"]]
        assert rule["defaultConfiguration"]["level"] == known.severity.value
        assert known.good.strip() in rule["help"]["markdown"]
        assert known.bad.strip() in rule["help"]["text"]


def test_a_finding_is_at_its_word_in_a_file_that_the_host_finds() -> None:
    found = result(FOUND)
    assert found["ruleId"] == "missing-target"
    assert list(RULES)[found["ruleIndex"]] == "missing-target"
    assert found["level"] == "error"
    assert found["message"]["text"] == "there is no step 'by'. Did you mean 'bye'?"
    place = found["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "flows/retail.yaml", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 7, "startColumn": 32, "endColumn": 34, "snippet": {"text": LINE}}


def test_names_of_files_are_written_as_uris() -> None:
    spaced = Finding("my flows/客服.yaml", 1, 1, "x", rule="shape")
    assert result(spaced)["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == (
        "my%20flows/%E5%AE%A2%E6%9C%8D.yaml"
    )
    elsewhere = Finding("/somewhere/else.yaml", 1, 1, "x", rule="shape")
    assert result(elsewhere)["locations"][0]["physicalLocation"]["artifactLocation"] == {
        "uri": "file:///somewhere/else.yaml"
    }


def test_a_fault_keeps_its_fingerprint_when_lines_move_and_the_same_one_twice_is_counted() -> None:
    moved = Finding(FOUND.file, 99, 32, FOUND.message, FOUND.hint, FOUND.severity, f"  {LINE}", FOUND.rule)
    other = Finding(FOUND.file, 7, 32, "there is no step 'bi'", FOUND.hint, FOUND.severity, LINE, FOUND.rule)
    (first,) = result(FOUND)["partialFingerprints"].values()
    assert set(result(moved)["partialFingerprints"].values()) == {first}
    assert set(result(other)["partialFingerprints"].values()) != {first}
    twice = [each["partialFingerprints"] for each in log(FOUND, moved)["runs"][0]["results"]]
    assert twice[0] != twice[1]


def test_a_place_that_nobody_knows_still_makes_a_region() -> None:
    region = result(Finding("sounds/en", 0, 0, "no audio", rule="syntax"))["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 1, "startColumn": 1}
