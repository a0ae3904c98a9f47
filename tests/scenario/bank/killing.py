"""Processes that tell a story to a bank and kill themselves with SIGKILL, forked from one that has loaded everything.

``python -m tests.scenario.bank.killing``: one job a line of stdin as JSON, one result a line of stdout. Each job is a
process of its own, which nothing is cleaned up after.
"""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.engine.default import DefaultDialect

from core_client.adapters.backups import make_backup, restore
from core_client.adapters.sealing import KEY_BYTES
from core_client.adapters.sql.statements import Tx
from core_client.testing.clock import ManualClock
from core_client.testing.world import world
from tests.scenario.bank.dying_stories import STORIES, profile_of

_ROOT = Path(__file__).parents[3]
BACKUP_KEY = bytes(range(KEY_BYTES))
Told = Mapping[str, Any]


def die() -> None:
    """Be killed as by ``kill -9``."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_commit(where: str, number: int, sqlite: bool) -> None:
    """Die just before, or just after, the Nth commit from now on."""
    left = number

    def passed(commit: Callable[[], None]) -> None:
        nonlocal left
        left -= 1
        if left == 0 and where == "commit":
            die()
        commit()
        if left == 0:
            die()

    if sqlite:
        control = Tx.control

        def controlled(tx: Tx, sql: str) -> None:
            if sql == "COMMIT":
                passed(lambda: control(tx, sql))
            else:
                control(tx, sql)

        Tx.control = controlled  # type: ignore[method-assign, assignment]  # this process dies of it
    else:
        do_commit: Callable[[DefaultDialect, Any], None] = DefaultDialect.do_commit

        def committed(dialect: DefaultDialect, connection: Any) -> None:
            passed(lambda: do_commit(dialect, connection))

        DefaultDialect.do_commit = committed  # type: ignore[method-assign]  # as above


def _checkpoint_of(where: str) -> Callable[[str], None]:
    def checkpoint(reached: str) -> None:
        if reached == where:
            die()

    return checkpoint


def _copy(url: str, story: str, where: str, file: str) -> None:
    """Make a backup of the bank, or put it back."""
    at = datetime.datetime(2026, 3, 2, tzinfo=datetime.UTC) + datetime.timedelta(seconds=os.getpid())  # never twice
    if story == "backup":
        make_backup(url, Path(file), BACKUP_KEY, at, {}, _checkpoint_of(where))
    else:
        restore(url, Path(file), BACKUP_KEY, replace=True, at=at, checkpoint=_checkpoint_of(where))


async def _tell(url: str, story: str, hundreds: int, where: str, later_s: float, note: Callable[[Told], None]) -> None:
    at, _, number = where.partition(":")
    sqlite = url.startswith("sqlite")
    if at.startswith("opening "):
        die_at_commit(at.removeprefix("opening "), int(number), sqlite)
        number = ""

    def tell(step: str, **answer: object) -> None:
        note({"step": step, **answer})

    clock = ManualClock()
    clock.advance(later_s)
    async with world(
        database_url=url, checkpoint=_checkpoint_of(where), profile=profile_of(story), clock=clock
    ) as bank:
        if number:
            die_at_commit(at, int(number), sqlite)
        await STORIES[story](bank, tell, hundreds)
        if number:  # there were not so many commits
            os._exit(0)


def _one(job: Mapping[str, Any]) -> dict[str, Any]:
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os.close(reading)
        os.dup2(2, 1)  # log lines are no results
        code = 1
        try:
            if "file" in job:
                _copy(**job)
            else:
                asyncio.run(_tell(**job, note=lambda told: void(os.write(writing, json.dumps(told).encode() + b"\n"))))
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as lines:
        told = [json.loads(line) for line in lines]
    _, status = os.waitpid(child, 0)
    return {"code": os.waitstatus_to_exitcode(status), "told": told}


def void(_: object) -> None:
    """Answer nothing."""


@dataclass(slots=True)
class Killer:
    """Has stories told to banks by processes that die."""

    process: subprocess.Popen[str]

    def tell(self, url: str, story: str, where: str = "", hundreds: int = 5, later_s: float = 0) -> list[Told]:
        """Have a story told by a process that is killed at ``where``; answer what was heard before.

        Args:
            url: of the bank's database.
            story: one of ``STORIES``.
            where: a label; or ``commit:N`` and ``committed:N`` for around the Nth commit, with ``opening`` before it
                counted from before the bank is opened; empty: to the end.
            hundreds: of yuan.
            later_s: since the first process began.
        """
        told, code = self.tried(url, story, where, hundreds, later_s)
        assert code == (-signal.SIGKILL if where else 0), f"{story} at {where or 'its end'}: exit code {code}"
        return told

    def tried(self, url: str, story: str, where: str, hundreds: int = 5, later_s: float = 0) -> tuple[list[Told], int]:
        """As :meth:`tell`; answer the exit code too, -9 for who was killed."""
        job = {"url": url, "story": story, "where": where, "hundreds": hundreds, "later_s": later_s}
        return self._done(job)

    def copy(self, url: str, story: str, file: Path, where: str) -> None:
        """Have a ``backup`` made, or a ``restore``, by a process that is killed at ``where``."""
        _, code = self._done({"url": url, "story": story, "where": where, "file": str(file)})
        assert code == (-signal.SIGKILL if where else 0), f"{story} at {where or 'its end'}: exit code {code}"

    def _done(self, job: Mapping[str, Any]) -> tuple[list[Told], int]:
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(job) + "\n")
        stdin.flush()
        result = json.loads(stdout.readline())
        return result["told"], result["code"]


@contextmanager
def killer() -> Iterator[Killer]:
    """Run the process that others are forked from."""
    command = [sys.executable, "-m", "tests.scenario.bank.killing"]
    with subprocess.Popen(
        command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        yield Killer(process)
        if process.stdin is not None:
            process.stdin.close()


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(_one(json.loads(line))), flush=True)
