"""Conversations that testers write, and the wires that they are tried through: engine, fastagi, asterisk."""
