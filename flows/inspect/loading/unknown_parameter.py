"""Parameters that an operation does not have, or needs and does not get."""

from __future__ import annotations

from flows.inspect.rule import Level, Rule

RULE = Rule(
    "unknown-parameter",
    "a parameter that an operation does not have, or that is missing",
    "What stands under with are the parameters of the operation, each with a value of its type. Those that the "
    "registry requires must be there.",
    good="""
vars: {card: {type: digits}}
steps:
  main: {ask: {prompt: enter_card, digits: 4}, save: card, next: block}
  block: {bank: cards.block, with: {last4: card}, on: {ok: bye, refused: bye, down: bye}}
""",
    bad="""
vars: {card: {type: digits}}
steps:
  main: {ask: {prompt: enter_card, digits: 4}, save: card, next: block}
  block: {bank: cards.block, with: {last_4: card}, on: {ok: bye, refused: bye, down: bye}}  # last4
""",
    level=Level.LOAD,
)
