"""The container of a backup: lines of JSON, compressed, encrypted in chunks, whole or refused.

::

    a line that says what it is, 16 bytes of salt, then chunks: 4 bytes of length, AES-256-GCM of up to 64 KiB

Each file has a key of its own (HKDF-SHA256 of the backup key and the salt). A chunk's nonce is its number and whether
it is the last one, in the manner of STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015): a chunk that was changed, moved,
dropped or added makes the file unreadable, and so does an end that is missing.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import struct
import zlib
from collections.abc import Iterator
from typing import IO, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAGIC = b"tellerline backup 1\n"
_SALT = 16
_CHUNK = 64 * 1024
_TAG = 16
_LENGTH = struct.Struct(">I")
_NONCE = struct.Struct(">3xQ?")
MAX_LINE = 16 * 1024 * 1024  # of one row: beyond it the file is none of ours


class BackupError(Exception):
    """A backup that cannot be made, read or put back; the message says why and what to do."""


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=salt, info=b"tellerline backup 1").derive(key))


class BackupWriter:
    """Writes lines into ``file``. Without :meth:`close` the file is cut off, and is refused."""

    def __init__(self, file: IO[bytes], key: bytes) -> None:
        salt = secrets.token_bytes(_SALT)
        self._file = file
        self._head = MAGIC + salt
        self._cipher = _cipher(key, salt)
        self._pack = zlib.compressobj(6)
        self._waiting = bytearray()
        self._number = 0
        self._sum = hashlib.sha256()
        file.write(self._head)

    def line(self, value: Any) -> None:
        """Write one line."""
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        self._sum.update(text)
        self._take(self._pack.compress(text))

    @property
    def checksum(self) -> str:
        """SHA-256 of all lines so far."""
        return self._sum.hexdigest()

    def close(self) -> None:
        """Write what waits and the end."""
        self._take(self._pack.flush())
        self._chunk(bytes(self._waiting), last=True)
        self._file.flush()

    def _take(self, octets: bytes) -> None:
        self._waiting += octets
        while len(self._waiting) > _CHUNK:
            self._chunk(bytes(self._waiting[:_CHUNK]), last=False)
            del self._waiting[:_CHUNK]

    def _chunk(self, plain: bytes, *, last: bool) -> None:
        sealed = self._cipher.encrypt(_NONCE.pack(self._number, last), plain, self._head)
        self._file.write(_LENGTH.pack(len(sealed)) + sealed)
        self._number += 1


def read_lines(file: IO[bytes], key: bytes) -> Iterator[tuple[Any, str]]:
    """Answer each line, with the SHA-256 of all lines before it.

    Raises:
        BackupError: no backup, another key's, changed or cut off. What came before is not to be trusted then.
    """
    checksum, rest = hashlib.sha256(), b""
    for octets in _opened(file, key):
        *lines, rest = (rest + octets).split(b"\n")
        if len(rest) > MAX_LINE:
            raise BackupError("the backup has a line that is too long")
        for line in lines:
            yield json.loads(line), checksum.hexdigest()
            checksum.update(line + b"\n")
    if rest:
        raise BackupError("the backup ends in the middle of a line")


def _opened(file: IO[bytes], key: bytes) -> Iterator[bytes]:
    head = file.read(len(MAGIC) + _SALT)
    if len(head) != len(MAGIC) + _SALT or not head.startswith(MAGIC):
        raise BackupError("this is no backup of a version that this release reads")
    cipher, unpack, number = _cipher(key, head[len(MAGIC) :]), zlib.decompressobj(), 0
    sealed, following = _next(file), _next(file)
    while sealed is not None:
        last = following is None
        try:
            plain = cipher.decrypt(_NONCE.pack(number, last), sealed, head)
        except InvalidTag:
            words = "the backup was changed or cut off, or was made under another key (--key FILE)"
            raise BackupError(words) from None
        yield unpack.decompress(plain)
        sealed, following, number = following, (None if last else _next(file)), number + 1
    if number == 0 or not unpack.eof:
        raise BackupError("the backup is cut off")


def _next(file: IO[bytes]) -> bytes | None:
    head = file.read(_LENGTH.size)
    if not head:
        return None
    length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else 0
    sealed = file.read(length) if _TAG <= length <= _CHUNK + _TAG else b""
    if not sealed or len(sealed) != length:
        raise BackupError("the backup was changed or cut off")
    return sealed
