"""How words become a command line and a command line words, as Asterisk reads them (``parse_args`` in res_agi.c).

Outside and inside double quotes a backslash makes the next character an ordinary one; spaces and tabs separate
words outside quotes only. So a word whose backslashes and quotes are escaped, between quotes, stays one word
whatever it holds, as long as it holds no end of line: those are refused, never stripped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ivr.errors import LocalProtocolError

MAX_LINE_BYTES = 8192  # Asterisk's AGI_BUF_LEN, the newline and its own terminator included
MAX_WORDS = 127  # Asterisk's MAX_ARGS less its terminator; it cuts the rest off silently

_VERB = re.compile(r"[A-Z]+(?: [A-Z]+)*")
_PLAIN = re.compile(r"[A-Za-z0-9_./:#*+-]+")
_FORBIDDEN = re.compile("[\r\n\0]")


def quote(word: str) -> str:
    """Answer ``word`` so that Asterisk reads exactly it, as one word.

    Raises:
        LocalProtocolError: it holds CR, LF or NUL, which no quoting can carry.
    """
    if _PLAIN.fullmatch(word):
        return word
    if _FORBIDDEN.search(word):
        raise LocalProtocolError("an argument with CR, LF or NUL would end the command and begin another")
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def encode_command(verb: str, arguments: Iterable[str] = ()) -> bytes:
    """Answer the line that makes Asterisk run ``verb`` with ``arguments``, newline included.

    Raises:
        LocalProtocolError: the verb is no AGI verb, an argument cannot be carried, or the line is too long.
    """
    if not _VERB.fullmatch(verb):
        raise LocalProtocolError("a verb is made of upper-case words, one space between two")
    words = [verb, *(quote(word) for word in arguments)]
    if verb.count(" ") + len(words) > MAX_WORDS:
        raise LocalProtocolError(f"more than {MAX_WORDS} words: Asterisk would cut the rest off")
    try:
        line = (" ".join(words) + "\n").encode()
    except UnicodeEncodeError:
        raise LocalProtocolError("an argument with half a character (a lone surrogate) cannot be sent") from None
    if len(line) >= MAX_LINE_BYTES:
        raise LocalProtocolError(f"a line of {len(line)} bytes; Asterisk reads {MAX_LINE_BYTES - 1} at most")
    return line


def split_command(line: str) -> tuple[str, ...]:
    """Answer the words of ``line`` as Asterisk's ``parse_args`` does, its oddities included."""
    words: list[list[str]] = []
    quoted = escaped = False
    between = True
    for char in line:
        if char == '"' and not escaped:
            quoted = not quoted
            if quoted and between:
                words.append([])
                between = False
        elif char in " \t" and not quoted and not escaped:
            between = True
        elif char == "\\" and not escaped:
            escaped = True
        else:
            if between:
                words.append([])
                between = False
            words[-1].append(char)
            escaped = False
    return tuple("".join(word) for word in words[:MAX_WORDS])
