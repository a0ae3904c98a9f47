"""Prompts that are spoken and have no recording."""

from __future__ import annotations

from collections.abc import Iterator

from flows.inspect.finding import Finding
from flows.inspect.look import Look
from flows.inspect.prompts_used import Use, uses
from flows.inspect.rule import Rule

MAX_LISTED = 10  # recordings that are missing one by one; of more only their number is told: nothing was built yet

RULE = Rule(
    "missing-recording",
    "a prompt without a recording in a language",
    "What callers get to is played from recordings; without one the call goes on in silence. What only texts say "
    "needs none. When more than ten of a language are missing, they are told as one: none was built yet.",
    good="""
steps:
  main: {say: [welcome], next: bye}
""",
    bad="""
steps:
  main: {say: [unrecorded], next: bye}  # there is no audio/en/unrecorded.wav
""",
)


def lint(look: Look) -> Iterator[Finding]:
    """Find what nobody recorded."""
    if look.prompts is None:
        return
    mute: dict[str, list[Use]] = {lang: [] for lang in look.flow.languages}
    for use in uses(look):
        if use.spoken and use.heard is not None and not look.prompts.has_audio(f"{use.heard}/{use.prompt}"):
            mute.setdefault(use.heard, []).append(use)
    for lang, missing in mute.items():
        yield from _mute(look, lang, missing)


def _mute(look: Look, lang: str, missing: list[Use]) -> Iterator[Finding]:
    if len(missing) > MAX_LISTED:
        message = f"{len(missing)} prompts have no recording in '{lang}', '{missing[0].prompt}' among them"
        yield look.found(RULE, missing[0].place, message, "Run `tellerline sounds build`.")
        return
    for use in missing:
        hint = f"Run `tellerline sounds build`, or `tellerline sounds add FILE --as {use.prompt} --lang {lang}`."
        yield look.found(RULE, use.place, f"prompt '{use.prompt}' has no recording in '{lang}'", hint)
