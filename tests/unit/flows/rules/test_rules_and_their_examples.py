from __future__ import annotations

import pytest

from flows.errors import FlowError
from flows.inspect import RULES, Finding, check_flow
from flows.inspect.rule import Level, Rule, whole
from flows.reading.loader import load_flow_text
from tests.unit.flows.rules.example_prompts import of_the_examples


def findings(example: str) -> list[Finding]:
    try:
        flow = load_flow_text(whole(example), "example.yaml")
    except FlowError as error:
        return [Finding.of_error(each) for each in (error, *error.more)]
    return check_flow(flow, of_the_examples())


BY_FLOW = [pytest.param(rule, id=rule.id) for rule in RULES.values() if rule.level is not Level.FOLDER]


@pytest.mark.parametrize("rule", BY_FLOW)
def test_the_good_example_of_a_rule_is_clean(rule: Rule) -> None:
    assert [str(finding) for finding in findings(rule.good)] == []


@pytest.mark.parametrize("rule", BY_FLOW)
def test_the_bad_example_of_a_rule_breaks_it_once_on_the_line_that_says_so(rule: Rule) -> None:
    found = findings(rule.bad)
    assert [(finding.rule, finding.severity) for finding in found] == [(rule.id, rule.severity)], found
    assert "  # " in found[0].source_line
