"""An Asterisk with the bank's dialplan, servers of a test's own, and callers: what most tests here begin with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ivr.agi import Reply
from ivr.session import AgiSession, Gone
from tellerline.trying.asterisk_caller import Caller, Callers
from tellerline.trying.asterisk_found import Asterisk
from tellerline.trying.asterisk_host import AsteriskHost
from tellerline.trying.driver import Heard
from tellerline.trying.voiceprints import Voiceprints

BANK = "95500"
WANG = "+8613900000001"


@asynccontextmanager
async def exchange(
    asterisk: Asterisk,
    sounds: Path,
    prints: Voiceprints,
    *servers: str,
    verbose: int = 0,
    agents: str | None = None,
) -> AsyncIterator[tuple[AsteriskHost, Callers]]:
    async with (
        AsteriskHost(
            asterisk, servers=servers or ("127.0.0.1:9",), sounds=sounds, verbose=verbose, agents=agents
        ) as host,
        Callers(host, prints) as callers,
    ):
        yield host, callers


async def play(session: AgiSession, name: str, escape: str = "") -> Reply | Gone:
    return await session.command("STREAM FILE", f"tellerline/{name}", escape, within_s=30)


async def complete(session: AgiSession) -> None:
    await session.command("SET VARIABLE", "TELLERLINE_COMPLETED", "1")


async def get_variable(session: AgiSession, name: str) -> str | None:
    reply = await session.command("GET VARIABLE", name)
    return reply.note if isinstance(reply, Reply) else None


async def hear_all(caller: Caller, within_s: float = 20.0) -> list[Heard]:
    """Answer all that the caller hears until the call ends."""
    assert await caller.ended(within_s) is not None
    heard: list[Heard] = []
    while (item := await caller.heard(1)) is not None:
        heard.append(item)
    return heard


def names(heard: list[Heard]) -> list[str]:
    return [f"{item.audio_id}{' cut' if item.cut else ''}" for item in heard]
