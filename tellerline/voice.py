"""Brings a call to its flow: who calls, where the dialogue begins, and who is told when it is over."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from core_client.ports.clock import Clock
from flows.dialogue import Channel, Party, Say, Trigger
from flows.runner import Ended, Runner
from flows.vault import Vault
from ivr.call import Call, CallSettings
from ivr.caller import caller_number, mask_number
from ivr.session import AgiSession, Why
from sounds.catalogue import Catalogue
from tellerline.door import Door
from tellerline.missed_calls import MissedCalls, is_missed_call, let_go
from tellerline.telemetry import Metrics

_log = structlog.get_logger("tellerline")


@dataclass(frozen=True, slots=True)
class DraftNumber:
    """The number on which a version can be called before it is live, and by whom.

    A caller's number can be forged: who gets through hears prompts that are not public yet. What the bank asks for
    before it tells or moves anything is asked here too.

    Attributes:
        number: as the exchange brings it.
        callers: E.164.
        trial: answers the version to begin with, of a flow; None when there is none.
    """

    number: str
    callers: frozenset[str]
    trial: Callable[[str], str | None]

    def version_for(self, header: Mapping[str, str], caller: str | None, flow: str) -> str | None:
        """Answer the version that this call begins with; None for the live one."""
        dialled = {header.get("agi_extension", ""), header.get("agi_dnid", "")}
        if self.number not in dialled:
            return None
        if caller not in self.callers:
            _log.info("draft.refused", flow=flow, caller=mask_number(caller or ""))
            return None
        version = self.trial(flow)
        _log.info("draft.called", flow=flow, version=version, caller=mask_number(caller))
        return version


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
        drafts: DraftNumber | None = None,
        missed_number: str = "",
    ) -> None:
        self._runner = runner
        self._door = door
        self._vault = vault
        self._clock = clock
        self._files_for = files_for
        self._flow = flow
        self._region = region
        self._settings = settings
        self._drafts = drafts
        self._missed_number = missed_number
        self.missed: MissedCalls | None = None  # deals with calls that nobody answers, where texts are sent

    async def __call__(self, session: AgiSession) -> None:
        """Run one call to its end."""
        if is_missed_call(session.header, self._missed_number):
            await (let_go if self.missed is None else self.missed)(session)
            return
        number = caller_number(session.header, self._region)
        line = Call(session, self._files_for, self._vault, self._settings)
        arrival = await self._door.arrive(Channel.VOICE.value, number)
        trial = self._drafts.version_for(session.header, number, self._flow) if self._drafts is not None else None
        try:
            trigger = Trigger(
                flow=self._flow,
                channel=Channel.VOICE,
                party=Party(number, arrival.identified, arrival.language),
                session_id=f"v-{secrets.token_hex(12)}",
                auth_session_id=arrival.auth_session_id,
                at=self._clock.now(),
                version=trial,
            )
            session.facts.update(session_id=trigger.session_id, identified=arrival.identified)
            ended = await self._runner.start(trigger, line)
            if isinstance(ended, Ended):
                session.facts.update(
                    step=ended.session.last_step or ended.session.step,
                    language=ended.session.language,
                    version=ended.session.version,
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
