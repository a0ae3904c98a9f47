"""The command line: one file a group of commands, and one place where errors become words and exit codes."""

from __future__ import annotations

import errno
import io
import sys

from tellerline.cli.app import app
from tellerline.cli.telling import BAD_INPUT, TOLD, tell_error
from tellerline.errors import TellerlineError

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})


def main() -> None:
    """Run the command line; what a person did wrong is told without a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower() != "utf-8":
            stream.reconfigure(errors="backslashreplace")  # a terminal without Chinese shows which signs it has not
    try:
        _refuse_what_is_no_text(sys.argv[1:])
        app()
    except TOLD as error:
        tell_error(error)
        sys.exit(BAD_INPUT)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        where = f"{error.filename}: " if error.filename else ""
        tell_error(f"{where}{error.strerror}: not all of it could be written")
        sys.exit(BAD_INPUT)


def _refuse_what_is_no_text(given: list[str]) -> None:
    """Refuse bytes that are no UTF-8 here, once: no database, no store and no log could take them."""
    for one in given:
        if any("\ud800" <= sign <= "\udfff" for sign in one):
            raise TellerlineError(f"'{one}' is not UTF-8\n  mend: Type it again, in a terminal that writes UTF-8.")
