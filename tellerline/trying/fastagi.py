"""The fastagi driver: a whole node, the fake exchange over real FastAGI, the fake SMSC over real SMPP.

The exchange leaps over what would only be waited for, and the loop runs faster than the wall clock, so that the
server's own waits do too; all of them share the conversation's clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import SecretStr

from ivr.testing import LEAP, CallWentElsewhere, FakeCall, FakePbx, SoundLibrary
from ivr.testing import EndedBy as PbxEndedBy
from sounds.catalogue import Catalogue
from tellerline.bootstrap import Node, Seams, running
from tellerline.config import Agi, Bank, Config, Health, Server, Sms
from tellerline.door import Door
from tellerline.errors import ParleyError
from tellerline.trying.conversation import Agents, Given, Told
from tellerline.trying.driver import CallEnded, EndedBy, Heard, Leg, TextMessage
from tellerline.trying.handsets import Handsets
from tellerline.trying.pace import working
from tellerline.trying.telephone import REACTION_S, TALK_S, UNLIMITED_S
from tellerline.trying.told import ToldDoor
from tellerline.trying.world import QUICK_PINS, ConversationClock, switch_on

SOUND_PREFIX = "tellerline"
TAKE_DOWN_S = 30.0  # a node that does not end is a defect that must show
LOOP_SEES_S = 30.0  # of a ``wait``: link timers and retries run, an hour does not
_AGENTS = {
    Agents.ANSWER: ("answered", TALK_S),
    Agents.NONE: ("timeout", UNLIMITED_S),
    Agents.CLOSED: ("closed", 0.0),
    Agents.FAILED: ("failed", 0.0),
}
_BY = {
    PbxEndedBy.SERVER: EndedBy.BANK,
    PbxEndedBy.TRANSFER: EndedBy.TRANSFER,
    PbxEndedBy.CALLER: EndedBy.CUSTOMER,
    PbxEndedBy.DROPPED: EndedBy.FAILURE,
    PbxEndedBy.REFUSED: EndedBy.FAILURE,
}


def demo_config(folder: Path, smsc_port: int, base: Config | None = None) -> Config:
    """Answer the settings of a demo line in ``folder``: loopback, ephemeral ports, the demo customers.

    Flows and sounds are those of ``base``.
    """
    base = base or Config()
    return Config(
        server=Server(state_dir=folder / "state", drain_s=5.0),
        agi=Agi(port=0, sound_prefix=SOUND_PREFIX, flow=base.agi.flow),
        sms=Sms(
            host="127.0.0.1", port=smsc_port, password=SecretStr("demo"), reconnect_first_s=0.05, flow=base.sms.flow
        ),
        bank=Bank(demo=True),
        flows=base.flows.model_copy(update={"serve": "folder"}),
        sounds=base.sounds,
        health=Health(port=None),
    )


class FastAgiLeg:
    """A call over real FastAGI."""

    def __init__(self, call: FakeCall, clock: ConversationClock) -> None:
        self._call = call
        self._clock = clock

    async def heard(self, timeout_s: float) -> Heard | None:
        """See :class:`~tellerline.trying.driver.Leg`."""
        with self._timed():
            file = await self._call.next_heard(timeout_s)
        if file is None:
            return None
        # Counted back from now: the conversation's clock also runs while the bank works, the call's does not.
        return Heard(file.file, self._clock.passed_s() - (self._call.now - file.started_s), file.cut)

    async def press(self, keys: str) -> None:
        """See :class:`~tellerline.trying.driver.Leg`."""
        with self._timed():
            await self._call.press(keys)

    async def silence(self, seconds: float) -> None:
        """See :class:`~tellerline.trying.driver.Leg`."""
        with self._timed():
            await self._call.silence(seconds)

    async def speak(self, seconds: float) -> None:
        """See :class:`~tellerline.trying.driver.Leg`."""
        with self._timed():
            await self._call.silence(REACTION_S)
            await self._call.speak(seconds)

    async def hang_up(self) -> None:
        """See :class:`~tellerline.trying.driver.Leg`."""
        with self._timed():
            await self._call.hang_up()

    async def ended(self, timeout_s: float) -> CallEnded | None:
        """See :class:`~tellerline.trying.driver.Leg`."""
        if self._call.ended is None and timeout_s > 0:
            with self._timed(), contextlib.suppress(CallWentElsewhere):
                await self._call.wait_ended(timeout_s)
        ended = self._call.ended
        return None if ended is None else CallEnded(_BY[ended.by], ended.queue)

    async def complaints(self) -> tuple[str, ...]:
        """There is no other witness on this wire."""
        return ()

    @contextlib.contextmanager
    def _timed(self) -> Iterator[None]:
        """Let what the exchange leaps over pass on the conversation's clock too."""
        loop_s, call_s = self._clock.passed_s(), self._call.now
        try:
            yield
        finally:
            self._clock.skip((self._call.now - call_s) - (self._clock.passed_s() - loop_s))


class FastAgiDriver:
    """One conversation on a node of its own."""

    name = "fastagi"

    def __init__(self, given: Given, config: Config | None = None) -> None:
        self._given = given
        self._config = config
        self._stack = contextlib.AsyncExitStack()
        self._door: ToldDoor | None = None
        self._clock: ConversationClock
        self._node: Node
        self._pbx: FakePbx
        self._handsets: Handsets

    async def __aenter__(self) -> Self:
        """Start the node, the exchange and the SMSC."""
        self._clock = ConversationClock(self._given.at)
        async with contextlib.AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tellerline-try-")))
            self._handsets = await stack.enter_async_context(Handsets.open(self._clock.passed_s))
            seams = Seams(
                clock=self._clock,
                wrap_door=self._wrapped,
                pin_cost=QUICK_PINS,
            )
            config = demo_config(folder, self._handsets.port, self._config)
            with working():
                self._node = await stack.enter_async_context(running(config, seams))
                await self._handsets.bound()
                await switch_on(self._node, self._given)
            agents = {queue: _AGENTS[word] for queue, word in self._given.agents.items()}
            self._pbx = await stack.enter_async_context(
                FakePbx(sounds_of(self._node.catalogue), speed=LEAP, agents=agents)
            )
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take everything down."""
        with working():
            async with asyncio.timeout(TAKE_DOWN_S):
                await self._stack.aclose()

    def now_s(self) -> float:
        """See :class:`~tellerline.trying.driver.Driver`."""
        return self._clock.passed_s()

    def tell(self, told: Mapping[str, Told]) -> None:
        """See :class:`~tellerline.trying.driver.Driver`."""
        if self._door is not None:
            self._door.tell(told)

    def _wrapped(self, door: Door) -> Door:
        self._door = ToldDoor(door, self._given.bank)
        return self._door

    async def call(self, from_: str | None, to: str, *, attestation: str | None, trunk: str | None) -> Leg:
        """See :class:`~tellerline.trying.driver.Driver`."""
        if attestation is not None or trunk is not None:
            raise ParleyError("the fake exchange has one trunk and signs no calls: leave attestation and trunk out")
        call = await self._pbx.dial("127.0.0.1", self._node.agi_port, caller=from_, called=to)
        return FastAgiLeg(call, self._clock)

    async def called(self, to: str, timeout_s: float) -> Leg | None:
        """See :class:`~tellerline.trying.driver.Driver`. Nothing of the line places calls on this wire yet."""
        await self.wait(timeout_s)
        return None

    async def text(self, from_: str, to: str, body: str) -> None:
        """See :class:`~tellerline.trying.driver.Driver`."""
        await self._handsets.send(from_, to, body)

    async def received(self, timeout_s: float) -> TextMessage | None:
        """See :class:`~tellerline.trying.driver.Driver`."""
        return await self._handsets.received(timeout_s)

    async def wait(self, seconds: float) -> None:
        """Let the loop see a little of it and skip the rest: its timers are not what is waited for."""
        seen_s = min(seconds, LOOP_SEES_S)
        await asyncio.sleep(seen_s)
        self._clock.skip(seconds - seen_s)


def sounds_of(catalogue: Catalogue, prefix: str = SOUND_PREFIX) -> SoundLibrary:
    """Answer how long the catalogue's recordings play; one that is not built yet lasts a second."""
    roots = catalogue.audio_roots()
    return SoundLibrary(roots[-1] if roots else None, unknown_s=1.0, prefix=prefix)
