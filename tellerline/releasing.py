"""The node's side of releases: what is published at its start, and what it looks at while it runs.

With ``flows.serve = "published"`` callers get what the register says is live; a node that finds nothing published
publishes the flows of its folder, and a newer Tellerline the newer flows that come with it. With ``"folder"`` every
saved change that loads is live at once, on this node: for development, tests and the demo.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from redis.asyncio import Redis

from core_client.adapters.together import raise_if_cancelled
from core_client.ports.clock import Clock
from flows import inspect
from flows.errors import FlowError
from flows.inspect import Finding, Severity
from flows.model import Flow
from flows.releases.bundle import bundle_of_flow
from flows.releases.errors import AlreadyLive, Overtaken, ReleaseError
from flows.releases.kept import keep_audio, kept_folder
from flows.releases.library import Board, Library
from flows.releases.register import BY_ITSELF, Act, Look, Releases
from flows.releases.sweeping import sweep
from flows.store import DEFINITIONS, FlowStore
from sounds.catalogue import Catalogue
from tellerline.config import Config
from tellerline.errors import ConfigError, UnfitFlowError
from tellerline.telemetry import Metrics

SWEEP_S = 3600.0
_ITSELF = (Act.FIRST_START, Act.UPGRADE)

_log = structlog.get_logger("tellerline")


def flows_served(config: Config) -> tuple[str, ...]:
    """Answer the flows that calls and texts begin in."""
    return tuple(sorted({config.agi.flow, config.sms.flow}))


def open_flows(config: Config, catalogue: Catalogue) -> FlowStore:
    """Answer the store of the flows in the configured folder, loaded.

    Raises:
        FlowError: a flow does not load.
        ConfigError: there is no such folder, or the line's flow is not in it.
    """
    folder = config.flows.dir or DEFINITIONS
    if not folder.is_dir():
        raise ConfigError("flows.dir", f"{folder} is no folder", "Name the folder that holds the flow files.")
    store = FlowStore(folder, catalogue)
    for key, name in (("agi.flow", config.agi.flow), ("sms.flow", config.sms.flow)):
        try:
            store.current(name)
        except KeyError:
            raise ConfigError(key, f"there is no flow '{name}' in {folder}", "Name a flow that is there.") from None
    return store


@dataclass(frozen=True, slots=True)
class Served:
    """Where the runner's flows come from, and what is looked at while it runs."""

    flows: Library | FlowStore
    board: Board
    releases: Releases

    @property
    def live(self) -> Mapping[str, str]:
        """Answer the version of each flow that new dialogues begin with."""
        return {name: self.flows.current(name).version for name in self.board.names}

    def told(self) -> dict[str, object]:
        """Answer what the health page shows."""
        if isinstance(self.flows, FlowStore):
            return {name: {"version": version, "from": "folder"} for name, version in self.live.items()}
        shown: dict[str, object] = {}
        for name, shelf in self.flows.state.items():
            shown[name] = {"version": shelf.version, "from": "register" if self.flows.reachable else "memory"}
            if shelf.refused is not None:
                shown[name] = {"version": shelf.version, "refused": shelf.refused, "problem": shelf.problem}
        return shown


async def open_served(config: Config, catalogue: Catalogue, redis: Redis, clock: Clock) -> Served:
    """Make ready where the runner's flows come from.

    Raises:
        ConfigError: no flow of that name is there, or the register cannot be used.
        FlowError: a flow does not load.
        UnfitFlowError: a flow has errors, and nothing was published before.
    """
    releases = Releases(redis)
    board = Board(releases, flows_served(config), clock.now)
    if config.flows.serve == "folder":
        return Served(open_flows(config, catalogue), board, releases)
    library = Library(board, releases, catalogue, kept_folder(config.sounds.dir))
    try:
        await publish_what_is_there(config, catalogue, releases, clock)
        await library.open(lambda name: bundle_of_flow(open_flows(config, catalogue).current(name), catalogue))
    except ReleaseError as error:
        raise ConfigError("flows", str(error), "Look at tellerline doctor.") from error
    return Served(library, board, releases)


async def publish_what_is_there(config: Config, catalogue: Catalogue, releases: Releases, clock: Clock) -> None:
    """Publish the folder's flows where nothing is published yet, and the shipped ones after an upgrade.

    One with errors is never published: where nothing is live the node does not start, else what is live stays.

    A version that was live before is not published again: of nodes of two releases on one store the older one does
    not take the newer flow back. What a person has published is left alone.

    Raises:
        ReleaseError: the register does not answer, or a recording cannot be kept.
        UnfitFlowError: the check finds errors, and nothing is live.
        ConfigError, FlowError: as :func:`open_flows`.
    """
    wanted: dict[str, tuple[Act, str | None]] = {}
    for name, look in (await releases.look(flows_served(config))).items():
        act = await _act(config, releases, name, look)
        if act is not None:
            wanted[name] = (act, look.live)
    if not wanted:
        return
    try:
        store = await asyncio.to_thread(open_flows, config, catalogue)
    except (ConfigError, FlowError) as error:
        if any(live is None for _, live in wanted.values()):
            raise
        _log.error("flow.not_upgraded", problem=str(error))
        return
    kept = kept_folder(config.sounds.dir)
    for name, (act, live) in wanted.items():
        bundle = await asyncio.to_thread(bundle_of_flow, store.current(name), catalogue)
        if await releases.was_live(name, bundle.version):
            continue
        errors = await asyncio.to_thread(_errors_in, store.current(name), catalogue, config.agi.call_limit_s)
        if errors and live is None:
            raise UnfitFlowError(name, errors)
        if errors:
            _log.error("flow.not_upgraded", flow=name, version=bundle.version, problems=[str(each) for each in errors])
            continue
        if kept is not None:
            await asyncio.to_thread(keep_audio, bundle, catalogue, kept)
        try:
            await releases.propose(
                bundle, author=BY_ITSELF, message=act.value, parent=live, needs_approval=False, at=clock.now(), act=act
            )
        except (AlreadyLive, Overtaken):
            continue  # another node was first


def _errors_in(flow: Flow, catalogue: Catalogue, call_limit_s: float) -> list[Finding]:
    found = inspect.check_flow(flow, catalogue, call_limit_s)
    return [finding for finding in found if finding.severity is Severity.ERROR]


async def _act(config: Config, releases: Releases, name: str, look: Look) -> Act | None:
    if look.live is None:
        return Act.FIRST_START
    if config.flows.dir is not None:
        return None
    entry = await releases.live_entry(name)
    return Act.UPGRADE if entry is not None and entry.act in _ITSELF else None


async def keep_up(served: Served, metrics: Metrics, every_s: float) -> None:
    """Look for new versions and notices, or changed files, until cancelled. What cannot be taken leaves what runs."""
    look = _look_at_register if isinstance(served.flows, Library) else _FolderWatch().look
    told: type[Exception] | None = None  # what went wrong at the last look
    while True:
        raise_if_cancelled()
        metrics.flows_live(served.live)
        metrics.flow_register_up.set(float(served.board.reachable))
        await asyncio.sleep(every_s)
        try:
            outcomes = await look(served)
        except Exception as error:  # noqa: BLE001 - what runs goes on: calls do not end because a look went wrong
            if type(error) is not told:
                _log.exception("flow.not_looked_at", error=type(error).__name__)
            told, outcomes = type(error), ["refused"]
        else:
            told = None
        for outcome in outcomes:
            metrics.flow_reloads.labels(outcome).inc()


async def _look_at_register(served: Served) -> list[str]:
    assert isinstance(served.flows, Library)  # noqa: S101 - chosen by it
    return ["taken" if change.taken else "refused" for change in await served.flows.refresh()]


class _FolderWatch:
    """Takes what is saved in the folder, and tells every problem of it once."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    async def look(self, served: Served) -> list[str]:
        """Read what changed; answer how that went. Notices are switched in the register here too."""
        with contextlib.suppress(ReleaseError):  # the board says so by itself
            await served.board.refresh()
        store = served.flows
        errors = await asyncio.to_thread(store.poll) if isinstance(store, FlowStore) else None
        if errors is None:
            return []
        for error in errors:
            if str(error) not in self._told:
                _log.error("flow.refused", file=error.file, line=error.line, problem=error.message, hint=error.hint)
        self._told = {str(error) for error in errors}
        if errors:
            return ["refused"]
        for name, version in served.live.items():
            _log.info("flow.published", flow=name, version=version, source="folder")
        return ["taken"]


async def keep_clean(config: Config, served: Served, redis: Redis, every_s: float = SWEEP_S) -> None:
    """Sweep versions and recordings that nobody needs, until cancelled."""
    while True:
        raise_if_cancelled()
        await asyncio.sleep(every_s)
        try:
            playing = served.flows.recordings if isinstance(served.flows, Library) else ()
            kept, versions = kept_folder(config.sounds.dir), config.flows.keep_versions
            swept = await sweep(served.releases, redis, kept, versions, playing=playing)
        except Exception as error:  # noqa: BLE001 - no call ends because nothing could be swept
            _log.warning("flow.not_swept", problem=str(error), error=type(error).__name__)
        else:
            if swept.versions or swept.recordings:
                _log.info("flow.swept", versions=swept.versions, recordings=swept.recordings)
