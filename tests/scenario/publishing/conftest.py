"""A bank with people in it, a folder with a small flow, and the command line over both, in this process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import queue
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from redis import Redis

from core_client.adapters.valkey import open_store
from core_client.testing.world import MEMORY
from tellerline.cli import main

FLOW = """\
flow: retail
languages: [en]
currency: CNY
start: greet
defaults: {timeout: 6s, tries: 2, on_fail: bye}
notices:
  outage: [try_later]
steps:
  greet: {say: [welcome], next: told}
  told: {notice: outage, next: bye}
  bye: {say: [goodbye], hangup: true}
"""
CONVERSATION = """\
conversation: a short call
steps:
- call: {from: "+8613900000002", to: "95500"}
- hear: welcome
- hear: goodbye
- ended: true
"""


@dataclass(frozen=True)
class Ended:
    returncode: int
    stdout: str
    stderr: str

    @property
    def data(self) -> Any:
        return json.loads(self.stdout)

    @property
    def said(self) -> str:
        return self.stdout + self.stderr


class Line:
    """An operator's terminal: one state folder, one folder of flows, and people with tokens."""

    def __init__(self, home: Path, patch: pytest.MonkeyPatch, captured: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self.folder = home / "line"
        self.tokens: dict[str, str] = {}
        self._patch = patch
        self._captured = captured
        self.set(server_state_dir=home / "state", flows_dir=self.folder)

    def set(self, **settings: object) -> None:
        for name, value in settings.items():
            self._patch.setenv(f"TELLERLINE_{name.upper()}", str(value))

    def run(self, *arguments: str | Path, token: str | None = None) -> Ended:
        if token is None:
            self._patch.delenv("TELLERLINE_TOKEN", raising=False)
        else:
            self._patch.setenv("TELLERLINE_TOKEN", token)
        self._patch.setattr(sys, "argv", ["tellerline", *map(str, arguments)])
        try:
            main()
            code: object = 0
        except SystemExit as ended:
            code = ended.code or 0
        printed = self._captured.readouterr()
        return Ended(int(str(code)), printed.out, printed.err)

    def as_(self, name: str, *arguments: str | Path) -> Ended:
        """Run a command about flows as somebody with a token."""
        return self.run("flows", *arguments, "--by", name, token=self.tokens[name])

    def publish(self, name: str = "anna", message: str = "news", *more: str | Path) -> Ended:
        return self.as_(name, "publish", *more, "-m", message)

    def hire(self, **people: str) -> None:
        for name, roles in people.items():
            options = [option for role in roles.split() for option in ("--role", role)]
            added = self.run("people", "add", name, *options, "--format", "json", token=self.tokens.get("olga"))
            assert added.returncode == 0, added.said
            self.tokens[name] = added.data["token"]

    def write(self, flow: str = FLOW, conversation: str | None = CONVERSATION, folder: Path | None = None) -> None:
        folder = folder or self.folder
        (folder / "conversations").mkdir(parents=True, exist_ok=True)
        (folder / "retail.yaml").write_text(flow)
        if conversation is not None:
            (folder / "conversations" / "short.yaml").write_text(conversation)

    def edit(self, before: str, after: str, folder: Path | None = None) -> None:
        file = (folder or self.folder) / "retail.yaml"
        text = file.read_text()
        assert before in text
        file.write_text(text.replace(before, after, 1))

    def standing(self) -> Any:
        """Answer what ``flows status`` says of the flow."""
        return self.run("flows", "status", "--format", "json").data["flows"][0]

    def live(self) -> str | None:
        """Answer the version that is live."""
        entry = self.standing()["live"]
        return entry["version"] if entry else None


@pytest.fixture(scope="session")
def store_url() -> Iterator[str]:
    """One real store for all tests of a run, in a thread of its own; each test finds it empty."""
    with tempfile.TemporaryDirectory(prefix="tellerline-store-", dir=MEMORY) as folder, stored(Path(folder)) as url:
        yield url


@contextlib.contextmanager
def stored(folder: Path) -> Iterator[str]:
    """Run the embedded store beside the tests."""
    url: queue.Queue[str] = queue.Queue()
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def run() -> None:
        async with open_store(None, folder) as store:
            url.put(store.url)
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    try:
        yield url.get(timeout=20)
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(20)
        loop.close()


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tellerline-line-", dir=MEMORY) as folder:
        yield Path(folder)


@pytest.fixture
def alone(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Line]:
    """A line without a server: each command starts the embedded store for its own time."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    yield Line(home, monkeypatch, capsys)
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def line(alone: Line, store_url: str) -> Line:
    """A line with a store of its own that is there."""
    with Redis.from_url(store_url) as redis:
        redis.flushall()
    alone.set(store_url=store_url)
    return alone


_hired: dict[str, Any] = {}


@pytest.fixture
def staffed(line: Line) -> Line:
    """A line with a small flow, and anna who writes, ben who approves (and writes), olga who operates."""
    state = line.home / "state"
    if not _hired:  # once a run: every other test begins with a copy
        line.hire(anna="author approver", ben="author approver", olga="operator")
        files = {file.relative_to(state): file.read_bytes() for file in state.rglob("*") if file.is_file()}
        _hired.update(tokens=dict(line.tokens), files=files)
    else:
        for name, content in _hired["files"].items():
            (state / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            (state / name).write_bytes(content)
            (state / name).chmod(0o600)
        line.tokens.update(_hired["tokens"])
    line.write()
    return line
