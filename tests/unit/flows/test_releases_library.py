"""What a node serves: the live version, every version of a session, and what it does when it cannot have them."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from core_client.domain.money import Money
from flows.dialogue import Channel, Party, Trigger
from flows.errors import SessionStoreDown
from flows.releases import library as module
from flows.releases.bundle import Bundle, version_of
from flows.releases.errors import RegisterDown
from flows.releases.library import Board, Library, Shelf
from flows.releases.register import Look, Releases
from flows.runner import Runner, Suspended
from flows.store import FixedFlows
from flows.testing import MemorySessions
from flows.vault import Vault
from tests.unit.flows.core import HandClock, ToldCore
from tests.unit.flows.release_world import AT, CATALOGUE, bundle, publish, register

ONE, TWO, THREE = bundle(), bundle("two"), bundle("three")
FROM_THE_FUTURE = replace(ONE, files={"small.yaml": "flow: small\nbeams: [me up]\n"})
FROM_THE_FUTURE = replace(FROM_THE_FUTURE, version=version_of(FROM_THE_FUTURE))


@dataclass
class World:
    """A register and nodes over it."""

    releases: Releases
    clock: HandClock

    def library(self, releases: Releases | None = None) -> Library:
        """Answer a node's library, not yet open."""
        through = releases or self.releases
        return Library(Board(through, ["small"], self.clock.now), through, CATALOGUE)

    async def opened(self, releases: Releases | None = None) -> Library:
        """Answer an open library."""
        library = self.library(releases)
        await library.open(_nothing_instead)
        return library


def _nothing_instead(name: str) -> Bundle:
    raise AssertionError(f"{name}: there is something live")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with register(tmp_path) as releases:
        yield World(releases, HandClock(AT))


class Away:
    """A register that stops answering."""

    def __init__(self, releases: Releases) -> None:
        self._releases = releases
        self.away = False
        self.gets = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._releases, name)

    async def look(self, names: object) -> dict[str, Look]:
        """See :class:`Releases`."""
        self._answer()
        return await self._releases.look(["small"])

    async def get(self, name: str, version: str) -> Bundle:
        """See :class:`Releases`."""
        self._answer()
        self.gets += 1
        await asyncio.sleep(0)
        return await self._releases.get(name, version)

    def _answer(self) -> None:
        if self.away:
            raise RegisterDown("gone")


async def test_what_is_published_is_current_after_the_next_look(world: World) -> None:
    await publish(world.releases, ONE)
    library = await world.opened()
    assert library.current("small").version == ONE.version
    await publish(world.releases, TWO)
    assert library.current("small").version == ONE.version
    (change,) = await library.refresh()
    assert (change.version, change.taken) == (TWO.version, True)
    assert library.current("small").version == TWO.version
    assert await library.refresh() == ()
    assert library.state == {"small": Shelf(TWO.version)}


async def test_a_flow_that_nobody_serves_is_no_flow(world: World) -> None:
    await publish(world.releases, ONE)
    library = await world.opened()
    with pytest.raises(KeyError):
        library.current("other")


async def test_every_version_is_served_to_its_sessions_also_by_a_node_that_never_had_it_live(world: World) -> None:
    for made in (ONE, TWO, THREE):
        await publish(world.releases, made)
    library = await world.opened()
    old = await library.version("small", ONE.version)
    assert old.version == ONE.version
    assert await library.version("small", ONE.version) is old, "kept in memory"
    with pytest.raises(KeyError):
        await library.version("small", "0" * 16)


async def test_many_who_ask_for_a_version_at_once_load_it_once(world: World) -> None:
    for made in (ONE, TWO):
        await publish(world.releases, made)
    away = Away(world.releases)
    library = await world.opened(away)  # type: ignore[arg-type] # it stands for one
    away.gets = 0
    flows = await asyncio.gather(*(library.version("small", ONE.version) for _ in range(20)))
    assert away.gets == 1
    assert all(flow is flows[0] for flow in flows)
    assert library._locks == {}


async def test_a_call_that_began_on_a_version_goes_on_with_it_when_another_is_live(world: World) -> None:
    await publish(world.releases, ONE)
    library = await world.opened()
    sessions, vault = MemorySessions(), Vault()
    runner = Runner(library, sessions, ToldCore(), vault, world.clock)
    started = await runner.start(_text(), _Quiet())
    assert isinstance(started, Suspended)
    await publish(world.releases, TWO)
    await library.refresh()
    other_node = await world.opened()
    for node in (library, other_node):
        kept = await sessions.get(started.session.id)
        assert kept is not None
        flow = await node.version("small", kept.version)
        assert flow.version == ONE.version
        assert node.current("small").version == TWO.version


async def test_versions_in_memory_are_bounded_and_the_live_one_is_never_dropped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_LOADED", 2)
    made = [await publish(world.releases, bundle(str(number))) for number in range(5)]
    library = await world.opened()
    for one in made[:4]:
        await library.version("small", one.version)
    assert len(library._loaded) == 2
    assert (await library.version("small", made[4].version)) is library.current("small")


async def test_a_node_goes_on_with_what_it_has_while_the_store_is_away(world: World) -> None:
    await publish(world.releases, ONE)
    await publish(world.releases, TWO)
    away = Away(world.releases)
    library = await world.opened(away)  # type: ignore[arg-type] # it stands for one
    await world.releases.set_notice("small", "outage", on=True, until=None, by="li", at=AT)
    await library.refresh()
    away.away = True
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            assert await library.refresh() == ()
        assert library.current("small").version == TWO.version
        assert library.notices("small") == {"outage"}
        assert not library.reachable
        with pytest.raises(SessionStoreDown):
            await library.version("small", ONE.version)
        away.away = False
        await publish(world.releases, THREE)
        (change,) = await library.refresh()
    assert change.version == THREE.version
    assert [line["event"] for line in logs] == ["flow.register_down", "flow.register_up", "flow.published"]


async def test_a_version_that_this_node_cannot_run_is_told_once_and_what_runs_stays(world: World) -> None:
    await publish(world.releases, ONE)
    library = await world.opened()
    await publish(world.releases, FROM_THE_FUTURE)
    with structlog.testing.capture_logs() as logs:
        (change,) = await library.refresh()
        assert not change.taken
        for _ in range(3):
            assert await library.refresh() == ()
    assert [line["event"] for line in logs] == ["flow.refused"]
    assert "beams" in logs[0]["problem"]
    assert library.current("small").version == ONE.version
    shelf = library.state["small"]
    assert (shelf.version, shelf.refused) == (ONE.version, FROM_THE_FUTURE.version)
    await world.releases.rollback("small", None, by="li", message="m", at=AT)
    assert await library.refresh() == ()
    assert library.state == {"small": Shelf(ONE.version)}


async def test_a_node_too_old_for_what_is_live_begins_with_its_own_flow_and_says_so(world: World) -> None:
    await publish(world.releases, FROM_THE_FUTURE)
    library = world.library()
    await library.open(lambda name: TWO)
    assert library.current("small").version == TWO.version
    assert library.state["small"].refused == FROM_THE_FUTURE.version
    await publish(world.releases, THREE)
    await library.refresh()
    assert library.current("small").version == THREE.version
    kept = await library.version("small", TWO.version)
    assert kept.version == TWO.version, "its texts go on, though the register never had it"


async def test_a_bundle_that_is_broken_in_the_store_is_refused_until_another_is_published(world: World) -> None:
    await publish(world.releases, ONE)
    library = await world.opened()
    await publish(world.releases, TWO)
    await world.releases._redis.hset("tellerline:flows:{small}:bundles", TWO.version, b"rubbish")
    (change,) = await library.refresh()
    assert not change.taken
    with pytest.raises(KeyError):
        await library.version("small", TWO.version)
    await publish(world.releases, THREE)
    (change,) = await library.refresh()
    assert change.taken


async def test_a_store_that_was_emptied_takes_nothing_from_a_node_that_runs(world: World) -> None:
    await publish(world.releases, ONE)
    library = await world.opened()
    await world.releases._redis.flushall()
    (change,) = await library.refresh()
    assert not change.taken
    assert library.current("small").version == ONE.version
    assert "nothing is published any more" in library.state["small"].problem
    await publish(world.releases, ONE)
    await library.refresh()
    assert library.state == {"small": Shelf(ONE.version)}


async def test_what_waits_or_is_a_draft_can_be_tried(world: World) -> None:
    await publish(world.releases, ONE)
    library = await world.opened()
    assert library.trial("small") is None
    assert await library.draft("small") is None
    await world.releases.draft(TWO, author="wang", message="m", at=AT)
    await library.refresh()
    assert library.trial("small") == TWO.version
    flow = await library.draft("small")
    assert flow is not None
    assert flow.version == TWO.version
    assert library.current("small").version == ONE.version


async def test_a_trial_begins_on_its_version_and_one_that_is_gone_on_the_live_one(world: World) -> None:
    await publish(world.releases, ONE)
    await world.releases.draft(TWO, author="wang", message="m", at=AT)
    library = await world.opened()
    runner = Runner(library, MemorySessions(), ToldCore(), Vault(), world.clock)
    begun = await runner.start(replace(_text(), version=TWO.version), _Quiet())
    assert begun.session.version == TWO.version
    begun = await runner.start(replace(_text(), version="0" * 16), _Quiet())
    assert begun.session.version == ONE.version


async def test_a_notice_ends_at_its_time_without_another_look(world: World) -> None:
    await publish(world.releases, ONE)
    until = AT + datetime.timedelta(minutes=10)
    await world.releases.set_notice("small", "outage", on=True, until=until, by="li", at=AT)
    library = await world.opened()
    assert library.notices("small") == {"outage"}
    world.clock.advance(601)
    assert library.notices("small") == frozenset()
    assert library.notices("other") == frozenset()


async def test_fixed_flows_are_exactly_those_that_were_given() -> None:
    flow = ONE.load(CATALOGUE)
    flows = FixedFlows(flow)
    assert flows.current("small") is flow
    assert await flows.version("small", ONE.version) is flow
    with pytest.raises(KeyError):
        await flows.version("small", TWO.version)
    with pytest.raises(KeyError):
        flows.current("other")


class _Quiet:
    """A line by text that says nothing."""

    channel = Channel.SMS

    def __getattr__(self, name: str) -> Any:
        async def said(*_: object) -> None:
            """Do nothing."""

        return said

    def speak_from(self, catalogue: object) -> None:
        """See :class:`flows.line.Line`."""


def _text() -> Trigger:
    return Trigger(
        flow="small",
        channel=Channel.SMS,
        party=Party("+8613900000001", identified=True),
        session_id="sms-1",
        auth_session_id="a-1",
        at=AT,
        step="prepare",
        slots={"payee": "LILEI", "amount": Money(50000, "CNY")},
    )
