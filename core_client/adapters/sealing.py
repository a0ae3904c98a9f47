"""Sealing of what must rest in a store unread: bodies of messages, before they are answered and after.

AES-256-GCM under derived keys, in the manner of XAES-256-GCM: half of a 24-byte random nonce derives the key, the other
half is GCM's nonce. One long-lived key then never meets GCM's bound of 2**32 random nonces, which a busy SMSC reaches
in weeks. A derived key seals some ten thousand bodies before the next one is drawn: deriving costs more than sealing.
The key lives in a file beside the configuration, never in the store that it protects.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import stat
from collections import OrderedDict
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
FINGERPRINT_BYTES = 16  # 128 bits: no accidental twin among the messages of a window
_VERSION = b"\x01"
_HALF = 12  # GCM's nonce (SP 800-38D §8.2), and as many bytes again to derive the key from
_TAG = 16
_SEALS_A_KEY = 2**14  # far below GCM's 2**32: two equal nonces under one of them are as likely as 1 in 2**69
_BLOCK = 64  # octets of SHA-256's block (RFC 2104)
_CIPHERS = 64  # that were met last are kept: what a node reads it mostly sealed itself
_OVERHEAD = len(_VERSION) + 2 * _HALF + _TAG
_SEAL = b"tellerline seal 1\x00"
_PRINT = b"tellerline fingerprint 1\x00"


class SealError(Exception):
    """A sealed body that was changed, belongs elsewhere, or was sealed under another key; or a key that is none."""


class Sealer:
    """Seals and opens bodies under one key. ``context`` (a message id) must be the same at both ends."""

    __slots__ = ("_ciphers", "_head", "_inner", "_key", "_left", "_outer", "_sealing")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise SealError(f"a sealing key has {KEY_BYTES} bytes, this one has {len(key)}")
        self._key = key
        print_key = hmac.digest(key, _PRINT, hashlib.sha256).ljust(_BLOCK, b"\x00")
        self._inner = hashlib.sha256(bytes(octet ^ 0x36 for octet in print_key))  # HMAC's two halves, the key taken in
        self._outer = hashlib.sha256(bytes(octet ^ 0x5C for octet in print_key))
        self._left = 0  # bodies that may still be sealed under the present derived key
        self._head, self._sealing = b"", AESGCM(key)
        self._ciphers: OrderedDict[bytes, AESGCM] = OrderedDict()

    def __repr__(self) -> str:
        return "Sealer(***)"

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Answer ``plain`` sealed to ``context``: 41 bytes longer, different each time."""
        if not self._left:
            half = secrets.token_bytes(_HALF)
            self._head, self._sealing, self._left = _VERSION + half, self._cipher(half), _SEALS_A_KEY
        self._left -= 1
        nonce = secrets.token_bytes(_HALF)
        return self._head + nonce + self._sealing.encrypt(nonce, plain, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Answer what was sealed.

        Raises:
            SealError: changed, of another context, or sealed under another key. Which of them is not told.
        """
        if len(sealed) < _OVERHEAD or sealed[:1] != _VERSION:
            raise SealError("not a sealed body of a version that this release opens")
        cipher = self._cipher(sealed[1 : 1 + _HALF])
        try:
            return cipher.decrypt(sealed[1 + _HALF : 1 + 2 * _HALF], sealed[1 + 2 * _HALF :], context)
        except InvalidTag:
            raise SealError("the sealed body was changed, belongs elsewhere or was sealed under another key") from None

    def fingerprint(self, plain: bytes, context: bytes = b"") -> bytes:
        """Answer a keyed hash: tells equal from different, and tells who has no key nothing at all.

        A plain hash of a six-digit text would be undone by trying a million of them.
        """
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(context + b"\x00" + plain)
        outer.update(inner.digest())
        return outer.digest()[:FINGERPRINT_BYTES]

    def _cipher(self, half: bytes) -> AESGCM:
        cipher = self._ciphers.get(half)
        if cipher is None:
            cipher = AESGCM(hmac.digest(self._key, _SEAL + half, hashlib.sha256))
            self._ciphers[half] = cipher
            if len(self._ciphers) > _CIPHERS:
                self._ciphers.popitem(last=False)
        return cipher


def load_or_create_key(path: Path) -> bytes:
    """Answer the key in ``path``, which is made (mode 0600) when it is missing. Two starters at once get the same.

    Raises:
        SealError: the file is no key, or others on the machine can read it.
    """
    with contextlib.suppress(FileNotFoundError):
        return _load(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # another starter was first: its key is the key
            path.hardlink_to(fresh)
    finally:
        fresh.unlink()
    return _load(path)


def _load(path: Path) -> bytes:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise SealError(f"{path} can be read by others (mode {mode:04o}). Mend it with: chmod 600 {path}")
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise SealError(
            f"{path} holds {len(key)} bytes, a sealing key has {KEY_BYTES}. Restore it from your backup; "
            "without it, messages that were not answered yet cannot be opened"
        )
    return key
