"""Findings as SARIF 2.1.0 (OASIS, Static Analysis Results Interchange Format): code hosts show them at the line."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flows.inspect.finding import Finding
from flows.inspect.rule import Rule, Severity

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
ROOT = "%SRCROOT%"  # the folder that relative paths are of, as code hosts know it (SARIF 2.1.0 §3.14.14)
FINGERPRINT = "tellerlineFinding/v1"


def sarif(findings: Iterable[Finding], rules: Mapping[str, Rule], version: str, root: Path) -> dict[str, Any]:
    """Answer the log of one run.

    Args:
        rules: those that findings name; each is described with its help and its examples.
        root: what is below it is named relative to it, so that a code host finds the file.
    """
    order = {rule: number for number, rule in enumerate(rules)}
    seen: Counter[str] = Counter()
    driver = {
        "name": "Tellerline",
        "semanticVersion": version,
        "rules": [_rule(rule) for rule in rules.values()],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "The folder that the check ran in."}}},
        "results": [_result(finding, order, root, seen) for finding in findings],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: Rule) -> dict[str, Any]:
    examples = f"Good:\n{rule.good.strip()}\n\nBad:\n{rule.bad.strip()}"
    markdown = f"{rule.help}\n\n```yaml\n# good\n{rule.good.strip()}\n```\n\n```yaml\n# bad\n{rule.bad.strip()}\n```\n"
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.id.split("-")),
        "shortDescription": {"text": f"{rule.title[:1].upper()}{rule.title[1:]}."},
        "fullDescription": {"text": rule.help},
        "help": {"text": f"{rule.help}\n\n{examples}", "markdown": markdown},
        "defaultConfiguration": {"level": _level(rule.severity)},
    }


def _result(finding: Finding, order: Mapping[str, int], root: Path, seen: Counter[str]) -> dict[str, Any]:
    location = _location(finding.file, root)
    # Lines move; what stands on one mostly does not. The same fault on the same words is counted.
    words = "\0".join([finding.rule, location["uri"], finding.source_line.strip(), finding.message])
    mark = hashlib.sha256(words.encode()).hexdigest()[:32]
    seen[mark] += 1
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "level": _level(finding.severity),
        "message": {"text": f"{_sentence(finding.message)} {finding.hint}".strip()},
        "locations": [{"physicalLocation": {"artifactLocation": location, "region": _region(finding)}}],
        "partialFingerprints": {FINGERPRINT: f"{mark}:{seen[mark]}"},
    }
    if finding.rule in order:
        result["ruleIndex"] = order[finding.rule]
    return result


def _location(file: str, root: Path) -> dict[str, str]:
    path = Path(file).absolute()
    if path.is_relative_to(root):
        return {"uri": quote(path.relative_to(root).as_posix()), "uriBaseId": ROOT}
    return {"uri": path.as_uri()}


def _region(finding: Finding) -> dict[str, Any]:
    region: dict[str, Any] = {"startLine": max(1, finding.line), "startColumn": max(1, finding.column)}
    if finding.end_column > finding.column:
        region["endColumn"] = finding.end_column
    if finding.source_line:
        region["snippet"] = {"text": finding.source_line}
    return region


def _level(severity: Severity) -> str:
    return "error" if severity is Severity.ERROR else "warning"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."
