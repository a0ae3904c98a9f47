"""Bundles of the small flow, and a register to publish them in."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from core_client.adapters.valkey import open_store
from flows.reading.loader import load_flow_text
from flows.releases.bundle import Bundle, bundle_of_flow
from flows.releases.register import Releases
from sounds.catalogue import Catalogue
from tests.unit.flows.flow_texts import SMALL

AT = datetime.datetime(2026, 3, 2, 10, 15, tzinfo=datetime.UTC)
CATALOGUE = Catalogue.load()


def bundle(mark: str = "", text: str = SMALL) -> Bundle:
    """Answer a bundle of the small flow; each ``mark`` makes another version."""
    flow = load_flow_text(f"{text}# {mark}\n" if mark else text, "small.yaml")
    return bundle_of_flow(replace(flow, file="small.yaml"), CATALOGUE)


@asynccontextmanager
async def register(folder: Path) -> AsyncIterator[Releases]:
    """Open a register in a Valkey of its own."""
    async with open_store(None, folder) as store:
        yield Releases(store.redis)


async def publish(releases: Releases, made: Bundle, author: str = "wang") -> Bundle:
    """Make it live, over whatever is."""
    parent = await releases.live(made.name)
    await releases.propose(made, author=author, message="m", parent=parent, needs_approval=False, at=AT)
    return made
