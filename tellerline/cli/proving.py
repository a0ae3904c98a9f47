"""Where a person's token comes from: the environment, a file of theirs, or a prompt that shows nothing.

Never from the command line: what stands there is seen by everybody on the machine, and kept in the shell's history.
"""

from __future__ import annotations

import getpass
import os
import stat
import sys
from pathlib import Path
from typing import Annotated

import typer

from core_client.domain.secret import Secret
from tellerline.errors import TellerlineError

VARIABLE = "TELLERLINE_TOKEN"
MAX_FILE_BYTES = 4096

TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        help=f"File with your token, readable by you alone. Else {VARIABLE}, else you are asked.",
    ),
]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who you are: the token has to be yours.")]


class TokenError(TellerlineError):
    """No token can be had; the message says why and how to give one."""


def token_of(file: Path | None, name: str | None = None) -> Secret:
    """Answer the token that was given, or ask for it without showing it.

    Raises:
        TokenError: there is none, or the file is open to others.
    """
    found = given_token(file)
    if found is not None:
        return found
    if not sys.stdin.isatty():
        raise TokenError(
            f"no token: nobody is proved\n  mend: Set {VARIABLE}, or name a file with --token-file "
            "(in a terminal you are asked)."
        )
    return Secret(getpass.getpass(f"Token of {name}: " if name else "Token: "))


def given_token(file: Path | None) -> Secret | None:
    """Answer the token of the file or the environment, or None; asks nobody.

    Raises:
        TokenError: the file is open to others, or is none.
    """
    if file is not None:
        return _from_file(file)
    text = os.environ.get(VARIABLE, "").strip()
    return Secret(text) if text else None


def _at_once(file: str, flags: int) -> int:
    return os.open(file, flags | os.O_NONBLOCK)  # a pipe that nobody writes to would be waited for


def _from_file(file: Path) -> Secret:
    try:
        with open(file, "rb", opener=_at_once) as opened:
            found = os.fstat(opened.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise TokenError(f"{file} is no file\n  mend: Put the token into a file of its own.")
            if found.st_mode & 0o077:
                mode = stat.S_IMODE(found.st_mode)
                raise TokenError(f"{file} is open to others ({mode:o})\n  mend: chmod 600 {file}")
            text = opened.read(MAX_FILE_BYTES).decode("utf-8", "replace").strip()
    except OSError as error:
        raise TokenError(f"{file}: {error.strerror}\n  mend: Name the file that has your token.") from None
    if not text:
        raise TokenError(f"{file} is empty\n  mend: Put the token into it, as `tellerline people add` showed it.")
    return Secret(text)
