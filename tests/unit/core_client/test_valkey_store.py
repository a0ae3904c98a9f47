"""The embedded store is a real server process here: these tests take real, short time."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import redis.asyncio as aioredis
from redis.exceptions import RedisError

from core_client.adapters import valkey
from core_client.adapters.valkey import StoreError, open_store

_HOLD = """
import asyncio, sys
from pathlib import Path
from core_client.adapters.valkey import open_store

async def main():
    async with open_store(None, Path(sys.argv[1])) as store:
        info = await store.redis.info("server")
        await store.redis.set("kept", "through kill -9")
        print(info["process_id"], flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


def _mode(path: str) -> int:
    return stat.S_IMODE(Path(path).stat().st_mode)


async def test_data_survives_a_restart(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store:
        await store.redis.set("balance", "sealed")
    async with open_store(None, tmp_path) as store:
        assert await store.redis.get("balance") == b"sealed"


async def test_every_write_reaches_the_disk_before_its_answer(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store:
        assert store.embedded
        settings = await store.redis.config_get("appendfsync", "appendonly", "maxmemory-policy", "save")
        assert settings == {"appendfsync": "always", "appendonly": "yes", "maxmemory-policy": "noeviction", "save": ""}


async def test_only_this_user_reaches_the_socket(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store:
        path = store.url.removeprefix("unix://")
        assert _mode(path) == 0o700
        assert await store.redis.config_get("port") == {"port": "0"}


async def test_a_state_folder_with_a_long_path_works(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 20) / ("name" * 20)
    async with open_store(None, folder) as store:
        assert len(store.url) < valkey.MAX_SOCKET_PATH_BYTES
        await store.redis.set("a", "1")
        short = Path(store.url.removeprefix("unix://")).parent
    assert not short.exists()


async def test_a_second_process_over_the_same_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(valkey, "STOP_TIMEOUT_S", 0.1)
    async with open_store(None, tmp_path):
        with pytest.raises(StoreError, match="another process uses the store"):
            async with open_store(None, tmp_path):
                pass


async def test_the_server_dies_with_a_killed_parent_and_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _HOLD, str(tmp_path), stdout=subprocess.PIPE, cwd=Path(valkey.__file__).parents[2]
    )
    assert parent.stdout is not None
    async with asyncio.timeout(30):
        server = int(await parent.stdout.readline())
        assert os.getpgid(server) == server, "a process group of its own"
        parent.kill()
        await parent.wait()
        async with open_store(None, tmp_path) as store:
            assert await store.redis.get("kept") == b"through kill -9"
            assert (await store.redis.info("server"))["process_id"] != server


async def test_a_lost_reply_is_an_error_and_never_a_second_write(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as behind:
        upstream = behind.url.removeprefix("unix://")

        async def swallow_the_answer_to_xadd(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            to_store, from_store = await asyncio.open_unix_connection(upstream)
            store_reader, store_writer = to_store, from_store
            while data := await reader.read(4096):
                store_writer.write(data)
                answer = await store_reader.read(4096)
                if b"XADD" in data:
                    break
                writer.write(answer)
            store_writer.close()
            writer.close()

        proxy = await asyncio.start_server(swallow_the_answer_to_xadd, "127.0.0.1", 0)
        async with proxy:
            port = proxy.sockets[0].getsockname()[1]
            async with open_store(f"redis://127.0.0.1:{port}/0", tmp_path) as store:
                with pytest.raises(RedisError):
                    await store.redis.xadd("in", {"body": "x"})
        assert await behind.redis.xlen("in") == 1


async def test_no_server_at_a_url_is_told_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no store answers at redis://127\.0\.0\.1:1/0") as caught:
        async with open_store("redis://:hunter2@127.0.0.1:1/0", tmp_path):
            pass
    assert "hunter2" not in str(caught.value)


async def test_an_append_only_file_that_is_no_such_file_is_told_with_the_place_of_the_log(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store:
        await store.redis.set("a", "1")
    for file in (tmp_path / "valkey" / "appendonlydir").glob("*.manifest"):
        file.write_text("nonsense\n")
    with pytest.raises(StoreError, match=r"server\.log"):
        async with open_store(None, tmp_path):
            pass


async def test_the_child_is_gone_when_the_store_is_closed(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as store:
        server = (await store.redis.info("server"))["process_id"]
    with pytest.raises(ProcessLookupError):
        os.kill(server, signal.SIG_DFL)


async def test_a_client_that_came_by_url_leaves_the_server_running(tmp_path: Path) -> None:
    async with open_store(None, tmp_path) as first:
        async with open_store(first.url, tmp_path) as second:
            assert not second.embedded
            await second.redis.set("shared", "1")
        assert isinstance(first.redis, aioredis.Redis)
        assert await first.redis.get("shared") == b"1"
