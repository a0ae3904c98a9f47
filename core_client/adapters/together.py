"""Commands of many dialogues in one round trip to the shared store.

A command alone costs redis-py about 200 µs of CPU, in a pipeline of twenty about 60. While one round trip is on its
way, what is asked meanwhile waits and goes together in the next: nobody waits longer than one round trip for it.
"""

from __future__ import annotations

import asyncio
from typing import Any, TypeAlias

from redis.asyncio import Redis
from redis.exceptions import RedisError

MAX_COMMANDS = 128  # in one round trip: bounds what one slow fsync keeps waiting

Argument: TypeAlias = "bytes | str | int"


def raise_if_cancelled() -> None:
    """Raise what a command to the store may have swallowed: every loop around such commands calls it in each round.

    redis-py writes under ``asyncio.wait_for``, which on Python 3.11 answers instead of raising when it is cancelled at
    the moment at which the write is done. A loop that goes on then is never cancelled again.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


class Together:
    """Sends commands that may be asked twice: reads, and writes that set a whole value.

    The order in which they are asked is kept. ``redis`` has retries off and explicit timeouts, which bound every wait.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._waiting: list[tuple[asyncio.Future[Any], tuple[Argument, ...]]] = []
        self._trips: asyncio.Task[None] | None = None

    def ask(self, *command: Argument) -> asyncio.Future[Any]:
        """Send ``command``; the future answers what the store answers.

        Raises (through the future):
            RedisError, OSError, TimeoutError: the store refused, or did not answer: it may or may not have happened.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((answer, command))
        if self._trips is None:
            self._trips = loop.create_task(self._go(), name="commands together")
        return answer

    async def _go(self) -> None:
        try:
            while batch := self._waiting[:MAX_COMMANDS]:
                del self._waiting[: len(batch)]
                await self._trip(batch)
        finally:
            self._trips = None

    async def _trip(self, batch: list[tuple[asyncio.Future[Any], tuple[Argument, ...]]]) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        for _, command in batch:
            pipeline.execute_command(*command)
        try:
            answers = await pipeline.execute(raise_on_error=False)
        except (RedisError, OSError, TimeoutError) as error:
            answers = [error] * len(batch)
        except Exception as error:  # noqa: BLE001 - a fault of the client's own is told as the store's
            answers = [RedisError(type(error).__name__)] * len(batch)
        except BaseException:
            for answer, _ in batch:
                answer.cancel()
            raise
        for (answer, _), given in zip(batch, answers, strict=True):
            if answer.done():  # whoever asked has left
                continue
            if isinstance(given, Exception):
                answer.set_exception(given)
            else:
                answer.set_result(given)
