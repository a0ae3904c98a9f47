"""Reads settings from TOML and the environment into a pydantic model, and turns every fault into a ConfigError."""

from __future__ import annotations

import re
import tomllib
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from core_client.language.suggest import did_you_mean
from tellerline.errors import ConfigError

PREFIX = "TELLERLINE_"
WELL_KNOWN = {"REDIS_URL": ("store", "url"), "DATABASE_URL": ("bank", "database_url")}
MAX_FILE_BYTES = 256 * 1024
MASKED = "***"
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, as the reference and ``config show`` print it."""

    section: str
    key: str
    default: str
    meaning: str
    variable: str
    value: str = ""


def read_settings(model: type[Model], file: Path | None, environ: Mapping[str, str]) -> Model:
    """Answer ``model`` filled from ``file`` and, over it, ``environ``.

    Raises:
        ConfigError: the first fault found.
    """
    text, data = _toml(file) if file is not None else ("", {})
    sources: dict[tuple[str, str], str] = {}
    values: dict[str, dict[str, Any]] = {}
    for section, content in data.items():
        known = _section(model, section)
        if known is None:
            raise ConfigError(
                f"[{section}]", "no such section", _nearest(section, model.model_fields), _at(file, text, section, None)
            )
        if not isinstance(content, dict):
            place = _at(file, text, None, section)
            raise ConfigError(section, "a section is wanted", f"Write [{section}] on a line of its own.", place)
        values[section] = {}
        for key, value in content.items():
            place = _at(file, text, section, key)
            if key not in known.model_fields:
                raise ConfigError(f"{section}.{key}", "no such setting", _nearest(key, known.model_fields), place)
            values[section][key] = value
            sources[section, key] = place
    for section, key, value, source in _from_environment(model, environ):
        values.setdefault(section, {})[key] = value
        sources[section, key] = source
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _explained(model, error, sources) from None


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
    return field.annotation if field is not None and isinstance(field.annotation, type) else None


def _from_environment(model: type[BaseModel], environ: Mapping[str, str]) -> Iterator[tuple[str, str, Any, str]]:
    for variable, (section, key) in WELL_KNOWN.items():
        if environ.get(variable):
            yield section, key, environ[variable], f"environment {variable}"
    for variable, text in sorted(environ.items()):
        if not variable.startswith(PREFIX):
            continue
        section, _, key = variable.removeprefix(PREFIX).lower().partition("_")
        known = _section(model, section)
        if known is None:
            continue  # TELLERLINE_CONFIG, and what others keep under our name
        field = known.model_fields.get(key)
        if field is None:
            raise ConfigError(f"{section}.{key}", "no such setting", _nearest(key, known.model_fields), variable)
        yield section, key, _from_text(field, text), f"environment {variable}"


def _from_text(field: FieldInfo, text: str) -> Any:
    origin = typing.get_origin(field.annotation)
    if origin is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    if text == "" and origin in (types.UnionType, typing.Union):
        return None
    return text


def _at(file: Path | None, text: str, section: str | None, key: str | None) -> str:
    """Answer ``file:line`` of a section or a key in it."""
    inside, wanted = "", section or ""
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"^\s*\[([^\[\]]+)\]", line)
        if header:
            inside = header[1].strip().strip('"')
            if key is None and inside == wanted:
                return f"{file}:{number}"
        elif key is not None and inside == wanted and re.match(rf'^\s*"?{re.escape(key)}"?\s*=', line):
            return f"{file}:{number}"
    return str(file)


def _explained(model: type[BaseModel], error: ValidationError, sources: Mapping[tuple[str, str], str]) -> ConfigError:
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    section, key = str(fault["loc"][0]), str(fault["loc"][1]) if len(fault["loc"]) > 1 else ""
    known = _section(model, section)
    meaning = ""
    if known is not None and key in known.model_fields:
        meaning = known.model_fields[key].description or ""
    message = fault["msg"].removeprefix("Value error, ")
    default = _default_text(known.model_fields[key]) if known is not None and key in known.model_fields else ""
    if not key:  # several settings of the section do not fit together
        return ConfigError(f"[{section}]", message, "Look at 'tellerline config reference' for the defaults.")
    return ConfigError(f"{section}.{key}", message, f"{meaning} Default: {default}.", sources.get((section, key), ""))


# --- reference ---------------------------------------------------------------------------------------------------


def settings(model: type[BaseModel], current: BaseModel | None = None) -> Iterator[Setting]:
    """Answer every setting with its default and meaning, and its value in ``current``; secrets are masked."""
    for section, field in model.model_fields.items():
        inner = field.annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            continue
        for key, item in inner.model_fields.items():
            value = ""
            if current is not None:
                value = shown(getattr(getattr(current, section), key))
            variable = f"{PREFIX}{section}_{key}".upper()
            yield Setting(section, key, _default_text(item), item.description or "", variable, value)


def shown(value: object) -> str:
    """Answer a value as it may be printed."""
    if value is None:
        return "(none)"
    if isinstance(value, SecretStr):
        return MASKED if value.get_secret_value() else "(empty)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value)


def _default_text(field: FieldInfo) -> str:
    return "(required)" if field.default is PydanticUndefined else shown(field.default)


def section_titles(model: type[BaseModel]) -> Mapping[str, str]:
    """Answer what each section is for: the first sentence of its class."""
    titles = {}
    for section, field in model.model_fields.items():
        doc = field.annotation.__doc__ if isinstance(field.annotation, type) else ""
        titles[section] = (doc or "").strip()
    return titles
