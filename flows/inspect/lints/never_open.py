"""Schedules that never open."""

from __future__ import annotations

from collections.abc import Iterator

from flows.inspect.finding import Finding
from flows.inspect.look import Look
from flows.inspect.rule import Rule

RULE = Rule(
    "never-open",
    "a schedule that never opens",
    "No day of the week has opening hours, and no special day from today on has any: whoever asks this schedule always "
    "goes the way of `closed`.",
    good="""
schedules: {hours: {open: {mon-fri: 09:00-17:30}}}
steps:
  main: {schedule: hours, open: agent, closed: bye}
""",
    bad="""
schedules:
  hours: {open: {mon-fri: closed}}  # and no special day
steps:
  main: {schedule: hours, open: agent, closed: bye}
""",
)


def lint(look: Look) -> Iterator[Finding]:
    """Find schedules without any hour to come."""
    for schedule in look.flow.schedules.values():
        if schedule.never_opens(look.today):
            message = f"schedule '{schedule.name}' never opens"
            yield look.found(RULE, schedule.place, message, "Give it hours, as in: open: {mon-fri: 09:00-17:30}.")
