"""The shapes that YAML must have, as pydantic models, and errors put at the very word that is wrong.

The kind of a step is chosen first and only its model validated, so that an error names the step's own keys. What is
said, and expressions, are checked by :mod:`flows.reading.build`, which knows the flow's names.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError, WithJsonSchema

from core_client.language.errors import LanguageError
from core_client.language.source import Items, Node, Pairs, Place, Scalar, Source, plain
from core_client.language.suggest import did_you_mean
from flows.schedules import CLOSED, date_of, dates_of, days_of, spans_of
from flows.zones import DEFAULT_ZONE

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"^(\d{1,6})(ms|s|m|h)$")
_DIGITS = re.compile(r"^(\d{1,2})(?:\.\.(\d{1,2}))?$")
MAX_DURATION_S = 24 * 3600.0
MAX_TRIES = 9  # after nine the caller is not helped by a tenth
MAX_DIGITS = 32  # the longest account numbers (IBAN 34) are never keyed

M = TypeVar("M", bound=BaseModel)


def _duration(value: object) -> float:
    match = _DURATION.match(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("a time is written with its unit: 6s, 1500ms, 10m")
    seconds = int(match[1]) * _UNITS[match[2]]
    if not 0 < seconds <= MAX_DURATION_S:
        raise ValueError("a time between 1ms and 24h is needed")
    return seconds


def _read_with(read: Callable[[str], object]) -> Callable[[object], object]:
    """Check a text by reading it; what was read is made anew where it is needed."""

    def check(value: object) -> object:
        if not isinstance(value, str):
            raise ValueError("one word is needed here")  # noqa: TRY004 - pydantic takes a ValueError
        read(value)
        return value

    return check


def _hours(value: object) -> object:
    for span in value if isinstance(value, list) else [value]:
        if span != CLOSED:
            _read_with(spans_of)(span)
    return value


def _digit_range(value: object) -> tuple[int, int]:
    match = _DIGITS.match(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("how many digits is written 6, or 1..9 for a range")
    low, high = int(match[1]), int(match[2] or match[1])
    if not 1 <= low <= high <= MAX_DIGITS:
        raise ValueError(f"between 1 and {MAX_DIGITS} digits, the smaller number first")
    return low, high


def _flag(value: object) -> bool:
    if value not in ("true", "false"):  # YAML's own yes, no, on and off mean something else to every reader
        raise ValueError("true or false is needed")
    return value == "true"


def _tries(value: object) -> int:
    if not isinstance(value, str) or not re.fullmatch(rf"[1-{MAX_TRIES}]", value):
        raise ValueError(f"between 1 and {MAX_TRIES} tries")
    return int(value)


Duration = Annotated[
    float,
    BeforeValidator(_duration),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,6}(ms|s|m|h)$", "description": "6s, 1500ms, 10m"}),
]
DigitRange = Annotated[
    tuple[int, int],
    BeforeValidator(_digit_range),
    WithJsonSchema(
        {
            "type": ["string", "integer"],
            "pattern": r"^\d{1,2}(\.\.\d{1,2})?$",
            "minimum": 1,
            "maximum": MAX_DIGITS,
            "description": "6, or 1..9 for a range",
        }
    ),
]
_DAY = r"(mon|tue|wed|thu|fri|sat|sun)"
_HOURS = r"^(\d\d:\d\d-\d\d:\d\d|closed)$"
_DATE = r"\d{4}-\d\d-\d\d"
Days = Annotated[
    str, BeforeValidator(_read_with(days_of)), WithJsonSchema({"type": "string", "pattern": rf"^{_DAY}(-{_DAY})?$"})
]
Hours = Annotated[
    Any,
    BeforeValidator(_hours),
    WithJsonSchema(
        {
            "type": ["string", "array"],
            "pattern": _HOURS,
            "items": {"type": "string", "pattern": _HOURS},
            "description": "09:00-17:30, several of them, or closed",
        }
    ),
]
Day = Annotated[str, BeforeValidator(_read_with(date_of)), WithJsonSchema({"type": "string", "pattern": rf"^{_DATE}$"})]
Dates = Annotated[
    str,
    BeforeValidator(_read_with(dates_of)),
    WithJsonSchema({"type": "string", "pattern": rf"^{_DATE}(\.\.{_DATE})?$"}),
]
Flag = Annotated[bool, BeforeValidator(_flag), WithJsonSchema({"type": "boolean"})]
Tries = Annotated[int, BeforeValidator(_tries), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_TRIES})]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
Key = Annotated[str, StringConstraints(pattern=r"^[0-9*#]$")]
Expr = Annotated[Any, WithJsonSchema({"type": ["string", "number", "boolean"], "description": "an expression"})]
Says = Annotated[
    Any,
    WithJsonSchema(
        {"type": ["string", "array", "object"], "description": "prompt ids and values: [your_balance_is, {money: x}]"}
    ),
]


class Shape(BaseModel):
    """A mapping with these keys and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=lambda name: name.rstrip("_"))


class WaitShape(Shape):
    """How long the bank may take, and what is said meanwhile."""

    prompt: Name | None = None
    after: Duration | None = None
    limit: Duration | None = None


class StepShape(Shape):
    """What every step may have."""

    needs: Any = None
    channels: list[str] | None = None


class InputShape(StepShape):
    """What every step that waits for keys may have."""

    no_input: Says = None
    no_match: Says = None
    tries: Tries | None = None
    on_fail: Name | None = None
    timeout: Duration | None = None
    digit_timeout: Duration | None = None
    barge_in: Flag | None = None


class DefaultsShape(Shape):
    """What steps take when they say nothing else."""

    barge_in: Flag = True
    timeout: Duration = 6.0
    digit_timeout: Duration = 3.0
    text_timeout: Duration = 600.0
    tries: Tries = 3
    on_fail: Name
    no_input: Says = None
    no_match: Says = None
    wait: WaitShape = WaitShape()


class PartDefaultsShape(Shape):
    """What the steps of an included file take instead of what the flow's own file says."""

    barge_in: Flag | None = None
    timeout: Duration | None = None
    digit_timeout: Duration | None = None
    tries: Tries | None = None
    on_fail: Name | None = None
    no_input: Says = None
    no_match: Says = None
    wait: WaitShape | None = None


def over(defaults: DefaultsShape, part: PartDefaultsShape | None) -> DefaultsShape:
    """Answer ``defaults`` with what ``part`` says instead."""
    if part is None:
        return defaults
    own = {name: value for name in part.model_fields_set if (value := getattr(part, name)) is not None}
    if part.wait is not None:
        waits = {name: value for name in part.wait.model_fields_set if (value := getattr(part.wait, name)) is not None}
        own["wait"] = defaults.wait.model_copy(update=waits)
    return defaults.model_copy(update=own)


class VariableShape(Shape):
    """A variable that a question fills."""

    type: str
    check: Expr = None


class GateShape(Shape):
    """How something is proved, by channel."""

    voice: Name
    sms: str
    unless: Expr = None


class ScheduleShape(Shape):
    """When a line is open; see :mod:`flows.schedules`."""

    open: dict[Days, Hours]
    holidays: list[Dates] = []
    special: dict[Day, Hours] = {}


class FileShape(Shape):
    """What every file of a flow may have."""

    include: list[str] = []
    vars: dict[Name, VariableShape] = {}
    gates: dict[Name, GateShape] = {}
    schedules: dict[Name, ScheduleShape] = {}
    notices: dict[Name, Says] = {}
    sms: dict[str, dict[str, Name]] = {}
    steps: dict[Name, Any] = {}


class PartShape(FileShape):
    """An included file."""

    defaults: PartDefaultsShape | None = None


class FlowShape(FileShape):
    """A flow file."""

    flow: Name
    languages: list[Language]
    fallback: dict[Language, list[Language]] = {}
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "CNY"
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] = "CN"
    time_zone: str = DEFAULT_ZONE
    start: Name
    defaults: DefaultsShape
    keys: dict[Key, Name] = {"*": "back", "9": "repeat"}


def check_shape(model: type[M], node: Node, source: Source, what: str) -> M:
    """Validate ``node`` as ``model``.

    Raises:
        LanguageError: at the word that is wrong; further ones are in ``more`` where the error has it.
    """
    if not isinstance(node, Pairs):
        raise source.error(node.place, f"{what} must be a mapping of keys", f"As in: {_example(model)}")
    try:
        return model.model_validate(_given(model, node))
    except ValidationError as problem:
        found = problem.errors(include_url=False)
        # A key that is missing is often one that is misspelt: then the misspelt one is told.
        found = [error for error in found if error["type"] != "missing"] or found
        errors = [_place_error(error, model, node, source, what) for error in found]
        raise min(errors, key=lambda error: (error.line, error.column)) from None


def _given(model: type[BaseModel], node: Pairs) -> dict[str, Any]:
    """Answer what ``model`` validates: plain texts, but for what it takes as it is."""
    untouched, only_keys = _taken_as_it_is(model)
    given: dict[str, Any] = {}
    for key, value in node.entries.items():
        if key in untouched or (key in only_keys and isinstance(value, Pairs)):
            given[key] = value.entries if isinstance(value, Pairs) and key in only_keys else value
        else:
            given[key] = plain(value)
    return given


@functools.cache
def _taken_as_it_is(model: type[BaseModel]) -> tuple[frozenset[str], frozenset[str]]:
    """Answer the keys of a model whose values it does not look at, and those of whose values it only reads the keys."""
    untouched, only_keys = set(), set()
    for name, info in model.model_fields.items():
        checked = any(isinstance(each, BeforeValidator) for each in info.metadata)
        if info.annotation is Any and not checked:
            untouched.add(name.rstrip("_"))
        elif get_origin(info.annotation) is dict and get_args(info.annotation)[1] is Any:
            only_keys.add(name.rstrip("_"))
    return frozenset(untouched), frozenset(only_keys)


def _example(model: type[BaseModel]) -> str:
    needed = (name.rstrip("_") for name, info in model.model_fields.items() if info.is_required())
    return ", ".join(f"{name}: ..." for name in needed) or "key: value"


def _place_error(error: Any, model: type[BaseModel], node: Pairs, source: Source, what: str) -> LanguageError:
    place, path, found = locate(node, error["loc"])
    inside = f"{what}, '{path}'" if path else what
    kind = error["type"]
    if kind == "extra_forbidden":
        key = str(error["loc"][-1])
        parent, _ = _parent(node, error["loc"])
        place = parent.keys.get(key, place) if parent is not None else place
        known = _fields_at(model, error["loc"][:-1])
        return source.error(place, f"unknown key '{key}' in {what}", did_you_mean(key, known) or _has(known))
    if kind == "missing":
        return source.error(place, f"{inside} needs '{error['loc'][-1]}'")
    if kind == "value_error":
        return source.error(place, f"{inside}: {error['msg'].removeprefix('Value error, ')}")
    if kind == "string_pattern_mismatch":
        shown = found.text[:64] if isinstance(found, Scalar) else str(error["loc"][-1])
        message = f"{inside}: '{shown}' cannot stand here" if shown else f"{inside}: a word is missing here"
        return source.error(place, message, _HINTS.get(error["ctx"]["pattern"], ""))
    return source.error(place, f"{inside}: {_words(kind, error['msg'])}")


# What a pattern asks for, in words.
_HINTS = {
    r"^[a-z][a-z0-9_]{0,63}$": "Names are lower case letters, digits and _, as in send_payee.",
    r"^[a-z]{2,3}$": "A language is two or three letters, as in zh.",
    r"^[0-9*#]$": "A key is one of 0 to 9, * and #.",
    r"^[A-Z]{3}$": "Three capital letters, as in CNY.",
    r"^[A-Z]{2}$": "Two capital letters, as in CN.",
    r"^[#*]?$": "It is # or *.",
}


def _words(kind: str, message: str) -> str:
    if kind.startswith("int_"):
        return "a whole number is needed"
    if kind.startswith("bool_"):
        return "true or false is needed"
    if kind == "string_type":
        return "one word is needed here"
    if kind == "list_type":
        return "a list is needed, as in [a, b]"
    if kind == "greater_than_equal":
        return message.replace("Input should be greater than or equal to", "at least") + " is needed"
    if kind == "less_than_equal":
        return message.replace("Input should be less than or equal to", "at most") + " can stand here"
    if kind == "too_short":
        return "at least one is needed"
    if kind in ("dict_type", "model_type", "model_attributes_type"):
        return "a mapping of keys is needed"
    return message[:1].lower() + message[1:]


def _has(known: Iterable[str]) -> str:
    words = sorted(known)
    return f"It has: {', '.join(words)}." if words else ""


def locate(node: Node, loc: tuple[int | str, ...]) -> tuple[Place, str, Node]:
    """Walk ``loc`` as far as it leads; answer the place, the last key on the way, and what stands there."""
    place, path = node.place, ""
    owner: Pairs | None = None
    for part in loc:
        if isinstance(node, Pairs) and isinstance(part, str) and part in node.entries:
            owner, node, path = node, node.entries[part], part
            place = node.place
        elif isinstance(node, Items) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            place = node.place
        elif owner is not None and part == "[key]":
            place = owner.keys[path]
            node = Scalar(path, place)
    return place, path, node


def _parent(node: Node, loc: tuple[int | str, ...]) -> tuple[Pairs | None, str]:
    _, path, found = locate(node, loc[:-1])
    return (found if isinstance(found, Pairs) else None), path


def _fields_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> tuple[str, ...]:
    current: type[BaseModel] = model
    for part in loc:
        info = current.model_fields.get(str(part)) or current.model_fields.get(f"{part}_")
        if info is None:
            continue
        found = _model_in(info.annotation)
        if found is None:
            return ()
        current = found
    return tuple(name.rstrip("_") for name in current.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        found = _model_in(part)
        if found is not None:
            return found
    return None
