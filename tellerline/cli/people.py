"""``tellerline people``: who may publish and approve, proven by a token."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, help="Who may publish and approve, proven by a token.")
