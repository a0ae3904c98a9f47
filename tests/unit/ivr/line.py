"""A server whose calls a test writes as a coroutine, and an exchange to dial it with."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from flows.dialogue import GatherDigits, Prompt, Say
from flows.vault import Vault
from ivr.call import Call, CallSettings
from ivr.server import FastAgiServer, ServerLimits
from ivr.session import AgiSession
from ivr.testing import LEAP, FakeCall, FakePbx, SoundLibrary

SAMPLES = {"zh/hello": 8000, "zh/menu": 24_000, "zh/pin": 16_000, "zh/note": 12_000, "zh/bye": 4000, "beep": 3404}


def files_for(say: Say, _catalogue: object = None) -> list[str]:
    return [f"{say.language}/{item.id}" for item in say.items if isinstance(item, Prompt)]


def say(*prompts: str, barge_in: bool = True) -> Say:
    return Say(tuple(map(Prompt, prompts)), "zh", barge_in)


def ask(
    least: int = 1,
    most: int = 1,
    *,
    terminators: str = "",
    escapes: str = "",
    secret: bool = False,
    first_s: float = 6.0,
    inter_s: float = 3.0,
) -> GatherDigits:
    return GatherDigits(least, most, terminators, escapes, first_s, inter_s, secret)


Dialogue = Callable[[Call], Awaitable[None]]


@dataclass
class Line:
    """What a test sees: the exchange, the server, and what the dialogue noted."""

    pbx: FakePbx
    server: FastAgiServer
    vault: Vault
    calls: list[Call] = field(default_factory=list)

    async def dial(self, *, media: bool = True, caller: str | None = "+8613900000001") -> FakeCall:
        return await self.pbx.dial("127.0.0.1", self.server.port, media=media, caller=caller)


@contextlib.asynccontextmanager
async def answering(
    dialogue: Dialogue,
    *,
    settings: CallSettings | None = None,
    limits: ServerLimits | None = None,
    sounds: SoundLibrary | None = None,
    speed: float = LEAP,
    agents: Mapping[str, tuple[str, float]] | None = None,
) -> AsyncIterator[Line]:
    vault = Vault()
    calls: list[Call] = []

    async def on_call(session: AgiSession) -> None:
        call = Call(session, files_for, vault, settings)
        calls.append(call)
        await dialogue(call)

    async with (
        FastAgiServer(on_call, limits=limits) as server,
        FakePbx(sounds or SoundLibrary(samples=SAMPLES), speed=speed, agents=agents, patience_s=5.0) as pbx,
    ):
        yield Line(pbx, server, vault, calls)
