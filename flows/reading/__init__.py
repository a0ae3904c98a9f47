"""Reads flows: files and their includes, shapes, names and types, and steps out of YAML; each error at its own word."""
