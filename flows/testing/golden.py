"""Golden cases: a dialogue as YAML, turn by turn, played on the engine alone.

.. code-block:: yaml

    golden: a balance in Chinese
    flow: retail
    channel: voice            # and number, identified, language, step, slots, as the trigger has them
    at: "2026-03-02T10:15:00+08:00"  # also in a turn: the time from then on; likewise notices: [outage]
    turns:
    - {said: [welcome, main_menu], wait: keys 1}
    - {keys: "2", said: [enter_pin], wait: secret keys 6}
    - {secret: pin, wait: bank auth.verify_pin pin=secret}
    - {bank: ok, wait: bank accounts.list}

What comes back is ``keys``, ``secret``, ``text``, ``code``, ``bank`` (with ``answer`` and ``reason``), ``nothing``
(digits that came before the time was over), ``transfer``, ``recorded``, ``left``, ``expired`` or ``reconnected``.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from core_client.domain.money import Money
from core_client.domain.values import SecretHandle, Value
from core_client.language.errors import LanguageError
from core_client.language.source import Items, Node, Pairs, Scalar, Source, parse, read_source
from core_client.operations import REGISTRY, Field, Type
from flows.dialogue import (
    AwaitText,
    Channel,
    DigitsReceived,
    GatherDigits,
    InputTimedOut,
    OperationAnswered,
    PartyLeft,
    Perform,
    Reconnected,
    Record,
    RecordingEnded,
    Resume,
    SessionExpired,
    TextReceived,
    TransferEnded,
    TransferToAgent,
    Wait,
)
from flows.model import Flow
from flows.testing.driver import Driver

_WORDS = ("keys", "secret", "text", "code", "bank", "nothing", "transfer", "recorded", "left", "expired", "reconnected")


class GoldenError(LanguageError):
    """A golden case that cannot be read, or a turn that is not as it says."""


def play(path: Path, flow_named: Callable[[str], Flow]) -> Driver:
    """Play the case in ``path``; answer the driver after its last turn.

    Raises:
        GoldenError: a turn was not as the case says; with file and line.
    """
    source = read_source(path, GoldenError)
    root = parse(source)
    if not isinstance(root, Pairs):
        raise source.error(root.place, "a golden case is a mapping with 'turns'")
    flow = flow_named(_text(source, root, "flow"))
    driver = Driver(
        flow,
        Channel(_text(source, root, "channel", "voice")),
        number=_text(source, root, "number", "+8613900000001") or None,
        identified=_text(source, root, "identified", "true") == "true",
        language=_text(source, root, "language", "") or None,
    )
    _take_facts(source, root, driver)
    turns = root.get("turns")
    if not isinstance(turns, Items):
        raise source.error(root.place, "a golden case needs 'turns'")
    for number, turn in enumerate(turns.items):
        if not isinstance(turn, Pairs):
            raise source.error(turn.place, "a turn is a mapping")
        _take_facts(source, turn, driver)
        if number == 0:
            slots = _slots(source, flow, root.get("slots"))
            driver.start(_text(source, root, "step", "") or None, slots, _text(source, root, "in", "") or None)
        else:
            driver.resume(_resume(source, driver, turn))
        _compare(source, turn, driver)
    return driver


def waits(wait: Wait | None) -> str:
    """Answer a wait, shortly: ``keys 1..9#``, ``bank accounts.list``, ``end``."""
    match wait:
        case None:
            return "end"
        case GatherDigits():
            count = (
                str(wait.min_digits) if wait.min_digits == wait.max_digits else f"{wait.min_digits}..{wait.max_digits}"
            )
            return f"{'secret ' if wait.secret else ''}keys {count}{wait.terminators}"
        case AwaitText():
            return "code" if wait.code else "text"
        case Perform():
            arguments = "".join(f" {name}={_shown(value)}" for name, value in sorted(wait.arguments.items()))
            return f"bank {wait.operation}{arguments}"
        case TransferToAgent():
            limit = "" if wait.limit_s is None else f" for {wait.limit_s:g}s"
            return f"transfer {wait.queue}{limit}"
        case Record():
            return f"record {wait.max_s:g}s{wait.terminators}"


def _shown(value: Value) -> str:
    return "secret" if isinstance(value, SecretHandle) else str(value)


def _compare(source: Source, turn: Pairs, driver: Driver) -> None:
    played = driver.played
    wanted_wait = turn.get("wait")
    said = turn.get("said")
    wanted = [item.text for item in said.items if isinstance(item, Scalar)] if isinstance(said, Items) else []
    found = [item for item in played.said if not item.startswith("<end")]
    if found != wanted:
        place = said.place if said is not None else turn.place
        raise source.error(place, f"said {wanted} was expected, and it said {found}")
    if isinstance(wanted_wait, Scalar) and waits(played.wait) != wanted_wait.text:
        raise source.error(
            wanted_wait.place, f"'{wanted_wait.text}' was expected, and it waits for '{waits(played.wait)}'"
        )


def _resume(source: Source, driver: Driver, turn: Pairs) -> Resume:
    word = next((word for word in _WORDS if word in turn.entries), None)
    if word is None:
        raise source.error(turn.place, "what came back is missing", f"One of: {', '.join(_WORDS)}.")
    given = _text(source, turn, word)
    match word:
        case "keys":
            return DigitsReceived(given)
        case "secret":
            return DigitsReceived("", SecretHandle(given))
        case "text":
            return TextReceived(given)
        case "code":
            return TextReceived("", SecretHandle(given))
        case "bank":
            answer = _answer(source, driver, turn.get("answer"))
            return OperationAnswered(given, answer, _text(source, turn, "reason", "") or None)
        case "nothing":
            return InputTimedOut(int(given or "0"))
        case "transfer":
            return TransferEnded(given)
        case "recorded":
            return RecordingEnded(given, "message-1" if given == "ok" else "", 7 if given == "ok" else 0)
        case "left":
            return PartyLeft()
        case "expired":
            return SessionExpired()
        case _:
            return Reconnected()


def _answer(source: Source, driver: Driver, node: Node | None) -> dict[str, Value]:
    if not isinstance(node, Pairs):
        return {}
    fields = REGISTRY[driver.operation().operation].answer
    return {name: _value(source, fields[name], entry) for name, entry in node.entries.items()}


def _take_facts(source: Source, node: Pairs, driver: Driver) -> None:
    """Take the time and the notices that hold from now on."""
    if "at" in node.entries:
        try:
            at = datetime.datetime.fromisoformat(_text(source, node, "at"))
        except ValueError:
            at = None
        if at is None or at.tzinfo is None:
            raise source.error(node.entries["at"].place, "'at' is a time with its zone: 2026-03-02T10:15:00+08:00")
        driver.facts = replace(driver.facts, at=at)
    notices = node.get("notices")
    if isinstance(notices, Items):
        on = frozenset(item.text for item in notices.items if isinstance(item, Scalar))
        driver.facts = replace(driver.facts, notices=on)


def _slots(source: Source, flow: Flow, node: Node | None) -> Mapping[str, Value]:
    if not isinstance(node, Pairs):
        return {}
    return {name: _value(source, Field(flow.variables[name].type), entry) for name, entry in node.entries.items()}


def _value(source: Source, field: Field, node: Node) -> Value:
    if isinstance(node, Items):
        record = Field(Type.RECORD, fields=field.fields)
        return tuple(_value(source, record, item) for item in node.items)
    if isinstance(node, Pairs):
        return {name: _value(source, field.fields[name], entry) for name, entry in node.entries.items()}
    match field.type:
        case Type.MONEY:
            return Money.parse(node.text)
        case Type.NUMBER:
            return int(node.text)
        case Type.FLAG:
            return node.text == "true"
        case Type.DATE:
            return datetime.date.fromisoformat(node.text)
        case Type.SECRET:
            return SecretHandle(node.text)
        case _:
            return node.text


def _text(source: Source, node: Pairs, key: str, default: str | None = None) -> str:
    found = node.get(key)
    if found is None:
        if default is None:
            raise source.error(node.place, f"'{key}' is missing")
        return default
    if not isinstance(found, Scalar):
        raise source.error(found.place, f"'{key}' is one text")
    return found.text
