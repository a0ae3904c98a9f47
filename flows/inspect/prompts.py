"""Prompts that a language has no text or no recording for."""

from __future__ import annotations

from collections.abc import Iterator

from core_client.language.source import Place
from flows import prompts as own
from flows.dialogue import Channel
from flows.graph import reached
from flows.inspect.finding import Finding, Prompts, finding
from flows.model import Flow

# What the engine says in texts only: it needs no recording.
TEXT_ONLY = frozenset(
    {
        own.AGENT_CALL_BACK,
        own.CHOOSE_REPLY,
        own.CODE_EXPIRED,
        own.CODE_LOCKED,
        own.CODE_WRONG,
        own.NOT_REGISTERED,
        own.SMS_CONFIRM_WITH_CODE,
        own.SMS_HELP,
        own.SMS_LOOKS_LIKE_PIN,
    }
)


MAX_LISTED = 10  # recordings that are missing one by one; of more only their number is told: nothing was built yet


def lint(flow: Flow, prompts: Prompts | None) -> Iterator[Finding]:
    """Find prompts without a text in a language of the flow, or without audio where they are spoken."""
    if prompts is None:
        return
    mute: dict[str, list[tuple[str, Place]]] = {lang: [] for lang in flow.languages}
    seen: set[tuple[str, str]] = set()
    for id_, lang, place, spoken in _uses(flow):
        if not prompts.has_prompt(id_, lang):
            if (id_, lang) not in seen:
                seen.add((id_, lang))
                yield finding(flow, place, f"prompt '{id_}' has no text in '{lang}'", "Add it to the catalogue.")
        elif spoken and (id_, lang) not in seen and not prompts.has_audio(f"{lang}/{id_}"):
            seen.add((id_, lang))
            mute[lang].append((id_, place))
    for lang, missing in mute.items():
        yield from _mute(flow, lang, missing)


def _uses(flow: Flow) -> Iterator[tuple[str, str, Place, bool]]:
    spoken = set(reached(flow, Channel.VOICE))
    for step in flow.steps.values():
        for saying in step.sayings():
            for id_, place, languages in saying.prompts:
                for lang in languages or flow.languages:
                    yield id_, lang, place, step.name in spoken
    for id_ in own.SYSTEM_PROMPTS:
        for lang in flow.languages:
            yield id_, lang, Place(1, 1), id_ not in TEXT_ONLY


def _mute(flow: Flow, lang: str, missing: list[tuple[str, Place]]) -> Iterator[Finding]:
    if len(missing) > MAX_LISTED:
        first, place = missing[0]
        message = f"{len(missing)} prompts have no recording in '{lang}', '{first}' among them"
        yield finding(flow, place, message, "Run `tellerline sounds build`.")
        return
    for id_, place in missing:
        hint = f"Run `tellerline sounds build`, or `tellerline sounds add FILE --as {id_} --lang {lang}`."
        yield finding(flow, place, f"prompt '{id_}' has no recording in '{lang}'", hint)
