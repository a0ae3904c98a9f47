"""Amounts that nobody could hear: a currency that no recording names."""

from __future__ import annotations

from collections.abc import Iterator

from flows.inspect.finding import Finding, Prompts, finding
from flows.model import Flow
from sounds.errors import SpeechError
from sounds.speech import money_fragments


def lint(flow: Flow, prompts: Prompts | None) -> Iterator[Finding]:
    """Find a currency that a language of the flow cannot speak: a call would leave the amount out."""
    for language in flow.languages:
        try:
            money_fragments(100, flow.currency, language)
        except SpeechError:
            message = f"amounts in {flow.currency} cannot be spoken in '{language}'"
            mend = "Name a currency that sounds/currency.py knows, or add its unit and recordings there."
            yield finding(flow, flow.steps[flow.start].place, message, mend)
