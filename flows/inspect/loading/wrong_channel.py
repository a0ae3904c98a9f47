"""Steps and operations on a channel that they do not run on."""

from __future__ import annotations

from flows.inspect.rule import Level, Rule

RULE = Rule(
    "wrong-channel",
    "a step on a channel that it does not run on",
    "The step says under channels where it runs, or the registry says where its operation may be asked for; a "
    "dialogue of the other channel gets here.",
    good="""
sms: {en: {"STOP": stop}}
steps:
  main: {say: [welcome], next: bye}
  stop: {bank: customer.stop_messages, with: {stopped: true}, on: {ok: bye, down: bye}}
""",
    bad="""
steps:
  main: {bank: customer.stop_messages, with: {stopped: true}, on: {ok: bye, down: bye}}  # texts only
""",
    level=Level.LOAD,
)
