"""Writes a conversation as its file has it: the loader reads the same conversation back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from tellerline.trying import conversation as c

_PLAIN = re.compile(r"^[a-zA-Z_][a-zA-Z0-9_ ,.'-]*[a-zA-Z0-9_]$|^[a-zA-Z]$")
_NOT_PLAIN = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
_WIDE = 110  # a longer list of what is heard goes over several lines


def written(conversation: c.Conversation, *, comment: str = "") -> str:
    """Answer the file's text; ``comment`` stands above it."""
    lines = [f"# {line}" for line in comment.splitlines()]
    lines.append(f"conversation: {_text(conversation.name)}")
    if conversation.flows is not None:
        lines.append(f"flows: {_quoted(conversation.flows)}")
    lines += _given(conversation.given)
    if conversation.through != c.WIRES:
        lines.append(f"through: [{', '.join(conversation.through)}]")
    lines.append("steps:")
    for step in conversation.steps:
        lines += _step(step)
    return "\n".join(lines) + "\n"


def _given(given: c.Given) -> Iterator[str]:
    if given == c.Given():
        return
    yield "given:"
    if given.at is not None:
        yield f'  at: "{given.at.isoformat()}"'
    if given.bank:
        yield f"  bank: {_answers(given.bank)}"
    if given.agents:
        yield f"  agents: {{{', '.join(f'{_key(queue)}: {word.value}' for queue, word in given.agents.items())}}}"
    if given.notices:
        yield f"  notices: [{', '.join(sorted(given.notices))}]"


def _answers(told: Mapping[str, c.Told]) -> str:
    return f"{{{', '.join(f'{_key(name)}: {_told(answer)}' for name, answer in told.items())}}}"


def _told(told: c.Told) -> str:
    if told.outcome is not None and told.reason is None and not told.slow_s and not told.empty:
        return told.outcome
    words = {"outcome": told.outcome, "reason": told.reason, "slow": span(told.slow_s) if told.slow_s else None}
    words["empty"] = "true" if told.empty else None
    return f"{{{', '.join(f'{name}: {value}' for name, value in words.items() if value is not None)}}}"


def _key(name: str) -> str:
    return '"*"' if name == "*" else name


def _step(step: c.Step) -> Iterator[str]:
    match step:
        case c.Call():
            who = f'from: "{step.from_}"' if step.from_ is not None else "anonymous: true"
            more = {"as": step.party if step.party != c.DEFAULT_PARTY else None}
            more |= {"attestation": step.attestation, "trunk": step.trunk}
            words = "".join(f", {name}: {value}" for name, value in more.items() if value is not None)
            yield f'- call: {{{who}, to: "{step.to}"{words}}}'
            return
        case c.Called():
            yield f'- called: {{to: "{step.to}"}}'
            yield from _within(step.within_s, c.CALLED_WITHIN_S)
        case c.Hear():
            yield from _hear(step.items)
            if step.language is not None:
                yield f"  in: {step.language}"
            yield from _within(step.within_s, c.HEAR_WITHIN_S)
        case c.Press():
            yield f"- press: {_pin(step.keys) if isinstance(step.keys, c.PinOf) else json.dumps(step.keys)}"
        case c.Silence():
            yield f"- silence: {span(step.seconds)}"
        case c.Speak():
            yield f"- speak: {span(step.seconds)}"
        case c.HangUp():
            yield "- hang_up: true"
        case c.Ended():
            yield "- ended: true"
            yield from _within(step.within_s, c.ENDED_WITHIN_S)
        case c.Transferred():
            yield f"- transferred: {{queue: {step.queue}}}" if step.queue else "- transferred: true"
            yield from _within(step.within_s, c.ENDED_WITHIN_S)
        case _:
            yield from _text_step(step)
            return
    if step.party != c.DEFAULT_PARTY:
        yield f"  as: {step.party}"


def _text_step(step: c.Text | c.Receive | c.NotReceive | c.Wait | c.Bank) -> Iterator[str]:
    match step:
        case c.Text():
            body = _pin(step.body) if isinstance(step.body, c.PinOf) else _quoted(step.body)
            yield f'- text: {{from: "{step.from_}", to: "{step.to}", body: {body}}}'
        case c.Receive():
            words = [f'to: "{step.to}"', *_contains(step.contains)]
            if step.capture:
                pairs = ", ".join(f"{name}: {_pattern(pattern)}" for name, pattern in step.capture.items())
                words.append(f"capture: {{{pairs}}}")
            yield f"- receive: {{{', '.join(words)}}}"
            yield from _within(step.within_s, c.RECEIVE_WITHIN_S)
        case c.NotReceive():
            words = [f'to: "{step.to}"'] if step.to is not None else []
            yield f"- not_receive: {{{', '.join([*words, *_contains(step.contains)])}}}"
            yield from _within(step.within_s, c.NOT_RECEIVE_WITHIN_S)
        case c.Wait():
            yield f"- wait: {span(step.seconds)}"
        case c.Bank():
            yield f"- bank: {_answers(step.told)}"


def _hear(items: tuple[c.Expected, ...]) -> Iterator[str]:
    words = [expected(item) for item in items]
    line = f"- hear: {words[0] if len(words) == 1 else '[' + ', '.join(words) + ']'}"
    if len(line) <= _WIDE:
        yield line
        return
    yield "- hear:"
    yield from (f"  - {word}" for word in words)


def expected(item: c.Expected) -> str:
    """Answer what should be heard as it stands in a file."""
    match item:
        case c.HearPrompt():
            return item.id if item.id not in _NOT_PLAIN else f"{{prompt: {item.id}}}"
        case c.HearMoney():
            return f'{{money: "{item.money}"}}'
        case c.HearDigits():
            return f'{{digits: "{item.digits}"}}'
        case c.HearNumber():
            return f"{{number: {item.number}}}"
        case c.HearDate():
            return f'{{date: "{item.date.isoformat()}"}}'
        case c.HearName():
            return f"{{name: {_text(item.name)}}}"
        case c.HearAny():
            return "..."


def _pin(pin: c.PinOf) -> str:
    if pin.wrong:
        return "{pin: wrong}"
    return f'{{pin: "{pin.customer}"}}' if pin.customer is not None else "{pin: customer}"


def _contains(parts: tuple[str, ...]) -> Iterator[str]:
    if parts:
        yield f"contains: [{', '.join(_quoted(part) for part in parts)}]"


def _within(seconds: float, usual_s: float) -> Iterator[str]:
    if seconds != usual_s:
        yield f"  within: {span(seconds)}"


def _text(text: str) -> str:
    return text if _PLAIN.match(text) and text not in _NOT_PLAIN else _quoted(text)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # YAML's double quotes know all of JSON's escapes


def _pattern(pattern: str) -> str:
    return "'" + pattern.replace("'", "''") + "'"


def span(seconds: float) -> str:
    """Answer a length of time as a conversation writes it."""
    if seconds != int(seconds):
        return f"{round(seconds * 1000)}ms" if seconds < 60 else f"{round(seconds)}s"
    whole = int(seconds)
    return f"{whole // 60}m" if whole >= 60 and whole % 60 == 0 else f"{whole}s"
