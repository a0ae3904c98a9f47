"""``tellerline flows init | publish | approve | rollback | log | notice``."""

from __future__ import annotations

import typer


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
