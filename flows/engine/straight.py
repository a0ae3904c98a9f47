"""What follows an enquiry by text, known but for its values.

A balance text asks the bank once, says what came of it, and ends. Which steps that walks, and which sayings it says, is
the same for everybody of whom the same conditions hold: it is walked once by the engine, in a :class:`Recording`, and
kept as a :class:`Straight`. From then on only the conditions are asked and the values put in. A way that anything else
decided is never kept, and neither is one that would not say again, word for word, what was just said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from core_client.domain.values import Value
from core_client.language.expressions import Expression
from flows.dialogue import End, Facts, Say, Turn, What
from flows.engine.draft import Draft, says_of
from flows.model import Flow
from flows.saying import Saying
from flows.session import Session

MAX_WAYS = 8  # that are remembered behind one outcome: more conditions than that are better walked
MAX_OUTCOMES = 32  # remembered behind one beginning: an operation has a handful, and reasons to refuse

Outcome: TypeAlias = tuple[str, str | None]  # and the reason of a refusal


class Recording(Draft):
    """A draft that notes what decides the way, and what is said on it."""

    __slots__ = ("_noting", "decided", "said", "strayed")

    def __init__(self, flow: Flow, session: Session, turn: int, facts: Facts) -> None:
        super().__init__(flow, session, turn, facts)
        self.decided: list[tuple[Expression, bool]] = []
        self.said: list[tuple[Saying, bool]] = []
        self.strayed = False  # something was read that is neither a condition's nor said
        self._noting = False

    def get(self, name: str, /) -> Any:
        """See :class:`Draft`."""
        if not self._noting or name == "last_step":  # which changes on the way
            self.strayed = True
        return super().get(name)

    def decides(self, condition: Expression) -> bool:
        """See :class:`Draft`."""
        self._noting = True
        answer = super().decides(condition)
        self._noting = False
        self.decided.append((condition, answer))
        return answer

    def say(self, saying: Saying, *, barge_in: bool = True) -> None:
        """See :class:`Draft`."""
        self._noting = True
        super().say(saying, barge_in=barge_in)
        self._noting = False
        self.said.append((saying, barge_in))

    def keepable(self) -> bool:
        """Answer whether nothing but its conditions and sayings has read a value, and no step counts its visits."""
        steps = self.flow.steps
        walked = [steps[mark.step] for mark in self.trail if mark.what is What.ENTERED]
        counted = any(saying.by_visit for saying, _ in self.said)
        return not self.strayed and not counted and all(step.is_straight for step in walked)


@dataclass(frozen=True, slots=True)
class Straight:
    """One way behind an outcome. ``turn`` says nothing: its sayings do; None: this way must be walked each time."""

    decided: tuple[tuple[Expression, bool], ...]
    said: tuple[tuple[Saying, bool], ...]
    turn: Turn | None

    def fits(self, scope: Values) -> bool:
        """Answer whether its conditions hold."""
        return all(bool(condition.evaluate(scope)) is answer for condition, answer in self.decided)

    def says(self, flow: Flow, language: str, scope: Values) -> list[Say]:
        """Answer what is said with the values of ``scope``."""
        return [say for saying, barge_in in self.said for say in says_of(flow, language, saying, scope, barge_in)]


@dataclass(slots=True)
class Begun:
    """A first turn that asks the bank under nothing but its session's name, and what is known to follow it."""

    session: Session
    turn: Turn
    after: dict[Outcome, list[Straight]] = field(default_factory=dict)


class Values:
    """The names of a dialogue after its enquiry. What is seldom asked for is asked of a whole draft."""

    __slots__ = ("_draft", "_own", "_whole")

    def __init__(self, own: Mapping[str, Value], draft: Callable[[], Draft]) -> None:
        self._own = own
        self._draft = draft
        self._whole: Draft | None = None

    def get(self, name: str, /) -> Any:
        """Answer the value of ``name``, or None."""
        found = self._own.get(name)
        if found is not None:
            return found
        if self._whole is None:
            self._whole = self._draft()
        return self._whole.get(name)


def way_of(draft: Recording, turn: Turn, scope: Values) -> Straight:
    """Answer the way that ``draft`` has recorded, to be walked each time unless it is good for others too."""
    decided, said = tuple(draft.decided), tuple(draft.said)
    *says, end = turn.effects or (None,)
    if turn.wait is None and isinstance(end, End) and draft.keepable():
        kept = Straight(decided, said, Turn((end,), None, turn.trail))
        if says and kept.says(draft.flow, draft.language, scope) == says:
            return kept
    return Straight(decided, (), None)
