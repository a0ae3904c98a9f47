"""Reads the shape of a flow: what stands at the top of its files, its steps and its commands."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ParamSpec, TypeVar
from zoneinfo import ZoneInfo

from core_client.language.errors import LanguageError
from core_client.language.expressions import Expression
from core_client.language.source import Node, Pairs, Place, Scalar
from core_client.language.suggest import did_you_mean
from core_client.language.types import ExprType
from core_client.operations import Field, Type
from flows.errors import MAX_ERRORS, FlowError
from flows.model import (
    BY_CODE,
    BY_NUMBER,
    Edge,
    Flow,
    Gate,
    Notice,
    SmsPattern,
    SmsSlot,
    Step,
    Variable,
    Way,
)
from flows.reading.build import Build
from flows.reading.files import FlowFile
from flows.reading.names import SCHEDULE, built_in, notices_type, type_of
from flows.reading.sections import country_of, fallbacks_of, schedule_of, time_zone_of
from flows.reading.shape import DefaultsShape, FlowShape, PartShape, check_shape, over
from flows.schedules import Schedule
from flows.steps import KINDS, Learns, kind_of

VARIABLE_TYPES = tuple(t.value for t in Type if t not in (Type.LIST, Type.RECORD, Type.INTENT, Type.REASON))
MAX_ROUNDS = 20  # through names that are worked out of each other; in any sensible order one is enough
P = ParamSpec("P")
T = TypeVar("T")


def read_flow(files: tuple[FlowFile, ...]) -> Flow:
    """Read a flow of its files, its own first.

    Raises:
        FlowError: the first error by place, with the others in ``more``.
    """
    return _Reader(files).flow()


class _Errors:
    """Gathers the errors of one level."""

    def __init__(self, files: tuple[FlowFile, ...]) -> None:
        self._order = {file.source.name: number for number, file in enumerate(files)}
        self._found: list[FlowError] = []

    def catch(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Do ``work``; keep its error for the end of the level."""
        try:
            return work(*args, **kwargs)
        except FlowError as error:
            self._found.append(error)
            if len(self._found) >= MAX_ERRORS:
                self.raise_first()
            return None

    def raise_first(self) -> None:
        """End the level: raise the first error, with the others in ``more``."""
        if self._found:
            found = sorted(self._found, key=lambda error: (self._order.get(error.file, 0), error.line, error.column))
            found[0].more = tuple(found[1:])
            raise found[0]


@dataclass(frozen=True, slots=True)
class _Part:
    """One file, its shape, and what its steps take when they say nothing else."""

    file: FlowFile
    defaults: DefaultsShape


class _Reader:
    """Reads the shape of one flow."""

    def __init__(self, files: tuple[FlowFile, ...]) -> None:
        self._files = files
        self._source = files[0].source  # makes the errors of all of them
        self._root = files[0].root
        self._errors = _Errors(files)
        self._shape = check_shape(FlowShape, self._root, self._source, "the flow")
        self._languages = tuple(dict.fromkeys(self._shape.languages))
        self._names: dict[str, ExprType] = built_in(self._languages)
        self._parts = [_Part(files[0], self._shape.defaults)]
        for file in files[1:]:
            shape = check_shape(PartShape, file.root, self._source, "the included file")
            self._parts.append(_Part(file, over(self._shape.defaults, shape.defaults)))

    def flow(self) -> Flow:
        """Read it."""
        shape, root = self._shape, self._root
        if not self._languages:
            raise self._source.error(root.entries["languages"].place, "a flow speaks at least one language")
        zone = time_zone_of(self._source, root, shape.time_zone)
        country = country_of(self._source, root, shape.country)
        fallbacks = fallbacks_of(self._source, self._files[0].section("fallback"), self._languages)
        schedules = self._each("schedules", lambda name, place, node: self._schedule(name, place, node, zone))
        self._raise()
        self._names |= dict.fromkeys(schedules, SCHEDULE)
        self._names["notices"] = notices_type(name for name, _, _ in self._all("notices"))
        types = self._types()
        declared = frozenset(self._names)
        self._saved_by_steps(self._bare_build())
        self._raise()
        variables = self._variables(types)
        gates = self._each("gates", self._gate)
        self._raise()
        main = self._build(variables, gates, schedules)
        notices = self._each("notices", lambda name, place, node: Notice(name, place, main.saying(node)))
        main = replace(main, notices=notices)
        builds = {part.file.source.file: self._with_defaults(main, part) for part in self._parts[1:]}
        builds[""] = main
        steps = self._steps(builds)
        patterns = self._patterns(variables)
        self._raise()
        return Flow(
            name=shape.flow,
            file=self._source.name,
            version=hashlib.sha256(self._source.text.encode()).hexdigest(),
            languages=self._languages,
            currency=shape.currency,
            start=shape.start,
            start_place=root.entries["start"].place,
            steps=steps,
            variables=variables,
            gates=gates,
            keys=main.keys,
            sms_patterns=patterns,
            text_timeout_s=shape.defaults.text_timeout,
            source_text=self._source.text,
            included={file.source.file: file.source.text for file in self._files[1:]},
            fallbacks=fallbacks,
            time_zone=zone.key,
            country=country,
            schedules=schedules,
            notices=notices,
            saved=frozenset(self._names) - declared,
        )

    def _raise(self) -> None:
        self._errors.raise_first()

    # --- what stands at the top ---

    def _all(self, section: str) -> Iterator[tuple[str, Place, Node]]:
        """Answer the names, places and values of one section of all files; a name is told once."""
        first: dict[str, Place] = {}
        for part in self._parts:
            found = part.file.section(section)
            for name, node in found.entries.items():
                if name not in first:
                    first[name] = found.keys[name]
                    yield name, found.keys[name], node

    def _each(self, section: str, make: Callable[[str, Place, Node], T]) -> dict[str, T]:
        """Make something of every name of a section; its error, and a name that stands twice, are kept."""
        first: dict[str, Place] = {}
        made: dict[str, T] = {}
        for part in self._parts:
            found = part.file.section(section)
            for name, node in found.entries.items():
                place = found.keys[name]
                if name in first:
                    self._errors.catch(_raise, self._twice(name, place, first[name]))
                    continue
                first[name] = place
                result = self._errors.catch(make, name, place, node)
                if result is not None:
                    made[name] = result
        return made

    def _twice(self, name: str, place: Place, first: Place) -> LanguageError:
        file = self._source.family[first.file].name
        return self._source.error(place, f"'{name}' stands in {file} too", f"See {file}:{first.line}.", "include")

    def _schedule(self, name: str, place: Place, node: Node, zone: ZoneInfo) -> Schedule:
        if name in self._names:
            raise self._source.error(place, f"'{name}' is a name that every flow has", "Take another one.")
        return schedule_of(self._source, name, place, node, zone)

    def _types(self) -> dict[str, Type]:
        """Answer the types of the variables, and learn their names."""
        taken = dict(self._names)
        types = self._each("vars", lambda name, place, node: self._type(name, place, node, taken))
        self._raise()
        self._names |= {name: type_of(Field(type_), self._languages) for name, type_ in types.items()}
        return types

    def _variables(self, types: Mapping[str, Type]) -> dict[str, Variable]:
        found = {}
        for name, place, node in self._all("vars"):
            variable = self._errors.catch(self._variable, name, place, node, types[name])
            if variable is not None:
                found[name] = variable
        return found

    def _type(self, name: str, place: Place, node: Node, taken: Mapping[str, ExprType]) -> Type:
        if name in taken:
            whose = "a name that every flow has" if name in built_in(self._languages) else "a schedule of this flow"
            raise self._source.error(place, f"'{name}' is {whose}", "Take another one.")
        assert isinstance(node, Pairs)  # noqa: S101 - its shape was checked
        word = node.entries["type"]
        assert isinstance(word, Scalar)  # noqa: S101 - its shape was checked
        if word.text not in VARIABLE_TYPES:
            hint = did_you_mean(word.text, VARIABLE_TYPES) or f"There are: {', '.join(VARIABLE_TYPES)}."
            raise self._source.error(word.place, f"unknown type '{word.text}'", hint)
        return Type(word.text)

    def _variable(self, name: str, place: Place, node: Node, type_: Type) -> Variable:
        check: Expression | None = None
        found = node.get("check") if isinstance(node, Pairs) else None
        if found is not None:
            names = {**self._names, "value": self._names[name]}
            check = replace(self._bare_build(), names=names).condition(found)
        return Variable(name, type_, place, check)

    def _gate(self, name: str, place: Place, node: Node) -> Gate:
        assert isinstance(node, Pairs)  # noqa: S101 - its shape was checked
        sms = node.entries["sms"]
        assert isinstance(sms, Scalar)  # noqa: S101 - its shape was checked
        if sms.text not in (BY_NUMBER, BY_CODE):
            hint = did_you_mean(sms.text, (BY_NUMBER, BY_CODE)) or "By text: by_number or by_code."
            raise self._source.error(sms.place, f"'{sms.text}' proves nothing by text", hint)
        found = node.get("unless")
        build = self._bare_build()
        unless = build.condition(found) if found is not None else None
        return Gate(name, place, build.edge(node.entries["voice"], Way.GATE, name), sms.text, unless)

    # --- what steps are built with ---

    def _bare_build(self) -> Build:
        return Build(
            source=self._source,
            defaults=self._shape.defaults,
            languages=self._languages,
            currency=self._shape.currency,
            country=self._shape.country,
            names=self._names,
            variables={},
            gates={},
            keys={},
        )

    def _build(
        self, variables: dict[str, Variable], gates: Mapping[str, Gate], schedules: Mapping[str, Schedule]
    ) -> Build:
        """Answer what the steps of the flow's own file are built with."""
        keys = {
            key: Edge(node.text, node.place, Way.UNIVERSAL, key)
            for key, node in self._files[0].section("keys").entries.items()
            if isinstance(node, Scalar)
        }
        if not keys:
            keys = {key: Edge(target, self._root.place, Way.UNIVERSAL, key) for key, target in self._shape.keys.items()}
        build = replace(self._bare_build(), variables=variables, gates=gates, keys=keys, schedules=schedules)
        return self._with_defaults(build, self._parts[0])

    def _with_defaults(self, build: Build, part: _Part) -> Build:
        """Answer the same with the defaults of one file, over those that ``build`` has."""
        defaults = part.file.section("defaults")
        if not defaults.entries:
            return build
        wait = defaults.get("wait")
        filler = wait.get("prompt") if isinstance(wait, Pairs) else None
        retries = tuple(
            build.by_attempt(found) if (found := defaults.get(word)) is not None else default
            for word, default in zip(("no_input", "no_match"), build.retries, strict=True)
        )
        return replace(
            build,
            defaults=part.defaults,
            default_filler=filler or build.default_filler,
            on_fail=defaults.get("on_fail") or build.on_fail,
            retries=(retries[0], retries[1]),
        )

    # --- steps ---

    def _saved_by_steps(self, build: Build) -> None:
        """Learn the names that steps save, with their types, before any expression is read.

        A name can be worked out of another one: what cannot be read yet is tried again, as long as there is news.
        """
        waiting = []
        for _, _, entry in self._all("steps"):
            kinds = kind_of(entry.entries) if isinstance(entry, Pairs) else ()
            if isinstance(entry, Pairs) and len(kinds) == 1 and (learns := KINDS[kinds[0]].learns) is not None:
                waiting.append((learns, entry))
        quiet = replace(build, hints=False)
        for _ in range(MAX_ROUNDS):
            again = [each for each in waiting if not self._learned(quiet, *each)]
            if len(again) == len(waiting):
                break
            again.reverse()  # names that were given in the wrong order are learned in one round
            waiting = again
        for learns, entry in waiting:
            self._errors.catch(self._learn_all, build, learns, entry)

    def _learned(self, build: Build, learns: Learns, entry: Pairs) -> bool:
        try:
            self._learn_all(build, learns, entry)
        except FlowError:
            return False
        return True

    def _learn_all(self, build: Build, learns: Learns, entry: Pairs) -> None:
        for saved, type_ in learns(build, entry):
            self._learn(saved, type_)

    def _learn(self, saved: Node, type_: ExprType) -> None:
        if not isinstance(saved, Scalar):
            return  # the step's shape says so
        known = self._names.get(saved.text)
        if known is not None and known != type_:
            raise self._source.error(saved.place, f"'{saved.text}' is already something else", "Take another name.")
        self._names[saved.text] = type_

    def _steps(self, builds: Mapping[str, Build]) -> dict[str, Step]:
        return self._each("steps", lambda name, place, node: self._step(builds[place.file], name, place, node))

    def _step(self, build: Build, name: str, place: Place, entry: Node) -> Step:
        if not isinstance(entry, Pairs):
            raise self._source.error(entry.place, f"step '{name}' must be a mapping of keys", "As in: {say: [...]}")
        kinds = kind_of(entry.entries)
        if not kinds:
            for key in entry.entries:
                if hint := did_you_mean(key, KINDS):
                    raise self._source.error(entry.keys[key], f"unknown key '{key}' in step '{name}'", hint)
            raise self._source.error(place, f"step '{name}' does nothing", f"It is one of: {', '.join(KINDS)}.")
        if len(kinds) > 1:
            first, second = sorted(kinds[:2], key=entry.keys.__getitem__)
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
        found: list[SmsPattern] = []
        first: dict[tuple[str, str], Place] = {}
        for part in self._parts:
            section = part.file.section("sms")
            for language, entry in section.entries.items():
                if language not in self._languages:
                    place = section.keys[language]
                    error = self._source.error(place, f"'{language}' is no language of this flow")
                    self._errors.catch(_raise, error)
                if not isinstance(entry, Pairs):
                    continue  # the file's shape says so
                for text, target in entry.entries.items():
                    place = entry.keys[text]
                    if (language, text) in first:
                        self._errors.catch(_raise, self._twice(text, place, first[language, text]))
                        continue
                    first[language, text] = place
                    pattern = self._errors.catch(self._pattern, variables, language, text, place, target)
                    if pattern is not None:
                        found.append(pattern)
        return tuple(found)

    def _pattern(
        self, variables: Mapping[str, Variable], language: str, text: str, place: Place, target: Node
    ) -> SmsPattern:
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
