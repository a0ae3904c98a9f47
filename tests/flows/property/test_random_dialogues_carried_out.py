"""Random dialogues through the runner: a slow bank, one that fails, a party that hangs up in mid-sentence.

Each ends in bounded time, no operation is left behind, nothing stays in the session store of a dialogue that is over.
"""

from __future__ import annotations

import asyncio
import os
import random

import pytest

from core_client.domain.secret import Secret
from core_client.domain.values import SecretHandle, Value
from core_client.operations import REGISTRY
from core_client.services.call import OperationCall, OperationResult
from flows.dialogue import (
    AwaitText,
    Channel,
    DigitsReceived,
    GatherDigits,
    InputTimedOut,
    PartyLeft,
    Perform,
    Record,
    RecordingEnded,
    Say,
    TextReceived,
    TransferEnded,
    TransferToAgent,
)
from flows.errors import SessionGone
from flows.model import Flow
from flows.runner import Ended, Runner, Suspended
from flows.testing import MemorySessions
from flows.vault import Vault
from sounds.catalogue import Catalogue
from tellerline.trying.pace import LEAP, run_paced
from tests.flows.property import random_users
from tests.flows.property.test_random_flows import begin, clean_flow
from tests.unit.flows.core import HandClock

SEEDS = range(300) if os.environ.get("TELLERLINE_PROOF") == "1" else range(40)
AT_ONCE = 12  # dialogues of one flow
CAP_S = 24 * 3600.0  # of the loop's time: 200 turns of half a minute, and a night for a text


class OneFlow:
    """Answers the same flow for every name and version."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def current(self, name: str) -> Flow:
        return self._flow

    async def version(self, name: str, version: str) -> Flow:
        return self._flow


class MoodyBank:
    """Answers late, or never in time, or with an exception; otherwise as the registry allows."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.asked: list[str] = []

    async def perform(self, call: OperationCall) -> OperationResult:
        rng = self._rng
        self.asked.append(call.request_id)
        await asyncio.sleep(rng.choice([0, 0, 0.2, 3, 30]))
        if rng.random() < 0.05:
            raise RuntimeError("the bank broke its word")
        answered = random_users.answered(rng, Perform(call.operation, {}, call.request_id, 8.0))
        if answered.outcome not in (*REGISTRY[call.operation].outcomes, "unauthenticated"):
            return OperationResult("down")
        answer: dict[str, Value | Secret] = {
            name: Secret("482913") if isinstance(value, SecretHandle) else value
            for name, value in answered.answer.items()
        }
        return OperationResult(answered.outcome, answer, answered.reason)

    async def keep(self, auth_session_id: str) -> None:
        await asyncio.sleep(0)

    def heard(self, call: OperationCall, result: OperationResult) -> None:
        return None


class MoodyLine:
    """Somebody who presses, is silent, or hangs up at any moment."""

    def __init__(self, rng: random.Random, channel: Channel, vault: Vault) -> None:
        self._rng = rng
        self._channel = channel
        self._vault = vault
        self._gone = False
        self.ended = ""

    @property
    def channel(self) -> Channel:
        return self._channel

    def speak_from(self, catalogue: Catalogue) -> None:
        raise AssertionError("these flows bring no catalogue")

    def _leaves(self) -> bool:
        self._gone = self._gone or (self._channel is Channel.VOICE and self._rng.random() < 0.02)
        return self._gone

    async def say(self, say: Say) -> PartyLeft | None:
        await asyncio.sleep(0.5)
        return PartyLeft() if self._leaves() else None

    async def gather(self, wait: GatherDigits) -> DigitsReceived | InputTimedOut | PartyLeft:
        await asyncio.sleep(round(self._rng.random() * wait.first_digit_timeout_s, 3))
        answer = random_users.resume(self._rng, wait)
        if self._leaves() or not isinstance(answer, DigitsReceived | InputTimedOut):
            self._gone = True
            return PartyLeft()
        if wait.secret and isinstance(answer, DigitsReceived) and answer.secret is not None:
            return DigitsReceived("", self._vault.keep(Secret("739154")))
        return answer

    async def left(self) -> None:
        if not self._leaves():
            await asyncio.Event().wait()
        await asyncio.sleep(0.1)

    async def transfer(self, wait: TransferToAgent) -> TransferEnded | PartyLeft:
        await asyncio.sleep(20)
        return PartyLeft() if self._leaves() else TransferEnded(self._rng.choice(["answered", "closed", "timeout"]))

    async def record(self, wait: Record) -> RecordingEnded | PartyLeft:
        await asyncio.sleep(round(self._rng.random() * wait.max_s, 3))
        self._leaves()
        return RecordingEnded("ok", "message", 7)

    async def end(self, reason: str) -> None:
        self.ended = reason


async def carry_out(runner: Runner, flow: Flow, rng: random.Random, channel: Channel, vault: Vault) -> Ended:
    """Run one dialogue to its end; a text comes when one is waited for."""
    line = MoodyLine(rng, channel, vault)
    trigger = begin(flow, rng, channel)
    found = await runner.start(trigger, line)
    while isinstance(found, Suspended):
        await asyncio.sleep(rng.choice([5, 60, 700]))
        found = await runner.resume(found.session.id, text(rng, found.wait, vault), MoodyLine(rng, channel, vault))
    return found


def text(rng: random.Random, wait: AwaitText, vault: Vault) -> TextReceived:
    """Make the text that somebody answers with."""
    answer = random_users.resume(rng, wait)
    if isinstance(answer, TextReceived) and answer.secret is None:
        return answer
    return TextReceived("", vault.keep(Secret("482913"))) if wait.code else TextReceived("yes")


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_every_dialogue_is_carried_out_to_its_end_whatever_the_bank_and_the_party_do() -> None:
    run_paced(carry_out_all, LEAP)


async def carry_out_all() -> None:
    """Run the dialogues of every seed's flow, those of one flow at once."""
    loop = asyncio.get_running_loop()
    ends: set[str] = set()
    for seed in SEEDS:
        flow = clean_flow(str(seed))
        if flow is None:
            continue
        rng = random.Random(f"carried {seed}")
        vault, bank = Vault(), MoodyBank(rng)
        sessions = MemorySessions(loop.time)
        runner = Runner(OneFlow(flow), sessions, bank, vault, HandClock())
        began = loop.time()
        try:
            found = await asyncio.gather(
                *(carry_out(runner, flow, rng, rng.choice(list(Channel)), vault) for _ in range(AT_ONCE))
            )
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise
        assert loop.time() - began < CAP_S, seed
        assert await runner.drain(60) == 0, seed
        for ended in found:
            ends.add(ended.reason)
            with pytest.raises(SessionGone):
                await runner.resume(ended.session.id, PartyLeft(), MoodyLine(rng, Channel.VOICE, vault))
    assert {"done", "party_left", "not_registered"} <= ends
