"""The register against a real Valkey: who may make which version live, and what is seen of it."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from flows.releases import scripts
from flows.releases.bundle import Bundle
from flows.releases.errors import (
    AlreadyLive,
    NotPending,
    Overtaken,
    OwnWork,
    RegisterDown,
    RegisterNewer,
    UnknownVersion,
)
from flows.releases.register import Act, Entry, Releases, State
from tests.unit.flows.release_world import AT, bundle, publish, register

ONE, TWO, THREE = bundle(), bundle("two"), bundle("three")


@pytest.fixture
async def releases(tmp_path: Path) -> AsyncIterator[Releases]:
    async with register(tmp_path) as opened:
        yield opened


async def propose(
    releases: Releases, made: Bundle, parent: str | None, author: str = "wang", *, needs_approval: bool = True
) -> Entry:
    return await releases.propose(
        made, author=author, message="why", parent=parent, needs_approval=needs_approval, at=AT
    )


async def test_nothing_is_live_before_anything_is_published(releases: Releases) -> None:
    assert await releases.live("small") is None
    assert await releases.pending("small") is None
    assert await releases.drafted("small") is None
    assert await releases.live_entry("small") is None
    assert await releases.log("small") == []
    assert await releases.names() == ()


async def test_what_needs_no_approval_is_live_at_once_with_its_bundle(releases: Releases) -> None:
    entry = await propose(releases, ONE, None, needs_approval=False)
    assert entry == Entry(1, ONE.version, State.LIVE, Act.PUBLISH, "wang", "why", AT)
    assert await releases.live("small") == ONE.version
    assert await releases.get("small", ONE.version) == ONE
    assert await releases.was_live("small", ONE.version)
    assert await releases.names() == ("small",)


async def test_what_needs_an_approval_is_live_when_somebody_else_approves_it(releases: Releases) -> None:
    await publish(releases, ONE)
    waiting = await propose(releases, TWO, ONE.version)
    assert waiting.state is State.PENDING
    assert await releases.live("small") == ONE.version
    assert not await releases.was_live("small", TWO.version)
    assert await releases.pending("small") == waiting
    later = AT + datetime.timedelta(minutes=5)
    live = await releases.approve("small", TWO.version, approver="Zhang", at=later)
    assert (live.state, live.author, live.approver, live.decided_at) == (State.LIVE, "wang", "Zhang", later)
    assert await releases.live("small") == TWO.version
    assert await releases.pending("small") is None
    assert [entry.state for entry in await releases.log("small")] == [State.LIVE, State.SUPERSEDED]


@pytest.mark.parametrize("same", ["wang", "Wang", " WANG "])
async def test_an_author_never_approves_however_they_write_their_name(releases: Releases, same: str) -> None:
    await propose(releases, ONE, None)
    with pytest.raises(OwnWork, match="wang's own work: somebody else must approve it"):
        await releases.approve("small", ONE.version, approver=same, at=AT)
    assert await releases.live("small") is None


async def test_another_proposal_voids_the_first_and_its_approval_is_refused(releases: Releases) -> None:
    await propose(releases, ONE, None)
    await propose(releases, TWO, None)
    with pytest.raises(NotPending, match=f"does not wait for an approval: {TWO.version} does") as caught:
        await releases.approve("small", ONE.version, approver="zhang", at=AT)
    assert caught.value.pending == TWO.version
    assert [entry.state for entry in await releases.log("small")] == [State.PENDING, State.VOID]


async def test_an_approval_of_nothing_is_refused(releases: Releases) -> None:
    with pytest.raises(NotPending, match="none does; publish first"):
        await releases.approve("small", ONE.version, approver="zhang", at=AT)


async def test_a_proposal_over_a_version_that_is_live_no_longer_is_refused(releases: Releases) -> None:
    await publish(releases, ONE)
    await publish(releases, TWO)
    with pytest.raises(Overtaken) as caught:
        await propose(releases, THREE, ONE.version, needs_approval=False)
    assert caught.value.live == TWO.version
    assert await releases.live("small") == TWO.version
    assert await releases.versions("small") == {ONE.version, TWO.version}, "a refused bundle leaves nothing"


async def test_an_approval_of_what_was_overtaken_is_refused(releases: Releases) -> None:
    await publish(releases, ONE)
    await publish(releases, TWO)
    await propose(releases, THREE, TWO.version)
    await releases.rollback("small", None, by="li", message="broken", at=AT)
    with pytest.raises(NotPending):
        await releases.approve("small", THREE.version, approver="zhang", at=AT)
    (entry,) = [entry for entry in await releases.log("small") if entry.version == THREE.version]
    assert entry.state is State.VOID


async def test_publishing_what_is_live_is_refused(releases: Releases) -> None:
    await publish(releases, ONE)
    with pytest.raises(AlreadyLive, match="nothing has changed"):
        await propose(releases, ONE, ONE.version)
    assert len(await releases.log("small")) == 1


async def test_of_two_who_publish_at_once_one_is_refused(releases: Releases) -> None:
    await publish(releases, ONE)
    outcomes = await asyncio.gather(
        propose(releases, TWO, ONE.version, needs_approval=False),
        propose(releases, THREE, ONE.version, needs_approval=False),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes if isinstance(outcome, Exception)] == [Overtaken]
    assert len(await releases.log("small")) == 2


async def test_a_proposal_can_be_withdrawn(releases: Releases) -> None:
    await propose(releases, ONE, None)
    entry = await releases.withdraw("small", ONE.version, by="zhang", at=AT)
    assert (entry.state, entry.approver) == (State.WITHDRAWN, "zhang")
    assert await releases.pending("small") is None
    with pytest.raises(NotPending):
        await releases.approve("small", ONE.version, approver="zhang", at=AT)


async def test_a_rollback_goes_to_the_version_before_and_another_one_further_back(releases: Releases) -> None:
    for made in (ONE, TWO, THREE):
        await publish(releases, made)
    back = await releases.rollback("small", None, by="li", message="fees are wrong", at=AT)
    assert (back.version, back.act, back.state, back.author) == (TWO.version, Act.ROLLBACK, State.LIVE, "li")
    again = await releases.rollback("small", None, by="li", message="these too", at=AT)
    assert again.version == ONE.version
    with pytest.raises(UnknownVersion, match="has no earlier version"):
        await releases.rollback("small", None, by="li", message="and more", at=AT)
    states = [entry.state for entry in await releases.log("small")]
    assert states == [State.LIVE, State.ROLLED_BACK, State.ROLLED_BACK, State.SUPERSEDED, State.SUPERSEDED]


async def test_a_rollback_goes_to_a_version_by_name_also_forward(releases: Releases) -> None:
    for made in (ONE, TWO, THREE):
        await publish(releases, made)
    assert (await releases.rollback("small", ONE.version, by="li", message="m", at=AT)).version == ONE.version
    assert (await releases.rollback("small", THREE.version, by="li", message="m", at=AT)).version == THREE.version
    with pytest.raises(AlreadyLive):
        await releases.rollback("small", THREE.version, by="li", message="m", at=AT)


async def test_a_rollback_never_makes_live_what_was_not_approved(releases: Releases) -> None:
    await publish(releases, ONE)
    await releases.draft(THREE, author="wang", message="m", at=AT)
    await propose(releases, TWO, ONE.version)
    for never in (TWO, THREE):
        with pytest.raises(UnknownVersion, match="no version"):
            await releases.rollback("small", never.version, by="wang", message="m", at=AT)
    assert await releases.live("small") == ONE.version


async def test_a_rollback_to_a_version_that_is_not_kept_is_refused(releases: Releases) -> None:
    for made in (ONE, TWO, THREE):
        await publish(releases, made)
    assert await releases.forget("small", [ONE.version]) == 1
    with pytest.raises(UnknownVersion):
        await releases.rollback("small", ONE.version, by="li", message="m", at=AT)
    with pytest.raises(UnknownVersion):
        await releases.rollback("none", None, by="li", message="m", at=AT)


async def test_a_draft_is_tried_and_the_newer_of_draft_and_pending_is_what_the_number_reaches(
    releases: Releases,
) -> None:
    await publish(releases, ONE)
    entry = await releases.draft(TWO, author="wang", message="try it", at=AT)
    assert (entry.state, entry.act, entry.parent) == (State.DRAFT, Act.DRAFT, ONE.version)
    assert (await releases.look(["small"]))["small"].trial == TWO.version
    await propose(releases, THREE, ONE.version)
    look = (await releases.look(["small"]))["small"]
    assert (look.live, look.pending, look.draft, look.trial) == (
        ONE.version,
        THREE.version,
        TWO.version,
        THREE.version,
    )
    await releases.draft(bundle("four"), author="wang", message="m", at=AT)
    assert (await releases.look(["small"]))["small"].trial == bundle("four").version
    assert [entry.state for entry in await releases.log("small")][-2] is State.VOID


async def test_a_draft_that_is_published_is_a_draft_no_longer(releases: Releases) -> None:
    await releases.draft(ONE, author="wang", message="m", at=AT)
    await propose(releases, ONE, None)
    assert await releases.drafted("small") is None
    assert [entry.state for entry in await releases.log("small")] == [State.PENDING, State.PROPOSED]


async def test_a_notice_is_on_until_its_time_or_until_it_is_switched_off(releases: Releases) -> None:
    later = AT + datetime.timedelta(hours=2)
    await releases.set_notice("small", "outage", on=True, until=later, by="li", at=AT)
    await releases.set_notice("small", "scam", on=True, until=None, by="li", at=AT)
    notices = await releases.notices("small")
    assert {name for name, notice in notices.items() if notice.is_on(AT)} == {"outage", "scam"}
    assert {name for name, notice in notices.items() if notice.is_on(later)} == {"scam"}
    await releases.set_notice("small", "scam", on=False, until=None, by="chen", at=later)
    scam = (await releases.notices("small"))["scam"]
    assert (scam.on, scam.by, scam.at) == (False, "chen", later)
    assert await releases.live("small") is None, "a notice is no version"


async def test_what_waits_or_is_live_is_never_forgotten(releases: Releases) -> None:
    for made in (ONE, TWO):
        await publish(releases, made)
    await propose(releases, THREE, TWO.version)
    draft = bundle("four")
    await releases.draft(draft, author="wang", message="m", at=AT)
    every = [ONE.version, TWO.version, THREE.version, draft.version]
    assert await releases.forget("small", every) == 1
    assert await releases.versions("small") == set(every[1:])
    with pytest.raises(UnknownVersion, match="tellerline flows log"):
        await releases.get("small", ONE.version)


async def test_the_log_is_bounded_and_never_loses_what_is_live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripts, "DRAFT", scripts.DRAFT.replace(f"trim(n - {scripts.MAX_ENTRIES})", "trim(n - 3)"))
    async with register(tmp_path) as releases:
        live = (await publish(releases, ONE)).version
        for number in range(6):
            await releases.draft(bundle(str(number)), author="wang", message="m", at=AT)
        kept = [entry.number for entry in await releases.log("small")]
        assert kept == [7, 6, 5, 1]
        entry = await releases.live_entry("small")
        assert entry is not None
        assert entry.version == live


async def test_a_register_of_a_newer_tellerline_is_neither_read_nor_written(tmp_path: Path) -> None:
    async with register(tmp_path) as releases:
        await publish(releases, ONE)
        await releases._redis.hset("tellerline:flows:{small}:head", "format", "2")
        with pytest.raises(RegisterNewer, match="a newer one wrote it"):
            await releases.live("small")
        with pytest.raises(RegisterNewer):
            await propose(releases, TWO, ONE.version)
        assert await releases.versions("small") == {ONE.version}


async def test_a_store_that_does_not_answer_is_told_as_not_known(tmp_path: Path) -> None:
    client = redis.asyncio.Redis(unix_socket_path=str(tmp_path / "none.sock"), retry=Retry(NoBackoff(), 0))
    releases = Releases(client)
    for attempt in (releases.live("small"), releases.log("small"), propose(releases, ONE, None)):
        with pytest.raises(RegisterDown, match="may or may not have happened"):
            await attempt
    await client.aclose()


async def test_an_act_without_an_author_or_a_message_is_a_defect(releases: Releases) -> None:
    with pytest.raises(ValueError, match="an author and a message"):
        await releases.propose(ONE, author=" ", message="m", parent=None, needs_approval=False, at=AT)


async def test_flows_are_apart_and_each_lies_in_one_slot_of_a_cluster(releases: Releases) -> None:
    other = replace(ONE, name="other")
    await publish(releases, ONE)
    await releases.set_notice("other", "n", on=True, until=None, by="li", at=AT)
    looks = await releases.look(["small", "other"])
    assert looks["other"].live is None
    assert looks["small"].notices == {}
    keys = [key.decode() for key in await releases._redis.keys("tellerline:flows:*")]
    assert {key.partition("{")[2].partition("}")[0] for key in keys} == {"small", other.name}


async def test_an_entry_that_cannot_be_read_is_told_as_such(releases: Releases) -> None:
    await publish(releases, bundle())
    await releases._redis.hset("tellerline:flows:{small}:log", "1:state", "paused")
    with pytest.raises(RegisterDown, match="an entry of its log cannot be read: ValueError"):
        await releases.log("small")
