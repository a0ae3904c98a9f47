"""Recordings are put aside whole, and nothing goes that anybody still needs."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from core_client.adapters.sealing import Sealer
from flows.dialogue import Channel
from flows.releases.bundle import Bundle, version_of
from flows.releases.errors import AudioNotKept, RegisterDown
from flows.releases.kept import YOUNG_S, keep_audio, kept_folder, sweep_audio
from flows.releases.library import Board, Library
from flows.releases.register import Releases
from flows.releases.sweeping import Swept, sweep, versions_in_use
from flows.sessions import RedisSessions
from sounds.catalogue import Catalogue
from sounds.tools import sync
from tests.unit.flows.release_world import AT, bundle, publish, register
from tests.unit.flows.test_session_as_json import BARE, FULL


@pytest.fixture
async def releases(tmp_path: Path) -> AsyncIterator[Releases]:
    async with register(tmp_path / "state") as opened:
        yield opened


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "sounds"
    (folder / "audio" / "en").mkdir(parents=True)
    return folder


def spoken(own: Path, voice: bytes, mark: str) -> tuple[Bundle, Catalogue]:
    """Answer a version whose goodbye is ``voice``."""
    (own / "audio" / "en" / "goodbye.wav").write_bytes(voice)
    catalogue = Catalogue.load(overlay=own)
    made = bundle(mark)
    audio = {"en/goodbye": _sha(voice)}
    made = replace(made, audio=audio)
    return replace(made, version=version_of(made)), catalogue


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _age(folder: Path) -> None:
    long_ago = time.time() - YOUNG_S - 60
    for file in folder.iterdir():
        os.utime(file, (long_ago, long_ago))


def test_recordings_are_put_aside_once_by_their_content(own: Path) -> None:
    made, catalogue = spoken(own, b"first", "")
    kept = own / "audio" / "kept"
    assert kept_folder(own) == kept
    assert kept_folder(None) is None
    assert keep_audio(made, catalogue, kept) == 1
    assert (kept / f"{_sha(b'first')}.wav").read_bytes() == b"first"
    assert (kept / f"{_sha(b'first')}.wav").stat().st_mode & 0o777 == 0o644, "Asterisk is another user"
    assert keep_audio(made, catalogue, kept) == 0
    assert [file.suffix for file in kept.iterdir()] == [".wav"]


def test_every_prompt_of_a_bundle_is_put_aside_the_shipped_ones_too(own: Path) -> None:
    made, catalogue = bundle(), Catalogue.load(overlay=own)
    kept = own / "audio" / "kept"
    assert keep_audio(made, catalogue, kept) == len(set(made.audio.values())) > 10


def test_a_recording_that_changed_before_it_was_put_aside_stops_the_publication(own: Path) -> None:
    made, catalogue = spoken(own, b"first", "")
    (own / "audio" / "en" / "goodbye.wav").write_bytes(b"second")
    kept = own / "audio" / "kept"
    with pytest.raises(AudioNotKept, match="changed meanwhile: publish again"):
        keep_audio(made, catalogue, kept)
    assert keep_audio(made, catalogue, kept, whole=False) == 0
    assert not kept.exists()


def test_a_disk_that_cannot_be_written_stops_the_publication(own: Path) -> None:
    made, catalogue = spoken(own, b"first", "")
    kept = own / "audio" / "kept"
    kept.write_bytes(b"a file where the folder should be")
    with pytest.raises(AudioNotKept, match="nothing was published"):
        keep_audio(made, catalogue, kept)


def test_only_old_recordings_that_nobody_needs_are_deleted_and_nothing_else_in_the_folder(own: Path) -> None:
    kept = own / "audio" / "kept"
    kept.mkdir()
    names = [f"{_sha(word)}.wav" for word in (b"needed", b"old", b"young")]
    for name in [*names, "notes.txt", "hello.wav"]:
        (kept / name).write_bytes(b"x")
    _age(kept)
    os.utime(kept / names[2])
    assert sweep_audio(kept, [_sha(b"needed")]) == 1
    assert sorted(file.name for file in kept.iterdir()) == sorted([names[0], names[2], "notes.txt", "hello.wav"])
    assert sweep_audio(own / "nowhere", []) == 0


async def test_a_sweep_keeps_what_can_be_gone_back_to_what_waits_and_what_sessions_run_on(
    releases: Releases, own: Path
) -> None:
    kept = own / "audio" / "kept"
    made = []
    for number in range(6):
        version, catalogue = spoken(own, b"voice %d" % number, str(number))
        keep_audio(version, catalogue, kept)
        made.append(await publish(releases, version))
    _age(kept)
    sessions = RedisSessions(releases._redis, Sealer(bytes(32)))
    await sessions.put(replace(BARE, id="v1", flow="small", version=made[0].version), 60)
    await sessions.put(replace(FULL, id="t1", flow="small", version=made[1].version, channel=Channel.SMS), 60)
    draft = bundle("draft")
    await releases.draft(draft, author="wang", message="m", at=AT)
    assert await sweep(releases, releases._redis, kept, keep_versions=2) == Swept(versions=2, recordings=2)
    expected = {made[n].version for n in (0, 1, 4, 5)} | {draft.version}
    assert await releases.versions("small") == expected
    assert {file.stem for file in kept.iterdir()} == {_sha(b"voice %d" % n) for n in (0, 1, 4, 5)}
    await sessions.delete(replace(BARE, id="v1"))
    assert await sweep(releases, releases._redis, kept, keep_versions=2) == Swept(versions=1, recordings=1)
    assert await releases.versions("small") == expected - {made[0].version}


async def test_a_version_that_was_gone_back_to_counts_as_recent(releases: Releases) -> None:
    made = [await publish(releases, bundle(str(number))) for number in range(4)]
    await releases.rollback("small", made[0].version, by="li", message="m", at=AT)
    await sweep(releases, releases._redis, None, keep_versions=2)
    assert await releases.versions("small") == {made[0].version, made[3].version}


async def test_proposals_that_were_never_live_take_no_place_of_what_can_be_gone_back_to(releases: Releases) -> None:
    made = [await publish(releases, bundle(str(number))) for number in range(2)]
    for number in range(5):  # each voids the one before
        proposal, live = bundle(f"proposal {number}"), made[1].version
        await releases.propose(proposal, author="wang", message="m", parent=live, needs_approval=True, at=AT)
    await sweep(releases, releases._redis, None, keep_versions=2)
    assert await releases.versions("small") == {made[0].version, made[1].version, proposal.version}
    assert (await releases.rollback("small", None, by="li", message="m", at=AT)).version == made[0].version


async def test_sessions_are_found_however_many_there_are(releases: Releases) -> None:
    sessions = RedisSessions(releases._redis, Sealer(bytes(32)))
    for number in range(1200):
        await releases._redis.set(f"other:{number}", "x")
        if number % 2:
            version = f"{number % 7}"
            await sessions.put(replace(BARE, id=f"v{number}", flow="small", version=version), 60)
    await releases._redis.set("tellerline:dialogue:s:odd", b"no session")
    assert await versions_in_use(releases._redis) == {"small": frozenset("0123456")}


async def test_a_store_that_was_emptied_takes_no_recording_from_those_who_play_it(
    releases: Releases, own: Path
) -> None:
    kept = own / "audio" / "kept"
    version, catalogue = spoken(own, b"voice", "1")
    keep_audio(version, catalogue, kept)
    await publish(releases, version)
    board = Board(releases, ["small"], lambda: AT)
    library = Library(board, releases, catalogue, kept)
    await library.open(pytest.fail)
    _age(kept)
    await releases._redis.flushall()
    assert await sweep(releases, releases._redis, kept, keep_versions=50) == Swept(0, 0)
    await publish(releases, bundle("2"))  # of another node
    assert library.recordings == {_sha(b"voice")}
    playing = library.recordings
    assert await sweep(releases, releases._redis, kept, keep_versions=50, playing=playing) == Swept(0, 0)
    assert await sweep(releases, releases._redis, kept, keep_versions=50) == Swept(0, 1), "nobody plays it"


def test_a_recording_that_vanishes_meanwhile_stops_the_publication(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, catalogue = spoken(own, b"first", "")

    def vanished(file: Path) -> str:
        raise FileNotFoundError(2, "No such file or directory", str(file))

    monkeypatch.setattr("flows.releases.kept.digest_of_file", vanished)
    with pytest.raises(AudioNotKept, match="en/goodbye"):
        keep_audio(made, catalogue, own / "audio" / "kept")


async def test_nothing_is_deleted_while_a_bundle_cannot_be_read_or_the_store_is_away(
    releases: Releases, own: Path
) -> None:
    kept = own / "audio" / "kept"
    version, catalogue = spoken(own, b"voice", "1")
    keep_audio(version, catalogue, kept)
    _age(kept)
    await publish(releases, bundle())
    await publish(releases, bundle("2"))
    await releases._redis.hset("tellerline:flows:{small}:bundles", bundle().version, b"rubbish")
    assert await sweep(releases, releases._redis, kept, keep_versions=50) == Swept(0, 0)
    assert len(list(kept.iterdir())) == 1
    await releases._redis.hset("tellerline:flows:{small}:bundles", bundle().version, bundle().to_bytes())
    await releases._redis.config_set("requirepass", "changed")
    await releases._redis.connection_pool.disconnect()
    with pytest.raises(RegisterDown):
        await sweep(releases, releases._redis, kept, keep_versions=50)
    assert len(list(kept.iterdir())) == 1


def test_recordings_put_aside_go_to_the_exchange_with_the_others(own: Path, tmp_path: Path) -> None:
    made, catalogue = spoken(own, b"first", "")
    keep_audio(made, catalogue, own / "audio" / "kept")
    report = sync(tmp_path / "exchange", Catalogue({}, {}, (own / "audio",)))
    assert report.copied == (f"kept/{_sha(b'first')}",)
    assert (tmp_path / "exchange" / "kept" / f"{_sha(b'first')}.wav").read_bytes() == b"first"
