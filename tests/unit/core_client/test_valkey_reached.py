"""An operator's command and a server share one embedded store, and never its data folder."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from core_client.adapters import valkey
from core_client.adapters.valkey import StoreError, open_store, reach_store


async def _server_of(store: valkey.Store) -> int:
    return int((await store.redis.info("server"))["process_id"])


async def test_a_command_reaches_the_store_of_a_server_that_runs_and_leaves_it_running(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as server:
        async with reach_store(None, tmp_path) as command:
            assert not command.embedded
            assert await _server_of(command) == await _server_of(server)
            await command.redis.set("said", "by the command")
        assert await server.redis.get("said") == b"by the command"


async def test_without_a_server_a_command_starts_the_store_and_takes_it_down(tmp_path: Path) -> None:
    async with reach_store(None, tmp_path) as command:
        assert command.embedded
        await command.redis.set("said", "1")
        assert (tmp_path / "valkey" / "owner.json").exists()
    assert not (tmp_path / "valkey" / "owner.json").exists()
    async with open_store(None, tmp_path) as server:
        assert await server.redis.get("said") == b"1"


async def test_of_two_commands_the_second_waits_for_the_first(tmp_path: Path) -> None:
    order = []

    async def command(name: str, ready: asyncio.Event, go_on: asyncio.Event) -> None:
        async with reach_store(None, tmp_path) as store:
            order.append(f"{name} has it")
            assert store.embedded
            ready.set()
            await go_on.wait()
            order.append(f"{name} gives it back")

    ready, go_on = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(command("first", ready, go_on))
        await ready.wait()
        second = group.create_task(command("second", asyncio.Event(), go_on))
        await asyncio.sleep(0.1)
        assert not second.done()
        go_on.set()
    assert order == ["first has it", "first gives it back", "second has it", "second gives it back"]


async def test_a_server_that_starts_waits_for_a_command_that_has_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(valkey, "STOP_TIMEOUT_S", 0.05)
    async with reach_store(None, tmp_path):
        starting = asyncio.create_task(_open_and_close(tmp_path), name="server")
        await asyncio.sleep(0.3)
        assert not starting.done(), "longer than it waits for another server"
    await starting


async def _open_and_close(folder: Path) -> None:
    async with open_store(None, folder):
        pass


async def test_a_command_waits_for_a_server_that_is_just_starting(tmp_path: Path) -> None:
    folder = tmp_path / "valkey"
    async with open_store(None, tmp_path) as server:
        told = json.loads((folder / "owner.json").read_text())
        (folder / "owner.json").write_text(json.dumps({**told, "ready": False}))
        reaching = asyncio.create_task(_reached(tmp_path), name="command")
        await asyncio.sleep(0.1)
        assert not reaching.done()
        (folder / "owner.json").write_text(json.dumps(told))
        assert await reaching == await _server_of(server)


async def _reached(folder: Path) -> int:
    async with reach_store(None, folder) as store:
        return await _server_of(store)


async def test_a_store_that_cannot_be_reached_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(valkey, "REACH_TIMEOUT_S", 0.2)
    async with open_store(None, tmp_path):
        (tmp_path / "valkey" / "owner.json").write_text("no JSON")
        with pytest.raises(StoreError, match="does not let it be reached"):
            async with reach_store(None, tmp_path):
                pass


async def test_a_state_folder_with_a_long_path_is_reached_too(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 20) / ("name" * 20)
    async with open_store(None, folder) as server:
        assert await _reached(folder) == await _server_of(server)


_HOLD = """
import asyncio, sys
from pathlib import Path
from core_client.adapters.valkey import open_store

async def main():
    async with open_store(None, Path(sys.argv[1])) as store:
        await store.redis.set("kept", "1")
        print("ready", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_after_a_server_was_killed_a_command_finds_what_it_had(tmp_path: Path) -> None:
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _HOLD, str(tmp_path), stdout=subprocess.PIPE, cwd=Path(valkey.__file__).parents[2]
    )
    assert server.stdout is not None
    async with asyncio.timeout(60):
        assert await server.stdout.readline() == b"ready\n"
        async with reach_store(None, tmp_path) as store:
            assert await store.redis.get("kept") == b"1"
        server.kill()
        await server.wait()
        async with reach_store(None, tmp_path) as store:
            assert store.embedded
            assert await store.redis.get("kept") == b"1"


async def test_a_command_reaches_a_store_by_url_as_a_server_does(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as first, reach_store(first.url, tmp_path / "other") as second:
        assert await _server_of(second) == await _server_of(first)
        assert not (tmp_path / "other").exists()
