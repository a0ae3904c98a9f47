"""Which processes share a store: each has a name, held by a lease, and takes over what a dead one left.

A name is a place in the store: its inbox and its outbox. Two processes of one name would work on the same texts, so the
second one is refused. A process that was killed is known to be dead at once on its own machine; elsewhere its lease
lapses. Then a node of its name goes on where it was, or else another node adopts its texts, each of them once.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import structlog

from core_client.adapters.together import raise_if_cancelled
from sms.errors import SmsError
from sms.messages import Kept
from sms.store.journal import Journal, JournalDown
from sms.store.places import NOBODY, Places

LEASE_S = 15.0  # longer than the store's longest honest answer
BEAT_S = 3.0
GRACE_S = 10.0  # a lease is missing that long, as we saw it, before its texts are adopted: after an outage all are
PAGE = 200  # texts adopted by one script: other clients of the store wait while it runs

# KEYS: lease, nodes. ARGV: token, lease ms, name, what we are, a token that may be replaced.
# Answers what the holder is, or nothing when the name is ours.
TAKE = """
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] and held ~= ARGV[5] then return redis.call('HGET', KEYS[2], ARGV[3]) or '{}' end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
return false
"""
# KEYS: lease, nodes. ARGV: token, lease ms, name, what we are. Answers 1, or 0 when the name is another's or adopted.
BEAT = """
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return 0 end
if redis.call('HGET', KEYS[2], ARGV[3]) ~= ARGV[4] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
# KEYS: lease, nodes, inbox, outbox. ARGV: token, name. What is left in the streams is for whoever adopts it, though the
# name was lost meanwhile and what was there before is adopted already.
RELEASE = """
if redis.call('XLEN', KEYS[3]) + redis.call('XLEN', KEYS[4]) > 0 then redis.call('HSETNX', KEYS[2], ARGV[2], '{}') end
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
# KEYS: nodes. ARGV: base. Answers name, what it is, and whether its lease is held, of each node in turn.
ALL = """
local said = redis.call('HGETALL', KEYS[1])
local all = {}
for i = 1, #said, 2 do
  all[#all + 1] = {said[i], said[i + 1], redis.call('EXISTS', ARGV[1] .. 'node:' .. said[i])}
end
return all
"""
# KEYS: its lease, nodes, its inbox, our inbox, its outbox, our outbox, our news, our lease.
# ARGV: its name, our token, most, our name. Answers how many texts in, how many out, whether all; or nothing when its
# name is held, or ours is not.
ADOPT = """
if redis.call('EXISTS', KEYS[1]) == 1 or redis.call('GET', KEYS[8]) ~= ARGV[2] then return false end
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 0 then return {0, 0, 1} end
redis.call('HSET', KEYS[2], ARGV[1], '{"adopted":1}')
local function move(from, to)
  local entries = redis.call('XRANGE', from, '-', '+', 'COUNT', ARGV[3])
  for _, entry in ipairs(entries) do
    redis.call('XADD', to, '*', unpack(entry[2]))
    redis.call('XDEL', from, entry[1])
  end
  return #entries
end
local texts, answers = move(KEYS[3], KEYS[4]), move(KEYS[5], KEYS[6])
if answers > 0 then redis.call('INCR', KEYS[7]) end
local all = redis.call('XLEN', KEYS[3]) + redis.call('XLEN', KEYS[5]) == 0
if all then redis.call('HDEL', KEYS[2], ARGV[1]); redis.call('DEL', KEYS[3], KEYS[5]) end
return {texts, answers, all and 1 or 0}
"""
# KEYS: our outbox, its outbox, its news, its lease. ARGV: entry. Answers 1 when the text is not ours any more: it has
# it now, or had it before, and only the answer that said so was lost.
HAND_OVER = """
local entry = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
if not entry then return 1 end
if redis.call('EXISTS', KEYS[4]) == 0 then return 0 end
redis.call('XADD', KEYS[2], '*', unpack(entry[2]))
redis.call('XDEL', KEYS[1], ARGV[1])
redis.call('INCR', KEYS[3])
return 1
"""

_log = structlog.get_logger("sms.nodes")


class NameTaken(SmsError):  # noqa: N818 - like its kin in errors.py
    """Another process has this node's name."""


class NameLost(SmsError):  # noqa: N818 - likewise
    """This process was away for so long that its name and its texts are another's."""


class Recovers(Protocol):
    """An inbox or an outbox."""

    async def recover(self) -> int:
        """Hand on what is stored and unknown."""
        ...


class Keeps(Recovers, Protocol):
    """An outbox."""

    def forget(self, kept: Kept) -> None:
        """Know nothing of a text any more."""
        ...


@dataclass(frozen=True, slots=True)
class Node:
    """One process that shares the store, or did."""

    name: str
    alive: bool
    host: str = ""
    pid: int = 0
    since: float = 0.0  # seconds since the epoch


class Nodes:
    """This process's name, and those of the others."""

    def __init__(
        self,
        journal: Journal,
        name: str,
        inbox: Recovers,
        outbox: Keeps,
        *,
        prefix: str = "tellerline",
        lease_s: float = LEASE_S,
        beat_s: float = BEAT_S,
        grace_s: float = GRACE_S,
        on_lost: Callable[[], None] | None = None,
        on_sure: Callable[[bool], None] = lambda _: None,
        wall_clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Be the node ``name``. ``inbox`` and ``outbox`` hear of what is adopted.

        Args:
            on_lost: hears that our texts are another's: end this process. Without it, the block of
                :meth:`running` ends with :class:`NameLost`.
            on_sure: hears whether the lease is surely ours. While it is not, nothing should be sent: the store has
                not answered for so long that another node may have our texts.
        """
        self._places = Places(prefix)
        self._journal = journal
        self._name = name
        self._inbox = inbox
        self._outbox = outbox
        self._lease_s, self._beat_s, self._grace_s = lease_s, beat_s, grace_s
        self._on_lost = on_lost
        self._on_sure = on_sure
        self._sleep = sleep
        self._token = secrets.token_hex(16)
        self._info = json.dumps(
            {
                "token": self._token,
                "host": socket.gethostname(),
                "pid": os.getpid(),
                "since": round(wall_clock(), 3),
                "place": _place(),
                "started": _started(os.getpid()),
            }
        )
        self._held_until = 0.0  # on the loop's clock
        self._was_sure = False
        self._missing: dict[str, float] = {}  # since when a node's lease has been missing, on the loop's clock

    @property
    def name(self) -> str:
        """Our name."""
        return self._name

    @property
    def sure(self) -> bool:
        """Whether the lease is surely ours now."""
        return asyncio.get_running_loop().time() < self._held_until

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Nodes]:
        """Hold the name inside the block, and adopt what dead nodes left. Journal runs around it, inbox within.

        Raises:
            NameTaken: another process has the name; the message says which, and what to do.
            NameLost: our texts were adopted by another node; see ``on_lost``.
        """
        await self._take()
        self._tell_sure()
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._keep_beating(), name="node lease"),
                    group.create_task(self._keep_adopting(), name="node adoption"),
                ]
                try:
                    yield self
                finally:
                    for task in tasks:
                        task.cancel()
        except BaseExceptionGroup as group:
            if len(group.exceptions) == 1:
                raise group.exceptions[0] from None
            raise
        finally:
            with contextlib.suppress(JournalDown):
                name, places = self._name, self._places
                keys = (places.lease(name), places.nodes, places.inbox(name), places.outbox(name))
                await self._journal.write(RELEASE, keys, self._token, name)
            self._held_until = 0.0

    # --- our own name ---

    async def _take(self) -> None:
        """Take the name, from a dead process at once, from one that may live after its lease."""
        loop = asyncio.get_running_loop()
        patience = loop.time() + self._lease_s + self._beat_s
        while True:
            began = loop.time()
            holder = await self._try_to_take("")
            if holder is None:
                self._held_until = began + self._lease_s
                return
            alive = _alive(holder)
            if alive is False:
                _log.info("node.predecessor_dead", node=self._name, pid=holder.get("pid"))
                holder = await self._try_to_take(str(holder.get("token", "")))
                if holder is None:
                    self._held_until = began + self._lease_s
                    return
            if alive or loop.time() >= patience:
                raise NameTaken(
                    f"another process is the node {self._name!r}: on {holder.get('host') or 'an unknown host'}, "
                    f"pid {holder.get('pid') or 'unknown'}. Stop it, or give this one a name of its own (sms.node)"
                )
            await self._sleep(min(1.0, self._beat_s))

    async def _try_to_take(self, instead_of: str) -> dict[str, Any] | None:
        held = await self._journal.write(
            TAKE,
            (self._places.lease(self._name), self._places.nodes),
            self._token,
            int(self._lease_s * 1000),
            self._name,
            self._info,
            instead_of,
        )
        return None if held is None else _read(held)

    async def _keep_beating(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            raise_if_cancelled()
            await self._sleep(self._beat_s)
            began = loop.time()
            try:
                held = await self._journal.write(
                    BEAT,
                    (self._places.lease(self._name), self._places.nodes),
                    self._token,
                    int(self._lease_s * 1000),
                    self._name,
                    self._info,
                    about=(),
                )
            except JournalDown:
                self._tell_sure()
                continue
            if not held:
                self._held_until = 0.0
                self._tell_sure()
                _log.error("node.name_lost", node=self._name)
                if self._on_lost is None:
                    raise NameLost(
                        f"the store did not hear of the node {self._name!r} for {self._lease_s:.0f} s or more, and "
                        "another one has taken over its texts. Start it again: nothing is lost"
                    )
                self._on_lost()
                return
            self._held_until = began + self._lease_s
            self._tell_sure()

    def _tell_sure(self) -> None:
        sure = self.sure
        if sure != self._was_sure:
            self._was_sure = sure
            (_log.info if sure else _log.error)("node.lease", node=self._name, sure=sure)
            self._on_sure(sure)

    # --- the others ---

    async def all(self) -> list[Node]:
        """Answer every node that is known, those included that left texts behind.

        Raises:
            JournalDown: the store did not answer.
        """
        found = []
        for name, info, held in await self._journal.write(ALL, (self._places.nodes,), self._places.base, about=()):
            is_ = _read(info)
            found.append(
                Node(name.decode(), bool(held), str(is_.get("host", "")), int(is_.get("pid", 0)), is_.get("since", 0.0))
            )
        return sorted(found, key=lambda node: node.name)

    async def adopt(self, name: str) -> int:
        """Take over what the node ``name`` left, unless it lives; answer how many texts that were.

        Raises:
            JournalDown: the store did not answer. What was moved is found again; the rest is still there.
        """
        mine, places = self._name, self._places
        keys = (
            places.lease(name),
            places.nodes,
            places.inbox(name),
            places.inbox(mine),
            places.outbox(name),
            places.outbox(mine),
            places.news(mine),
            places.lease(mine),
        )
        texts = answers = 0
        while True:
            raise_if_cancelled()
            moved = await self._journal.write(ADOPT, keys, name, self._token, PAGE)
            if moved is None:
                break
            texts, answers = texts + moved[0], answers + moved[1]
            if moved[2]:
                break
        if texts or answers:
            _log.warning("node.adopted", node=mine, dead=name, texts=texts, answers=answers)
            await self._inbox.recover()
            await self._outbox.recover()
        return int(texts + answers)

    async def hand_over(self, kept: Kept, node: str) -> bool:
        """Give a text that waits here to ``node``, which lives; answer whether it is not ours any more.

        Raises:
            JournalDown: not known whether it has.
        """
        places = self._places
        moved = await self._journal.write(
            HAND_OVER,
            (places.outbox(self._name), places.outbox(node), places.news(node), places.lease(node)),
            kept.entry,
        )
        if moved:
            self._outbox.forget(kept)
        return bool(moved)

    async def _keep_adopting(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            raise_if_cancelled()
            try:
                nodes = await self.all()
                now = loop.time()
                missing = {node.name for node in nodes if not node.alive and node.name != self._name}
                self._missing = {name: self._missing.get(name, now) for name in missing}
                for name, since in list(self._missing.items()):
                    if now - since >= self._grace_s or name == NOBODY:
                        await self.adopt(name)
            except JournalDown:
                self._missing.clear()  # after an outage every lease may be missing: all nodes get their time again
            await self._sleep(self._beat_s)


def _read(info: bytes) -> dict[str, Any]:
    try:
        read = json.loads(info)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _place() -> str:
    """Name where a process number means one process: this boot of this machine, this container. "" if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _started(pid: int) -> str:
    """Answer when a process of this place began, in the kernel's ticks: its number alone may be another's by now."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _alive(holder: dict[str, Any]) -> bool | None:
    """Whether the process that holds a name lives; None where this cannot be told from here."""
    place, started = _place(), holder.get("started")
    if not place or not started or holder.get("place") != place:
        return None
    return _started(int(holder.get("pid", 0))) == str(started)
