"""The store's wire protocol: commands written, answers read. Octets in and out; it never touches the world.

Only what a journal meets, in both versions of the protocol. redis-py does all this too, at 25 µs a command and more;
here a command and its answer cost 3.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

Argument: TypeAlias = "bytes | str | int"

_END = b"\r\n"


class Refused(Exception):  # noqa: N818 - what the store answered, no failure of ours
    """The store answered a command with an error. Its words may repeat arguments: only :attr:`code` is ever shown."""

    def __init__(self, words: bytes) -> None:
        super().__init__("the store refused")
        self.code = words.split(b" ", 1)[0].decode("ascii", "replace")[:32]


class NotResp(Exception):  # noqa: N818 - likewise
    """What came is no answer of a store: the connection is of no use any more."""


class _Short(Exception):  # noqa: N818
    """More octets are needed."""


def written(arguments: Iterable[Argument]) -> bytes:
    """Answer ``arguments`` as bulk strings, without the head that counts them."""
    parts = []
    for argument in arguments:
        if isinstance(argument, str):
            octets = argument.encode()
        elif isinstance(argument, int):
            octets = b"%d" % argument
        else:
            octets = argument
        parts.append(b"$%d\r\n%b\r\n" % (len(octets), octets))
    return b"".join(parts)


def command(*arguments: Argument) -> bytes:
    """Answer one whole command."""
    return b"*%d\r\n" % len(arguments) + written(arguments)


class Answers:
    """Reads answers from octets as they come."""

    def __init__(self) -> None:
        self._rest = b""
        self._needed = 0  # octets before which trying again is in vain

    def feed(self, data: bytes) -> list[Any]:
        """Take octets and answer every whole answer among them.

        Raises:
            NotResp: they are no answers.
        """
        buffer = self._rest + data if self._rest else data
        found: list[Any] = []
        if len(buffer) < self._needed:
            self._rest = buffer
            return found
        at, end = 0, len(buffer)
        try:
            while at < end:
                value, after = _read(buffer, at)
                if value is not _PUSHED:
                    found.append(value)
                at = after
        except _Short as short:
            self._needed = (short.args[0] if short.args else 0) - at
        except (ValueError, IndexError):
            raise NotResp("no answer of a store") from None
        else:
            self._needed = 0
        self._rest = buffer[at:] if at else buffer
        return found


_PUSHED = object()  # an out-of-band message: nobody asked


def _read(buffer: bytes, at: int) -> tuple[Any, int]:
    end = buffer.find(_END, at)
    if end < 0:
        raise _Short
    kind = buffer[at]
    line = buffer[at + 1 : end]
    after = end + 2
    if kind == 0x24:  # $ bulk string
        length = int(line)
        if length < 0:
            return None, after
        stop = after + length
        if stop + 2 > len(buffer):
            raise _Short(stop + 2)
        return buffer[after:stop], stop + 2
    if kind == 0x3A:  # : integer
        return int(line), after
    if kind in b"*~>":  # array, set, push
        count = int(line)
        if count < 0:
            return None, after
        values = []
        for _ in range(count):
            value, after = _read(buffer, after)
            values.append(value)
        return (_PUSHED if kind == 0x3E else values), after
    if kind == 0x2B:  # + simple string
        return line, after
    if kind == 0x2D:  # - error
        return Refused(line), after
    if kind == 0x5F:  # _ null
        return None, after
    if kind == 0x23:  # # boolean
        return line == b"t", after
    if kind in b",(":  # double, big number: as they are written
        return line, after
    if kind in b"%|":  # map, attribute: keys and values in turn
        values = []
        for _ in range(2 * int(line)):
            value, after = _read(buffer, after)
            values.append(value)
        return values if kind == 0x25 else _PUSHED, after
    if kind in b"!=":  # blob error, verbatim string
        stop = after + int(line)
        if stop + 2 > len(buffer):
            raise _Short(stop + 2)
        body = buffer[after:stop]
        return (Refused(body) if kind == 0x21 else body[4:]), stop + 2
    raise NotResp("no answer of a store")
