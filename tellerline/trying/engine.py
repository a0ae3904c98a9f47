"""The engine driver: flows and core, without a wire and without waiting. A minute of silence takes no time.

Run it on a loop that leaps (:func:`tellerline.trying.pace.run_paced`).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
import tempfile
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from core_client.adapters.embedded import open_bank
from core_client.adapters.seeding import seed
from core_client.adapters.sql.database import sqlite_url
from core_client.testing.auth_sessions import MemoryAuthSessions
from core_client.testing.world import MEMORY
from flows.dialogue import Channel, Party, Say, Trigger
from flows.runner import Flows, Observer, Runner
from flows.testing.sessions import MemorySessions
from flows.vault import Vault
from flows.words import files_for, text_for
from sms.commands import Command
from sms.messages import Purpose
from sounds.catalogue import Catalogue
from tellerline.bootstrap import open_flows
from tellerline.config import Config
from tellerline.errors import ParleyError
from tellerline.notices import Notices
from tellerline.trying.conversation import Given, Told
from tellerline.trying.driver import CallEnded, EndedBy, Leg, TextMessage
from tellerline.trying.pace import working
from tellerline.trying.telephone import Telephone
from tellerline.trying.text_router import TextRouter
from tellerline.trying.told import ToldDoor
from tellerline.trying.world import QUICK_PINS, ConversationClock, known_notices, recording_seconds


def _nothing(*_heard: object) -> None:
    """Listen to nothing."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Who hears of what the engine does: coverage and the terminal."""

    observer: Observer | None = None  # of every dialogue
    on_say: Callable[[Say], None] = _nothing  # as it begins to be said in a call
    on_text: Callable[[Say], None] = _nothing  # as it becomes part of a text
    on_command: Callable[[Command], None] = _nothing  # of a text that begins a dialogue


class EngineDriver:
    """One conversation on the engine and the core alone.

    Args:
        given: the world before the first step.
        config: settings whose flows and catalogue are tried, in place of the shipped ones.
        flows: flows that are ready, in place of those of the settings' folder: a version that is not live yet. What
            they say is of their own catalogue, where they have one.
        catalogue: the words of the line, in place of those of the settings' sounds.
        watch: hears of every turn.
    """

    name = "engine"

    def __init__(
        self,
        given: Given,
        config: Config | None = None,
        *,
        flows: Flows | None = None,
        catalogue: Catalogue | None = None,
        watch: Watch | None = None,
    ) -> None:
        self._given = given
        self._config = config or Config()
        self._flows = flows
        self._given_catalogue = catalogue
        self._watch = watch or Watch()
        self._stack = contextlib.AsyncExitStack()
        self._group: asyncio.TaskGroup
        self._dialogues: list[asyncio.Task[None]] = []
        self._clock: ConversationClock
        self._catalogue: Catalogue
        self._door: ToldDoor
        self._runner: Runner
        self._vault: Vault
        self._router: TextRouter
        self._texts: deque[TextMessage] = deque()
        self._notices: Notices
        self._ids = itertools.count(1)

    async def __aenter__(self) -> Self:
        """Open a fresh demo bank and load the flows."""
        self._clock = clock = ConversationClock(self._given.at)
        async with contextlib.AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tellerline-try-", dir=MEMORY)))
            self._catalogue = self._given_catalogue or Catalogue.load(overlay=self._config.sounds.dir)
            flows = self._flows or open_flows(self._config, self._catalogue)
            notices = known_notices(self._given, flows.current(self._config.agi.flow))
            with working():
                bank = await stack.enter_async_context(
                    open_bank(
                        sqlite_url(folder / "bank.db"),
                        pepper=secrets.token_bytes(32),
                        clock=clock,
                        auth_sessions=MemoryAuthSessions(clock),
                        pin_cost=QUICK_PINS,
                    )
                )
                await seed(bank)
            self._notices = Notices(bank.ports, self._catalogue, self._unasked)
            self._vault = Vault()
            self._door = ToldDoor(bank.client, self._given.bank)
            sessions = MemorySessions(clock.passed_s)
            self._runner = Runner(
                flows,
                sessions,
                self._door,
                self._vault,
                clock,
                observer=self._watch.observer,
                notices=lambda flow: notices,
            )
            self._router = TextRouter(
                self._runner,
                self._door,
                sessions,
                self._vault,
                clock,
                flows,
                self._config.sms.flow,
                self._text_of,
                self._watch.on_command,
            )
            self._group = await stack.enter_async_context(asyncio.TaskGroup())
            self._seconds_of = recording_seconds(self._catalogue)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let what goes on end, and close the bank. Nobody is on the line any more when something broke in."""
        if error is not None:
            for dialogue in self._dialogues:
                dialogue.cancel()
        with working():
            await self._stack.aclose()

    def now_s(self) -> float:
        """See :class:`~tellerline.trying.driver.Driver`."""
        return self._clock.passed_s()

    def tell(self, told: Mapping[str, Told]) -> None:
        """See :class:`~tellerline.trying.driver.Driver`."""
        self._door.tell(told)

    async def call(self, from_: str | None, to: str, *, attestation: str | None, trunk: str | None) -> Leg:
        """See :class:`~tellerline.trying.driver.Driver`."""
        if attestation is not None or trunk is not None:
            raise ParleyError("the engine knows no trunks and no signed calls: leave attestation and trunk out")
        phone = Telephone(
            self._files_of,
            self._seconds_of,
            self._vault,
            self._clock.passed_s,
            self._given.agents_of,
            recorder=self._given.recorder,
        )
        self._dialogues.append(self._group.create_task(self._dialogue(phone, from_), name=f"call to {to}"))
        return phone

    def _files_of(self, say: Say, of_version: Catalogue | None) -> list[str]:
        self._watch.on_say(say)
        return files_for(say, of_version or self._catalogue)

    def _text_of(self, say: Say, of_version: Catalogue | None) -> str:
        self._watch.on_text(say)
        return text_for(say, of_version or self._catalogue, self._vault.open)

    async def _dialogue(self, phone: Telephone, number: str | None) -> None:
        arrival = await self._door.arrive(Channel.VOICE.value, number)
        trigger = Trigger(
            flow=self._config.agi.flow,
            channel=Channel.VOICE,
            party=Party(number, arrival.identified, arrival.language),
            session_id=f"v-{next(self._ids)}",  # the same at every run: a split may go by it
            auth_session_id=arrival.auth_session_id,
            at=self._clock.now(),
        )
        try:
            await self._runner.start(trigger, phone)
        finally:
            phone.over(CallEnded(EndedBy.FAILURE))
            await self._door.leave(arrival.auth_session_id)

    async def called(self, to: str, timeout_s: float) -> Leg | None:
        """See :class:`~tellerline.trying.driver.Driver`. Nothing of the line places calls yet."""
        await self.wait(timeout_s)
        return None

    async def text(self, from_: str, to: str, body: str) -> None:
        """See :class:`~tellerline.trying.driver.Driver`."""
        answer = await self._router.answer(from_, body)
        if answer:
            self._texts.append(TextMessage(from_, to, answer, self._clock.passed_s()))

    async def received(self, timeout_s: float) -> TextMessage | None:
        """See :class:`~tellerline.trying.driver.Driver`. An answer comes with its text, a notice when it is due."""
        for last in (False, True):
            if not self._texts:
                with working():
                    await self._notices.look()
            if self._texts:
                return self._texts.popleft()
            if not last:
                await self.wait(timeout_s)
        return None

    async def _unasked(self, number: str, text: str, _name: str, _purpose: Purpose) -> None:
        self._texts.append(TextMessage(number, self._config.sms.short_code, text, self._clock.passed_s()))

    async def wait(self, seconds: float) -> None:
        """See :class:`~tellerline.trying.driver.Driver`."""
        await asyncio.sleep(seconds)
