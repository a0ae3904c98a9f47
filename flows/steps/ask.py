"""``ask``: digits by voice, a text by SMS, kept in a variable. Skipped once when an SMS command brought the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import StringConstraints

from core_client.domain.values import Value
from core_client.language.source import Pairs
from core_client.language.suggest import did_you_mean
from core_client.operations import Type
from flows import inputs
from flows.dialogue import AwaitText, Channel, DigitsReceived, Resume, TextReceived
from flows.engine.draft import Checked, Draft
from flows.masking import MASKABLE
from flows.model import BACK, Edge, Go, Step, Variable
from flows.reading.build import Build
from flows.reading.shape import DigitRange, Flag, InputShape, Name, Says, Shape
from flows.saying import Saying
from flows.steps.asking import Asking, build_asking, nothing_keyed, universal


class WhatShape(Shape):
    """What is asked for."""

    prompt: Says
    digits: DigitRange
    end: Annotated[str, StringConstraints(pattern=r"^[#*]?$")] = ""
    mask: Flag = False


class AskShape(InputShape):
    """A question answered by digits or a text."""

    ask: WhatShape
    save: Name
    next: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask(Step):
    """A question answered by digits or a text."""

    kind: ClassVar[str] = "ask"
    takes_input: ClassVar[bool] = True

    prompt: Saying
    low: int
    high: int
    end: str
    escapes: str
    variable: Variable
    mask: bool
    next: Edge
    asking: Asking

    @property
    def secret(self) -> bool:
        """Whether the answer is a secret: asked by voice only."""
        return self.variable.type is Type.SECRET

    def enter(self, draft: Draft) -> Go:
        """Ask, unless the answer came with the trigger."""
        name = self.variable.name
        if name in draft.slots:
            draft.slots = tuple(slot for slot in draft.slots if slot != name)
            return self.next
        draft.asked(self.name)
        return self._ask(draft)

    def answer(self, draft: Draft, resume: Resume) -> Go:
        """Keep a fitting answer; ask again for another one."""
        nothing = nothing_keyed(resume)
        if nothing is None:
            if not isinstance(resume, DigitsReceived | TextReceived):
                return self.enter(draft)
            if isinstance(resume, DigitsReceived) and resume.digits in self.escapes and resume.digits:
                return universal(draft, resume.digits) or self.name
            value = self._read(draft, resume)
            if value is not None and self._passes(draft, value):
                draft.variables[self.variable.name] = value
                return self.next
            nothing = False
        repeats = self.asking.missed(draft, nothing=nothing)
        if repeats is None:
            return self.asking.on_fail
        return self._ask(draft) if repeats else self._wait(draft)

    def _read(self, draft: Draft, resume: DigitsReceived | TextReceived) -> Value:
        if self.secret:
            return resume.secret if isinstance(resume, DigitsReceived) else None
        currency, country = draft.flow.currency, draft.flow.country
        if isinstance(resume, DigitsReceived):
            return inputs.from_keys(self.variable.type, resume.digits, currency, country)
        return inputs.from_text(self.variable.type, resume.text, currency, country)

    def _passes(self, draft: Draft, value: Value) -> bool:
        check = self.variable.check
        return check is None or bool(check.evaluate(Checked(draft, value)))

    def _ask(self, draft: Draft) -> Go:
        draft.say(self.prompt, barge_in=self.asking.barge_in)
        return self._wait(draft)

    def _wait(self, draft: Draft) -> Go:
        if draft.sms:
            return AwaitText(draft.flow.text_timeout_s)
        return self.asking.keys(self.low, self.high, self.end, self.escapes, self.secret)

    def edges(self, channel: Channel) -> tuple[Edge, ...]:
        """See :class:`Step`."""
        return (self.next, self.asking.on_fail)

    def sets(self, edge: Edge) -> frozenset[str]:
        """See :class:`Step`."""
        return frozenset({self.variable.name}) if edge == self.next else frozenset()

    def masks(self, masked: frozenset[str]) -> frozenset[str]:
        """See :class:`Step`."""
        return frozenset({self.variable.name}) if self.mask else frozenset()

    def sayings(self) -> tuple[Saying, ...]:
        """See :class:`Step`."""
        return (self.prompt, *self.asking.sayings())


def build_ask(build: Build, shape: AskShape, node: Pairs, common: dict[str, Any]) -> Ask:
    """Make a question of its YAML."""
    variable = build.variables.get(shape.save)
    if variable is None:
        hint = did_you_mean(shape.save, build.variables) or "Declare it under 'vars', with its type."
        raise build.source.error(node.entries["save"].place, f"unknown variable '{shape.save}'", hint)
    what = node.entries["ask"]
    assert isinstance(what, Pairs)  # noqa: S101 - its shape was checked
    low, high = shape.ask.digits
    stars = "".join(key for key, edge in build.keys.items() if edge.target == BACK and key in "*#")
    return Ask(
        **common,
        prompt=build.saying(what.get("prompt")),
        low=low,
        high=high,
        end=shape.ask.end,
        escapes="".join(key for key in stars if key != shape.ask.end),
        variable=variable,
        mask=_mask(build, shape, what, variable.type),
        next=build.edge(node.entries["next"]),
        asking=build_asking(build, shape, node),
    )


def _mask(build: Build, shape: AskShape, what: Pairs, type_: Type) -> bool:
    if shape.ask.mask and type_ not in MASKABLE:
        place = what.entries["mask"].place
        if type_ is Type.SECRET:
            raise build.source.error(place, "a secret needs no mask: nobody is ever shown one", "Leave 'mask' out.")
        raise build.source.error(
            place, f"{_NO_MASK[type_]} cannot be masked", "Who helps a customer must see it whole."
        )
    return shape.ask.mask


_NO_MASK = {Type.MONEY: "money", Type.DATE: "a date", Type.FLAG: "a flag"}
