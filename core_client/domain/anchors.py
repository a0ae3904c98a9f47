"""Anchors: the audit chain's head, told to places outside the database, so that it cannot be turned back unseen.

The chain alone shows an edit inside it. Who can write the database can also compute all hashes anew, cut the end off,
or put yesterday's files in its place. An anchor says "row ``seq`` had this hash then", under a key that is not in the
database, and follows the anchor before it; a log of anchors is only ever added to.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

FIRST = "0" * 64  # what the first anchor of a log follows
VERSION = 1
_HEX, _LETTERS = "0123456789abcdef", "abcdefghijklmnop"
_TO_LETTERS, _FROM_LETTERS = str.maketrans(_HEX, _LETTERS), str.maketrans(_LETTERS, _HEX)


class AnchorKind(StrEnum):
    """Why an anchor was written."""

    HEAD = "head"  # the chain had come so far
    RESTORED = "restored"  # a backup took the bank's place: what was anchored after its head is gone, and told


class AnchorError(ValueError):
    """A line that is no anchor."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """One line of a log of anchors. ``back_to`` is the backup's last row where a backup was restored, else ``seq``."""

    log: str
    number: int
    kind: AnchorKind
    at: datetime.datetime
    seq: int
    hash: str
    back_to: int
    follows: str
    mac: str = ""

    def line(self) -> str:
        """Answer the anchor as it is written down."""
        return json.dumps({**self._body(), "mac": self.mac}, separators=(",", ":"))

    def in_letters(self) -> str:
        """Answer the line in letters alone: no rule that masks numbers in logs finds anything in it."""
        return self.line().encode().hex().translate(_TO_LETTERS)

    def signed(self, key: bytes) -> Anchor:
        """Answer the anchor with its MAC (HMAC-SHA256 under ``key``)."""
        return Anchor(
            self.log, self.number, self.kind, self.at, self.seq, self.hash, self.back_to, self.follows, self._mac(key)
        )

    def is_ours(self, key: bytes) -> bool:
        """Answer whether the MAC is that of ``key``, in constant time."""
        return hmac.compare_digest(self.mac, self._mac(key))

    def _mac(self, key: bytes) -> str:
        body = json.dumps(self._body(), separators=(",", ":")).encode()
        return hmac.digest(key, b"tellerline anchor 1\x00" + body, hashlib.sha256).hex()

    def _body(self) -> dict[str, str | int]:
        return {
            "anchor": VERSION,
            "log": self.log,
            "number": self.number,
            "kind": self.kind.value,
            "at": self.at.isoformat(),
            "seq": self.seq,
            "hash": self.hash,
            "back_to": self.back_to,
            "follows": self.follows,
        }


def read_anchor(line: str) -> Anchor:
    """Read one line: as written down, or in letters.

    Raises:
        AnchorError: it is no anchor; the line is not quoted.
    """
    try:
        if not line.lstrip().startswith("{"):
            line = bytes.fromhex(line.strip().translate(_FROM_LETTERS)).decode()
        found = json.loads(line)
        if found["anchor"] != VERSION:
            raise AnchorError(f"an anchor of version {found['anchor']}; this release reads version {VERSION}")
        return Anchor(
            log=str(found["log"]),
            number=int(found["number"]),
            kind=AnchorKind(found["kind"]),
            at=datetime.datetime.fromisoformat(found["at"]),
            seq=int(found["seq"]),
            hash=str(found["hash"]),
            back_to=int(found["back_to"]),
            follows=str(found["follows"]),
            mac=str(found["mac"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise error if isinstance(error, AnchorError) else AnchorError("not an anchor") from None


class Doubt(StrEnum):
    """What speaks against the audit."""

    CHAIN_BROKEN = "chain_broken"  # a row does not follow the one before it: edited, deleted, moved
    ROLLED_BACK = "rolled_back"  # the chain is shorter than it was once
    REWRITTEN = "rewritten"  # a row has another hash than it had
    ANCHORS_CHANGED = "anchors_changed"  # a log of anchors was edited, or has a gap
    ANCHORS_CUT = "anchors_cut"  # the database remembers anchors that the log has no more


@dataclass(frozen=True, slots=True)
class Finding:
    """One doubt: where in the chain (``seq``), and in words for whoever looks after the bank."""

    doubt: Doubt
    seq: int
    words: str


@dataclass(frozen=True, slots=True)
class Remembered:
    """An anchor as the database remembers it."""

    log: str
    number: int
    seq: int


def doubts_of_logs(key: bytes, anchors: Sequence[Anchor], remembered: Iterable[Remembered]) -> list[Finding]:
    """Look at the logs by themselves: each anchor signed, following the one before it, none missing at the end.

    Args:
        key: of the anchors' MACs.
        anchors: of any number of logs, each in its order.
        remembered: the last one of each log, by the database.
    """
    findings: list[Finding] = []
    last: dict[str, Anchor] = {}
    for anchor in anchors:
        before = last.get(anchor.log)
        follows, number = (before.mac, before.number + 1) if before is not None else (FIRST, 1)
        if not anchor.is_ours(key):
            words = f"anchor {anchor.number} of log {anchor.log} does not bear our key's MAC"
            findings.append(Finding(Doubt.ANCHORS_CHANGED, anchor.seq, words))
        elif (anchor.follows, anchor.number) != (follows, number):
            words = f"anchor {anchor.number} of log {anchor.log} stands where anchor {number} is expected"
            findings.append(Finding(Doubt.ANCHORS_CHANGED, anchor.seq, words))
        last[anchor.log] = anchor
    for known in remembered:
        end = last[known.log].number if known.log in last else 0
        if known.number > end:
            words = f"the database remembers anchor {known.number} of log {known.log}; what is left ends at {end}"
            findings.append(Finding(Doubt.ANCHORS_CUT, known.seq, words))
    return findings


def standing(anchors: Iterable[Anchor]) -> list[Anchor]:
    """Answer the anchors that must still hold: what lay beyond a restored backup's head does no more."""
    held: list[Anchor] = []
    for anchor in sorted(anchors, key=lambda one: one.at):
        if anchor.kind is AnchorKind.RESTORED:
            held = [one for one in held if one.seq <= anchor.back_to]
        held.append(anchor)
    return held


def doubts_of_chain(held: Iterable[Anchor], head: int, hash_at: Callable[[int], str | None]) -> list[Finding]:
    """Hold the chain against anchors that must still hold: the first doubt of each kind.

    Args:
        held: see :func:`standing`.
        head: the chain's last row.
        hash_at: the hash of a row, None where there is none.
    """
    first: dict[Doubt, Finding] = {}
    for anchor in sorted(held, key=lambda one: one.seq):
        if anchor.seq == 0:
            continue
        when = f"{anchor.at:%Y-%m-%d %H:%M:%S} UTC"
        if anchor.seq > head:
            words = f"at {when} the chain had {anchor.seq} rows, now it has {head}: cut, or the database turned back"
            first.setdefault(Doubt.ROLLED_BACK, Finding(Doubt.ROLLED_BACK, head, words))
        elif hash_at(anchor.seq) != anchor.hash:
            words = f"row {anchor.seq} is not the one that was anchored at {when}: the chain was written anew"
            first.setdefault(Doubt.REWRITTEN, Finding(Doubt.REWRITTEN, anchor.seq, words))
    return list(first.values())
