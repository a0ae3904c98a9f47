"""Brings a call to its flow: who calls, where the dialogue begins, and who is told when it is over."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

from core_client.ports.clock import Clock
from flows.dialogue import Channel, Party, Say, Trigger
from flows.runner import Ended, Runner
from flows.vault import Vault
from ivr.call import Call, CallSettings
from ivr.caller import caller_number
from ivr.session import AgiSession, Why
from sounds.catalogue import Catalogue
from tellerline.door import Door
from tellerline.telemetry import Metrics


class VoiceChannel:
    """The handler that the FastAGI server gives each call to."""

    def __init__(
        self,
        runner: Runner,
        door: Door,
        vault: Vault,
        clock: Clock,
        files_for: Callable[[Say, Catalogue | None], Sequence[str]],
        *,
        flow: str,
        region: str,
        settings: CallSettings,
    ) -> None:
        self._runner = runner
        self._door = door
        self._vault = vault
        self._clock = clock
        self._files_for = files_for
        self._flow = flow
        self._region = region
        self._settings = settings

    async def __call__(self, session: AgiSession) -> None:
        """Run one call to its end."""
        number = caller_number(session.header, self._region)
        line = Call(session, self._files_for, self._vault, self._settings)
        arrival = await self._door.arrive(Channel.VOICE.value, number)
        try:
            trigger = Trigger(
                flow=self._flow,
                channel=Channel.VOICE,
                party=Party(number, arrival.identified, arrival.language),
                session_id=f"v-{secrets.token_hex(12)}",
                auth_session_id=arrival.auth_session_id,
                at=self._clock.now(),
            )
            session.facts.update(session_id=trigger.session_id, identified=arrival.identified)
            ended = await self._runner.start(trigger, line)
            if isinstance(ended, Ended):
                session.facts.update(
                    step=ended.session.last_step or ended.session.step, language=ended.session.language
                )
        finally:
            await self._door.leave(arrival.auth_session_id)


class CallFigures:
    """Counts calls, for :class:`ivr.server.FastAgiServer`."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def call_began(self) -> None:
        """A call has begun."""
        self._metrics.calls_active.inc()

    def call_ended(self, why: Why, seconds: float) -> None:
        """A call has ended."""
        self._metrics.calls_active.dec()
        self._metrics.calls.labels(str(why)).inc()
        self._metrics.call_seconds.observe(seconds)

    def connection_refused(self) -> None:
        """A connection was closed before it became a call."""
        self._metrics.calls.labels("refused").inc()
