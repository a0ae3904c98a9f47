"""Versions of flows as people publish them, on the real command line."""
