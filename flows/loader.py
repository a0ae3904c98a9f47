"""Reads a flow: syntax first, then shape, then the graph; it stops at the first level that fails.

So one slip never floods: a missing bracket is one error, not two hundred steps that are not there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ParamSpec, TypeVar

from core_client.language.errors import LanguageError
from core_client.language.expressions import Expression
from core_client.language.source import Node, Pairs, Place, Scalar, Source, decode_source, parse, read_source
from core_client.language.suggest import did_you_mean
from core_client.language.types import ExprType
from core_client.operations import Field, Type
from flows import graph
from flows.build import Build
from flows.errors import FlowError, told_as
from flows.model import BY_CODE, BY_NUMBER, Edge, Flow, Gate, SmsPattern, SmsSlot, Step, Variable, Way
from flows.names import built_in, type_of
from flows.shape import FlowShape, check_shape
from flows.steps import KINDS, Learns, kind_of

Texts = Mapping[str, str]  # prompt id -> its texts in all languages, for the version's hash

_VARIABLE_TYPES = tuple(t.value for t in Type if t not in (Type.LIST, Type.RECORD, Type.INTENT, Type.REASON))
P = ParamSpec("P")
T = TypeVar("T")


def load_flow(path: Path, texts: Texts | None = None) -> Flow:
    """Read the flow in ``path``.

    Args:
        texts: of the catalogue, so that a changed prompt makes a new version.

    Raises:
        FlowError: with the place and the mend; ``more`` holds further errors of the same level.
    """
    return _load(_flow_source(path), texts)


def load_flow_text(text: str, name: str, texts: Texts | None = None) -> Flow:
    """Read a flow from text; ``name`` stands for the file in errors. Raises as :func:`load_flow` does."""
    try:
        data = text.encode()
    except UnicodeEncodeError as problem:
        raise FlowError(name, 1, 1, "this is not Unicode text") from problem
    return _load(decode_source(data, name, FlowError), texts)


def _flow_source(path: Path) -> Source:
    return read_source(path, FlowError)


def _load(source: Source, texts: Texts | None) -> Flow:
    with told_as("syntax"):
        root = parse(source)
    with told_as("shape"):
        flow = _Reader(source, root).flow()
    graph.check(flow, source)
    return graph.completed(flow, texts or {})


class _Errors:
    """Gathers the errors of one level."""

    def __init__(self) -> None:
        self._found: list[FlowError] = []

    def catch(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Do ``work``; keep its error for the end of the level."""
        try:
            return work(*args, **kwargs)
        except FlowError as error:
            self._found.append(error)
            return None

    def raise_first(self) -> None:
        """End the level: raise the first error, with the others in ``more``."""
        if self._found:
            found = sorted(self._found, key=lambda error: (error.line, error.column))
            found[0].more = tuple(found[1:])
            raise found[0]


class _Reader:
    """Reads the shape of one flow."""

    def __init__(self, source: Source, root: Node) -> None:
        self._source = source
        self._errors = _Errors()
        self._shape = check_shape(FlowShape, root, source, "the flow")
        assert isinstance(root, Pairs)  # noqa: S101 - its shape was checked
        self._root = root
        self._languages = tuple(dict.fromkeys(self._shape.languages))
        self._names: dict[str, ExprType] = built_in(self._languages)

    def flow(self) -> Flow:
        """Read it."""
        shape, root = self._shape, self._root
        if not self._languages:
            raise self._source.error(root.entries["languages"].place, "a flow speaks at least one language")
        variables = self._variables()
        self._errors.raise_first()
        gates = self._gates()
        self._errors.raise_first()
        build = self._build(variables, gates)
        self._saved_by_steps(build)
        self._errors.raise_first()
        steps = self._steps(build)
        patterns = self._patterns(variables)
        self._errors.raise_first()
        return Flow(
            name=shape.flow,
            file=self._source.name,
            version=hashlib.sha256(self._source.text.encode()).hexdigest(),
            languages=self._languages,
            currency=shape.currency,
            start=shape.start,
            steps=steps,
            variables=variables,
            gates=gates,
            keys=build.keys,
            sms_patterns=patterns,
            text_timeout_s=shape.defaults.text_timeout,
            source_text=self._source.text,
        )

    # --- what stands at the top ---

    def _section(self, name: str) -> Pairs:
        found = self._root.get(name)
        return found if isinstance(found, Pairs) else Pairs({}, {}, self._root.place)

    def _variables(self) -> dict[str, Variable]:
        section = self._section("vars")
        for name, shape in self._shape.vars.items():
            type_ = self._errors.catch(self._type, section, name, shape.type)
            if type_ is not None:
                self._names[name] = type_of(Field(type_), self._languages)
        found = {}
        for name in self._shape.vars:
            variable = self._errors.catch(self._variable, section, name)
            if variable is not None:
                found[name] = variable
        return found

    def _type(self, section: Pairs, name: str, type_: str) -> Type:
        if name in self._names:
            raise self._source.error(section.keys[name], f"'{name}' is a name that every flow has", "Take another one.")
        if type_ not in _VARIABLE_TYPES:
            entry = section.entries[name]
            place = entry.entries["type"].place if isinstance(entry, Pairs) else entry.place
            hint = did_you_mean(type_, _VARIABLE_TYPES) or f"There are: {', '.join(_VARIABLE_TYPES)}."
            raise self._source.error(place, f"unknown type '{type_}'", hint)
        return Type(type_)

    def _variable(self, section: Pairs, name: str) -> Variable | None:
        if name not in self._names:
            return None
        entry = section.entries[name]
        assert isinstance(entry, Pairs)  # noqa: S101 - its shape was checked
        check: Expression | None = None
        if (node := entry.get("check")) is not None:
            check = self._build({}, {}, {**self._names, "value": self._names[name]}).condition(node)
        return Variable(name, Type(self._shape.vars[name].type), section.keys[name], check)

    def _gates(self) -> dict[str, Gate]:
        section = self._section("gates")
        found = {}
        for name in self._shape.gates:
            gate = self._errors.catch(self._gate, section, name)
            if gate is not None:
                found[name] = gate
        return found

    def _gate(self, section: Pairs, name: str) -> Gate:
        entry = section.entries[name]
        assert isinstance(entry, Pairs)  # noqa: S101 - its shape was checked
        sms = self._shape.gates[name].sms
        if sms not in (BY_NUMBER, BY_CODE):
            hint = did_you_mean(sms, (BY_NUMBER, BY_CODE)) or "By text: by_number or by_code."
            raise self._source.error(entry.entries["sms"].place, f"'{sms}' proves nothing by text", hint)
        node = entry.get("unless")
        build = self._build({}, {})
        unless = build.condition(node) if node is not None else None
        return Gate(name, section.keys[name], build.edge(entry.entries["voice"], Way.GATE, name), sms, unless)

    def _build(
        self, variables: dict[str, Variable], gates: Mapping[str, Gate], names: dict[str, ExprType] | None = None
    ) -> Build:
        defaults = self._section("defaults")
        wait = defaults.get("wait")
        keys = self._section("keys")
        edges = {
            key: Edge(node.text, node.place, Way.UNIVERSAL, key)
            for key, node in keys.entries.items()
            if isinstance(node, Scalar)
        }
        if not edges:
            edges = {
                key: Edge(target, self._root.place, Way.UNIVERSAL, key) for key, target in self._shape.keys.items()
            }
        build = Build(
            source=self._source,
            defaults=self._shape.defaults,
            languages=self._languages,
            currency=self._shape.currency,
            names=self._names if names is None else names,
            variables=variables,
            gates=gates,
            keys=edges,
            default_filler=wait.get("prompt") if isinstance(wait, Pairs) else None,
        )
        build.retries = (build.by_attempt(defaults.get("no_input")), build.by_attempt(defaults.get("no_match")))
        return build

    # --- steps ---

    def _saved_by_steps(self, build: Build) -> None:
        """Learn the names that steps save, with their types, before any expression is read.

        A name can be worked out of another one: what cannot be read yet is tried again, as long as there is news.
        """
        waiting = []
        for entry in self._section("steps").entries.values():
            kinds = kind_of(entry.entries) if isinstance(entry, Pairs) else ()
            if isinstance(entry, Pairs) and len(kinds) == 1 and (learns := KINDS[kinds[0]].learns) is not None:
                waiting.append((learns, entry))
        while waiting:
            problems: list[tuple[Learns, Pairs, FlowError]] = []
            for learns, entry in waiting:
                try:
                    for saved, type_ in learns(build, entry):
                        self._learn(saved, type_)
                except FlowError as problem:
                    problems.append((learns, entry, problem))
            if len(problems) == len(waiting):
                for _, _, found in problems:
                    self._errors.catch(_raise, found)
                return
            waiting = [(learns, entry) for learns, entry, _ in problems]

    def _learn(self, saved: Node, type_: ExprType) -> None:
        if not isinstance(saved, Scalar):
            return  # the step's shape says so
        known = self._names.get(saved.text)
        if known is not None and known != type_:
            raise self._source.error(saved.place, f"'{saved.text}' is already something else", "Take another name.")
        self._names[saved.text] = type_

    def _steps(self, build: Build) -> dict[str, Step]:
        section = self._section("steps")
        found = {}
        for name, entry in section.entries.items():
            step = self._errors.catch(self._step, build, name, entry, section.keys[name])
            if step is not None:
                found[name] = step
        return found

    def _step(self, build: Build, name: str, entry: Node, place: Place) -> Step:
        if not isinstance(entry, Pairs):
            raise self._source.error(entry.place, f"step '{name}' must be a mapping of keys", "As in: {say: [...]}")
        kinds = kind_of(entry.entries)
        if not kinds:
            for key in entry.entries:
                if hint := did_you_mean(key, KINDS):
                    raise self._source.error(entry.keys[key], f"unknown key '{key}' in step '{name}'", hint)
            raise self._source.error(place, f"step '{name}' does nothing", f"It is one of: {', '.join(KINDS)}.")
        if len(kinds) > 1:
            first, second = sorted(kinds[:2], key=lambda kind: (entry.keys[kind].line, entry.keys[kind].column))
            message = f"step '{name}' is both {first} and {second}"
            raise self._source.error(entry.keys[second], message, "Make two steps of it.")
        kind = KINDS[kinds[0]]
        shape = check_shape(kind.shape, entry, self._source, f"{kinds[0]} '{name}'")
        common = {
            "name": name,
            "place": place,
            "needs": build.needs(entry.get("needs")),
            "channels": build.channels(entry.get("channels")),
        }
        return kind.build(build, shape, entry, common)

    # --- texts ---

    def _patterns(self, variables: Mapping[str, Variable]) -> tuple[SmsPattern, ...]:
        section = self._section("sms")
        found = []
        for language, entry in section.entries.items():
            if language not in self._languages:
                place = section.keys[language]
                error = self._source.error(place, f"'{language}' is no language of this flow")
                self._errors.catch(_raise, error)
            if isinstance(entry, Pairs):
                for text in entry.entries:
                    pattern = self._errors.catch(self._pattern, variables, language, text, entry)
                    if pattern is not None:
                        found.append(pattern)
        return tuple(found)

    def _pattern(self, variables: Mapping[str, Variable], language: str, text: str, entry: Pairs) -> SmsPattern:
        place, target = entry.keys[text], entry.entries[text]
        parts: list[str | SmsSlot] = []
        for word in text.split():
            if not word.startswith("{"):
                parts.append(word)
                continue
            name = word.strip("{}")
            if word != f"{{{name}}}" or name not in variables:
                hint = did_you_mean(name, variables) or "A slot is {variable}, declared under 'vars'."
                raise self._source.error(place, f"'{word}' is no variable of this flow", hint)
            if variables[name].type is Type.SECRET:
                message = f"'{name}' is a secret: a text never carries one"
                raise self._source.error(place, message, "A text is confirmed by a code.", "secret-by-text")
            parts.append(SmsSlot(name, variables[name].type))
        if not parts or not isinstance(parts[0], str):
            raise self._source.error(place, "a command begins with a word")
        if not isinstance(target, Scalar):
            raise self._source.error(target.place, "the name of a step is needed here")
        return SmsPattern(language, text, tuple(parts), target.text, target.place)


def _raise(error: LanguageError) -> None:
    raise error
