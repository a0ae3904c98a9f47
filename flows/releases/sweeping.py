"""Forgets versions and recordings that nobody needs any more.

Needed is what is live, pending or a draft, the last versions that can be gone back to, and what any session that is
kept in the store began with, however old that version is.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from flows.releases.errors import BundleBroken, RegisterDown, UnknownVersion
from flows.releases.kept import sweep_audio
from flows.releases.register import SCAN_COUNT, Releases, State
from flows.releases.scripts import MAX_ENTRIES
from flows.sessions import PREFIX as SESSIONS

_WAS_LIVE = (State.LIVE, State.SUPERSEDED, State.ROLLED_BACK)


@dataclass(frozen=True, slots=True)
class Swept:
    """How much went."""

    versions: int
    recordings: int


async def sweep(
    releases: Releases,
    redis: Redis,
    kept: Path | None,
    keep_versions: int,
    *,
    playing: Collection[str] = (),
    sessions: str = SESSIONS,
) -> Swept:
    """Forget the versions, and delete the recordings put aside in ``kept``, that nobody needs.

    Safe at any time and on several nodes at once: what cannot be asked about is not deleted.

    Args:
        releases: the register.
        redis: the store that the sessions lie in.
        kept: the folder of recordings put aside, where there is one.
        keep_versions: so many of each flow can be gone back to.
        playing: the SHA-256 of recordings that this node plays, though the register may not know them any more.
        sessions: the prefix of the sessions' keys.

    Raises:
        RegisterDown: the store does not answer.
    """
    used = await versions_in_use(redis, sessions)
    gone = 0
    names = await releases.names()
    all_known = bool(names)  # a store that was emptied knows nothing of what nodes still play
    needed_audio = set(playing)
    for name in names:
        needed = await _to_go_back_to(releases, name, keep_versions) | used.get(name, frozenset())
        gone += await releases.forget(name, sorted(await releases.versions(name) - needed))
        for version in await releases.versions(name):
            try:
                needed_audio.update((await releases.get(name, version)).audio.values())
            except UnknownVersion:
                continue  # another node sweeps too
            except BundleBroken:
                all_known = False  # whoever mends it finds its recordings as they were
    recordings = 0
    if kept is not None and all_known:
        recordings = await asyncio.to_thread(sweep_audio, kept, needed_audio)
    return Swept(gone, recordings)


async def versions_in_use(redis: Redis, sessions: str = SESSIONS) -> Mapping[str, frozenset[str]]:
    """Answer, by flow, the versions that sessions in the store began with.

    Raises:
        RegisterDown: the store does not answer.
    """
    found: dict[str, set[str]] = defaultdict(set)
    cursor: Any = 0
    try:
        while True:
            cursor, keys = await redis.scan(cursor, match=f"{sessions}:s:*", count=SCAN_COUNT)
            for text in await redis.mget(keys) if keys else ():
                said = _read(text)
                if said is not None:
                    found[said[0]].add(said[1])
            if not cursor:
                return {name: frozenset(versions) for name, versions in found.items()}
    except (RedisError, OSError, TimeoutError) as error:
        raise RegisterDown(type(error).__name__) from error


def _read(text: bytes | str | None) -> tuple[str, str] | None:
    """Answer flow and version of a session, of whatever format; None when it has ended meanwhile."""
    try:
        said = json.loads(text or b"{}")
        return str(said["flow"]), str(said["ver"])
    except (ValueError, KeyError, TypeError):
        return None


async def _to_go_back_to(releases: Releases, name: str, keep_versions: int) -> set[str]:
    """Answer the last versions that were live, and those that wait."""
    look = (await releases.look([name]))[name]
    needed = {version for version in (look.live, look.pending, look.draft) if version is not None}
    recent: dict[str, None] = {}
    for entry in await releases.log(name, MAX_ENTRIES):
        if entry.state in _WAS_LIVE and len(recent) < keep_versions:
            recent[entry.version] = None
    return needed | recent.keys()
