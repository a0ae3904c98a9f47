"""Writes docs/reference/operations.md: every bank operation as the registry, the line's flow and the catalogue have it.

``python -m tellerline.operations_page > docs/reference/operations.md``; a test compares the page with what this writes.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from core_client.domain.profile import BankProfile
from core_client.operations import REASONS, REGISTRY, Field, Kind, Operation, Security, Type
from flows.dialogue import Channel
from flows.model import BACK, REPEAT, Flow
from flows.prompts import REFUSED_PREFIX
from flows.steps.bank import Bank
from flows.steps.callback import Callback
from flows.store import FlowStore
from sounds.catalogue import Catalogue

LINE = "retail"  # the flow that the product ships
CALLBACK = "service.request_callback"  # what a flow's ``callback`` step asks for
BY_THE_LINE = frozenset({"auth.issue_code", "auth.verify_code"})  # asked by every confirmation by text, in no step

_PROOF: Mapping[Security, str] = {
    Security.OPEN: "nothing",
    Security.CLAIMED: "a customer number",
    Security.IDENTIFIED: "the registered number",
    Security.AUTHENTICATED: "the PIN",
}
_KINDS: Mapping[Kind, str] = {
    Kind.ENQUIRY: "reads; no answer is `down`, and asking again is safe",
    Kind.CHANGE: "changes once: the same request again answers the same; no answer is `down`, and asking again is safe",
    Kind.MONEY: "moves money once an intent; no answer is `unknown`, and only a query may follow",
}


@dataclass(frozen=True, slots=True)
class Reached:
    """Where the line asks for an operation, and what leads there."""

    steps: tuple[str, ...]
    keys: str  # by phone, from the main menu; empty: not by keys
    words: Mapping[str, tuple[str, ...]]  # by language


def reached(flow: Flow, operation: str) -> Reached:
    """Answer how a customer gets to an operation by phone and by text.

    Args:
        flow: the line.
        operation: its name in the registry.
    """
    steps = tuple(sorted(name for name, step in flow.steps.items() if _asks_for(step, operation)))
    found: dict[str, list[str]] = {language: [] for language in flow.languages}
    for pattern in flow.sms_patterns:
        if _leads(flow, pattern.step, frozenset(steps)):
            found[pattern.language].append(pattern.text)
    return Reached(
        steps, _keys_to(flow, frozenset(steps)), {language: tuple(words) for language, words in found.items()}
    )


def _asks_for(step: object, operation: str) -> bool:
    if isinstance(step, Bank):
        return step.operation.name == operation
    return operation == CALLBACK and isinstance(step, Callback)


def _leads(flow: Flow, start: str, goals: frozenset[str]) -> bool:
    """Answer whether a text that begins at ``start`` can come to one of ``goals`` before its dialogue ends."""
    seen, waiting = {start}, deque([start])
    while waiting:
        name = waiting.popleft()
        if name in goals:
            return True
        if name == "main":
            continue  # by text a dialogue ends there
        for edge in flow.ways[Channel.SMS].get(name, ()):
            if edge.target not in seen and edge.target in flow.steps:
                seen.add(edge.target)
                waiting.append(edge.target)
    return False


def _keys_to(flow: Flow, goals: frozenset[str]) -> str:
    """Answer the fewest choices from the main menu to one of ``goals``, as ``7 2 3``; empty when there is no way."""
    seen, waiting = {"main"}, deque([("main", "")])
    while waiting:
        name, keys = waiting.popleft()
        if name in goals:
            return keys.strip() or "begins with it"
        for edge in flow.ways[Channel.VOICE].get(name, ()):
            if edge.target in (BACK, REPEAT) or edge.target in seen or edge.target not in flow.steps:
                continue
            seen.add(edge.target)
            key = edge.word if edge.way.value == "key" else ""
            waiting.append((edge.target, f"{keys} {key}" if key else keys))
    return ""


def limits_of(operation: Operation, profile: BankProfile) -> str:
    """Answer what bounds an operation, in the figures of a profile; empty when nothing of its own does."""
    requests, appointments = profile.requests, profile.appointments
    days = {kind.value: count for kind, count in requests.working_days.items()}
    waiting = f"at most {requests.most_open} wait for one customer"
    told = {
        "auth.verify_pin": f"{profile.attempts.limit} failures over all channels lock",
        "auth.issue_code": f"{int(profile.code_life.total_seconds() // 60)} minutes, once",
        "auth.verify_code": f"{profile.attempts.limit} failures over all channels lock",
        "accounts.recent": f"{profile.recent_entries} entries, at most {profile.most_entries}",
        "accounts.request_statement": f"1 to {requests.most_months} months; within {days['statement']} working days; "
        + waiting,
        "cheques.order_book": f"within {days['cheque_book']} working days; {waiting}",
        "service.complain": f"answered within {days['complaint']} working days; {waiting}",
        "service.request_callback": f"at most {profile.callbacks.most_open_per_line} wait for one line",
        "appointments.slots": f"{appointments.offered} hours of the next {appointments.days_ahead} days",
        "appointments.book": f"at most {appointments.most_open} to come for one customer",
        "alerts.set": f"from {profile.alert_threshold_minor // 100} {profile.currency} when no amount is named",
        "transfers.authorise": "an intent that is prepared lives "
        f"{int(profile.intent_life.total_seconds() // 60)} minutes",
    }
    if operation.name in told:
        return told[operation.name]
    prepares = operation.name.partition(".")[2].startswith("prepare")
    return "the profile's limits, counted over all channels" if prepares else ""


def page(flow: Flow, catalogue: Catalogue, profile: BankProfile) -> str:
    """Answer the page as Markdown."""
    return "\n".join(_lines(flow, catalogue, profile)) + "\n"


def _lines(flow: Flow, catalogue: Catalogue, profile: BankProfile) -> Iterator[str]:
    yield "# Bank operations"
    yield ""
    yield "What a flow, a text or another channel may ask of the bank. `python -m tellerline.operations_page` writes"
    yield "this page from the registry (`core_client/operations`), the shipped line and its catalogue; a test compares."
    yield "Limits are the default profile's."
    yield ""
    yield "| operation | by phone proves | by text proves | by phone | by text |"
    yield "|---|---|---|---|---|"
    for operation in REGISTRY.values():
        there = reached(flow, operation.name)
        words = "; ".join(f"`{pattern}`" for found in there.words.values() for pattern in found[:1])
        phone = f"`{there.keys}`" if operation.voice and there.keys else ""
        yield (
            f"| [`{operation.name}`](#{_anchor(operation.name)}) | {_proof(operation, 'voice')} "
            f"| {_proof(operation, 'sms')} | {phone} | {words if operation.sms else ''} |"
        )
    for operation in REGISTRY.values():
        yield from _one(operation, reached(flow, operation.name), profile)
    yield ""
    yield "## Why the bank says no"
    yield ""
    yield "By phone, and by text where that differs. Whoever hears one learns nothing that helps an attacker."
    yield ""
    yield "| reason | " + " | ".join(flow.languages) + " |"
    yield "|---|" + "---|" * len(flow.languages)
    for reason in REASONS:
        wordings = [_wording(catalogue, REFUSED_PREFIX + reason, language) for language in flow.languages]
        yield f"| `{reason}` | {' | '.join(wordings)} |"


def _one(operation: Operation, there: Reached, profile: BankProfile) -> Iterator[str]:
    yield ""
    yield f"## {operation.name}"
    yield ""
    yield operation.summary.replace("``", "`")
    yield ""
    yield f"- kind: {operation.kind.value}; {_KINDS[operation.kind]}"
    yield f"- by phone: {_channel(operation, 'voice')}; by text: {_channel(operation, 'sms')}"
    yield f"- takes: {_fields(operation.parameters)}"
    yield f"- `ok` answers: {_fields(operation.answer)}"
    yield f"- outcomes: {', '.join(f'`{outcome}`' for outcome in operation.outcomes)}"
    if limit := limits_of(operation, profile):
        yield f"- limits: {limit}"
    if operation.name in BY_THE_LINE:
        yield "- asked by the line itself wherever a text confirms something with a code"
        return
    yield f"- steps: {', '.join(f'`{name}`' for name in there.steps) or 'none of the shipped line'}"
    if operation.voice and there.keys:
        yield f"- keys from the main menu: {there.keys}"
    for language, words in there.words.items():
        if operation.sms and words:
            yield f"- words by text ({language}): {', '.join(f'`{word}`' for word in words)}"


def _proof(operation: Operation, channel: str) -> str:
    if not operation.allowed_on(channel):
        return "not offered"
    required = operation.security_on(channel)
    if channel == "sms" and required is Security.AUTHENTICATED:
        return "the code of this very intent"
    return _PROOF[required]


def _channel(operation: Operation, channel: str) -> str:
    return f"proves {_proof(operation, channel)}" if operation.allowed_on(channel) else "not offered"


def _fields(fields: Mapping[str, Field]) -> str:
    return ", ".join(_field(name, declared) for name, declared in fields.items()) or "nothing"


def _field(name: str, declared: Field) -> str:
    inner = f" of ({_fields(declared.fields)})" if declared.type in (Type.LIST, Type.RECORD) else ""
    return f"`{name}` {declared.type.value}{inner}{'' if declared.required else ', if given'}"


def _anchor(name: str) -> str:
    return name.replace(".", "")


def _wording(catalogue: Catalogue, prompt: str, language: str) -> str:
    if not catalogue.has_prompt(prompt, language):
        return "**missing**"
    said, texted = catalogue.prompt(prompt, language), catalogue.sms_text(prompt, language)
    return said if said == texted else f"{said} — by text: {texted}"


def shipped() -> str:
    """Answer the page of what the product ships."""
    catalogue = Catalogue.load()
    return page(FlowStore().current(LINE), catalogue, BankProfile())


if __name__ == "__main__":
    sys.stdout.write(shipped())
