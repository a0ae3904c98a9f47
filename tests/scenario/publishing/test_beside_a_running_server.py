"""People publish beside a server that runs, and without one: it is the same register, and callers get it at once."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.scenario.publishing.conftest import Line

READY = re.compile(r'"health_port": ?(\d+)')
PATIENCE_S = 30.0


@contextmanager
def serving(line: Line) -> Iterator[str]:
    """Run the real server over the line's folders; answer the address of its health page."""
    environ = {**os.environ, "TELLERLINE_AGI_PORT": "0", "TELLERLINE_HEALTH_PORT": "0", "PYTHONUNBUFFERED": "1"}
    environ.pop("TELLERLINE_TOKEN", None)
    command = [sys.executable, "-m", "tellerline", "serve"]
    with (line.home / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while (found := READY.search((line.home / "server.log").read_text())) is None:
            assert server.poll() is None, (line.home / "server.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield f"http://127.0.0.1:{found[1]}/health/ready"
    finally:
        server.terminate()
        server.wait(PATIENCE_S)


def served(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=5) as answer:
        return json.load(answer)["flows"]["retail"]["version"]


def seconds_until(address: str, version: str) -> float:
    began = time.monotonic()
    while served(address) != version:
        assert time.monotonic() < began + PATIENCE_S
        time.sleep(0.01)
    return time.monotonic() - began


def test_a_publish_beside_a_running_server_is_live_there_within_a_second_and_stays_after_it(alone: Line) -> None:
    line = alone
    line.write()
    line.hire(anna="author", olga="operator")
    with serving(line) as address:
        first = served(address)
        log = line.run("flows", "log", "--format", "json").data["entries"]
        assert [(one["version"], one["act"]) for one in log] == [(first, "first start")]
        line.edit("timeout: 6s", "timeout: 7s")
        published = line.publish("anna", "slower", "--format", "json")
        assert published.returncode == 0, published.said
        second = published.data["entry"]["version"]
        assert seconds_until(address, second) < 1.0
        back = line.as_("olga", "rollback", "-m", "back", "--format", "json")
        assert back.returncode == 0, back.said
        assert seconds_until(address, first) < 1.0
        assert line.as_("olga", "notice", "on", "outage").returncode == 0
    assert line.live() == first  # without a server, from the same folder
    line.edit("timeout: 7s", "timeout: 8s")
    assert line.publish("anna", "slower still", "--onto-live").returncode == 0
    stored = b"".join(file.read_bytes() for file in line.home.rglob("*") if file.is_file())
    assert b"slower still" in stored
    for token in line.tokens.values():
        assert token.encode() not in stored
