"""One node of a race for the last money: a process of its own on the shared database. Run by the test beside it.

``python -m tests.scenario.bank.racing_node URL NAME COUNT FEN``: prepares COUNT transfers of FEN each, half of them by
voice and half by SMS with their codes, says ``ready``, waits for a line, lets all go at once, and prints what each was
told as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys

from core_client.domain.limits import Ceiling, LimitProfile
from core_client.domain.money import Money
from core_client.domain.profile import BankProfile
from core_client.domain.secret import Secret
from core_client.testing.world import World, world

PLENTY = Ceiling(10**12, 10**12, 10**12)
PROFILE = BankProfile(limits=LimitProfile(ceilings={"CNY": PLENTY}))  # only the money is scarce


async def by_voice(bank: World, session: str, name: str, fen: int) -> str:
    prepared = await bank.perform(
        session, "transfers.prepare", "voice", f"w-{name}", payee="1", amount=Money(fen, "CNY")
    )
    return str(prepared.answer["id"])


async def by_sms(bank: World, name: str, fen: int) -> tuple[str, str]:
    session = (await bank.core.arrive("sms", "+8613900000001")).auth_session_id
    prepared = await bank.perform(
        session, "transfers.prepare", "sms", f"w-{name}", payee="LILEI", amount=Money(fen, "CNY")
    )
    intent = str(prepared.answer["id"])
    code = (await bank.perform(session, "auth.issue_code", "sms", f"c-{name}", intent=intent)).answer["code"]
    assert isinstance(code, Secret)
    right = await bank.perform(session, "auth.verify_code", "sms", f"v-{name}", intent=intent, code=code.reveal())
    assert right.outcome == "ok", right
    return session, intent


async def race(url: str, node: str, count: int, fen: int) -> None:
    async with world(database_url=url, profile=PROFILE) as bank:
        voice = await bank.authenticated()
        wishes: list[tuple[str, str, str, str]] = []
        for n in range(count):
            name = f"{node}-{n}"
            if n % 2:
                wishes.append((voice, await by_voice(bank, voice, name, fen), "voice", name))
            else:
                wishes.append((*await by_sms(bank, name, fen), "sms", name))
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        answers = await asyncio.gather(
            *(
                bank.perform(session, "transfers.authorise", channel, f"go-{name}", intent=intent)
                for session, intent, channel, name in wishes
            )
        )
        told = [
            {"intent": intent, "channel": channel, "outcome": one.outcome, "reason": one.reason,
             "reference": str(one.answer.get("reference", ""))}
            for (_, intent, channel, _), one in zip(wishes, answers, strict=True)
        ]  # fmt: skip
        for one, answer in zip(told, answers, strict=True):  # as a channel that took it
            bank.core.telling.heard("transfers.authorise", {"intent": one["intent"]}, answer)
        await bank.core.telling.drain()
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    asyncio.run(race(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
