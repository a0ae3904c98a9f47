"""What a person means by ``live``, ``pending``, ``draft``, a version, a file, a folder or a flow's name."""

from __future__ import annotations

import contextlib
import datetime
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from core_client.adapters.valkey import reach_store
from flows.figures import FiguresRead, VersionFigures
from flows.model import Flow
from flows.reading.loader import load_flow_files
from flows.releases.bundle import Bundle, bundle_of
from flows.releases.register import Entry, Releases
from flows.store import DEFINITIONS, prompt_texts
from sounds.catalogue import Catalogue
from tellerline.config import Config
from tellerline.errors import TellerlineError
from tellerline.state import open_state

LIVE, PENDING, DRAFT = "live", "pending", "draft"
WORDS = (LIVE, PENDING, DRAFT)
_VERSION = re.compile(r"[0-9a-f]{4,16}")
LEAST = 4  # characters of a version that name it, when no other begins so


class NoSuchVersionError(TellerlineError):
    """Nothing is called so; str() says what there is."""


@dataclass(frozen=True, slots=True)
class Registered:
    """The register and the figures of a store that answers."""

    releases: Releases
    figures: FiguresRead


@contextlib.asynccontextmanager
async def open_registered(config: Config) -> AsyncIterator[Registered]:
    """Open the store of a running server, or of one that stands still.

    Raises:
        StoreError: it cannot be reached.
    """
    open_state(config.server.state_dir)
    url = config.store.url.get_secret_value() if config.store.url is not None else None
    async with reach_store(url, config.server.state_dir) as store:
        yield Registered(Releases(store.redis), FiguresRead(store.redis))


class Versions:
    """Finds versions. The store is opened only where it is needed: files need none."""

    def __init__(self, config: Config, name: str | None = None) -> None:
        self._config = config
        self.name = name or config.agi.flow
        self._named = name
        self.catalogue = Catalogue.load(overlay=config.sounds.dir)

    def flow(self, bundle: Bundle) -> Flow:
        """Answer the flow of a version, to draw it."""
        return bundle.load(self.catalogue)

    def is_flow(self, what: str) -> bool:
        """Answer whether ``what`` can be a flow's name, and no version: those are hexadecimal."""
        return what not in WORDS and _VERSION.fullmatch(what) is None

    def of_files(self, what: str) -> Bundle | None:
        """Answer what a file or a folder means; None where there is neither.

        Raises:
            FlowError: it does not load.
        """
        path = Path(what)
        if what in WORDS or not path.exists():
            return None
        return bundle_of(path, self.catalogue, self._named if path.is_dir() else None)

    @property
    def published(self) -> bool:
        """Whether callers get what is published, and not the folder as it is."""
        return self._config.flows.serve == "published"

    def counted_as(self, bundle: Bundle) -> str:
        """Answer the version under which a node counts what callers do in ``bundle``."""
        if self.published:
            return bundle.version
        texts = prompt_texts(self.catalogue)  # a node that serves the folder makes no bundles
        return load_flow_files(bundle.main, bundle.files, texts).version

    def of_folder(self, name: str) -> Bundle:
        """Answer the flow of that name as it stands in the folder of the settings."""
        return bundle_of(self._config.flows.dir or DEFINITIONS, self.catalogue, name)

    async def of_register(self, what: str, releases: Releases) -> Bundle:
        """Answer what is called ``what`` in the register.

        Raises:
            NoSuchVersionError: nothing is.
        """
        return await releases.get(self.name, await self.version(what, releases))

    async def version(self, what: str, releases: Releases) -> str:
        """Answer the whole version that ``what`` stands for. Raises as :meth:`of_register` does."""
        if what in WORDS:
            return await self._of_word(what, releases)
        found = sorted(version for version in await releases.versions(self.name) if version.startswith(what))
        if len(found) == 1 and len(what) >= LEAST:
            return found[0]
        if len(found) > 1 or found:
            raise NoSuchVersionError(f"'{what}' is the beginning of {', '.join(found)}. Write more of it.")
        raise NoSuchVersionError(
            f"'{what}' is no file, no folder and no kept version of flow '{self.name}'. "
            "tellerline flows log shows the versions; live, pending and draft are words too."
        )

    async def _of_word(self, what: str, releases: Releases) -> str:
        if what == LIVE:
            found = await releases.live(self.name)
        else:
            ask: Callable[[str], Awaitable[Entry | None]] = releases.pending if what == PENDING else releases.drafted
            entry = await ask(self.name)
            found = entry.version if entry is not None else None
        if found is None:
            missing = {LIVE: "nothing is live yet", PENDING: "nothing waits for approval", DRAFT: "there is no draft"}
            raise NoSuchVersionError(
                f"flow '{self.name}': {missing[what]}. tellerline flows status shows how it stands."
            )
        return found


async def figures_of(registered: Registered, name: str, version: str, days: int | None) -> VersionFigures:
    """Answer a version's figures, of the last ``days`` days when that is given."""
    if days is None:
        return await registered.figures.of(name, version)
    today = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=1)  # it is tomorrow somewhere already
    wanted = [(today - datetime.timedelta(days=back)).isoformat() for back in range(days + 1)]
    return await registered.figures.of(name, version, wanted)
