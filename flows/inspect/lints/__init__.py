"""The lints: one rule each, over one flow that loaded."""
