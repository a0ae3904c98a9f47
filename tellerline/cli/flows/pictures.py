"""``tellerline flows graph | diff | stats``: see a flow, its changes and what callers do in it."""

from __future__ import annotations

import typer


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
