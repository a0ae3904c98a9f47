"""The catalogue that the rules' examples are written for."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Prompts:
    """A catalogue that has everything but what a test takes away."""

    without_text: set[tuple[str, str]] = field(default_factory=set)
    without_audio: set[str] = field(default_factory=set)
    announces: dict[str, str] = field(default_factory=dict)

    def has_prompt(self, prompt: str, lang: str) -> bool:
        return (prompt, lang) not in self.without_text

    def keys(self, prompt: str, lang: str) -> str:
        return self.announces.get(prompt, "")

    def has_audio(self, audio_id: str) -> bool:
        return audio_id not in self.without_audio


def of_the_examples() -> Prompts:
    """Answer the one in which ids say what they lack or announce."""
    return Prompts({("only_english", "zh")}, {"en/unrecorded"}, {"press_1": "1", "press_1_or_2": "12"})
