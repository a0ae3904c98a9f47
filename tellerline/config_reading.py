"""Reads settings from TOML and the environment into a pydantic model, and turns every fault into a ConfigError."""

from __future__ import annotations

import tomllib
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticUndefined

from core_client.language.suggest import did_you_mean
from tellerline.config_places import Places, Step, named
from tellerline.errors import ConfigError

PREFIX = "TELLERLINE_"
OTHERS_OF_OURS = ("TELLERLINE_SMS_PASSWORD_",)  # beginnings of variables that settings name, as `password_env` does
WELL_KNOWN = {"REDIS_URL": ("store", "url"), "DATABASE_URL": ("bank", "database_url")}
MAX_FILE_BYTES = 256 * 1024
MASKED = "***"
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, as the reference and ``config show`` print it."""

    section: str  # as agi, sms.alarms; of a list sms.operators[], and with its values sms.operators[north]
    key: str
    default: str
    meaning: str
    variable: str  # empty: the environment cannot set it
    value: str = ""


def read_settings(model: type[Model], file: Path | None, environ: Mapping[str, str], *, secrets: bool = True) -> Model:
    """Answer ``model`` filled from ``file`` and, over it, ``environ``.

    Raises:
        ConfigError: the first fault found.
    """
    text, data = _toml(file) if file is not None else ("", {})
    where = _Where(file, Places(text))
    values: dict[str, dict[str, Any]] = {}
    for section, content in data.items():
        known = _section(model, section)
        if known is None:
            raise ConfigError(
                f"[{section}]", "no such section", _nearest(section, model.model_fields), where.of((section,))
            )
        if not isinstance(content, dict):
            mend = f"Write [{section}] on a line of its own."
            raise ConfigError(section, "a section is wanted", mend, where.of((section,)))
        values[section] = dict(content)
        for key in content:
            if key not in known.model_fields:
                place = where.of((section, key))
                raise ConfigError(f"{section}.{key}", "no such setting", _nearest(key, known.model_fields), place)
    for path, value, variable in _from_environment(model, environ):
        table: dict[str, Any] = values
        for step in path[:-1]:
            inner = table.get(step)
            table[step] = dict(inner) if isinstance(inner, Mapping) else {}
            table = table[step]
        table[path[-1]] = value
        where.variables[path] = variable
    try:
        return model.model_validate(values, context={"environ": environ, "secrets": secrets})
    except ValidationError as error:
        raise _explained(model, error, values, where) from None


class _Where:
    """Where values come from."""

    def __init__(self, file: Path | None, places: Places) -> None:
        self._file = file
        self._places = places
        self.variables: dict[tuple[str, ...], str] = {}

    def of(self, path: Sequence[Step]) -> str:
        """Answer the variable, or ``file:line``, that set what ``path`` names; empty: nothing did."""
        for length in range(len(path), 1, -1):
            variable = self.variables.get(tuple(str(step) for step in path[:length]))
            if variable is not None:
                return f"environment {variable}"
        line = self._places.line(path)
        return f"{self._file}:{line}" if line is not None else ""


def _nearest(word: str, known: Iterable[str]) -> str:
    return did_you_mean(word, known) or f"Known: {', '.join(known)}."


def _toml(file: Path) -> tuple[str, dict[str, Any]]:
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise ConfigError(
            str(file), f"cannot be read: {error.strerror}", "Name an existing file with -c, or leave -c out."
        ) from None
    if len(raw) > MAX_FILE_BYTES:
        raise ConfigError(str(file), "far too large for a configuration", "Is it the right file?")
    try:
        text = raw.decode("utf-8")
        return text, tomllib.loads(text)
    except UnicodeDecodeError:
        raise ConfigError(str(file), "not UTF-8 text", "Save it as UTF-8.") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(str(file), f"not TOML: {error}", 'Text needs quotes, as in host = "127.0.0.1".') from None


def _section(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    field = model.model_fields.get(name)
    return None if field is None or _is_list(field) else _inner(field.annotation)


def _is_list(field: FieldInfo) -> bool:
    return typing.get_origin(field.annotation) is tuple


def _inner(annotation: Any) -> type[BaseModel] | None:
    """Answer the model in ``Model``, ``Model | None`` and ``tuple[Model, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in typing.get_args(annotation) if (found := _inner(part)) is not None), None)


def _from_environment(model: type[BaseModel], environ: Mapping[str, str]) -> Iterator[tuple[tuple[str, ...], Any, str]]:
    path: tuple[str, ...]
    for variable, path in WELL_KNOWN.items():
        if environ.get(variable):
            yield path, environ[variable], variable
    for variable, text in sorted(environ.items()):
        if not variable.startswith(PREFIX) or variable.startswith(OTHERS_OF_OURS):
            continue
        name = variable.removeprefix(PREFIX).lower()
        section = next((one for one in model.model_fields if name.startswith(f"{one}_")), "")
        known, key = _section(model, section), name.removeprefix(f"{section}_")
        if known is None:
            continue  # TELLERLINE_CONFIG, and what others keep under our name
        found = _field(known, key)
        if found is None:
            raise ConfigError(f"{section}.{key}", "no such setting", _nearest(key, known.model_fields), variable)
        path, field = found
        yield (section, *path), _from_text(field, text), variable


def _field(model: type[BaseModel], key: str) -> tuple[tuple[str, ...], FieldInfo] | None:
    """Answer the field that ``key`` names: ``port``, or ``alarms_again_s`` for ``again_s`` of the table ``alarms``."""
    if key in model.model_fields:
        return (key,), model.model_fields[key]
    for name in model.model_fields:
        inner = _section(model, name)
        if inner is not None and key.startswith(f"{name}_"):
            found = _field(inner, key.removeprefix(f"{name}_"))
            if found is not None:
                return (name, *found[0]), found[1]
    return None


def _from_text(field: FieldInfo, text: str) -> Any:
    origin = typing.get_origin(field.annotation)
    if origin is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    if origin is dict:
        pairs = (part.partition("=") for part in text.split(",") if part.strip())
        return {key.strip(): value.strip() for key, _, value in pairs}
    if origin in (types.UnionType, typing.Union):
        if text == "":
            return None
        if _inner(field.annotation) is not None and text.lower() in ("true", "false"):
            return text.lower() == "true"  # a table that a word switches on
    return text


def _explained(model: type[BaseModel], error: ValidationError, values: Mapping[str, Any], where: _Where) -> ConfigError:
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    loc = fault["loc"]
    inside, field = _at(model, loc)
    told, place = named(loc, values), where.of(loc)
    if fault["type"] == "extra_forbidden":
        return ConfigError(told, "no such setting", _nearest(str(loc[-1]), inside.model_fields), place)
    if fault["type"] == "missing":
        mend = f"{field.description} " if field is not None and field.description else ""
        return ConfigError(told, "it is missing", f"{mend}It has no default.", place)
    message = _message(fault)
    if field is None:  # several settings of a table do not fit together
        mend = "Look at 'tellerline config reference' for the defaults."
        return ConfigError(f"[{told}]", message, mend, where.of(loc) if len(loc) > 1 else "")
    default = "" if field.default is PydanticUndefined else f" Default: {_default_text(field)}."
    return ConfigError(told, message, f"{field.description}{default}", place)


def _message(fault: ErrorDetails) -> str:
    return fault["msg"].removeprefix("Value error, ")


def _at(model: type[BaseModel], loc: Sequence[Step]) -> tuple[type[BaseModel], FieldInfo | None]:
    """Answer the innermost model of a place, and the field of it that the place is in; None: the model as a whole."""
    field: FieldInfo | None = None
    for step in loc:
        inner = _inner(field.annotation) if field is not None else None
        if isinstance(step, int):
            if inner is not None:
                model, field = inner, None
            continue
        if field is not None:
            if inner is None:
                return model, field  # inside a value, as a key of a table
            model = inner
        field = model.model_fields.get(step)
        if field is None:
            return model, None
    if field is not None and not _is_list(field) and (inner := _inner(field.annotation)) is not None:
        return inner, None
    return model, field


# --- reference ---------------------------------------------------------------------------------------------------


def settings(model: type[BaseModel], current: BaseModel | None = None) -> Iterator[Setting]:
    """Answer every setting with its default and meaning, and its value in ``current``; secrets are masked.

    A list of tables is answered once with its defaults, and with ``current`` once for each of its items.
    """
    for section in model.model_fields:
        inner = _section(model, section)
        if inner is not None:
            value = getattr(current, section) if current is not None else None
            yield from _settings(inner, section, value, f"{PREFIX}{section}_".upper(), of=current is not None)


def _settings(
    model: type[BaseModel], section: str, current: BaseModel | None, variables: str, *, of: bool
) -> Iterator[Setting]:
    """Answer the settings of one section, then those of the tables in it. ``of``: with values, those of ``current``."""
    tables = []
    for key, field in model.model_fields.items():
        inner = _inner(field.annotation)
        value = getattr(current, key) if current is not None else None
        if inner is not None and not _is_value(inner) and not (of and value is None):
            tables.append((key, inner, value, _is_list(field)))
            continue
        variable = f"{variables}{key}".upper() if variables else ""
        yield Setting(section, key, _default_text(field), field.description or "", variable, shown(value) if of else "")
    for key, inner, value, is_list in tables:
        if not is_list:
            below = f"{variables}{key}_".upper() if variables else ""
            yield from _settings(inner, f"{section}.{key}", value, below, of=of)
        elif not of:
            yield from _settings(inner, f"{section}.{key}[]", None, "", of=False)
        else:
            for number, item in enumerate(value or (), start=1):
                name = getattr(item, "name", number)
                yield from _settings(inner, f"{section}.{key}[{name}]", item, "", of=True)


def _is_value(model: type[BaseModel]) -> bool:
    """Answer whether a model writes itself as one value, so that it needs no table of its own."""
    return model.__str__ is not BaseModel.__str__


def shown(value: object) -> str:
    """Answer a value as it may be printed."""
    if value is None:
        return "(none)"
    if isinstance(value, SecretStr):
        return MASKED if value.get_secret_value() else "(empty)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, tuple):
        return ", ".join(shown(item) if item != "" else '""' for item in value) or "(none)"
    if isinstance(value, Mapping):
        pairs = (
            f"{shown(key)}={'/'.join(map(str, item)) if isinstance(item, tuple) else shown(item)}"
            for key, item in value.items()
        )
        return ", ".join(pairs) or "(none)"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _default_text(field: FieldInfo) -> str:
    return "(required)" if field.default is PydanticUndefined else shown(field.default)


def section_titles(model: type[BaseModel]) -> Mapping[str, str]:
    """Answer what each section is for, by the name that :func:`settings` gives it: the first line of its class."""
    titles: dict[str, str] = {}
    for section in model.model_fields:
        inner = _section(model, section)
        if inner is not None:
            _titles(inner, section, titles)
    return titles


def _titles(model: type[BaseModel], section: str, titles: dict[str, str]) -> None:
    titles[section] = (model.__doc__ or "").strip()
    for key, field in model.model_fields.items():
        inner = _inner(field.annotation)
        if inner is not None and not _is_value(inner):
            _titles(inner, f"{section}.{key}[]" if _is_list(field) else f"{section}.{key}", titles)
