"""Files that cannot be included."""

from __future__ import annotations

from flows.inspect.rule import Level, Rule

RULE = Rule(
    "include",
    "a file that cannot be included",
    "An included file stands beside the flow or below its folder, and holds no keys that only the flow itself "
    "has. A file may include others, but not in a round, and a name is defined in one file only.",
    good="""
steps:
  main: {say: [welcome], next: bye}
""",
    bad="""
include: [endings.yaml]  # there is no such file
steps:
  main: {say: [welcome], next: bye}
""",
    level=Level.LOAD,
)
