"""Warnings that a person has looked at and allowed: ``# check: allow RULE the reason`` on the line, or above it.

An error is never silenced: such a flow would fail a caller. What silences nothing is a warning itself, so that no
old permission hides a new fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from core_client.language.suggest import did_you_mean
from flows.inspect.finding import Finding, end_of_word
from flows.inspect.rule import Rule, Severity

RULE = Rule(
    "unused-allow",
    "a permission that permits nothing",
    "A comment `# check: allow RULE the reason` silences the warnings of that rule on its line, or, alone on a line, "
    "on the next one that is no comment. This one silences nothing: the fault was mended, the rule is misspelt, it "
    "is an error (which nothing silences), or no reason is given.",
    good="""
steps:
  main:  # check: allow transfer-without-context this queue only sells coffee
    transfer: {queue: retail}
    on: {answered: bye, closed: bye, failed: bye, timeout: bye}
""",
    bad="""
steps:
  main: {say: [welcome], next: bye}  # check: allow transfer-without-context nothing is transferred here
""",
    severity=Severity.WARNING,
)

_MARK = "check: allow"
_ALLOW = re.compile(r"(?:^|\s)(#\s*check: allow\b[ \t]*(\S*)[ \t]*(.*))$")


@dataclass(frozen=True, slots=True)
class Allow:
    """One permission. ``target`` is the line that it is about."""

    file: str
    line: int
    column: int
    target: int
    rule: str
    reason: str
    source_line: str


def without_allowed(
    findings: Iterable[Finding], texts: Mapping[str, str], rules: Mapping[str, Rule]
) -> Iterator[Finding]:
    """Leave out what is allowed in ``texts`` (file to text); tell the permissions that silenced nothing."""
    allows = [allow for file, text in texts.items() if _MARK in text for allow in _allows(file, text)]
    by_target = {(allow.file, allow.target, allow.rule): allow for allow in allows if allow.reason}
    used: set[Allow] = set()
    kept: set[tuple[str, int, str]] = set()  # errors that somebody wanted to silence
    for finding in findings:
        key = (finding.file, finding.line, finding.rule)
        allow = by_target.get(key)
        if allow is not None and finding.severity is Severity.WARNING:
            used.add(allow)
            continue
        kept.add(key)
        yield finding
    for allow in allows:
        if allow not in used:
            yield _unused(allow, rules, is_error=(allow.file, allow.target, allow.rule) in kept)


def _allows(file: str, text: str) -> Iterator[Allow]:
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        found = _ALLOW.search(line) if _MARK in line else None
        if found is not None:
            column = found.start(1) + 1
            target = number if line[: found.start(1)].strip() else _next(lines, number)
            yield Allow(file, number, column, target, found[2], found[3].strip(), line)


def _next(lines: list[str], number: int) -> int:
    """Answer the next line that says something."""
    for after, line in enumerate(lines[number:], start=number + 1):
        if line.strip() and not line.lstrip().startswith("#"):
            return after
    return number


def _unused(allow: Allow, rules: Mapping[str, Rule], *, is_error: bool) -> Finding:
    if allow.rule not in rules:
        message = f"there is no rule '{allow.rule}' to allow"
        hint = did_you_mean(allow.rule, rules) or "`tellerline check --rules` lists them."
    elif not allow.reason:
        message, hint = f"'{allow.rule}' is allowed without a reason", "Say why, behind the rule."
    elif is_error:
        message, hint = f"'{allow.rule}' is an error here, and no error can be allowed", "Mend it."
    else:
        message, hint = f"nothing is left here that '{allow.rule}' would find", "Take the comment out."
    end = end_of_word(allow.source_line, allow.column)
    return Finding(allow.file, allow.line, allow.column, message, hint, RULE.severity, allow.source_line, RULE.id, end)
