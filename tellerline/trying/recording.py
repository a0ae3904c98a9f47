"""Turns what somebody did and heard into a conversation that passes: steps are noted as they happen, then proved.

A PIN is noted as whose it is, a code as the place in the text that brought it; neither is ever written. What is not the
same at every run (a reference, say) is found by playing the recording, and is left open.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from core_client.adapters import demo_world
from flows.dialogue import Item, Prompt, Say, SayDate, SayDigits, SayMoney, SayName, SayNumber
from tellerline.trying import conversation as c
from tellerline.trying.loader import load_conversation_text
from tellerline.trying.play import Mismatch, Result
from tellerline.trying.written import written

HERE = c.Place("", 1, 1)
CODE = re.compile(r"(?<!\d)\d{6}(?!\d)")
_BEFORE = 12  # characters before a code that tell it from other digits of the text
_CHANGING = (re.compile(r"(?<![\d.,])\d{5,}(?![.,]?\d)"), re.compile(r"\d[\d,.:/-]*"))  # references first, then all


def heard_steps(said: Sequence[Say], has_sound: Callable[[Say], bool], within_s: float) -> list[c.Hear]:
    """Answer the steps that hear ``said``: one for what was said in one language in a row."""
    steps: list[c.Hear] = []
    for say in said:
        items = tuple(
            expected
            for item in say.items
            if (expected := _expected(item)) is not None and has_sound(replace(say, items=(item,)))
        )
        if not items:
            continue
        if steps and steps[-1].language == say.language:
            steps[-1] = replace(steps[-1], items=(*steps[-1].items, *items))
        else:
            steps.append(c.Hear(HERE, items, language=say.language, within_s=within_s))
    return steps


def _expected(item: Item) -> c.Expected | None:
    match item:
        case Prompt():
            return c.HearPrompt(item.id)
        case SayMoney():
            return c.HearMoney(item.money)
        case SayDigits() if item.digits.isdecimal():
            return c.HearDigits(item.digits)
        case SayNumber():
            return c.HearNumber(item.number)
        case SayDate():
            return c.HearDate(item.date)
        case SayName():
            return c.HearName(item.name)
        case _:
            return None


def received_step(to: str, body: str, name: str | None) -> tuple[c.Receive, str | None]:
    """Answer the step that reads ``body``, and the code in it; ``name`` is the code's, None where there is none."""
    code = CODE.search(body) if name is not None else None
    if code is None or name is None:
        return c.Receive(HERE, to, _lines(body)), None
    lead = body[max(0, code.start() - _BEFORE) : code.start()].rpartition("\n")[2]
    lead = lead[-min(len(lead), _BEFORE) :].lstrip("0123456789,.")
    capture = {name: f"{_escaped(lead)}({CODE.pattern})"}
    parts = (*_lines(body[: code.start()]), *_lines(body[code.end() :]))
    return c.Receive(HERE, to, parts, capture), code[0]


def _escaped(text: str) -> str:
    return re.escape(text).replace("\\ ", " ")


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if len(line.strip()) > 1)


def whose_pin(pin: str, caller: str | None, customers: Sequence[str]) -> c.PinOf:
    """Answer how a conversation writes a PIN: the caller's, that of a customer number keyed before, or a wrong one."""
    if caller is not None and any(who.line == caller and who.pin == pin for who in demo_world.CUSTOMERS):
        return c.PinOf()
    for number in reversed(customers):
        if any(who.number == number and who.pin == pin for who in demo_world.CUSTOMERS):
            return c.PinOf(number)
    return c.PinOf(wrong=True)


class CannotReplay(Exception):  # noqa: N818 - read as a sentence
    """The recording does not play as it was recorded, and not for a value that changes."""

    def __init__(self, mismatch: Mismatch) -> None:
        super().__init__(str(mismatch))
        self.mismatch = mismatch


MAX_OPENED = 40  # steps whose changing values are left open


def proved(conversation: c.Conversation, play: Callable[[c.Conversation], Result]) -> c.Conversation:
    """Play what was recorded until it passes, leaving open what changes from run to run.

    Raises:
        CannotReplay: it goes another way.
    """
    for opens_left in reversed(range(MAX_OPENED)):
        read = load_conversation_text(written(conversation), "recording")
        mismatch = play(read).mismatch
        if mismatch is None:
            return conversation
        places = [step.place for step in read.steps]
        at = places.index(mismatch.place) if mismatch.place in places else -1
        opened = _opened(conversation.steps[at]) if at >= 0 else None
        if opened is None or not opens_left:
            raise CannotReplay(mismatch)
        conversation = replace(conversation, steps=(*conversation.steps[:at], *opened, *conversation.steps[at + 1 :]))
    raise AssertionError("unreachable: the last try returns or raises")


def _opened(step: c.Step) -> tuple[c.Step, ...] | None:
    """Answer ``step`` without the values that may change; None: it has none."""
    match step:
        case c.Hear() if any(isinstance(item, c.HearDigits | c.HearNumber) for item in step.items):
            items = tuple(c.HearAny() if isinstance(item, c.HearDigits | c.HearNumber) else item for item in step.items)
            while items and isinstance(items[-1], c.HearAny):
                items = items[:-1]
            return (replace(step, items=items),) if items else ()
        case c.Receive():
            for figures in _CHANGING:
                if any(figures.search(part) for part in step.contains):
                    words = [word.strip() for part in step.contains for word in figures.split(part)]
                    return (replace(step, contains=tuple(word for word in words if len(word) > 1)),)
            return None
        case _:
            return None
