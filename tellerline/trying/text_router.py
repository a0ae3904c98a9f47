"""Texts for the engine driver: what :mod:`sms.answering` says to them, without a store and without a wire."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable

from core_client.ports.clock import Clock
from flows.runner import Flows, Runner
from flows.sessions import SessionStore
from flows.vault import Vault
from sms import commands
from sms.answering import Answering, Asked
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
        flows: Flows,
        flow: str,
        text_of: TextOf,
        on_command: Callable[[commands.Command], None] = lambda command: None,
    ) -> None:
        self._text_of = text_of
        self._ids = itertools.count(1)
        self._answering = Answering(
            core=door,
            runner=runner,
            flows=flows,
            flow=flow,
            sessions=sessions,
            vault=vault,
            clock=clock,
            shares=_Shares(),
            on_command=on_command,
        )

    async def answer(self, number: str, text: str) -> str:
        """Answer a text; empty: with nothing."""
        answers: list[str] = []

        async def take(answer: str) -> None:
            answers.append(answer)

        line = SmsLine(self._text_of, take)
        asked = Asked(number, text, str(next(self._ids)))
        await self._answering.answer(asked, await self._answering.arrive(number), line)
        await line.flush()
        return "\n".join(answers)


class _Shares:
    def __init__(self) -> None:
        self._had: Counter[tuple[str, str]] = Counter()

    async def left(self, number: str, what: str) -> bool:
        self._had[number, what] += 1
        return self._had[number, what] <= HELP_PER_HOUR
