"""An operator who dies by SIGKILL: ``python -m ... FOLDER LABEL``, at a point, or ``always`` until killed.

The store is the embedded one of FOLDER: it dies with its owner, and is read again from its append-only file.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import itertools
import os
import signal
import sys
from pathlib import Path

from core_client.adapters.valkey import reach_store
from flows.releases.errors import AlreadyLive
from flows.releases.kept import keep_audio
from flows.releases.register import Releases
from tests.scenario.live_change.marked_line import CATALOGUE, NAME, publish, version


async def main(folder: Path, label: str) -> None:
    """Publish 2, propose 3, approve it, and roll it back; or publish and roll back without end."""

    def checkpoint(here: str) -> None:
        if here == label:
            os.kill(os.getpid(), signal.SIGKILL)

    async with reach_store(None, folder) as store:
        releases = Releases(store.redis, checkpoint=checkpoint)
        if label == "always":
            made = [version(mark) for mark in range(2, 7)]
            print("ready", flush=True)
            for each in itertools.cycle(made):
                with contextlib.suppress(AlreadyLive):  # the one before was killed when it had published this
                    await publish(releases, each)
                await releases.rollback(NAME, None, by="li", message="m", at=_now())
                await publish(releases, each)
        two, three = version(2), version(3)
        keep_audio(two, CATALOGUE, folder / "kept")
        checkpoint("audio_kept")
        await publish(releases, two)
        checkpoint("published")
        await releases.propose(three, author="wang", message="m", parent=two.version, needs_approval=True, at=_now())
        checkpoint("waits")
        await releases.approve(NAME, three.version, approver="zhang", at=_now())
        await releases.rollback(NAME, None, by="li", message="m", at=_now())


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
