"""The test Asterisk itself: starts where it is told, is alone, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from tellerline.errors import ParleyError
from tellerline.trying.asterisk_config import deploy_folder
from tellerline.trying.asterisk_found import Asterisk
from tellerline.trying.asterisk_host import AsteriskHost

pytestmark = pytest.mark.peer("asterisk")

STARTS_ONE = """
import asyncio, sys
from tellerline.trying.asterisk_found import require_asterisk
from tellerline.trying.asterisk_host import AsteriskHost
async def main():
    async with AsteriskHost(require_asterisk()) as host:
        print(host.pid, host.site.folder, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


def is_running(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False


def listening_addresses(pid: int) -> list[str]:
    sockets = {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    lines = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()]
    return [words[1] for words in lines if words[3] == "0A" and f"socket:[{words[9]}]" in sockets]


async def gone(pid: int) -> bool:
    for _ in range(200):
        if not is_running(pid):
            return True
        await asyncio.sleep(0.02)
    return False


async def test_it_takes_the_deployed_files_as_they_are(asterisk: Asterisk) -> None:
    async with AsteriskHost(asterisk) as host:
        for file in deploy_folder().glob("*.conf"):
            if file.name != "globals.conf":  # the site's own: addresses
                assert (host.site.etc / "tellerline" / file.name).read_bytes() == file.read_bytes()
        assert "Context 'tellerline'" in await host.command("dialplan show tellerline")
        errors = [
            line for line in host.log_text().splitlines() if "ERROR" in line and "Unable to load config" not in line
        ]
        assert errors == []


async def test_it_listens_on_loopback_only_but_for_pjprojects_own_resolver(asterisk: Asterisk) -> None:
    async with AsteriskHost(asterisk) as host:
        listening = listening_addresses(host.pid)
        assert listening
        assert {address.split(":")[0] for address in listening} == {"0100007F"}


async def test_it_ends_and_takes_its_folder_along(asterisk: Asterisk) -> None:
    async with AsteriskHost(asterisk) as host:
        pid, folder = host.pid, host.site.folder
        assert is_running(pid)
    assert not is_running(pid)
    assert not folder.exists()


async def test_it_dies_with_whoever_started_it(asterisk: Asterisk) -> None:
    del asterisk
    starter = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STARTS_ONE, stdout=asyncio.subprocess.PIPE, env=dict(os.environ)
    )
    assert starter.stdout is not None
    async with asyncio.timeout(20):
        first, folder = (await starter.stdout.readline()).decode().split()
    pid = int(first)
    assert is_running(pid)
    os.kill(starter.pid, signal.SIGKILL)
    await starter.wait()
    assert await gone(pid)
    shutil.rmtree(folder)


async def test_one_that_cannot_start_says_what_it_wrote(asterisk: Asterisk, tmp_path: Path) -> None:
    broken = Asterisk(asterisk.program, tmp_path, asterisk.data, None)  # no modules
    with pytest.raises(ParleyError, match="it wrote"):
        async with AsteriskHost(broken):
            pass
