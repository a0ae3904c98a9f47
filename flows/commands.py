"""Texts as people type them, matched against a flow's commands.

Full-width letters and digits, U+3000, missing spaces, any case: "ＳＥＮＤ　５００LILEI", "send500 lilei" and
"转账500李雷" are the same commands as they are with proper spaces. A word of a command matches letter by letter; a
slot takes what stands between the words, at a boundary between digits and letters when no space tells where it ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from core_client.domain.values import Value
from core_client.operations import Type
from flows.inputs import COUNTRY, from_text, plain_text
from flows.model import SmsPattern, SmsSlot

CARD_NUMBER_DIGITS = 13  # and more, up to 19 (ISO/IEC 7812-1); no other figure that a text brings is as long
MAX_COMMAND_CHARACTERS = 200  # a command is short; what is longer is a letter, and is answered with help
MAX_MATCHERS = 64  # one for each running version of a flow
MAX_PLAIN = 512  # ways of writing commands that are remembered: "BAL", "bal", "Bal.", for each command a few
MAX_PLAIN_CHARACTERS = 32
_INVISIBLE = dict.fromkeys(
    [0xFEFF, 0x00AD, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)
# What people put around a command or a code, and never mean.
_AROUND = " \t.,!?;:'\"`“”‘’「」『』《》【】()[]<>。，！？；：、…~-_*#"

_SLOT_FORMS = {
    Type.MONEY: r"(?:(?:CNY|RMB|USD|EUR|[¥￥$€])\s*)?\d[\d,]*(?:\.\d+)?(?:\s*(?:CNY|RMB|USD|EUR|元|块|圆))?",
    Type.DIGITS: r"\d[\d -]*",
    Type.ACCOUNT: r"\d[\d -]*",
    Type.NUMBER: r"\d+",
    Type.DATE: r"\d[\d/-]*",
    Type.PHONE: r"\+?\d[\d ()-]*",
}
_ANY = r"\S.*?"


@dataclass(frozen=True, slots=True)
class Command:
    """A text that is a command: where it goes, with its slots filled, in which language it is answered."""

    step: str
    language: str
    slots: Mapping[str, Value]
    pattern: str = ""  # as the flow writes it

    def __repr__(self) -> str:
        return f"Command({self.step}, {self.language})"


def normalise(text: str) -> str:
    """Answer ``text`` with plain letters and digits, one space between words and nothing that cannot be seen."""
    return plain_text(text.translate(_INVISIBLE)).strip(_AROUND)


def match(patterns: Iterable[SmsPattern], text: str, currency: str, country: str = COUNTRY) -> Command | None:
    """Answer the command that ``text`` is, or None.

    Of several patterns the one with the most words of its own wins, so that a command without slots is never taken
    for one whose slot would swallow its end. A slot whose value is none of its type makes no command.
    """
    return _matcher(patterns if isinstance(patterns, tuple) else tuple(patterns)).match(text, currency, country)


class _Matcher:
    """The patterns of one version of a flow, made ready."""

    __slots__ = ("_expressions", "_plain", "patterns")

    def __init__(self, patterns: tuple[SmsPattern, ...]) -> None:
        self.patterns = patterns
        self._expressions = [(pattern, _expression(pattern.parts)) for pattern in _ordered(patterns)]
        self._plain: dict[str, Command] = {}  # texts that were commands without slots: they say nothing of anybody

    def match(self, text: str, currency: str, country: str) -> Command | None:
        found = self._plain.get(text)
        if found is not None:
            return found
        words = normalise(text)
        if not words or len(words) > MAX_COMMAND_CHARACTERS:
            return None
        for pattern, expression in self._expressions:
            given = expression.fullmatch(words)
            if given is None:
                continue
            slots = _slots(pattern, given.groupdict(), currency, country)
            if slots is not None:
                command = Command(pattern.step, pattern.language, slots, pattern.text)
                if not slots and len(text) <= MAX_PLAIN_CHARACTERS and len(self._plain) < MAX_PLAIN:
                    self._plain[text] = command
                return command
        return None


_matchers: dict[int, _Matcher] = {}


def _matcher(patterns: tuple[SmsPattern, ...]) -> _Matcher:
    """Answer what matches ``patterns``. A version's tuple is always the same one: it is known by its identity."""
    known = _matchers.get(id(patterns))
    if known is None or known.patterns is not patterns:
        if len(_matchers) >= MAX_MATCHERS:
            _matchers.clear()  # they are made again: only those of long ago would stay in memory
        known = _matchers[id(patterns)] = _Matcher(patterns)
    return known


def _slots(pattern: SmsPattern, found: Mapping[str, str], currency: str, country: str) -> dict[str, Value] | None:
    slots: dict[str, Value] = {}
    for part in pattern.parts:
        if isinstance(part, SmsSlot):
            value = from_text(part.type, found[part.name].strip(), currency, country)
            if value is None:
                return None
            if part.type is Type.DIGITS and isinstance(value, str) and len(value) >= CARD_NUMBER_DIGITS:
                value = value[-4:]  # its end says which card is meant, and nothing keeps the rest
            slots[part.name] = value
    return slots


def _ordered(patterns: tuple[SmsPattern, ...]) -> tuple[SmsPattern, ...]:
    def weight(pattern: SmsPattern) -> tuple[int, int]:
        slots = sum(isinstance(part, SmsSlot) for part in pattern.parts)
        return slots, -sum(len(part) for part in pattern.parts if isinstance(part, str))

    return tuple(sorted(patterns, key=weight))


@lru_cache(maxsize=1024)
def _expression(parts: tuple[str | SmsSlot, ...]) -> re.Pattern[str]:
    """Compile a pattern. Between two parts a space may be missing where digits meet letters, or beside Chinese."""
    expression = ""
    previous: str | SmsSlot | None = None
    for part in parts:
        if previous is not None:
            expression += _gap(previous, part)
        if isinstance(part, SmsSlot):
            expression += f"(?P<{part.name}>{_SLOT_FORMS.get(part.type, _ANY)})"
        else:
            words = normalise(part)
            # Chinese is written without spaces, and typed with them now and then.
            pieces = words.split() if words.isascii() else words.replace(" ", "")
            expression += r"\s*".join(map(re.escape, pieces))
        previous = part
    return re.compile(expression, re.IGNORECASE | re.DOTALL)


def _gap(before: str | SmsSlot, after: str | SmsSlot) -> str:
    if isinstance(before, str) and not before.isascii():
        return r"\s*"  # Chinese is written without spaces
    if isinstance(before, SmsSlot) and before.type in _SLOT_FORMS:
        return r"(?:\s+|(?![\d.,]))"  # a figure ends where its digits end, never in the middle of them
    if isinstance(after, SmsSlot) and after.type in _SLOT_FORMS:
        return r"\s*"  # a word before a figure
    return r"\s+"
