"""Operations that the bank does not have."""

from __future__ import annotations

from flows.inspect.rule import Level, Rule

RULE = Rule(
    "unknown-operation",
    "an operation that the bank does not have",
    "A bank step names one operation of the registry; the reference of the language lists them with their "
    "parameters, answers and outcomes.",
    good="""
steps:
  main: {bank: cards.block, save: card, on: {ok: bye, refused: bye, down: bye}}
""",
    bad="""
steps:
  main: {bank: card.block, save: card, on: {ok: bye, refused: bye, down: bye}}  # cards.block
""",
    level=Level.LOAD,
)
