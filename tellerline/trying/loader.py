"""Reads a conversation file: YAML with places, then the words of the language, each error with line, caret and mend.

Everything is text until its word says otherwise, so ``press: 1`` and ``press: "1"`` are the same. One error a file
is reported, the first: a slip never floods.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from core_client.domain.money import Money, MoneyError
from core_client.language.source import Source, read_source
from core_client.operations import REGISTRY, UNAUTHENTICATED
from tellerline.errors import ConversationError
from tellerline.trying import conversation as c
from tellerline.trying.document import Node, nearest, root_of

_SPAN = re.compile(r"^(\d{1,5}(?:\.\d{1,3})?)\s?(ms|s|m|h)$")
_SPAN_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_KEYS = re.compile(r"^(?:[0-9*#A-D]|\{[a-z_][a-z0-9_]*\})+$")
_NUMBER = re.compile(r"^\+?\d{2,20}$")
_NAME = re.compile(r"^[a-z_][a-z0-9_]*$")
MAX_STEPS = 500  # a conversation longer than this is a load test, and not readable


@dataclass(frozen=True, slots=True)
class _Step:
    """One step being read: its first word, that word's value, and the words beside it."""

    word: Node
    value: Node
    beside: Mapping[str, Node]
    place: c.Place

    @property
    def party(self) -> str:
        return self.beside["as"].name() if "as" in self.beside else c.DEFAULT_PARTY

    def within(self, default_s: float) -> float:
        return _span(self.beside["within"]) if "within" in self.beside else default_s


def load_conversation(path: Path) -> c.Conversation:
    """Read the conversation in ``path``.

    Raises:
        ConversationError: it does not load; the text says where, why, and what to write instead.
    """
    return _load(read_source(path, ConversationError))


def load_conversation_text(text: str, name: str) -> c.Conversation:
    """Read a conversation from ``text``; ``name`` stands for the file in errors.

    Raises:
        ConversationError: as for :func:`load_conversation`.
    """
    return _load(Source(name, text, ConversationError))


def _load(source: Source) -> c.Conversation:
    top = root_of(source).mapping(
        known=("conversation", "flows", "given", "steps", "through"), required=("conversation", "steps")
    )
    given = _given(top["given"]) if "given" in top else c.Given()
    nodes = top["steps"].sequence()
    if len(nodes) > MAX_STEPS:
        nodes[MAX_STEPS].fail(f"more than {MAX_STEPS} steps in one conversation", "Split it into several files.")
    steps = tuple(_step(node) for node in nodes)
    if not steps:
        top["steps"].fail("a conversation without a step", "Begin with '- call: {from: ..., to: ...}' or '- text:'.")
    _check_parties(steps, nodes)
    through: tuple[str, ...] = c.WIRES
    if "through" in top:
        through = tuple(node.one_of(c.WIRES, "wire") for node in top["through"].sequence())
    folder = top["flows"].text() if "flows" in top else None
    return c.Conversation(top["conversation"].text(), source.name, given, steps, through, folder)


# --- given -------------------------------------------------------------------------------------------------------


def _given(node: Node) -> c.Given:
    words = node.mapping(known=("at", "bank", "agents", "notices", "recorder"))
    return c.Given(
        _at(words),
        _bank(words["bank"]) if "bank" in words else {},
        _agents(words["agents"]) if "agents" in words else {},
        _notices(words["notices"]) if "notices" in words else frozenset(),
        words["recorder"].flag() if "recorder" in words else True,
    )


def _at(words: Mapping[str, Node]) -> datetime.datetime | None:
    at = None
    if "at" in words:
        try:
            at = datetime.datetime.fromisoformat(words["at"].text())
        except ValueError:
            words["at"].fail("not a time", 'Write it as "2026-03-02T10:15:00+08:00".')
        if at.tzinfo is None:
            words["at"].fail("a time without a zone", 'Add the offset, as in "2026-03-02T10:15:00+08:00".')
    return at


def _bank(node: Node) -> dict[str, c.Told]:
    if node.is_text:
        return {"*": _told(node, ("down",))}
    return _answers(node)


def _answers(node: Node) -> dict[str, c.Told]:
    bank: dict[str, c.Told] = {}
    for name, (key, value) in node.pairs().items():
        if name not in REGISTRY and name != "*":
            key.fail(f"unknown bank operation '{name}'.", nearest(name, tuple(REGISTRY)))
        outcomes = REGISTRY[name].outcomes if name != "*" else ("down",)
        bank[name] = _told(value, (*outcomes, UNAUTHENTICATED))
    return bank


def _agents(node: Node) -> dict[str, c.Agents]:
    known = tuple(word.value for word in c.Agents)
    if node.is_text:
        return {"*": c.Agents(node.one_of(known, "word for agents"))}
    agents: dict[str, c.Agents] = {}
    for queue, (key, value) in node.pairs().items():
        if queue != "*":
            key.name()
        agents[queue] = c.Agents(value.one_of(known, "word for agents"))
    return agents


def _notices(node: Node) -> frozenset[str]:
    nodes = node.sequence() if node.is_sequence else (node,)
    return frozenset(item.name() for item in nodes)


def _told(node: Node, outcomes: tuple[str, ...]) -> c.Told:
    if node.is_text:
        return c.Told(outcome=node.one_of(outcomes, "outcome"))
    words = node.mapping(known=("outcome", "reason", "slow", "empty"))
    return c.Told(
        outcome=words["outcome"].one_of(outcomes, "outcome") if "outcome" in words else None,
        reason=words["reason"].text() if "reason" in words else None,
        slow_s=_span(words["slow"]) if "slow" in words else 0.0,
        empty="empty" in words and words["empty"].flag(),
    )


# --- steps -------------------------------------------------------------------------------------------------------


def _step(node: Node) -> c.Step:
    pairs = node.pairs()
    words = [name for name in pairs if name in _WORDS]
    if not words:
        first = next(iter(pairs), "")
        key = pairs[first][0] if first else node
        mend = "Write '- speak: 5s': the caller says a message." if first == "record" else nearest(first, tuple(_WORDS))
        key.fail(f"unknown step '{first}'.", mend)
    if len(words) > 1:
        pairs[words[1]][0].fail(f"'{words[0]}' and '{words[1]}' in one step", "Begin a new step with '- '.")
    read, allowed = _WORDS[words[0]]
    beside: dict[str, Node] = {}
    for name, (key, value) in pairs.items():
        if name == words[0]:
            continue
        if name not in allowed:
            also = (
                f"Beside '{words[0]}' may stand: {', '.join(allowed)}." if allowed else "Nothing else may stand here."
            )
            key.fail(f"unknown word '{name}' in a '{words[0]}' step.", also)
        beside[name] = value
    key, value = pairs[words[0]]
    return read(_Step(key, value, beside, key.place))


def _call(step: _Step) -> c.Step:
    words = step.value.mapping(known=("from", "to", "as", "anonymous", "attestation", "trunk"), required=("to",))
    anonymous = "anonymous" in words and words["anonymous"].flag()
    if not anonymous and "from" not in words:
        step.value.fail("a call from nowhere.", "Write 'from: \"+86...\"', or 'anonymous: true'.")
    party = words["as"].name() if "as" in words else step.party
    return c.Call(
        step.place,
        None if anonymous else _number(words["from"]),
        _number(words["to"]),
        party,
        words["attestation"].one_of(("A", "B", "C"), "attestation") if "attestation" in words else None,
        words["trunk"].name() if "trunk" in words else None,
    )


def _called(step: _Step) -> c.Step:
    words = step.value.mapping(known=("to", "as"), required=("to",))
    party = words["as"].name() if "as" in words else step.party
    return c.Called(step.place, _number(words["to"]), party, step.within(c.CALLED_WITHIN_S))


def _hear(step: _Step) -> c.Step:
    nodes = step.value.sequence() if step.value.is_sequence else (step.value,)
    items = tuple(_expected(node) for node in nodes)
    if not items or isinstance(items[-1], c.HearAny):
        step.value.fail("nothing to hear", "Name a prompt, or a list of what is heard in this order.")
    language = step.beside["in"].text() if "in" in step.beside else None
    return c.Hear(step.place, items, step.party, language, step.within(c.HEAR_WITHIN_S))


def _expected(node: Node) -> c.Expected:
    if node.is_text:
        text = node.text()
        if text == "...":
            return c.HearAny()
        if not _NAME.match(text):
            node.fail(
                f"'{text}' is no prompt id.", "A prompt id is lower case, as in enter_pin; an amount is {money: ...}."
            )
        return c.HearPrompt(text)
    name, value = node.only(tuple(_EXPECTED), "thing to hear")
    return _EXPECTED[name](value)


def _money(node: Node) -> c.Expected:
    try:
        return c.HearMoney(Money.parse(node.text()))
    except MoneyError as error:
        node.fail(str(error))


def _digits(node: Node) -> c.Expected:
    if not node.text().isdecimal():
        node.fail(f"'{node.text()}' is not digits", 'Write digits in quotes, as in "0001".')
    return c.HearDigits(node.text())


def _whole(node: Node) -> c.Expected:
    try:
        return c.HearNumber(int(node.text()))
    except ValueError:
        node.fail(f"'{node.text()}' is not a whole number")


def _date(node: Node) -> c.Expected:
    try:
        return c.HearDate(datetime.date.fromisoformat(node.text()))
    except ValueError:
        node.fail(f"'{node.text()}' is not a date", 'Write it as "2026-03-02".')


_EXPECTED: Mapping[str, Callable[[Node], c.Expected]] = {
    "prompt": lambda node: c.HearPrompt(node.name()),
    "money": _money,
    "digits": _digits,
    "number": _whole,
    "date": _date,
    "name": lambda node: c.HearName(node.text()),
}


def _press(step: _Step) -> c.Step:
    if not step.value.is_text:
        return c.Press(step.place, _pin(step.value), step.party)
    keys = step.value.text()
    if not _KEYS.match(keys):
        step.value.fail(f"'{keys}' has no keys of a telephone.", "Keys are 0-9 * # A-D; a PIN is {pin: customer}.")
    return c.Press(step.place, keys, step.party)


def _pin(node: Node) -> c.PinOf:
    _, value = node.only(("pin",), "secret")
    who = value.text()
    if who == "customer":
        return c.PinOf()
    if who == "wrong":
        return c.PinOf(wrong=True)
    if not who.isdecimal() or len(who) == 6:
        value.fail(
            "a PIN is never written in a conversation.",
            'Write {pin: customer} for the caller\'s own, {pin: wrong}, or by customer number {pin: "10000001"}.',
        )
    return c.PinOf(customer=who)


def _text(step: _Step) -> c.Step:
    words = step.value.mapping(known=("from", "to", "body"), required=("from", "to", "body"))
    body = words["body"].text() if words["body"].is_text else _pin(words["body"])
    return c.Text(step.place, _number(words["from"]), _number(words["to"]), body)


def _receive(step: _Step) -> c.Step:
    words = step.value.mapping(known=("to", "contains", "capture"), required=("to",))
    capture: dict[str, str] = {}
    if "capture" in words:
        for name, (key, value) in words["capture"].pairs().items():
            if not _NAME.match(name):
                key.fail(f"'{name}' cannot name what is captured.", "Use a lower-case name, as in code.")
            try:
                re.compile(value.text())
            except re.error as error:
                value.fail(f"not a regular expression: {error}")
            capture[name] = value.text()
    return c.Receive(step.place, _number(words["to"]), _parts(words), capture, step.within(c.RECEIVE_WITHIN_S))


def _not_receive(step: _Step) -> c.Step:
    words = step.value.mapping(known=("to", "contains"))
    to = _number(words["to"]) if "to" in words else None
    return c.NotReceive(step.place, to, _parts(words), step.within(c.NOT_RECEIVE_WITHIN_S))


def _parts(words: Mapping[str, Node]) -> tuple[str, ...]:
    if "contains" not in words:
        return ()
    node = words["contains"]
    return tuple(item.text() for item in node.sequence()) if node.is_sequence else (node.text(),)


def _hang_up(step: _Step) -> c.Step:
    _must_be_true(step)
    return c.HangUp(step.place, step.party)


def _ended(step: _Step) -> c.Step:
    _must_be_true(step)
    return c.Ended(step.place, step.party, step.within(c.ENDED_WITHIN_S))


def _transferred(step: _Step) -> c.Step:
    queue = None
    if step.value.is_text:
        _must_be_true(step)
    else:
        queue = step.value.mapping(known=("queue",), required=("queue",))["queue"].text()
    return c.Transferred(step.place, queue, step.party, step.within(c.ENDED_WITHIN_S))


def _must_be_true(step: _Step) -> None:
    if not step.value.flag():
        step.value.fail(f"'{step.word.text()}: false' says nothing.", "Leave the step out.")


_WORDS: Mapping[str, tuple[Callable[[_Step], c.Step], tuple[str, ...]]] = {
    "call": (_call, ("as",)),
    "called": (_called, ("as", "within")),
    "hear": (_hear, ("as", "in", "within")),
    "press": (_press, ("as",)),
    "silence": (lambda step: c.Silence(step.place, _span(step.value), step.party), ("as",)),
    "speak": (lambda step: c.Speak(step.place, _span(step.value), step.party), ("as",)),
    "hang_up": (_hang_up, ("as",)),
    "ended": (_ended, ("as", "within")),
    "transferred": (_transferred, ("as", "within")),
    "text": (_text, ()),
    "receive": (_receive, ("within",)),
    "not_receive": (_not_receive, ("within",)),
    "bank": (lambda step: c.Bank(step.place, _answers(step.value)), ()),
    "wait": (lambda step: c.Wait(step.place, _span(step.value)), ()),
}


def _span(node: Node) -> float:
    match = _SPAN.match(node.text())
    if match is None:
        node.fail(f"'{node.text()}' is not a length of time.", "Write it with its unit: 500ms, 7s, 10m, 1h.")
    return float(match[1]) * _SPAN_UNIT_S[match[2]]


def _number(node: Node) -> str:
    if not _NUMBER.match(node.text()):
        node.fail(f"'{node.text()}' is no number to call or text.", 'Write "+8613900000001" or a short code, "95500".')
    return node.text()


def _check_parties(steps: tuple[c.Step, ...], nodes: tuple[Node, ...]) -> None:
    """A step in a call needs the call: found here, with its place, and not in the middle of a run."""
    parties: set[str] = set()
    captured: set[str] = set()
    for step, node in zip(steps, nodes, strict=True):
        match step:
            case c.Call() | c.Called():
                parties.add(step.party)
            case c.Hear() | c.Press() | c.Silence() | c.Speak() | c.HangUp() | c.Ended() | c.Transferred():
                if step.party not in parties:
                    _no_call(step.party, node)
            case _:
                pass
        match step:
            case c.Receive():
                captured.update(step.capture)
            case c.Press(keys=str(text)) | c.Text(body=str(text)):
                for name in re.findall(r"\{([a-z_][a-z0-9_]*)\}", text):
                    if name not in captured:
                        node.fail(
                            f"'{{{name}}}' was not captured by an earlier 'receive'.", nearest(name, tuple(captured))
                        )
            case _:
                pass


def _no_call(party: str, node: Node) -> NoReturn:
    if party == c.DEFAULT_PARTY:
        node.fail("there is no call yet.", "Begin with '- call: {from: ..., to: ...}'.")
    node.fail(f"no call was made 'as: {party}'.", f"Write '- call: {{..., as: {party}}}' before.")
