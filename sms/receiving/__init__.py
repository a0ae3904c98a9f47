"""Texts that come in: stored, recognised when they come again, joined, handed on once."""
