"""Runs every lint over flows: what does not load first, and the lints over what does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from flows.errors import FlowError
from flows.inspect.finding import Finding, Prompts
from flows.inspect.look import CALL_LIMIT_S, Look
from flows.inspect.rules import LINTS
from flows.loader import load_flow
from flows.model import Flow


def check(paths: Iterable[Path], catalogue: Prompts | None = None, call_limit_s: float = CALL_LIMIT_S) -> list[Finding]:
    """Look over flow files, and every ``*.yaml`` of folders; what was found, by file and line."""
    found: list[Finding] = []
    owners: dict[str, str] = {}
    for path in _files(paths):
        try:
            flow = load_flow(path)
        except FlowError as error:
            found += [Finding.of_error(each) for each in (error, *error.more)]
            continue
        if flow.name in owners:
            message = f"flow '{flow.name}' stands in {owners[flow.name]} too"
            found.append(Finding(str(path), 1, 1, message, "Give one of them another name."))
        owners.setdefault(flow.name, str(path))
        found += check_flow(flow, catalogue, call_limit_s)
    return found


def check_flow(flow: Flow, catalogue: Prompts | None = None, call_limit_s: float = CALL_LIMIT_S) -> list[Finding]:
    """Run every lint over one flow that loaded."""
    look = Look(flow, catalogue, call_limit_s)
    found = [finding for lint in LINTS for finding in lint(look)]
    return sorted(found, key=lambda finding: (finding.file, finding.line, finding.column, finding.message))


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(path.glob("*.yaml"))
        else:
            yield path
