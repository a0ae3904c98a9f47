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


def lint(flow: Flow, prompts: Prompts | None) -> Iterator[Finding]:
    """Find prompts without a text in a language of the flow, or without audio where they are spoken."""
    if prompts is None:
        return
    spoken = set(reached(flow, Channel.VOICE))
    seen: set[tuple[str, str, str]] = set()
    for step in flow.steps.values():
        for saying in step.sayings():
            for id_, place, languages in saying.prompts:
                for lang in languages or flow.languages:
                    yield from _missing(flow, prompts, id_, lang, place, step.name in spoken, seen)
    for id_ in own.SYSTEM_PROMPTS:
        for lang in flow.languages:
            yield from _missing(flow, prompts, id_, lang, Place(1, 1), id_ not in TEXT_ONLY, seen)


def _missing(
    flow: Flow, prompts: Prompts, id_: str, lang: str, place: Place, spoken: bool, seen: set[tuple[str, str, str]]
) -> Iterator[Finding]:
    if not prompts.has_prompt(id_, lang):
        if (id_, lang, "text") not in seen:
            seen.add((id_, lang, "text"))
            yield finding(flow, place, f"prompt '{id_}' has no text in '{lang}'", "Add it to the catalogue.")
    elif spoken and not prompts.has_audio(f"{lang}/{id_}") and (id_, lang, "audio") not in seen:
        seen.add((id_, lang, "audio"))
        hint = f"Run `tellerline sounds build`, or `tellerline sounds add FILE --as {id_} --lang {lang}`."
        yield finding(flow, place, f"prompt '{id_}' has no recording in '{lang}'", hint)
