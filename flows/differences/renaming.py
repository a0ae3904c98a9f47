"""Finds the steps that only got another name, so that it is told once and not at every step that leads there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from flows.differences.sides import Plain, Side, kind_in

TARGETS = ("next", "go", "none", "yes", "no", "then", "else", "open", "closed", "holiday", "call", "on_fail")
MAPS_OF_TARGETS = ("on", "cases")
ALIKE = 0.5  # of a step's entries are the same, and the same way leads there: the same step under another name


def renamed(a: Side, b: Side) -> dict[str, str]:
    """Answer the steps of ``a`` that are called otherwise in ``b``."""
    found: dict[str, str] = {}
    while True:
        more = dict(_the_same(a, b, found)) or dict(_alike(a, b, found))
        if not more:
            return found
        found.update(more)


def with_names(side: Side, names: Mapping[str, str]) -> Side:
    """Answer ``side`` as if its steps had their new names."""
    if not names:
        return side
    steps = {names.get(name, name): retargeted(step, names) for name, step in side.steps.items()}
    gates = {name: _with_target(gate, "voice", names) for name, gate in side.sections["gates"].items()}
    return replace(
        side,
        top=_with_target(dict(side.top), "start", names),
        defaults={file: _with_target(dict(found), "on_fail", names) for file, found in side.defaults.items()},
        keys=_map(side.keys, names),
        sections={**side.sections, "steps": steps, "gates": gates},
        origin={(section, _new(section, name, names)): file for (section, name), file in side.origin.items()},
        sms={language: _map(commands, names) for language, commands in side.sms.items()},
    )


def retargeted(step: Plain, names: Mapping[str, str]) -> Plain:
    """Answer a step that leads to the new names."""
    found = dict(step)
    for word in TARGETS:
        found = _with_target(found, word, names)
    for word in MAPS_OF_TARGETS:
        if isinstance(ways := found.get(word), dict):
            found[word] = _map(ways, names)
    for word in ("choices", "shares"):
        if isinstance(ways := found.get(word), dict):
            found[word] = {key: _with_target(way, "go", names) for key, way in ways.items()}
    return found


def ways_of(step: Plain) -> Iterator[tuple[tuple[str, ...], str]]:
    """Answer where a step leads, by the path of the word that says so."""
    for word in TARGETS:
        if isinstance(target := step.get(word), str):
            yield (word,), target
    for word in (*MAPS_OF_TARGETS, "choices", "shares"):
        ways = step.get(word)
        for key, way in ways.items() if isinstance(ways, dict) else ():
            target = way.get("go") if isinstance(way, dict) else way
            if isinstance(target, str):
                yield (word, key), target


def _the_same(a: Side, b: Side, known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Answer steps that are gone and steps that are new, and the same but for their own name."""
    gone, new = _gone_and_new(a, b, known)
    waiting: dict[str, list[str]] = {}
    for name, step in new.items():
        waiting.setdefault(_written(step, name, known), []).append(name)
    for name, step in gone.items():
        if fitting := waiting.get(_written(step, name, known)):
            yield name, fitting.pop(0)


def _alike(a: Side, b: Side, known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Answer steps that changed with their name: of one kind, much alike, and the same way leads there."""
    gone, new = _gone_and_new(a, b, known)
    if not gone or not new:
        return
    ways_a, ways_b = _ways(with_names(a, known)), _ways(b)
    taken: set[str] = set()
    for way, target in ways_a.items():
        other = ways_b.get(way)
        if target not in gone or other is None or other not in new or target in taken or other in taken:
            continue
        if kind_in(gone[target]) == kind_in(new[other]) and _share(gone[target], new[other]) >= ALIKE:
            taken |= {target, other}
            yield target, other


def _gone_and_new(a: Side, b: Side, known: Mapping[str, str]) -> tuple[dict[str, Plain], dict[str, Plain]]:
    came = set(known.values())
    gone = {name: step for name, step in a.steps.items() if name not in b.steps and name not in known}
    new = {name: step for name, step in b.steps.items() if name not in a.steps and name not in came}
    return gone, new


def _written(step: Plain, own: str, known: Mapping[str, str]) -> str:
    return json.dumps(retargeted(step, {**known, own: "*"}), sort_keys=True, ensure_ascii=False)


def _ways(side: Side) -> dict[tuple[str, ...], str]:
    found: dict[tuple[str, ...], str] = {("start",): str(side.top.get("start"))}
    found |= {("keys", key): target for key, target in side.keys.items()}
    found |= {("sms", lang, text): step for lang, commands in side.sms.items() for text, step in commands.items()}
    for name, gate in side.sections["gates"].items():
        found["gate", name] = str(gate.get("voice"))
    for name, step in side.steps.items():
        found |= {(name, *path): target for path, target in ways_of(step)}
    return found


def _share(one: Plain, other: Plain) -> float:
    first, second = set(_leaves(one)), set(_leaves(other))
    return len(first & second) / max(1, len(first | second))


def _leaves(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, found in value.items():
            yield from _leaves(found, f"{path}/{key}")
    else:
        yield f"{path}={value}"


def _with_target(step: Plain, word: str, names: Mapping[str, str]) -> Plain:
    return {**step, word: names[step[word]]} if isinstance(step.get(word), str) and step[word] in names else step


def _map(ways: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {key: names.get(target, target) if isinstance(target, str) else target for key, target in ways.items()}


def _new(section: str, name: str, names: Mapping[str, str]) -> str:
    return names.get(name, name) if section == "steps" else name
