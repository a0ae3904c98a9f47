"""Where a text belongs, for the engine driver: the order of :mod:`sms.gateway`, without its stores and its wire."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from core_client.domain.secret import Secret
from core_client.ports.clock import Clock
from flows.dialogue import Channel, Party, Prompt, Resume, Say, TextReceived, Trigger
from flows.errors import SessionGone
from flows.model import Flow
from flows.prompts import SMS_HELP, SMS_LOOKS_LIKE_PIN
from flows.runner import Runner
from flows.sessions import SessionStore
from flows.vault import Vault
from sms import commands
from sms.line import SmsLine, TextOf
from tellerline.door import Door

HELP_PER_HOUR = 3  # as sms.gateway; a conversation is shorter than an hour


class TextRouter:
    """Answers texts with the dialogues that they belong to."""

    def __init__(
        self,
        runner: Runner,
        door: Door,
        sessions: SessionStore,
        vault: Vault,
        clock: Clock,
        flow: Callable[[], Flow],
        text_of: TextOf,
        on_command: Callable[[commands.Command], None] = lambda command: None,
    ) -> None:
        self._runner = runner
        self._door = door
        self._sessions = sessions
        self._vault = vault
        self._clock = clock
        self._flow = flow
        self._text_of = text_of
        self._on_command = on_command
        self._ids = itertools.count(1)
        self._said: dict[tuple[str, str], int] = {}

    async def answer(self, number: str, text: str) -> str:
        """Answer a text; empty: with nothing."""
        answers: list[str] = []

        async def take(answer: str) -> None:
            answers.append(answer)

        line = SmsLine(self._text_of, take)
        arrival = await self._door.arrive(Channel.SMS.value, number)
        flow = self._flow()
        language = _written_in(text, flow) or arrival.language or flow.languages[0]
        if not await self._dialogue(number, text, line, flow, Party(number, arrival.identified, arrival.language),
                                    arrival.auth_session_id):  # fmt: skip
            code = commands.six_digits(text) is not None
            prompt = SMS_LOOKS_LIKE_PIN if code else SMS_HELP
            self._said[number, prompt] = self._said.get((number, prompt), 0) + 1
            if self._said[number, prompt] <= HELP_PER_HOUR:
                await line.say(Say((Prompt(prompt),), language))
        await line.flush()
        return "\n".join(answers)

    async def _dialogue(
        self, number: str, text: str, line: SmsLine, flow: Flow, party: Party, auth_session_id: str
    ) -> bool:
        """Take the text to its dialogue; False when it has none."""
        waiting = await self._sessions.waiting(number)
        session = None if waiting is None else await self._sessions.get(waiting)
        code = commands.six_digits(text)
        if code is not None:
            if session is None or not session.waits_for_code:
                return False
            handle = self._vault.keep(Secret(code))
            try:
                return await self._resume(session.id, TextReceived("", handle), line)
            finally:
                self._vault.forget(handle)
        command = commands.match(flow.sms_patterns, text, flow.currency, flow.country)
        if command is None:
            return session is not None and await self._resume(session.id, TextReceived(text), line)
        self._on_command(command)
        trigger = Trigger(
            flow=flow.name,
            channel=Channel.SMS,
            party=party,
            session_id=f"sms-{next(self._ids)}",
            auth_session_id=auth_session_id,
            at=self._clock.now(),
            step=command.step,
            slots=command.slots,
            language=command.language,
        )
        await self._runner.start(trigger, line)
        return True

    async def _resume(self, session_id: str, resume: Resume, line: SmsLine) -> bool:
        try:
            await self._runner.resume(session_id, resume, line)
        except SessionGone:
            return False
        return True


def _written_in(text: str, flow: Flow) -> str | None:
    chinese = any("\u4e00" <= character <= "\u9fff" for character in text)
    return "zh" if chinese and "zh" in flow.languages else None
