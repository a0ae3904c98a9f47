"""``menu``: choices by one key. By voice only: a text that gets here has been answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from core_client.language.source import Pairs, Scalar
from flows.dialogue import Channel, DigitsReceived, End, Resume
from flows.engine.draft import Draft
from flows.model import BACK, REPEAT, Edge, Go, Step, Way
from flows.reading.build import Build
from flows.reading.shape import InputShape, Key, Name, Says, Shape
from flows.saying import Saying
from flows.steps.asking import Asking, build_asking, nothing_keyed, universal


class ChoiceShape(Shape):
    """One choice."""

    label: str = ""
    go: Name
    language: str | None = None


class MenuShape(InputShape):
    """Choices by one key."""

    menu: Says
    choices: dict[Key, Any] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Choice:
    """Where one key leads, and the language that the dialogue has from then on."""

    edge: Edge
    label: str
    language: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu(Step):
    """Choices by one key."""

    kind: ClassVar[str] = "menu"
    takes_input: ClassVar[bool] = True

    prompt: Saying
    choices: Mapping[str, Choice]
    universal: Mapping[str, Edge]
    asking: Asking

    def enter(self, draft: Draft) -> Go:
        """Say the choices and wait for a key."""
        if draft.sms:
            return End("done")  # a text's dialogue ends where a call would go back to its menu
        draft.asked(self.name)
        draft.retried = ""
        return self._ask(draft)

    def answer(self, draft: Draft, resume: Resume) -> Go:
        """Go where the key leads."""
        nothing = nothing_keyed(resume)
        if nothing is None:
            if not isinstance(resume, DigitsReceived):
                return self.enter(draft)
            choice = self.choices.get(resume.digits)
            if choice is not None:
                draft.language = choice.language or draft.language
                return choice.edge
            go = universal(draft, resume.digits)
            if go is not None:
                return go
            nothing = False
        repeats = self.asking.missed(draft, nothing=nothing)
        if repeats is None:
            return self.asking.on_fail
        return self._ask(draft) if repeats else self._wait()

    def _ask(self, draft: Draft) -> Go:
        draft.say(self.prompt, barge_in=self.asking.barge_in)
        return self._wait()

    def _wait(self) -> Go:
        return self.asking.keys(1, 1)

    def edges(self, channel: Channel) -> tuple[Edge, ...]:
        """Answer every choice, the universal keys and the way out."""
        if channel is Channel.SMS:
            return ()
        others = (e for key, e in self.universal.items() if key not in self.choices and e.target not in (BACK, REPEAT))
        return (*(choice.edge for choice in self.choices.values()), *others, self.asking.on_fail)

    def sayings(self) -> tuple[Saying, ...]:
        """See :class:`Step`."""
        return (self.prompt, *self.asking.sayings())


def build_menu(build: Build, shape: MenuShape, node: Pairs, common: dict[str, Any]) -> Menu:
    """Make a menu of its YAML."""
    choices = node.entries["choices"]
    assert isinstance(choices, Pairs)  # noqa: S101 - its shape was checked
    return Menu(
        **common,
        prompt=build.saying(node.get("menu")),
        choices={key: _choice(build, choices, key) for key in choices.entries},
        universal=build.keys,
        asking=build_asking(build, shape, node),
    )


def _choice(build: Build, choices: Pairs, key: str) -> Choice:
    node = choices.entries[key]
    if isinstance(node, Scalar):
        return Choice(build.edge(node, Way.KEY, key), "", None)
    shape = build.shape(ChoiceShape, node, f"choice '{key}'")
    assert isinstance(node, Pairs)  # noqa: S101 - its shape was checked
    language = node.get("language")
    go = build.edge(node.entries["go"], Way.KEY, key)
    return Choice(go, shape.label, build.language(language) if language else None)
