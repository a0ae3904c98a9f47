"""The register of releases: which version of each flow is live, who made it so, and every version's bundle.

It lies in the shared store, so that all nodes and all operators see the same one. Every act is one script
(:mod:`flows.releases.scripts`): a node that dies in the middle leaves the old version live, or the new one.
"""

from __future__ import annotations

import asyncio
import datetime
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from flows.releases import scripts
from flows.releases.bundle import Bundle
from flows.releases.errors import (
    AlreadyLive,
    NotPending,
    Overtaken,
    OwnWork,
    Refused,
    RegisterDown,
    RegisterNewer,
    UnknownVersion,
)

PREFIX = "tellerline:flows"
FORMAT = 1  # of the register; one of another format is never written to
MAX_MESSAGE = 500  # characters
MAX_NAME = 100
SCAN_COUNT = 500  # keys looked at in one round trip

_DOWN = (RedisError, OSError, TimeoutError)


class State(StrEnum):
    """What became of an entry."""

    DRAFT = "draft"  # can be called on the draft number
    PENDING = "pending"  # waits for an approval
    LIVE = "live"
    SUPERSEDED = "superseded"  # was live until another was published
    ROLLED_BACK = "rolled_back"  # was live until it was taken back
    VOID = "void"  # replaced by a later draft or proposal before it was live
    PROPOSED = "proposed"  # a draft that was published as it was
    WITHDRAWN = "withdrawn"  # refused, or taken back by its author


class Act(StrEnum):
    """How an entry came about."""

    PUBLISH = "publish"
    ROLLBACK = "rollback"
    DRAFT = "draft"
    FIRST_START = "first start"  # a node found nothing published
    UPGRADE = "upgrade"  # a newer Tellerline brought a newer flow


BY_ITSELF = "tellerline"  # the author of what no person did: first start, upgrade


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a flow's log."""

    number: int
    version: str
    state: State
    act: Act
    author: str
    message: str
    at: datetime.datetime
    parent: str | None = None  # the version that it replaced first; of a rollback: what it had replaced back then
    approver: str | None = None  # or who withdrew it
    decided_at: datetime.datetime | None = None  # when it was approved or withdrawn


@dataclass(frozen=True, slots=True)
class Notice:
    """An announcement that staff have switched on or off, without a new version."""

    name: str
    on: bool
    until: datetime.datetime | None
    by: str
    at: datetime.datetime

    def is_on(self, now: datetime.datetime) -> bool:
        """Answer whether it is said at ``now``."""
        return self.on and (self.until is None or now < self.until)


@dataclass(frozen=True, slots=True)
class Look:
    """What a node needs to know of one flow, as one glance at the register shows it."""

    live: str | None = None
    pending: str | None = None
    draft: str | None = None
    trial: str | None = None  # the newer one of draft and pending: what the draft number reaches
    notices: Mapping[str, Notice] = field(default_factory=dict)


class Releases:
    """The register. Every method raises :class:`RegisterDown` when the store does not answer."""

    def __init__(self, redis: Redis, prefix: str = PREFIX, checkpoint: Callable[[str], None] = lambda _: None) -> None:
        """Make one.

        Args:
            redis: with retries off and explicit timeouts; answers bytes.
            prefix: of every key.
            checkpoint: called at labelled points; a crash proof passes one that dies there.
        """
        self._redis: Any = redis  # its execute_command has no types
        self._prefix = prefix
        self._checkpoint = checkpoint

    # --- looking -------------------------------------------------------------------------------------------------

    async def live(self, name: str) -> str | None:
        """Answer the version that new dialogues begin with; None when nothing was published yet."""
        return (await self.look([name]))[name].live

    async def look(self, names: Sequence[str]) -> dict[str, Look]:
        """Answer what is live, pending, a draft and announced, of several flows in one round trip."""
        pipeline = self._redis.pipeline(transaction=False)
        for name in names:
            pipeline.hgetall(self._key(name, "head"))
            pipeline.hgetall(self._key(name, "notices"))
        try:
            answers = await pipeline.execute()
        except _DOWN as error:
            raise RegisterDown(type(error).__name__) from error
        looks = zip(names, answers[::2], answers[1::2], strict=True)
        try:
            return {name: _look(name, _texts(head), _texts(notices)) for name, head, notices in looks}
        except (ValueError, KeyError, TypeError) as error:
            raise RegisterDown(f"what it holds cannot be read: {type(error).__name__}") from None

    async def get(self, name: str, version: str) -> Bundle:
        """Answer a version's bundle.

        Raises:
            UnknownVersion: it is not kept (any more).
            BundleBroken: what is kept is not what was written.
        """
        data = await self._ask("HGET", self._key(name, "bundles"), version)
        if data is None:
            raise UnknownVersion(name, version)
        return await asyncio.to_thread(Bundle.from_bytes, data)

    async def versions(self, name: str) -> frozenset[str]:
        """Answer the versions whose bundles are kept."""
        return frozenset(version.decode() for version in await self._ask("HKEYS", self._key(name, "bundles")))

    async def names(self) -> tuple[str, ...]:
        """Answer every flow that was ever published here."""
        found: set[str] = set()
        cursor = b"0"
        while True:
            cursor, keys = await self._ask("SCAN", cursor, "MATCH", self._key("*", "head"), "COUNT", SCAN_COUNT)
            found.update(key.decode().partition("{")[2].partition("}")[0] for key in keys)
            if int(cursor) == 0:
                return tuple(sorted(found))

    async def log(self, name: str, count: int = 20) -> list[Entry]:
        """Answer the last ``count`` entries, the newest first."""
        seq = await self._ask("HGET", self._key(name, "head"), "seq")
        last = int(seq or 0)
        return await self._entries(name, range(last, max(0, last - count), -1))

    async def pending(self, name: str) -> Entry | None:
        """Answer what waits for an approval."""
        return await self._entry_at(name, "pending_n")

    async def drafted(self, name: str) -> Entry | None:
        """Answer the draft."""
        return await self._entry_at(name, "draft_n")

    async def live_entry(self, name: str) -> Entry | None:
        """Answer the entry that is live."""
        return await self._entry_at(name, "live_n")

    async def was_live(self, name: str, version: str) -> bool:
        """Answer whether a version is or ever was live, as far as the log goes back."""
        return bool(await self._ask("HEXISTS", self._key(name, "log"), f"v:{version}"))

    async def notices(self, name: str) -> dict[str, Notice]:
        """Answer every notice that somebody has switched on or off, by name; see :meth:`Notice.is_on`."""
        return dict((await self.look([name]))[name].notices)

    # --- acting --------------------------------------------------------------------------------------------------

    async def propose(
        self,
        bundle: Bundle,
        *,
        author: str,
        message: str,
        parent: str | None,
        needs_approval: bool,
        at: datetime.datetime,
        act: Act = Act.PUBLISH,
    ) -> Entry:
        """Publish a version: live at once, or pending until somebody else approves it.

        A proposal that still waited is void. Keep its recordings first: :func:`flows.releases.kept.keep_audio`.

        Args:
            parent: the version that was live when the author began; None: nothing was.

        Raises:
            Overtaken: another one is live by now.
            AlreadyLive: this one is.
        """
        data = _data(act, author, message, at)
        self._checkpoint("proposing")
        answer = await self._act(
            scripts.PROPOSE, bundle.name, "bundles",
            bundle.version, bundle.to_bytes(), _who(author), parent or "", data, int(needs_approval),
        )  # fmt: skip
        self._checkpoint("proposed")
        return await self._done(answer, bundle.name, bundle.version, parent)

    async def draft(self, bundle: Bundle, *, author: str, message: str, at: datetime.datetime) -> Entry:
        """Make a version callable on the draft number; a draft that there was is void."""
        data = _data(Act.DRAFT, author, message, at)
        answer = await self._act(
            scripts.DRAFT, bundle.name, "bundles", bundle.version, bundle.to_bytes(), _who(author), data
        )
        return await self._done(answer, bundle.name, bundle.version, None)

    async def approve(self, name: str, version: str, *, approver: str, at: datetime.datetime) -> Entry:
        """Make the pending version live.

        Raises:
            NotPending: it is not this one that waits: something was edited after it was looked at.
            OwnWork: the approver is its author.
            Overtaken: another one went live since it was proposed.
        """
        approval = json.dumps([_limited(approver, MAX_NAME), _iso(at)], ensure_ascii=False)
        self._checkpoint("approving")
        answer = await self._act(scripts.APPROVE, name, "bundles", version, _who(approver), approval)
        self._checkpoint("approved")
        return await self._done(answer, name, version, None)

    async def withdraw(self, name: str, version: str, *, by: str, at: datetime.datetime) -> Entry:
        """Take the pending version back, or refuse it.

        Raises:
            NotPending: it is not this one that waits.
        """
        approval = json.dumps([_limited(by, MAX_NAME), _iso(at)], ensure_ascii=False)
        return await self._done(
            await self._act(scripts.WITHDRAW, name, "bundles", version, approval), name, version, None
        )

    async def rollback(self, name: str, version: str | None, *, by: str, message: str, at: datetime.datetime) -> Entry:
        """Make a version live again that was live before; without ``version``, the one before the live one.

        A proposal that waits is void: it was made over what is taken back now.

        Raises:
            UnknownVersion: it was never live, or is not kept any more; or there is none before.
            Overtaken: another one went live at this moment.
        """
        entry = await self.live_entry(name)
        if entry is None:
            raise UnknownVersion(name, version)
        to = version or entry.parent
        if to is None:
            raise UnknownVersion(name, None)
        # Its parent is what it replaced when it first went live: another rollback goes on backwards, not to and fro.
        number = await self._ask("HGET", self._key(name, "log"), f"v:{to}")
        known = await self._entries(name, [int(number)]) if number is not None else []
        parent = known[0].parent if known else None
        data = _data(Act.ROLLBACK, by, message, at)
        self._checkpoint("rolling_back")
        answer = await self._act(scripts.ROLLBACK, name, "bundles", to, entry.version, _who(by), parent or "", data)
        self._checkpoint("rolled_back")
        return await self._done(answer, name, to, entry.version)

    async def set_notice(
        self, name: str, notice: str, *, on: bool, until: datetime.datetime | None, by: str, at: datetime.datetime
    ) -> Notice:
        """Switch a notice on (``until`` a time) or off, on every node, without a new version."""
        made = Notice(notice, on, until if on else None, _limited(by, MAX_NAME), at)
        data = json.dumps(
            {"on": made.on, "until": _iso(made.until) if made.until else None, "by": made.by, "at": _iso(at)},
            ensure_ascii=False,
        )
        answer = await self._act(scripts.NOTICE, name, "notices", notice, data)
        if answer[0] != b"ok":
            raise _refusal(answer, name, "", None)
        return made

    async def forget(self, name: str, versions: Sequence[str]) -> int:
        """Delete bundles that nobody needs; what is live, pending or a draft stays. Answer how many went."""
        if not versions:
            return 0
        answer = await self._act(scripts.SWEEP, name, "bundles", *versions)
        if answer[0] != b"ok":
            raise _refusal(answer, name, "", None)
        return int(answer[1])

    # --- underneath ----------------------------------------------------------------------------------------------

    def _key(self, name: str, what: str) -> str:
        return f"{self._prefix}:{{{name}}}:{what}"

    async def _ask(self, *command: str | int | bytes) -> Any:
        try:
            return await self._redis.execute_command(*command)
        except _DOWN as error:
            raise RegisterDown(type(error).__name__) from error

    async def _act(self, script: str, name: str, third: str, *arguments: str | int | bytes) -> list[bytes]:
        keys = [self._key(name, what) for what in ("head", "log", third)]
        answer: list[bytes] = await self._ask("EVAL", script, len(keys), *keys, FORMAT, *arguments)
        return answer

    async def _done(self, answer: list[bytes], name: str, version: str, parent: str | None) -> Entry:
        if answer[0] != b"ok":
            raise _refusal(answer, name, version, parent)
        (entry,) = await self._entries(name, [int(answer[1])])
        return entry

    async def _entry_at(self, name: str, place: str) -> Entry | None:
        number = await self._ask("HGET", self._key(name, "head"), place)
        found = await self._entries(name, [int(number)]) if number is not None else []
        return found[0] if found else None

    async def _entries(self, name: str, numbers: Sequence[int]) -> list[Entry]:
        if not numbers:
            return []
        fields = [f"{n}{part}" for n in numbers for part in ("", ":version", ":state", ":parent", ":approval")]
        values: list[bytes | None] = await self._ask("HMGET", self._key(name, "log"), *fields)
        rows = zip(numbers, zip(*[iter(values)] * 5, strict=True), strict=True)
        try:
            return [_entry(number, row) for number, row in rows if row[0] is not None]
        except (ValueError, KeyError, TypeError) as error:
            raise RegisterDown(f"an entry of its log cannot be read: {type(error).__name__}") from None


def _look(name: str, head: Mapping[str, str], notices: Mapping[str, str]) -> Look:
    found = head.get("format", str(FORMAT))
    if found != str(FORMAT):
        raise RegisterNewer(name, found)
    pending, draft = head.get("pending"), head.get("draft")
    newer_pending = int(head.get("pending_n", 0)) > int(head.get("draft_n", 0))
    return Look(
        live=head.get("live"),
        pending=pending,
        draft=draft,
        trial=pending if newer_pending else draft,
        notices={notice: _notice(notice, data) for notice, data in notices.items()},
    )


def _notice(name: str, data: str) -> Notice:
    said = json.loads(data)
    return Notice(name, bool(said["on"]), _time(said["until"]), said["by"], _time(said["at"]) or _NEVER)


def _entry(number: int, row: tuple[bytes | None, ...]) -> Entry:
    data, version, state, parent, approval = (value.decode() if value is not None else "" for value in row)
    said = json.loads(data)
    approver, decided_at = json.loads(approval) if approval else (None, None)
    return Entry(
        number=number,
        version=version,
        state=State(state),
        act=Act(said["act"]),
        author=said["author"],
        message=said["message"],
        at=_time(said["at"]) or _NEVER,
        parent=parent or None,
        approver=approver,
        decided_at=_time(decided_at),
    )


_NEVER = datetime.datetime.fromtimestamp(0, datetime.UTC)


def _data(act: Act, author: str, message: str, at: datetime.datetime) -> str:
    said = {
        "act": act.value,
        "author": _limited(author, MAX_NAME),
        "message": _limited(message, MAX_MESSAGE),
        "at": _iso(at),
    }
    return json.dumps(said, ensure_ascii=False)


def _limited(text: str, limit: int) -> str:
    if not text.strip():
        raise ValueError("an act has an author and a message")
    return " ".join(text.split())[:limit]


def _who(name: str) -> str:
    """Answer a name as it is compared: Wang and wang are the same two eyes."""
    return " ".join(name.split()).casefold()


def _iso(at: datetime.datetime) -> str:
    return at.astimezone(datetime.UTC).isoformat(timespec="milliseconds")


def _time(text: str | None) -> datetime.datetime | None:
    return datetime.datetime.fromisoformat(text) if text else None


def _texts(pairs: Mapping[bytes, bytes]) -> dict[str, str]:
    return {key.decode(): value.decode() for key, value in pairs.items()}


def _refusal(answer: Sequence[bytes], name: str, version: str, parent: str | None) -> Refused | RegisterNewer:
    what, about = answer[0].decode(), answer[1].decode()
    match what:
        case "overtaken":
            began = answer[2].decode() if len(answer) > 2 else parent
            return Overtaken(name, about or None, began or None)
        case "already":
            return AlreadyLive(name, version)
        case "not_pending":
            return NotPending(name, version, about or None)
        case "own":
            return OwnWork(name, version, about)
        case "unknown":
            return UnknownVersion(name, version)
        case "newer":
            return RegisterNewer(name, about)
    raise AssertionError(f"the register answers '{what}'")


__all__ = ["BY_ITSELF", "FORMAT", "Act", "Entry", "Look", "Notice", "Releases", "State"]
