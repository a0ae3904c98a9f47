"""Bytes in, whole lines out, never more in memory than one line may be long."""

from __future__ import annotations

from ivr.errors import RemoteProtocolError


class LineBuffer:
    """Cuts a stream of bytes into lines of at most ``max_line_bytes``, newline included."""

    __slots__ = ("_kept", "_max_line_bytes")

    def __init__(self, max_line_bytes: int) -> None:
        self._kept = b""
        self._max_line_bytes = max_line_bytes

    def __len__(self) -> int:
        return len(self._kept)

    def feed(self, data: bytes) -> list[str]:
        """Answer the lines that ``data`` completes, without their ends.

        Bytes that are no UTF-8 become U+FFFD: a caller's name comes from anywhere.

        Raises:
            RemoteProtocolError: a line is too long, whether its end has come or not.
        """
        if self._kept:
            data = self._kept + data
        *lines, self._kept = data.split(b"\n")
        limit = self._max_line_bytes
        if len(self._kept) >= limit or (len(data) >= limit and any(len(line) >= limit for line in lines)):
            self._kept = b""
            raise RemoteProtocolError(f"a line of more than {limit} bytes")
        return [line.removesuffix(b"\r").decode("utf-8", "replace") for line in lines]
