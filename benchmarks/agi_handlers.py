"""What our server runs in the benchmark: the same balance call, through less or more of the product.

A handler is an async context manager that gives ``on_call``. ``benchmarks.agi_commands --handler MODULE:NAME`` takes
any other one: the whole product's stands where the whole product is wired.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from benchmarks.agi_script import BALANCE, BALANCE_TURNS, PIN_DIGITS
from flows.dialogue import GatherDigits, Prompt, Say
from flows.vault import Vault
from ivr.call import Call
from ivr.server import OnCall
from ivr.session import AgiSession


@contextlib.asynccontextmanager
async def session() -> AsyncIterator[OnCall]:
    """The server and the codec only: the commands as they are."""

    async def on_call(agi: AgiSession) -> None:
        for verb, *arguments in BALANCE:
            await agi.command(verb, *arguments)

    yield on_call


@contextlib.asynccontextmanager
async def call() -> AsyncIterator[OnCall]:
    """The whole voice channel: prompts with barge-in, a menu, a secret PIN, an answer of several recordings."""
    vault = Vault()
    welcome, menu, enter_pin, balance = (Say(tuple(map(Prompt, prompts)), "zh") for prompts in BALANCE_TURNS)
    choice = GatherDigits(1, 1, "", "", 6.0, 3.0)
    pin = GatherDigits(PIN_DIGITS, PIN_DIGITS, "", "*", 6.0, 3.0, secret=True)

    def files_for(say: Say, _catalogue: object = None) -> list[str]:
        return [f"{say.language}/{item.id}" for item in say.items if isinstance(item, Prompt)]

    async def on_call(agi: AgiSession) -> None:
        line = Call(agi, files_for, vault)
        await line.say(welcome)
        await line.say(menu)
        await line.gather(choice)
        await line.say(enter_pin)
        answer = await line.gather(pin)
        vault.open(answer.secret)  # type: ignore[union-attr, arg-type]  # the driver keys six digits
        await line.say(balance)
        await line.end("done")

    yield on_call
