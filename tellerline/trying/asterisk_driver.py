"""The asterisk driver: a whole node behind a real Asterisk, callers on SIP and RTP, the fake SMSC over real SMPP.

What a caller heard is what was on their own end of the line (:mod:`tellerline.trying.asterisk_ear`); how a call ended
is what Asterisk's own events say. Nothing here asks the node what it did.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import SecretStr

from sounds.catalogue import Catalogue
from tellerline.bootstrap import Node, Seams, running
from tellerline.config import Ami, Config
from tellerline.door import Door
from tellerline.errors import ParleyError
from tellerline.trying.asterisk_caller import Callers
from tellerline.trying.asterisk_config import DEPLOY_USER
from tellerline.trying.asterisk_found import require_asterisk
from tellerline.trying.asterisk_host import AsteriskHost
from tellerline.trying.conversation import Agents, Given, Told
from tellerline.trying.driver import Leg, TextMessage
from tellerline.trying.fastagi import SOUND_PREFIX, demo_config
from tellerline.trying.handsets import Handsets
from tellerline.trying.told import ToldDoor
from tellerline.trying.voiceprints import Voiceprints
from tellerline.trying.world import QUICK_PINS, ConversationClock, switch_on

LOOP_SEES_S = 5.0  # of a ``wait``, which here passes on the wall clock: link timers and retries run, an hour does not
AMI_READY_S = 10.0
_PEOPLE = {
    Agents.ANSWER: ("1", "answered"),  # and after a second all is said
    Agents.NONE: ('${IF($["${TELLERLINE_LIMIT}" != ""]?${TELLERLINE_LIMIT}:300)}', "timeout"),
    Agents.CLOSED: ("0", "closed"),
    Agents.FAILED: ("0", "failed"),
}


def agents_conf(given: Given) -> str:
    """Answer the dialplan of the queues: where nobody is told what to do, somebody answers."""
    lines = ["[tellerline-queues]"]
    for queue, agents in {"*": given.agents_of("*"), **given.agents}.items():
        wait, outcome = _PEOPLE[agents]
        lines += [
            f"exten => {'_[a-z]!' if queue == '*' else queue},1,Wait({wait})",
            f" same => n,Set(TELLERLINE_TRANSFER={outcome})",
            " same => n,Return()",
        ]
    return "\n".join(lines) + "\n"


class AsteriskDriver:
    """One conversation on a node and an Asterisk of its own.

    Args:
        given: the world before the first step.
        sounds: recordings in place of the shipped ones.
        config: settings whose flows and catalogue are tried, in place of the shipped ones.
    """

    name = "asterisk"

    def __init__(self, given: Given, sounds: Path | None = None, config: Config | None = None) -> None:
        self._given = given
        self._config = config
        self._sounds = sounds
        self._stack = contextlib.AsyncExitStack()
        self._door: ToldDoor | None = None
        self._clock: ConversationClock
        self.node: Node
        self.host: AsteriskHost
        self.callers: Callers
        self._handsets: Handsets

    async def __aenter__(self) -> Self:
        """Start Asterisk, the SMSC and the node, and connect them.

        Raises:
            ParleyError: there is no Asterisk on this machine, or there are no recordings.
        """
        asterisk = require_asterisk()
        sounds = self._sounds or shipped_sounds(Catalogue.load())
        prints = prints_of(sounds)
        async with contextlib.AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tellerline-try-")))
            self.host = await stack.enter_async_context(
                AsteriskHost(asterisk, sounds=sounds, verbose=3, agents=agents_conf(self._given))
            )
            self._clock = ConversationClock(self._given.at)
            self._handsets = await stack.enter_async_context(Handsets.open(self._clock.passed_s))
            ami = Ami(
                host="127.0.0.1",
                port=self.host.ami_port,
                username=DEPLOY_USER,
                secret=SecretStr(self.host.site.deploy_secret),
            )
            seams = Seams(
                clock=self._clock,
                wrap_door=self._wrapped,
                pin_cost=QUICK_PINS,
            )
            config = demo_config(folder, self._handsets.port, self._config)
            agi = config.agi.model_copy(update={"record_prefix": str(self.host.site.messages)})
            config = config.model_copy(update={"ami": ami, "agi": agi})
            self.node = await stack.enter_async_context(running(config, seams))
            await self._handsets.bound()
            await switch_on(self.node, self._given)
            if self.node.ami is not None:
                await self.node.ami.ready(AMI_READY_S)
            await self.host.set_servers(f"127.0.0.1:{self.node.agi_port}")
            self.callers = await stack.enter_async_context(Callers(self.host, prints, SOUND_PREFIX))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take everything down."""
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
            raise ParleyError("the test Asterisk has one trunk and signs no calls: leave attestation and trunk out")
        caller = await self.callers.call(from_, to)
        caller.reaches(lambda queue: self._given.agents_of(queue) is Agents.ANSWER)
        caller.begin_at(asyncio.get_running_loop().time() - self._clock.passed_s())
        return caller

    async def called(self, to: str, timeout_s: float) -> Leg | None:
        """See :class:`~tellerline.trying.driver.Driver`. Nothing of the line places calls yet."""
        del to
        await self.wait(timeout_s)
        return None

    async def text(self, from_: str, to: str, body: str) -> None:
        """See :class:`~tellerline.trying.driver.Driver`."""
        await self._handsets.send(from_, to, body)

    async def received(self, timeout_s: float) -> TextMessage | None:
        """See :class:`~tellerline.trying.driver.Driver`."""
        return await self._handsets.received(timeout_s)

    def let_pass(self, seconds: float) -> None:
        """Move the conversation's clock on, and nothing else."""
        self._clock.skip(seconds)

    async def wait(self, seconds: float) -> None:
        """Let a little of it pass on the wall clock and skip the rest."""
        seen_s = min(seconds, LOOP_SEES_S)
        await asyncio.sleep(seen_s)
        self._clock.skip(seconds - seen_s)


def shipped_sounds(catalogue: Catalogue) -> Path:
    """Answer the folder of the recordings that come with Tellerline.

    Raises:
        ParleyError: there are none.
    """
    for root in reversed(catalogue.audio_roots()):
        if next(root.rglob("*.wav"), None) is not None:
            return root
    raise ParleyError("there are no recordings to listen for.\n  mend: tellerline sounds build")


@functools.cache
def prints_of(sounds: Path) -> Voiceprints:
    """Answer the recordings below ``sounds``, ready to be recognised. Read once a process: it takes a few seconds."""
    return Voiceprints.of_folder(sounds)
