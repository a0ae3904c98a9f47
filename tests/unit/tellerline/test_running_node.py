from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import stat
import sys
from pathlib import Path

import aiohttp
import pytest

from core_client.adapters.pin_hashing import PinCost
from flows.store import DEFINITIONS
from ivr.testing import FakePbx
from tellerline.bootstrap import Seams, running
from tellerline.config import Agi, Bank, Config, Flows, Health, Server
from tellerline.doctor import Verdict, examine
from tellerline.errors import ConfigError
from tellerline.trying.fastagi import sounds_of

CHEAP = PinCost(memory_kib=64, passes=1)


def _config(folder: Path, **sections: object) -> Config:
    base = {
        "server": Server(state_dir=folder / "state", drain_s=5.0),
        "agi": Agi(port=0),
        "bank": Bank(demo=True),
        "health": Health(port=0),
    }
    return Config.model_validate({**base, **sections})


async def _get(port: int | None, page: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}{page}") as answer:
        return answer.status, await answer.text()


async def test_the_pages_say_that_it_lives_is_ready_and_what_it_did(tmp_path: Path) -> None:
    async with running(_config(tmp_path), Seams(pin_cost=CHEAP)) as node:
        assert (await _get(node.health_port, "/health/live"))[0] == 200
        status, ready = await _get(node.health_port, "/health/ready")
        live = {"retail": {"version": node.flows.current("retail").version, "from": "register"}}
        assert (status, json.loads(ready)) == (200, {"ready": True, "reasons": {}, "degraded": {}, "flows": live})
        async with FakePbx(sounds_of(node.catalogue)) as pbx:
            call = await pbx.dial("127.0.0.1", node.agi_port)
            await call.hear("zh/main_menu")
            await call.press("2")
            await call.hear("zh/enter_pin")
            await call.press("739154")
            await call.hear("zh/your_balance_is")
            await call.hang_up()
            await call.wait_ended()
        _, metrics = await _get(node.health_port, "/metrics")
        assert 'tellerline_operations_total{channel="voice",operation="auth.verify_pin",outcome="ok"} 1.0' in metrics
        assert "739154" not in metrics


async def test_a_draining_node_is_not_ready_refuses_calls_and_lets_one_finish(tmp_path: Path) -> None:
    async with running(_config(tmp_path), Seams(pin_cost=CHEAP)) as node, FakePbx(sounds_of(node.catalogue)) as pbx:
        call = await pbx.dial("127.0.0.1", node.agi_port)
        await call.hear("zh/main_menu")
        draining = asyncio.create_task(node.drain())
        await asyncio.sleep(0)
        with pytest.raises(ConnectionError):
            await pbx.dial("127.0.0.1", node.agi_port)
        status, ready = await _get(node.health_port, "/health/ready")
        assert status == 503
        assert json.loads(ready)["reasons"]["calls"] == "draining"
        await call.press("#")
        assert (await call.wait_ended()).completed
        assert await draining


async def test_what_is_changed_survives_a_restart(tmp_path: Path) -> None:
    config = _config(tmp_path)
    async with running(config, Seams(pin_cost=CHEAP)) as node:
        await node.bank.admin.set_language("10000001", "en", "test")
    async with running(config, Seams(pin_cost=CHEAP)) as node:
        assert (await node.bank.admin.find_customer("10000001")).language == "en"


async def test_the_state_folder_is_for_this_user_only(tmp_path: Path) -> None:
    async with running(_config(tmp_path), Seams(pin_cost=CHEAP)):
        state = tmp_path / "state"
        assert stat.S_IMODE(state.stat().st_mode) == 0o700
        for key in (state / "keys").iterdir():
            assert stat.S_IMODE(key.stat().st_mode) == 0o600
    state.chmod(0o755)
    with pytest.raises(ConfigError, match="chmod 700"):
        async with running(_config(tmp_path)):
            pass


async def test_a_flow_that_no_longer_loads_is_refused_and_the_running_one_stays(tmp_path: Path) -> None:
    flows = tmp_path / "flows"
    shutil.copytree(DEFINITIONS, flows)
    config = _config(tmp_path, flows=Flows(dir=flows, reload_s=0.05, serve="folder"))
    async with running(config, Seams(pin_cost=CHEAP)) as node:
        before = node.flows.current("retail").version
        good = (flows / "retail.yaml").read_text(encoding="utf-8")
        (flows / "retail.yaml").write_text(good.replace("next: main", "next: nowhere", 1), encoding="utf-8")
        refused = node.metrics.flow_reloads.labels("refused")
        async with asyncio.timeout(10):
            while refused._value.get() == 0:  # noqa: ASYNC110 - a figure has no event
                await asyncio.sleep(0.02)
        assert node.flows.current("retail").version == before
        (flows / "retail.yaml").write_text(good.replace("timeout: 6s", "timeout: 7s", 1), encoding="utf-8")
        async with asyncio.timeout(10):
            while node.flows.current("retail").version == before:  # noqa: ASYNC110
                await asyncio.sleep(0.02)


async def test_a_taken_port_and_a_missing_flow_are_told_by_their_setting(tmp_path: Path) -> None:
    async with running(_config(tmp_path / "one"), Seams(pin_cost=CHEAP)) as node:
        with pytest.raises(ConfigError, match=r"set agi\.port"):
            async with running(_config(tmp_path / "two", agi=Agi(port=node.agi_port)), Seams(pin_cost=CHEAP)):
                pass
    with pytest.raises(ConfigError, match="there is no flow 'nothing'"):
        async with running(_config(tmp_path / "three", agi=Agi(port=0, flow="nothing"))):
            pass


async def test_sigterm_ends_the_server_with_code_0(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text(
        f'[server]\nstate_dir = "{tmp_path}/state"\n[agi]\nport = 0\n[health]\nport = 0\n', encoding="utf-8"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tellerline", "serve", "-c", str(tmp_path / "t.toml"),
        stderr=asyncio.subprocess.PIPE, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60):
            lines = []
            while b"node.started" not in (line := await process.stderr.readline()):
                lines.append(line)
                assert line, lines
            process.send_signal(signal.SIGTERM)
            rest = await process.stderr.read()
            assert await process.wait() == 0, rest.decode()
        assert b"node.drained" in rest
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_the_doctor_names_what_is_missing_and_the_mend(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o755)
    state.chmod(0o755)
    config = _config(tmp_path, sounds={"dir": None}, health=Health(port=None))
    findings = {finding.what: finding for finding in examine(config)}
    assert findings["python"].verdict is Verdict.WELL
    assert findings["packages"].verdict is Verdict.WELL
    assert findings["store (embedded)"].verdict is Verdict.WELL
    assert findings["state folder"].verdict is Verdict.MISSING
    assert "chmod 700" in findings["state folder"].mend
