"""Runs every lint over flows: what does not load first, and the lints over what does."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from core_client.language.source import Pairs, parse, read_source
from flows.errors import FlowError
from flows.inspect.allowed import without_allowed
from flows.inspect.finding import Finding, Prompts
from flows.inspect.folder import same_name, unused_include, unused_prompt
from flows.inspect.look import CALL_LIMIT_S, Look
from flows.inspect.rules import LINTS, RULES
from flows.model import Flow
from flows.reading.files import is_only_included
from flows.reading.loader import load_flow
from flows.store import CONVERSATIONS, flow_files

PART_KEYS = frozenset({"include", "defaults", "vars", "gates", "schedules", "notices", "sms", "steps"})


@dataclass(frozen=True, slots=True)
class Facts:
    """What lints know besides the flow: the catalogue, the longest call, and the day."""

    prompts: Prompts | None = None
    call_limit_s: float = CALL_LIMIT_S
    today: datetime.date | None = None  # None: special days that are over are not told apart


def check(
    paths: Iterable[Path],
    catalogue: Prompts | None = None,
    call_limit_s: float = CALL_LIMIT_S,
    *,
    today: datetime.date | None = None,
    own_catalogues: Iterable[Path] = (),
) -> list[Finding]:
    """Look over flows, each with the files that it includes.

    Args:
        paths: flow files, and folders of them. What is written to be included is looked at through the flows.
        own_catalogues: catalogue files of which every prompt should be said by one of these flows.

    Returns:
        What was found, file by file in the order of ``paths``, and by line.
    """
    facts = Facts(catalogue, call_limit_s, today)
    found: list[Finding] = []
    flows: list[Flow] = []
    whole = True
    parts: list[Path] = []
    for path in paths:
        files = [path]
        if path.is_dir():
            files = flow_files(path)
            parts += _parts(path)
        elif is_part(path):
            files = []
            parts.append(path)
        for file in files:
            try:
                flow = load_flow(file)
            except FlowError as error:
                whole = False
                found += [Finding.of_error(each) for each in (error, *error.more)]
                continue
            flows.append(flow)
            found += _linted(flow, facts)
    found += same_name.lint(flows)
    if whole:  # of a flow that does not load nobody knows what it says and includes
        found += unused_include.lint(flows, parts)
        found += unused_prompt.lint(flows, own_catalogues)
    texts = {file: text for flow in flows for file, text in texts_of(flow).items()}
    order = {file: number for number, file in enumerate(dict.fromkeys([*texts, *(each.file for each in found)]))}
    # A file that two flows include is looked at twice.
    kept = without_allowed(dict.fromkeys(found), texts, RULES)
    return sorted(kept, key=lambda finding: (order[finding.file], *_by_place(finding)))


def check_flow(flow: Flow, catalogue: Prompts | None = None, call_limit_s: float = CALL_LIMIT_S) -> list[Finding]:
    """Run every lint over one flow that loaded."""
    found = _linted(flow, Facts(catalogue, call_limit_s))
    return sorted(without_allowed(found, texts_of(flow), RULES), key=_by_file)


def texts_of(flow: Flow) -> dict[str, str]:
    """Answer the text of the flow's own file and of each that it includes, by path."""
    folder = Path(flow.file).parent
    return {flow.file: flow.source_text, **{str(folder / name): text for name, text in flow.included.items()}}


def _linted(flow: Flow, facts: Facts) -> list[Finding]:
    look = Look(flow, facts.prompts, facts.call_limit_s, facts.today)
    return [finding for lint in LINTS for finding in lint(look)]


def _by_file(finding: Finding) -> tuple[str, int, int, str]:
    return (finding.file, *_by_place(finding))


def _by_place(finding: Finding) -> tuple[int, int, str]:
    return finding.line, finding.column, finding.message


def _parts(folder: Path) -> Iterator[Path]:
    """Answer the files in and below ``folder`` that are written to be included."""
    for path in sorted(folder.rglob("*.yaml")):
        if path.relative_to(folder).parts[0] != CONVERSATIONS and is_part(path):
            yield path


def is_part(path: Path) -> bool:
    """Answer whether a file is written to be included: it has keys of a flow, and none that only flows have."""
    try:
        source = read_source(path, FlowError)
        if not is_only_included(source):
            return False
        root = parse(source)
    except FlowError:
        return False
    return isinstance(root, Pairs) and bool(PART_KEYS & root.keys.keys()) and "conversation" not in root.keys
