"""One of the two versions that are compared: plain data, written one way however it was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from core_client.language.source import Source, parse, plain
from flows.dialogue import Channel
from flows.reading.shape import FlowShape
from flows.releases.bundle import Bundle, Texts
from flows.steps import kind_of

Plain: TypeAlias = Any  # str, a list of Plain, or a dict of Plain by text

SECTIONS = ("gates", "vars", "schedules", "notices", "steps")
ONLY_ONCE = ("flow", "languages", "start", "currency", "country", "time_zone", "fallback", "include")
_ASSUMED = {
    name: info.get_default(call_default_factory=True)
    for name, info in FlowShape.model_fields.items()
    if not info.is_required()
}
_SAYS = ("menu", "confirm", "say", "no_input", "no_match", "prompt", "item")


@dataclass(frozen=True, slots=True)
class Side:
    """A version of a flow."""

    top: Mapping[str, Plain]
    defaults: Mapping[str, Mapping[str, Plain]]  # by file; "" is the flow's own
    keys: Mapping[str, str]
    sections: Mapping[str, dict[str, Plain]]
    origin: Mapping[tuple[str, str], str]  # (section, name) -> the included file that it stands in
    sms: Mapping[str, Mapping[str, str]]
    texts: Texts = field(default_factory=dict)
    audio: Mapping[str, str] = field(default_factory=dict)
    fragments: Mapping[str, str] = field(default_factory=dict)

    @property
    def steps(self) -> dict[str, Plain]:
        """The steps, by name."""
        return self.sections["steps"]


def side_of(bundle: Bundle) -> Side:
    """Read one version."""
    sections: dict[str, dict[str, Plain]] = {name: {} for name in SECTIONS}
    origin: dict[tuple[str, str], str] = {}
    defaults: dict[str, Mapping[str, Plain]] = {}
    sms: dict[str, dict[str, str]] = {}
    main: dict[str, Plain] = {}
    for file, text in bundle.files.items():
        root = _mapping(plain(parse(Source(file, text))))
        included = "" if file == bundle.main else file
        if not included:
            main = root
        if root.get("defaults"):
            defaults[included] = {name: _normal(name, value) for name, value in _mapping(root["defaults"]).items()}
        for section in SECTIONS:
            for name, value in _mapping(root.get(section)).items():
                sections[section][name] = _entry(section, value)
                if included:
                    origin[section, name] = included
        for language, commands in _mapping(root.get("sms")).items():
            sms.setdefault(language, {}).update(_mapping(commands))
    keys = _mapping(main.get("keys")) or dict(_ASSUMED["keys"])
    top = {name: main.get(name, _ASSUMED.get(name)) for name in ONLY_ONCE}
    return Side(top, defaults, keys, sections, origin, sms, bundle.texts, bundle.audio, bundle.fragments)


def kind_in(step: Plain) -> str:
    """Answer the kind of a step, as ``menu``."""
    kinds = kind_of(step)
    return kinds[0] if kinds else "step"


def _mapping(value: Plain) -> dict[str, Plain]:
    return value if isinstance(value, dict) else {}


def _entry(section: str, value: Plain) -> Plain:
    if section == "notices":
        return _as_list(value)
    if section != "steps":
        return value
    step = {name: _normal(name, found) for name, found in _mapping(value).items()}
    if "needs" in step:
        step["needs"] = _needs(step["needs"])
    if isinstance(choices := step.get("choices"), dict):
        step["choices"] = {key: go if isinstance(go, dict) else {"go": go} for key, go in choices.items()}
    return step


def _normal(name: str, value: Plain) -> Plain:
    """Write what can be written two ways in one: one prompt is a list of one."""
    if name in _SAYS and not isinstance(value, list):
        return [value]
    if name == "digits" and isinstance(value, str):
        low, _, high = value.partition("..")
        return low if low == high or not high else value
    if isinstance(value, dict):
        return {key: _normal(key, found) for key, found in value.items()}
    return value


def _needs(value: Plain) -> dict[str, list[str]]:
    if isinstance(value, dict):
        return {channel: _as_list(gates) for channel, gates in value.items()}
    return {str(channel): _as_list(value) for channel in Channel}


def _as_list(value: Plain) -> list[Plain]:
    return value if isinstance(value, list) else [value]
