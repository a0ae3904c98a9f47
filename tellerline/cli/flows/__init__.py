"""``tellerline flows``: make, look at, try, publish and watch call flows."""

from __future__ import annotations

import typer

from tellerline.cli.flows import pictures, playing, publishing

app = typer.Typer(no_args_is_help=True, help="Make, look at, try, publish and watch call flows.")

publishing.add_to(app)
playing.add_to(app)
pictures.add_to(app)
