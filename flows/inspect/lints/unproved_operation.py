"""Operations that the bank refuses, since the caller cannot have given the PIN yet."""

from __future__ import annotations

from collections.abc import Iterator

from core_client.operations import Security
from flows.dialogue import Channel
from flows.inspect.finding import Finding
from flows.inspect.look import Look
from flows.inspect.proofs import operations, proofs_of
from flows.inspect.rule import Rule, Severity

RULE = Rule(
    "unproved-operation",
    "an operation that needs the PIN, before it was asked for",
    "The registry says that this operation needs the PIN by voice. A call gets here without a gate that asks for it, "
    "so that the bank answers `unauthenticated`, and the dialogue cannot go on.",
    good="""
vars: {pin: {type: secret}}
gates: {auth: {voice: pin, sms: by_code}}
steps:
  main: {needs: auth, bank: accounts.list, save: mine, on: {ok: bye, refused: bye, down: bye}}
  pin: {ask: {prompt: enter_pin, digits: 6}, save: pin, next: check}
  check:
    bank: auth.verify_pin
    with: {pin: pin}
    on: {ok: return, refused: pin, wait: bye, locked: agent, down: bye}
""",
    bad="""
steps:
  main: {bank: accounts.list, save: mine, on: {ok: bye, refused: bye, down: bye}}  # nobody asked for the PIN
""",
    severity=Severity.WARNING,
)


def lint(look: Look) -> Iterator[Finding]:
    """Find operations that need the PIN where it may not have been given."""
    for step in operations(look):
        if step.moves_money or step.operation.security_on(Channel.VOICE) < Security.AUTHENTICATED:
            continue
        if step.name in proofs_of(look).unasked:
            message = f"'{step.operation.name}' needs the PIN by voice, and a call gets to step '{step.name}' without"
            yield look.found(RULE, step.place, message, "Give it 'needs:' a gate that asks for the PIN.")
