"""Commands by text that another command takes before them."""

from __future__ import annotations

from collections.abc import Iterator

from core_client.operations import Type
from flows.commands import match, normalise
from flows.inspect.finding import Finding
from flows.inspect.look import Look
from flows.inspect.rule import Rule, Severity
from flows.model import SmsPattern, SmsSlot

RULE = Rule(
    "sms-shadowed",
    "a command by text that another one takes",
    "Of several commands that fit a text the one with the fewest slots wins, then the one with the longest words; the "
    "flow's languages are matched together. A command of which every text goes elsewhere never runs: the same words "
    "stand there twice, or a slot of the other swallows this one's words. Each command is tried with some texts, as "
    "the server matches them; when only some of them go elsewhere, that is a warning.",
    good="""
vars:
  payee: {type: payee}
  amount: {type: money}
sms:
  en: {"SEND {amount} {payee}": bye, "SENDALL {payee}": bye}
steps:
  main: {say: [welcome], next: bye}
""",
    bad="""
vars:
  payee: {type: payee}
  amount: {type: money}
sms:
  en:
    "SEND {payee}": bye
    "SEND {amount} {payee}": bye  # '500 lilei' would be a payee of the command above
steps:
  main: {say: [welcome], next: bye}
""",
)

# What people might write for a slot; one column is tried at a time.
_ANYTHING = ("lilei", "李雷", "12")
_SAMPLES: dict[Type, tuple[str, str, str]] = {
    Type.MONEY: ("500", "12.50", "8000"),
    Type.DIGITS: ("1234", "55", "987654"),
    Type.ACCOUNT: ("6222000011112222", "4417", "62220000"),
    Type.NUMBER: ("7", "12", "300"),
    Type.DATE: ("20260301", "2026-03-01", "20261231"),
    Type.PHONE: ("13900000001", "+8613900000001", "02088886666"),
}


def lint(look: Look) -> Iterator[Finding]:
    """Try every command with texts that are meant for it."""
    by_head: dict[str, list[SmsPattern]] = {}
    for pattern in look.flow.sms_patterns:
        by_head.setdefault(_head(pattern), []).append(pattern)
    for pattern in look.flow.sms_patterns:
        head = _head(pattern)
        # Only a command whose first words begin this one's can take a text that is meant for it.
        rivals = [other for end in range(1, len(head) + 1) for other in by_head.get(head[:end], ())]
        if len(rivals) > 1:
            yield from _tried(look, pattern, rivals)


def _head(pattern: SmsPattern) -> str:
    """Answer the words before the first slot, as if they were typed without spaces."""
    words = []
    for part in pattern.parts:
        if isinstance(part, SmsSlot):
            break
        words.append(normalise(part))
    return "".join(words).replace(" ", "").casefold()


def _tried(look: Look, pattern: SmsPattern, rivals: list[SmsPattern]) -> Iterator[Finding]:
    # The flow's own order decides between equals: keep it.
    among = [other for other in look.flow.sms_patterns if any(other is rival for rival in rivals)]
    texts = list(dict.fromkeys(sample(pattern, column) for column in range(len(_ANYTHING))))
    taken: list[tuple[str, SmsPattern]] = []
    for text in texts:
        command = match(among, text, look.flow.currency, look.flow.country)
        if command is not None and (command.language, command.pattern) != (pattern.language, pattern.text):
            by = next(one for one in among if (one.language, one.text) == (command.language, command.pattern))
            taken.append((text, by))
    if not taken:
        return
    text, by = taken[0]
    where = f"'{by.text}' on line {by.place.line}"
    if len(taken) == len(texts):
        message = f"no text gets to the command '{pattern.text}': '{text}' is taken by {where}"
        yield look.found(RULE, pattern.place, message, "Begin one of them with another word.")
    else:
        message = f"some texts for '{pattern.text}' are taken by {where}, such as '{text}'"
        yield look.found(RULE, pattern.place, message, "Begin one with another word.", Severity.WARNING)


def sample(pattern: SmsPattern, column: int) -> str:
    """Answer a text that is meant for a command: the first, second or third one to try."""
    return " ".join(
        _SAMPLES.get(part.type, _ANYTHING)[column] if isinstance(part, SmsSlot) else part for part in pattern.parts
    )
