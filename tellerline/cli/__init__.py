"""The command line: one file a group of commands, and one place where errors become words and exit codes."""

from __future__ import annotations

import sys

from tellerline.cli.app import app
from tellerline.cli.telling import BAD_INPUT, TOLD, tell_error


def main() -> None:
    """Run the command line; what a person did wrong is told without a traceback."""
    try:
        app()
    except TOLD as error:
        tell_error(error)
        sys.exit(BAD_INPUT)
