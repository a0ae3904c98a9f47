"""Which prompts a flow says, in which languages, and in which language each is really heard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from core_client.language.source import Place
from flows import prompts as own
from flows.inspect.look import Look

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
        own.SMS_PARTS_MISSING,
        own.SMS_TOO_MANY,
    }
)


_AT_THE_TOP = Place(1, 1)


class Use(NamedTuple):
    """A prompt that is said in dialogues of ``lang``. ``spoken``: by voice, so that it needs a recording.

    ``heard`` is the language in which such a dialogue hears it, fallbacks included; None: in none.
    """

    prompt: str
    lang: str
    place: Place
    spoken: bool
    heard: str | None


def uses(look: Look) -> tuple[Use, ...]:
    """Answer each prompt once for each language, at its first place; one that is spoken anywhere is spoken."""
    return look.kept("prompts", lambda: tuple(_uses(look)))


def _uses(look: Look) -> Iterator[Use]:
    first: dict[tuple[str, str], tuple[Place, bool]] = {}
    flow, voice = look.flow, look.voice.reached
    for step in flow.steps.values():
        spoken = step.name in voice
        for saying in step.sayings():
            for id_, place, languages in saying.prompts:
                for lang in languages or flow.languages:
                    known = first.get((id_, lang))
                    if known is None or (spoken and not known[1]):
                        first[id_, lang] = (known[0] if known else place, spoken)
    for id_ in own.SYSTEM_PROMPTS:
        for lang in flow.languages:
            first.setdefault((id_, lang), (_AT_THE_TOP, id_ not in TEXT_ONLY))
    for (id_, lang), (place, spoken) in first.items():
        yield Use(id_, lang, place, spoken, heard_in(look, id_, lang))


def heard_in(look: Look, prompt: str, lang: str) -> str | None:
    """Answer the language in which a dialogue in ``lang`` hears ``prompt``, fallbacks included; None: in none."""
    prompts = look.prompts
    if prompts is None:
        return None
    if prompts.has_prompt(prompt, lang):
        return lang
    return next((one for one in look.flow.fallbacks.get(lang, ()) if prompts.has_prompt(prompt, one)), None)
