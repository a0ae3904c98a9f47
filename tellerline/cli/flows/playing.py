"""``tellerline flows play | coverage``: try a flow on the engine alone, and see what no conversation tries."""

from __future__ import annotations

import typer


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
