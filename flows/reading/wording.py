"""Checks what a step says: each entry is a prompt id or one mapping, and becomes something that can be said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from core_client.domain.filling import quick
from core_client.language import types as t
from core_client.language.expressions import Expression
from core_client.language.source import Items, Node, Pairs, Scalar
from core_client.language.suggest import did_you_mean
from core_client.operations import Type
from flows import saying
from flows.dialogue import Prompt
from flows.saying import NOTHING, Emit, PromptUse, Saying

if TYPE_CHECKING:
    from flows.model import Read
    from flows.reading.build import Build

_saying = quick(Saying)
_PHONE = Type.PHONE.value
_PROMPT_ID = re.compile(r"[A-Za-z0-9_]{1,64}")
_SAY_TYPES: Mapping[str, tuple[str, ...]] = {
    "money": (t.MONEY,),
    "number": (t.NUMBER,),
    "date": (t.DATE,),
    "digits": ("digits", "account", _PHONE),
    "name": (t.TEXT, "payee"),
    "secret": (t.SECRET,),
    "text": (t.TEXT, "digits", "payee", "account", _PHONE),
}
ENTRY_WORDS = (*_SAY_TYPES, "reason", "if", "each", "in", "attempt")
MAX_ATTEMPTS = 9  # whoever comes to a step a tenth time hears what the ninth did


class _Entry(NamedTuple):
    """One entry, the prompts in it, and the names that it reads."""

    emit: Emit
    prompts: tuple[PromptUse, ...] = ()
    reads: tuple[Read, ...] = ()
    by_visit: bool = False


def saying_of(build: Build, node: Node | None) -> Saying:
    """Check what is said: one entry or a list of them.

    Raises:
        FlowError: an entry is nothing that can be said, or says what it cannot.
    """
    if node is None:
        return NOTHING
    items = node.items if isinstance(node, Items) else (node,)
    if {*map(type, items)} <= {Scalar}:
        return _bare_prompts(build, items)
    entries = [_entry(build, item) for item in items]
    emits = tuple([entry.emit for entry in entries])
    prompts = tuple([use for entry in entries for use in entry.prompts])
    reads = tuple([read for entry in entries for read in entry.reads])
    return _saying(emits, prompts, None, any(entry.by_visit for entry in entries), reads)


def _bare_prompts(build: Build, items: tuple[Node, ...]) -> Saying:
    """Check prompts without a value among them, the commonest by far."""
    uses: list[PromptUse] = []
    for item in items:
        assert isinstance(item, Scalar)  # noqa: S101 - asked before
        _prompt_id(build, item)
        uses.append((item.text, item.place, ()))
    return _saying((), tuple(uses), tuple([Prompt(id_) for id_, _, _ in uses]), False, ())


def _entry(build: Build, node: Node) -> _Entry:
    if isinstance(node, Scalar):
        _prompt_id(build, node)
        return _Entry(saying.prompt(Prompt(node.text)), ((node.text, node.place, ()),))
    if not isinstance(node, Pairs):
        raise build.source.error(node.place, "a list cannot stand here", "An entry is a prompt or one {mapping}.")
    word = next((key for key in node.entries if key in ENTRY_WORDS), None)
    match word:
        case None:
            first = next(iter(node.entries), "")
            hint = did_you_mean(first, ENTRY_WORDS) or f"There are: {', '.join(ENTRY_WORDS)}."
            raise build.source.error(node.keys.get(first, node.place), f"'{first}' is nothing that can be said", hint)
        case "if":
            return _when(build, node)
        case "each":
            return _each(build, node)
        case "in":
            return _in_language(build, node)
        case "attempt":
            return _attempts(build, node)
        case "reason":
            _only(build, node, ("reason",))
            reason = _typed(build, node.entries["reason"], "reason", (Type.REASON.value,))
            return _Entry(saying.refusal(reason))  # one that is missing is said as ``not_permitted``
        case _:
            _only(build, node, (word,))
            value = _typed(build, node.entries[word], word, _SAY_TYPES[word])
            telephone = value.type.name == _PHONE and word == "digits"
            emit = saying.telephone(value, build.country) if telephone else saying.value(word, value)
            return _Entry(emit, reads=value.reads())


def _when(build: Build, node: Pairs) -> _Entry:
    _only(build, node, ("if", "say", "else"))
    condition = build.condition(node.entries["if"])
    then, otherwise = _body(build, node, "say"), saying_of(build, node.get("else"))
    said = tuple(read for read in then.reads if read[0] not in condition.proves(True))
    said += tuple(read for read in otherwise.reads if read[0] not in condition.proves(False))
    return _Entry(
        saying.when(condition, then, otherwise),
        (*then.prompts, *otherwise.prompts),
        (*condition.reads(), *said),
        then.by_visit or otherwise.by_visit,
    )


def _each(build: Build, node: Pairs) -> _Entry:
    _only(build, node, ("each", "as", "say"))
    items = build.expression(node.entries["each"])
    if items.type.name != t.LIST or items.type.item is None:
        raise build.source.error(node.entries["each"].place, f"'each' goes over a list; this is {items.type}")
    name = build.local_name(node)
    body = _body(build.inside(name, items.type.item), node, "say")
    reads = tuple(read for read in body.reads if read[0] != name)
    return _Entry(saying.each(items, name, body), body.prompts, (*items.reads(), *reads), body.by_visit)


def _in_language(build: Build, node: Pairs) -> _Entry:
    _only(build, node, ("in", "say"))
    language = build.language(node.entries["in"])
    body = _body(build, node, "say")
    prompts = tuple((id_, place, (language,)) for id_, place, _ in body.prompts)
    return _Entry(saying.in_language(language, body), prompts, body.reads, body.by_visit)


def _attempts(build: Build, node: Pairs) -> _Entry:
    _only(build, node, ("attempt",))
    given = node.entries["attempt"]
    if not (isinstance(given, Items) and 1 <= len(given.items) <= MAX_ATTEMPTS):
        message = f"'attempt' takes a list of 1 to {MAX_ATTEMPTS}: what is said at the first visit, the second, ..."
        raise build.source.error(given.place, message, "As in: attempt: [[welcome], [welcome_back]]")
    bodies = tuple(saying_of(build, item) for item in given.items)
    prompts = tuple(use for body in bodies for use in body.prompts)
    return _Entry(saying.by_visit(bodies), prompts, tuple(read for body in bodies for read in body.reads), True)


def _typed(build: Build, node: Node, word: str, wanted: tuple[str, ...]) -> Expression:
    expression = build.expression(node)
    if expression.type.name not in wanted:
        raise build.source.error(node.place, f"'{word}' says {' or '.join(wanted)}; this is {expression.type}")
    return expression


def _body(build: Build, node: Pairs, key: str) -> Saying:
    if key not in node.entries:
        raise build.source.error(node.place, f"'{key}' is missing: what is said")
    return saying_of(build, node.entries[key])


def _only(build: Build, node: Pairs, known: tuple[str, ...]) -> None:
    for key, place in node.keys.items():
        if key not in known:
            hint = did_you_mean(key, known)
            raise build.source.error(place, f"unknown key '{key}' in what is said", hint)


def _prompt_id(build: Build, node: Scalar) -> None:
    text = node.text
    if _PROMPT_ID.fullmatch(text) is None:
        hint = "What is said stands in the catalogue, under an id."
        raise build.source.error(node.place, f"'{text[:64]}' is no prompt id", hint)
