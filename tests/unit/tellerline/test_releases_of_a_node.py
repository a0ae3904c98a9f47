"""What a node publishes at its start, what it serves while it runs, and who reaches a draft."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import aiohttp
import pytest
import structlog

from core_client.adapters.pin_hashing import PinCost
from flows.errors import FlowError
from flows.releases.register import Act
from flows.store import FlowStore
from ivr.testing import LEAP, FakePbx
from tellerline import doctor, releasing
from tellerline.bootstrap import Node, Seams, open_releases, running
from tellerline.config import Bank, Config, Flows, Sounds
from tellerline.doctor import Verdict
from tellerline.errors import ConfigError, UnfitFlowError
from tellerline.releasing import keep_clean
from tellerline.trying.fastagi import sounds_of
from tests.scenario.live_change.marked_line import CATALOGUE, NAME, folder_of, publish, settings, version

SEAMS = Seams(pin_cost=PinCost(memory_kib=64, passes=1))
AT = datetime.datetime(2026, 3, 2, 10, 15, tzinfo=datetime.UTC)
DRAFTS, LINE = "95599", "95500"
STAFF, CUSTOMER = "+8613900000001", "+8613900000002"


def line(folder: Path, *, reload_s: float = 0.02, **flows: object) -> Config:
    """Answer a node's settings; its folder holds version 1."""
    said = {"dir": folder_of(1, folder / "flows"), "reload_s": reload_s, **flows}
    return settings(folder, flows=Flows.model_validate(said), bank=Bank())


async def live_on(node: Node, mark: int) -> None:
    """Wait until a version is live on the node."""
    async with asyncio.timeout(20):
        while node.flows.current(NAME).version != version(mark).version:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)


async def mark_of(node: Node, *, caller: str | None = STAFF, called: str = LINE) -> str:
    """Answer the mark of the version that a caller hears."""
    async with FakePbx(sounds_of(node.catalogue), speed=LEAP, patience_s=30) as pbx:
        call = await pbx.dial("127.0.0.1", node.agi_port, caller=caller, called=called)
        await call.hear("en/welcome")
        await call.hang_up()
        return call.heard_files[0].rpartition("/")[2]


async def told(node: Node) -> dict[str, object]:
    """Answer what the health page says of the flows."""
    url = f"http://127.0.0.1:{node.health_port}/health/ready"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        return dict(json.loads(await answer.text())["flows"])


async def metrics(node: Node) -> str:
    """Answer the figures."""
    url = f"http://127.0.0.1:{node.health_port}/metrics"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        return await answer.text()


async def test_the_first_start_publishes_the_folder_and_a_second_start_nothing(tmp_path: Path) -> None:
    config = line(tmp_path)
    async with running(config, SEAMS) as node:
        (entry,) = await node.served.releases.log(NAME)
        assert (entry.version, entry.act, entry.author) == (version(1).version, Act.FIRST_START, "tellerline")
        assert await mark_of(node) == "1"
    folder_of(2, tmp_path / "flows")  # edited, and not published
    async with running(config, SEAMS) as node:
        assert len(await node.served.releases.log(NAME)) == 1
        assert await mark_of(node) == "1"


async def test_a_command_publishes_to_a_server_that_runs_and_callers_hear_it(tmp_path: Path) -> None:
    config = line(tmp_path)
    async with running(config, SEAMS) as node:
        async with open_releases(config) as releases:
            await publish(releases, version(2))
        await live_on(node, 2)
        assert await mark_of(node) == "2"
        assert await told(node) == {NAME: {"version": version(2).version, "from": "register"}}
        async with asyncio.timeout(10):
            while f'version="{version(2).version}"' not in (figures := await metrics(node)):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert f'tellerline_flow_live_version{{flow="line",version="{version(2).version}"}} 1.0' in figures
        assert version(1).version not in figures, "one version of a flow is live"
        assert 'tellerline_flow_reloads_total{outcome="taken"} 1.0' in figures
        assert "tellerline_flow_register_up 1.0" in figures


async def test_a_command_publishes_before_any_server_has_run(tmp_path: Path) -> None:
    config = line(tmp_path)
    async with open_releases(config) as releases:
        await publish(releases, version(3))
    async with running(config, SEAMS) as node:
        assert await mark_of(node) == "3"
        assert len(await node.served.releases.log(NAME)) == 1


async def test_an_upgrade_brings_its_flow_where_nobody_has_published_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = line(tmp_path, dir=None)
    monkeypatch.setattr(releasing, "DEFINITIONS", folder_of(1, tmp_path / "shipped"))
    async with running(config, SEAMS):
        pass
    folder_of(2, tmp_path / "shipped")
    async with running(config, SEAMS) as node:
        assert await mark_of(node) == "2"
        assert [entry.act for entry in await node.served.releases.log(NAME)] == [Act.UPGRADE, Act.FIRST_START]
    folder_of(1, tmp_path / "shipped")  # a node of the release before, on the same store
    async with running(config, SEAMS) as node:
        assert await mark_of(node) == "2", "it does not take the newer flow back"
        await publish(node.served.releases, version(3))
    folder_of(4, tmp_path / "shipped")
    async with running(config, SEAMS) as node:
        assert await mark_of(node) == "3", "what a person published is left alone"


_FIT_MENU, _UNFIT_MENU = "welcome], choices", "main_menu], choices"


def _break(folder: Path) -> None:
    """Have menus announce keys that they do not have."""
    file = folder / "line.yaml"
    file.write_text(file.read_text("utf-8").replace(_FIT_MENU, _UNFIT_MENU), encoding="utf-8")


async def test_a_folder_with_errors_is_not_published_at_the_first_start(tmp_path: Path) -> None:
    config = line(tmp_path)
    _break(tmp_path / "flows")
    with pytest.raises(UnfitFlowError, match=r"line\.yaml:11:3: error: menu 'main' says key") as caught:
        async with running(config, SEAMS):
            pass
    assert {finding.rule for finding in caught.value.findings} == {"menu-keys"}
    async with open_releases(config) as releases:
        assert await releases.log(NAME) == []


@pytest.mark.parametrize("loads", [True, False])
async def test_an_upgrade_that_has_errors_leaves_what_is_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loads: bool
) -> None:
    config = line(tmp_path, dir=None)
    shipped = folder_of(1, tmp_path / "shipped")
    monkeypatch.setattr(releasing, "DEFINITIONS", shipped)
    async with running(config, SEAMS):
        pass
    folder_of(2, shipped)
    if loads:
        _break(shipped)
    else:
        (shipped / "line.yaml").write_text("flow: [", encoding="utf-8")
    with structlog.testing.capture_logs() as logs:
        async with running(config, SEAMS) as node:
            assert await mark_of(node) == "1"
            assert len(await node.served.releases.log(NAME)) == 1
    (told_of,) = [entry for entry in logs if entry["event"] == "flow.not_upgraded"]
    assert ("[menu-keys]" if loads else "line.yaml:1") in str(told_of)


def test_the_server_says_why_it_publishes_nothing_and_ends_with_2(tmp_path: Path) -> None:
    _break(folder_of(1, tmp_path / "flows"))
    file = tmp_path / "tellerline.toml"
    file.write_text(
        f'[server]\nstate_dir = "{tmp_path}/state"\n[agi]\nport = 0\nflow = "{NAME}"\n[sms]\nflow = "{NAME}"\n'
        f'[flows]\ndir = "{tmp_path}/flows"\n[health]\nport = 0\n',
        encoding="utf-8",
    )
    ended = subprocess.run(
        [sys.executable, "-m", "tellerline", "serve", "-c", str(file)],
        capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    assert ended.returncode == 2, ended.stderr
    assert "flow 'line' is not published: the check finds errors in it" in ended.stderr
    assert "Traceback" not in ended.stderr


async def test_a_folder_that_no_longer_loads_does_not_keep_what_is_published_from_starting(tmp_path: Path) -> None:
    config = line(tmp_path)
    async with running(config, SEAMS):
        pass
    (tmp_path / "flows" / "line.yaml").write_text("flow: [", encoding="utf-8")
    async with running(config, SEAMS) as node:
        assert await mark_of(node) == "1"


async def test_a_register_of_a_newer_tellerline_stops_the_start_with_the_mend(tmp_path: Path) -> None:
    config = line(tmp_path)
    async with running(config, SEAMS) as node:
        await node.store.redis.hset("tellerline:flows:{line}:head", "format", "9")
    with pytest.raises(ConfigError, match="Upgrade this one"):
        async with running(config, SEAMS):
            pass


async def test_a_node_goes_on_and_says_so_while_its_store_is_away(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as logs:
        async with running(line(tmp_path), SEAMS) as node:
            server = int((await node.store.redis.info("server"))["process_id"])
            os.kill(server, signal.SIGSTOP)
            async with asyncio.timeout(20):
                while "tellerline_flow_register_up 0.0" not in await metrics(node):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            assert await told(node) == {NAME: {"version": version(1).version, "from": "memory"}}
            assert node.flows.current(NAME).version == version(1).version
            os.kill(server, signal.SIGCONT)
            async with asyncio.timeout(20):
                while "tellerline_flow_register_up 1.0" not in await metrics(node):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
    assert [entry["event"] for entry in logs if entry["event"].startswith("flow.register")] == [
        "flow.register_down",
        "flow.register_up",
    ]


# --- the draft number --------------------------------------------------------------------------------------------


async def test_a_draft_is_heard_on_its_number_by_those_who_may_and_by_nobody_else(tmp_path: Path) -> None:
    config = line(tmp_path, draft_number=DRAFTS, draft_callers=[STAFF])
    with structlog.testing.capture_logs() as logs:
        async with running(config, SEAMS) as node:
            assert await mark_of(node, called=DRAFTS) == "1", "no draft: what is live"
            await node.served.releases.draft(version(2), author="wang", message="m", at=AT)
            async with asyncio.timeout(20):
                while node.served.board.look(NAME).trial is None:  # noqa: ASYNC110 - it has no event
                    await asyncio.sleep(0.01)
            assert await mark_of(node, called=DRAFTS) == "2"
            assert await mark_of(node, called=LINE) == "1"
            assert await mark_of(node, called=DRAFTS, caller=CUSTOMER) == "1"
            assert await mark_of(node, called=DRAFTS, caller=None) == "1"
            await publish(node.served.releases, version(3))
            await live_on(node, 3)
            assert await mark_of(node, called=DRAFTS) == "2"
    calls = [entry for entry in logs if entry["event"].startswith("draft.")]
    refused = "draft.refused"
    assert [entry["event"] for entry in calls] == ["draft.called", "draft.called", refused, refused, "draft.called"]
    assert STAFF not in str(calls), "numbers are masked"
    ended = [entry["version"] for entry in logs if entry["event"] == "call.ended" and "version" in entry]
    assert version(2).version in ended


async def test_what_waits_for_an_approval_is_heard_on_the_draft_number(tmp_path: Path) -> None:
    config = line(tmp_path, draft_number=DRAFTS, draft_callers=[STAFF])
    async with running(config, SEAMS) as node:
        releases, live = node.served.releases, version(1).version
        await releases.propose(version(2), author="wang", message="m", parent=live, needs_approval=True, at=AT)
        async with asyncio.timeout(20):
            while node.served.board.look(NAME).trial is None:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.01)
        assert await mark_of(node, called=DRAFTS) == "2"
        assert await mark_of(node) == "1"


# --- an operator's sounds ----------------------------------------------------------------------------------------


async def test_a_prompt_recorded_anew_is_heard_when_it_is_published_not_before(tmp_path: Path) -> None:
    sounds = tmp_path / "sounds"
    (sounds / "audio" / "en").mkdir(parents=True)
    shipped = CATALOGUE.audio_path("en/welcome").read_bytes()
    config = line(tmp_path).model_copy(update={"sounds": Sounds(dir=sounds)})
    async with running(config, SEAMS) as node:
        sha = _sha(shipped)
        assert (sounds / "audio" / "kept" / f"{sha}.wav").read_bytes() == shipped, "put aside at the first start"
        (sounds / "audio" / "en" / "welcome.wav").write_bytes(CATALOGUE.audio_path("en/goodbye").read_bytes())
        async with FakePbx(sounds_of(node.catalogue), speed=LEAP, patience_s=30) as pbx:
            call = await pbx.dial("127.0.0.1", node.agi_port)
            await call.hear(f"kept/{sha}")
            await call.hang_up()


async def test_what_nobody_needs_is_swept_while_the_node_runs(tmp_path: Path) -> None:
    config = line(tmp_path, keep_versions=2)
    async with running(config, SEAMS) as node:
        releases = node.served.releases
        for mark in (2, 3, 4):
            await publish(releases, version(mark))
        sweeping = asyncio.create_task(keep_clean(config, node.served, node.store.redis, 0.01), name="sweep")
        async with asyncio.timeout(20):
            while len(await releases.versions(NAME)) > 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        sweeping.cancel()
        assert await releases.versions(NAME) == {version(3).version, version(4).version}


async def test_no_call_ends_because_a_look_or_a_sweep_went_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = line(tmp_path)
    async with running(config, SEAMS) as node:

        async def broken(*_: object, **__: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(node.flows, "refresh", broken)
        monkeypatch.setattr(releasing, "sweep", broken)
        with structlog.testing.capture_logs() as logs:
            sweeping = asyncio.create_task(keep_clean(config, node.served, node.store.redis, 0.01), name="sweep")
            async with asyncio.timeout(20):
                while {entry["event"] for entry in logs} < {"flow.not_looked_at", "flow.not_swept"}:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            sweeping.cancel()
        assert await mark_of(node) == "1"
        monkeypatch.undo()
        await publish(node.served.releases, version(2))
        await live_on(node, 2)


# --- a folder served as it is ------------------------------------------------------------------------------------


async def test_a_folder_is_read_again_beside_the_calls_not_between_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[int] = set()
    polled = asyncio.Event()
    loop, poll = asyncio.get_running_loop(), FlowStore.poll

    def noted(store: FlowStore) -> list[FlowError] | None:
        threads.add(threading.get_ident())
        loop.call_soon_threadsafe(polled.set)
        return poll(store)

    monkeypatch.setattr(FlowStore, "poll", noted)
    async with running(line(tmp_path, serve="folder"), SEAMS), asyncio.timeout(20):
        await polled.wait()
    assert threading.get_ident() not in threads


async def test_with_a_folder_served_every_saved_change_is_live_and_nothing_is_published(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as logs:
        async with running(line(tmp_path, serve="folder"), SEAMS) as node:
            folder_of(2, tmp_path / "flows")
            async with asyncio.timeout(20):
                while "flow.published" not in {entry["event"] for entry in logs}:  # noqa: ASYNC110 - a log line
                    await asyncio.sleep(0.01)
            assert await mark_of(node) == "2"
            assert await node.served.releases.log(NAME) == []
            assert (await told(node))[NAME] == {"version": node.flows.current(NAME).version, "from": "folder"}


async def test_notices_are_switched_with_a_folder_served_too(tmp_path: Path) -> None:
    async with running(line(tmp_path, serve="folder"), SEAMS) as node:
        await node.served.releases.set_notice(NAME, "outage", on=True, until=None, by="li", at=AT)
        async with asyncio.timeout(20):
            while node.served.board.notices(NAME) != {"outage"}:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.01)


# --- the doctor --------------------------------------------------------------------------------------------------


def _seen(config: Config) -> dict[str, tuple[Verdict, str]]:
    return {finding.what: (finding.verdict, finding.detail) for finding in doctor._flows(config)}


async def test_the_doctor_says_what_is_published_and_whether_the_folder_is(tmp_path: Path) -> None:
    config = line(tmp_path)
    assert (await asyncio.to_thread(_seen, config))["published flows"] == (
        Verdict.WELL,
        "the first start publishes them",
    )
    async with running(config, SEAMS):
        live = version(1).version
        assert (await asyncio.to_thread(_seen, config))["published line"] == (Verdict.WELL, f"{live} is live")
    folder_of(2, tmp_path / "flows")
    verdict, detail = (await asyncio.to_thread(_seen, config))["published line"]
    assert verdict is Verdict.NOTE
    assert detail == f"{live} is live, the folder holds {version(2).version}"
    (tmp_path / "flows" / "line.yaml").write_text("flow: [", encoding="utf-8")
    assert (await asyncio.to_thread(_seen, config))["flows"][0] is Verdict.MISSING


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_number_of_a_draft_caller_is_written_with_its_country() -> None:
    with pytest.raises(ValueError, match=r"write \+8613900000001"):
        Flows(draft_callers=("13900000001",))
