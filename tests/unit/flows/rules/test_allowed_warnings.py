from __future__ import annotations

from flows.inspect import Finding, check_flow
from flows.inspect.rule import whole
from flows.reading.loader import load_flow_text

SILENT = "steps:\n  main:  # {0}\n    transfer: {{queue: retail}}\n    on: {{answered: bye, closed: bye, failed: bye, timeout: bye}}\n"  # noqa: E501
ABOVE = "steps:\n  # {0}\n  # and one more line\n\n  main:\n    transfer: {{queue: retail}}\n    on: {{answered: bye, closed: bye, failed: bye, timeout: bye}}\n"  # noqa: E501


def found(text: str) -> list[tuple[str, str]]:
    return [(finding.rule, finding.message) for finding in findings(text)]


def findings(text: str) -> list[Finding]:
    return check_flow(load_flow_text(whole(text), "f.yaml"))


def test_a_warning_is_silenced_on_its_line_and_from_the_line_above() -> None:
    assert [rule for rule, _ in found(SILENT.format("the coffee queue"))] == ["transfer-without-context"]
    allow = "check: allow transfer-without-context they only sell coffee"
    assert found(SILENT.format(allow)) == []
    assert found(ABOVE.format(allow)) == []


def test_a_permission_without_a_reason_silences_nothing() -> None:
    assert found(SILENT.format("check: allow transfer-without-context")) == [
        ("transfer-without-context", "step 'main' hands the caller over and tells the agent nothing"),
        ("unused-allow", "'transfer-without-context' is allowed without a reason"),
    ]


def test_another_rule_or_another_line_is_not_silenced() -> None:
    assert [rule for rule, _ in found(SILENT.format("check: allow no-agent because"))] == [
        "transfer-without-context",
        "unused-allow",
    ]
    elsewhere = "# check: allow transfer-without-context because\n" + SILENT.format("")
    assert [rule for rule, _ in found(elsewhere)] == ["unused-allow", "transfer-without-context"]


def test_a_rule_that_is_misspelt_is_told_with_the_nearest_one() -> None:
    (first, second) = findings(SILENT.format("check: allow transfer-without-contxt because"))
    assert second.message == "there is no rule 'transfer-without-contxt' to allow"
    assert second.hint == "Did you mean 'transfer-without-context'?"
    assert second.source_line[second.column - 1 :].startswith("# check: allow")
    assert first.rule == "transfer-without-context"


def test_an_error_cannot_be_allowed() -> None:
    slow = 'steps:\n  main: {menu: [x], choices: {"1": bye}, timeout: 20m}'
    text = f"{slow}  # check: allow timeout-too-long they are slow\n"
    assert found(text) == [
        ("timeout-too-long", "the 3 tries of step 'main' take up to 60m; a call ends after 30m"),
        ("unused-allow", "'timeout-too-long' is an error here, and no error can be allowed"),
    ]
