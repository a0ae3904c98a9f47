"""What is no YAML, or uses what this language leaves out."""

from __future__ import annotations

from flows.inspect.rule import Level, Rule

RULE = Rule(
    "syntax",
    "a file that cannot be read",
    "The file is no YAML, or uses what flows leave out on purpose because it makes a file mean something else "
    "than what a reader sees: anchors and aliases, tags, the same key twice, several documents. Files are UTF-8, "
    "at most 256 KiB, and nested no deeper than 16. Nothing else is checked until the file can be read.",
    good="""
steps:
  main: {say: [welcome], next: bye}
""",
    bad="""
steps:
  main: {say: [welcome], next: bye, next: agent}  # which one?
""",
    level=Level.LOAD,
)
