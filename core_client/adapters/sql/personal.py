"""Personal data at rest in SQL: sealed under data keys that lie wrapped in the same database, found by blind index.

The wrapping key lies beside the configuration, never in the database. A sealed value is text, ``tl1.<key>.<base64>``:
the id of its data key, so that keys can change while the bank runs, and AES-256-GCM bound to its place (table, column
and row), so that no value can be moved to another row. What must be found again, a number, has beside it a keyed hash:
equal numbers have equal ones, and who lacks the key cannot try the numbers of a country against them.

Which key seals is read in the very transaction that stores, under a share lock: once a rotation has committed, nothing
is sealed under the older key, on whichever node. Nothing here is refreshed by a timer.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable

from sqlalchemy import bindparam, insert, select

from core_client.adapters.sealing import KEY_BYTES, Sealer, SealError
from core_client.adapters.sql.schema_registry import data_keys
from core_client.adapters.sql.statements import Statement, Tx, insert_ignoring
from core_client.errors import InvariantBroken

PREFIX = "tl1."
INDEX_KEY = 0  # its id; data keys count from 1
_INDEX_BYTES = 15  # 120 bits in 20 letters: no accidental twin among all numbers of the world
_BLOCK = 64  # octets of SHA-256's block
_d = data_keys.c
_wrapped = Statement(select(_d.wrapped).where(_d.id == bindparam("id_")))
_active = Statement(
    select(_d.id)
    .where(_d.purpose == "data", _d.superseded_us.is_(None))
    .order_by(_d.id.desc())
    .limit(1)
    .with_for_update(read=True)
)
_first = insert_ignoring(data_keys, "id")
_next = Statement(insert(data_keys))


class PersonalData:
    """Seals, opens and finds personal data. Every method that takes ``tx`` reads keys in that transaction."""

    __slots__ = ("_index", "_lock", "_sealers", "_wrapping")

    def __init__(self, wrapping_key: bytes) -> None:
        self._wrapping = Sealer(wrapping_key)
        self._sealers: dict[int, Sealer] = {}
        self._index: Callable[[bytes], bytes] | None = None
        self._lock = threading.Lock()  # a sealer changes its derived key now and then: one thread at a time

    def __repr__(self) -> str:
        return "PersonalData(***)"

    def prepare(self, tx: Tx, now_us: int) -> None:
        """Make the first keys where there are none, in a writing transaction, and learn the index key.

        Raises:
            SealError: the wrapping key is not the one that this database's keys are wrapped under.
        """
        for key_id, purpose in ((INDEX_KEY, "index"), (1, "data")):
            if tx.one(_wrapped, id_=key_id) is None:
                tx.run(_first, **self.fresh_key(key_id, purpose, now_us))
        self._index = _hmac_of(self._unwrapped(tx, INDEX_KEY))

    def fresh_key(self, key_id: int, purpose: str, now_us: int) -> dict[str, object]:
        """Answer the row of a new key."""
        wrapped = self._wrapping.seal(secrets.token_bytes(KEY_BYTES), _key_place(key_id))
        return {"id": key_id, "purpose": purpose, "wrapped": wrapped, "made_us": now_us, "superseded_us": None}

    def add_key(self, tx: Tx, key_id: int, now_us: int) -> None:
        """Store a new data key."""
        tx.run(_next, **self.fresh_key(key_id, "data", now_us))

    def index(self, kind: str, value: str) -> str:
        """Answer the blind index of ``value``, 20 letters; ``kind`` keeps a line apart from a document."""
        if self._index is None:
            raise InvariantBroken("a blind index was asked for before the keys were there")
        digest = self._index(f"{kind}\x1f{value}".encode())
        return base64.urlsafe_b64encode(digest[:_INDEX_BYTES]).decode()

    def active_key(self, tx: Tx) -> int:
        """Answer the id of the key that seals, which stays so until ``tx`` ends."""
        # The second look is PostgreSQL's: a lock that was waited for finds its row superseded, and answers nothing.
        row = tx.one(_active) or tx.one(_active)
        if row is None:
            raise InvariantBroken("there is no data key to seal under")
        return int(row[0])

    def seal(self, tx: Tx, plain: str, place: str) -> str:
        """Answer ``plain`` sealed to ``place``, such as ``customers.name:10000001``."""
        key_id = self.active_key(tx)
        sealer = self._sealer(tx, key_id)
        with self._lock:
            sealed = sealer.seal(plain.encode(), place.encode())
        return f"{PREFIX}{key_id}.{base64.b64encode(sealed).decode()}"

    def open(self, tx: Tx, sealed: str, place: str) -> str:
        """Answer what was sealed.

        Raises:
            SealError: changed, of another place, in clear, or sealed under a key that is gone.
        """
        mark, key_id, body = [*sealed.split(".", 2), "", ""][:3]
        if mark + "." != PREFIX:
            raise SealError("not a sealed value: personal data in clear is not read")
        return self._sealer(tx, int(key_id)).open(binascii.a2b_base64(body), place.encode()).decode()

    def _sealer(self, tx: Tx, key_id: int) -> Sealer:
        sealer = self._sealers.get(key_id)
        if sealer is None:  # once per key and node; whoever sees a value sees its key in the same snapshot
            sealer = self._sealers[key_id] = Sealer(self._unwrapped(tx, key_id))
        return sealer

    def _unwrapped(self, tx: Tx, key_id: int) -> bytes:
        row = tx.one(_wrapped, id_=key_id)
        if row is None or row[0] is None:
            raise SealError(f"data key {key_id} is not there: retired, or the database is of another bank")
        try:
            return self._wrapping.open(bytes(row[0]), _key_place(key_id))
        except SealError:
            raise SealError(
                "the key of personal data does not open this database's keys: put back keys/personal of the state "
                "folder that belongs to it, from your backup"
            ) from None


def _hmac_of(key: bytes) -> Callable[[bytes], bytes]:
    """Answer HMAC-SHA-256 under ``key`` (RFC 2104), the key hashed in once: half the time for a number."""
    padded = key.ljust(_BLOCK, b"\x00")
    inner = hashlib.sha256(bytes(octet ^ 0x36 for octet in padded))
    outer = hashlib.sha256(bytes(octet ^ 0x5C for octet in padded))

    def digest(what: bytes) -> bytes:
        inside, outside = inner.copy(), outer.copy()
        inside.update(what)
        outside.update(inside.digest())
        return outside.digest()

    return digest


def key_of_pepper(pepper: bytes) -> bytes:
    """Answer a wrapping key made of the pepper, for a bank that has no file of its own for it."""
    return hmac.digest(pepper, b"tellerline personal data 1\x00", hashlib.sha256)


def key_of(stored: str) -> int | None:
    """Answer the id of the data key that a stored value names; None: it is in clear."""
    if not stored.startswith(PREFIX):
        return None
    return int(stored[len(PREFIX) : stored.index(".", len(PREFIX))])


def _key_place(key_id: int) -> bytes:
    return f"data_keys.wrapped:{key_id}".encode()
