"""Secrets that a text would carry."""

from __future__ import annotations

from flows.inspect.rule import Level, Rule

RULE = Rule(
    "secret-by-text",
    "a secret that a text would carry",
    "A text is not private: it stays on the telephone and passes the hands of others. A PIN is asked by voice "
    "only; what a text asks for is confirmed by a code that is bound to it.",
    good="""
vars: {pin: {type: secret}}
sms: {en: {"HELP": help}}
steps:
  main: {ask: {prompt: enter_pin, digits: 6}, save: pin, next: bye}
  help: {say: [help], next: bye}
""",
    bad="""
vars: {pin: {type: secret}}
sms: {en: {"PIN": main}}
steps:
  main: {ask: {prompt: enter_pin, digits: 6}, save: pin, next: bye}  # a text gets here
""",
    level=Level.LOAD,
)
