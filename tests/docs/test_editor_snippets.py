"""The snippets for editors and code hosts are what the product writes and prints."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import yaml
from jsonschema import Draft7Validator

from flows.inspect import Finding
from flows.reading.schema import FLOW_SCHEMA, PART_SCHEMA
from flows.store import DEFINITIONS
from tellerline.cli.check import github
from tellerline.starting_folder import editor_settings

DOC = (Path(__file__).parents[2] / "docs" / "flows" / "editors.md").read_text(encoding="utf-8")


def snippets(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOC, re.DOTALL)


def of_json(key: str) -> dict[str, Any]:
    found: dict[str, Any] = next(data for data in map(json.loads, snippets("json")) if key in data)
    return found


def test_the_settings_of_visual_studio_code_are_those_that_init_writes() -> None:
    shown, made = of_json("yaml.format.enable"), editor_settings()
    assert shown == {key: made[key] for key in shown}


def test_the_problem_matcher_reads_what_check_prints() -> None:
    (task,) = of_json("tasks")["tasks"]
    matcher = task["problemMatcher"]["pattern"]
    printed = github(
        Finding("shared/a.yaml", 7, 32, "there is no step 'by'", "Did you mean 'bye'?", rule="missing-target")
    )
    found = re.match(matcher["regexp"], printed)
    assert found is not None
    assert [found[matcher[name]] for name in ("severity", "file", "line", "column", "code")] == [
        "error", "shared/a.yaml", "7", "32", "missing-target",
    ]  # fmt: skip
    assert found[matcher["message"]] == "there is no step 'by'. Did you mean 'bye'?"


def test_the_other_snippets_can_be_read_and_name_files_that_are_shipped() -> None:
    for text in snippets("xml"):
        ElementTree.fromstring(text)
    workflows = [data for data in map(yaml.safe_load, snippets("yaml")) if "jobs" in data]
    assert [workflow["jobs"]["check"]["steps"][3]["run"].split(" --format ")[1] for workflow in workflows] == [
        "github",
        "sarif > check.sarif",
    ]
    for schema in (FLOW_SCHEMA, PART_SCHEMA):
        assert schema.name in DOC
        assert schema.parent == DEFINITIONS
        Draft7Validator.check_schema(json.loads(schema.read_text(encoding="utf-8")))
