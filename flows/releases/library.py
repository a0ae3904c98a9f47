"""Where a node's runner gets its flows from: what is live in the register, and every version that a session runs on.

:meth:`Library.refresh` looks at the register and takes a new live version; dialogues go on with the version that they
began with. What runs stays when the register does not answer, or holds a version that this node cannot run: the node
says so (:attr:`Library.state`, the log) and tries again.
"""

from __future__ import annotations

import asyncio
import datetime
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from flows.errors import FlowError, SessionStoreDown
from flows.model import Flow
from flows.releases.bundle import Bundle
from flows.releases.errors import AudioNotKept, BundleBroken, RegisterDown, ReleaseError, UnknownVersion
from flows.releases.kept import keep_audio
from flows.releases.register import Look, Releases
from sounds.catalogue import Catalogue
from sounds.version import VersionCatalogue

MAX_LOADED = 64  # flows in memory besides the live ones; one of 60 steps takes about 1 MB
ANSWER_S = 2.0  # for a look at the register: what takes longer is tried again

_log = structlog.get_logger("flows.library")


class Board:
    """What a node last saw in the register: live versions, trials, notices. It keeps that while the store is away."""

    def __init__(self, releases: Releases, names: Sequence[str], now: Callable[[], datetime.datetime]) -> None:
        self._releases = releases
        self._names = tuple(names)
        self._now = now
        self._looks: Mapping[str, Look] = {name: Look() for name in names}
        self.reachable = False

    @property
    def names(self) -> tuple[str, ...]:
        """The flows that are looked at."""
        return self._names

    async def refresh(self) -> None:
        """Look again.

        Raises:
            ReleaseError: the register does not answer, or is a newer one's; what was seen last stays.
        """
        try:
            async with asyncio.timeout(ANSWER_S):
                self._looks = await self._releases.look(self._names)
        except TimeoutError:
            self.reachable = False
            raise RegisterDown(f"no answer within {ANSWER_S:g} s") from None
        except ReleaseError:
            self.reachable = False
            raise
        self.reachable = True

    def look(self, name: str) -> Look:
        """Answer what was seen last; KeyError for a flow that is not looked at."""
        return self._looks[name]

    def notices(self, name: str) -> frozenset[str]:
        """Answer the notices that are on now."""
        look = self._looks.get(name)
        if look is None or not look.notices:
            return frozenset()
        now = self._now()
        return frozenset(notice.name for notice in look.notices.values() if notice.is_on(now))


@dataclass(frozen=True, slots=True)
class Shelf:
    """What is live on this node, and why that is not what the register says, where it is not."""

    version: str
    refused: str | None = None  # the version that this node cannot run
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What a refresh brought: a version that is live now (``taken``) or that cannot be."""

    name: str
    version: str
    taken: bool


class Library:
    """The flows of one node. See :class:`flows.runner.Flows`."""

    def __init__(self, board: Board, releases: Releases, catalogue: Catalogue, kept: Path | None = None) -> None:
        """Make one; :meth:`open` it before it is asked.

        Args:
            board: looked at by every :meth:`refresh`.
            releases: the register.
            catalogue: the node's; each version's own lies over it.
            kept: the folder of recordings put aside; see :mod:`flows.releases.kept`.
        """
        self._board = board
        self._releases = releases
        self._catalogue = catalogue
        self._kept = kept
        self._live: dict[str, Flow] = {}
        self._refused: dict[str, tuple[str, str, bool]] = {}  # name -> version, problem, whether to try again
        self._loaded: OrderedDict[tuple[str, str], Flow] = OrderedDict()
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}
        self._told_down = False

    async def open(self, instead: Callable[[str], Bundle]) -> None:
        """Load what is live.

        Args:
            instead: answers what a node begins with that cannot run what is live, being older than that.

        Raises:
            RegisterDown: the store does not answer.
            FlowError: neither can be run.
        """
        await self._board.refresh()
        await self._take_live()
        for name in self._board.names:
            if name not in self._live:
                bundle = await asyncio.to_thread(instead, name)
                self._live[name] = await self._load(bundle)
                _log.error("flow.runs_instead", flow=name, version=bundle.version, live=self._board.look(name).live)

    # --- for the runner ------------------------------------------------------------------------------------------

    def current(self, name: str) -> Flow:
        """Answer the flow that new dialogues begin with; KeyError when there is none of that name."""
        return self._live[name]

    async def version(self, name: str, version: str) -> Flow:
        """Answer the version that a session began with, from the register where it is not in memory.

        Raises:
            KeyError: it is not kept any more, or this node cannot run it.
            SessionStoreDown: the store does not answer.
        """
        try:
            return await self._flow(name, version)
        except RegisterDown as error:
            raise SessionStoreDown(str(error)) from error
        except (ReleaseError, FlowError) as error:
            _log.error("flow.version_lost", flow=name, version=version, problem=str(error))
            raise KeyError(version) from error

    async def draft(self, name: str) -> Flow | None:
        """Answer what can be tried before it is live: the draft or the pending version, the newer one."""
        trial = self.trial(name)
        return await self.version(name, trial) if trial is not None else None

    def trial(self, name: str) -> str | None:
        """Answer the version of :meth:`draft`."""
        return self._board.look(name).trial

    def notices(self, name: str) -> frozenset[str]:
        """Answer the notices of a flow that are on now."""
        return self._board.notices(name)

    # --- for the node --------------------------------------------------------------------------------------------

    @property
    def state(self) -> dict[str, Shelf]:
        """What is live here, by flow, and what is not that should be."""
        return {
            name: Shelf(flow.version, *self._refused.get(name, (None, ""))[:2]) for name, flow in self._live.items()
        }

    @property
    def reachable(self) -> bool:
        """Whether the register answered the last look."""
        return self._board.reachable

    @property
    def recordings(self) -> frozenset[str]:
        """The SHA-256 of every recording that the versions in memory play, whatever the register still knows."""
        flows = (*self._live.values(), *self._loaded.values())
        catalogues = (flow.catalogue for flow in flows)
        return frozenset(sha for each in catalogues if isinstance(each, VersionCatalogue) for sha in each.recordings)

    async def refresh(self) -> tuple[Change, ...]:
        """Look at the register and take what is live there. What cannot be taken is told, once, and what runs stays."""
        try:
            await self._board.refresh()
        except ReleaseError as error:
            if not self._told_down:
                _log.error("flow.register_down", problem=str(error))
            self._told_down = True
            return ()
        if self._told_down:
            _log.info("flow.register_up")
            self._told_down = False
        return await self._take_live()

    async def _take_live(self) -> tuple[Change, ...]:
        changes = [await self._take(name, self._board.look(name).live) for name in self._board.names]
        return tuple(change for change in changes if change is not None)

    async def _take(self, name: str, version: str | None) -> Change | None:
        running = self._live.get(name)
        if version is None:
            if running is None:
                return None
            return self._refuse(name, "", "nothing is published any more: the store was emptied", again=True)
        refused = self._refused.get(name)
        if running is not None and running.version == version:
            self._refused.pop(name, None)
            return None
        if refused is not None and refused[0] == version and not refused[2]:
            return None
        try:
            flow = await self._flow(name, version)
        except (RegisterDown, UnknownVersion) as error:
            return self._refuse(name, version, str(error), again=True)
        except (BundleBroken, FlowError) as error:
            return self._refuse(name, version, str(error), again=False)
        if running is not None:
            self._remember((name, running.version), running)  # its sessions go on, wherever it came from
        self._live[name] = flow
        self._refused.pop(name, None)
        _log.info("flow.published", flow=name, version=version, replaced=running.version if running else None)
        return Change(name, version, taken=True)

    def _refuse(self, name: str, version: str, problem: str, *, again: bool) -> Change | None:
        known = self._refused.get(name)
        self._refused[name] = (version, problem, again)
        if known is not None and known[:2] == (version, problem):
            return None  # told before
        _log.error("flow.refused", flow=name, version=version, problem=problem)
        return Change(name, version, taken=False)

    # --- versions in memory --------------------------------------------------------------------------------------

    async def _flow(self, name: str, version: str) -> Flow:
        key = (name, version)
        lock = self._locks.setdefault(key, asyncio.Lock())
        try:
            async with lock:  # two hundred calls that ask at once load it once
                flow = self._remembered(key)
                if flow is None:
                    flow = await self._load(await self._releases.get(name, version))
                    self._remember(key, flow)
                return flow
        finally:
            if not lock.locked():
                self._locks.pop(key, None)

    def _remembered(self, key: tuple[str, str]) -> Flow | None:
        live = self._live.get(key[0])
        if live is not None and live.version == key[1]:
            return live
        flow = self._loaded.get(key)
        if flow is not None:
            self._loaded.move_to_end(key)
        return flow

    def _remember(self, key: tuple[str, str], flow: Flow) -> None:
        self._loaded[key] = flow
        while len(self._loaded) > MAX_LOADED:
            self._loaded.popitem(last=False)

    async def _load(self, bundle: Bundle) -> Flow:
        return await asyncio.to_thread(self._loaded_here, bundle)

    def _loaded_here(self, bundle: Bundle) -> Flow:
        """Load it, off the event loop; recordings that are here as it knows them are put aside here too."""
        if self._kept is not None:
            try:
                keep_audio(bundle, self._catalogue, self._kept, whole=False)
            except AudioNotKept as error:
                _log.warning("flow.audio_not_kept", flow=bundle.name, version=bundle.version, problem=str(error))
        return bundle.load(self._catalogue, self._kept)


__all__ = ["Board", "Change", "Library", "Shelf"]
