"""A manager interface that says what a test tells it to: AMI as Asterisk 22 speaks it, over TCP on loopback."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

Fields: TypeAlias = dict[str, str]
SECRET = "a secret of the test"
CHALLENGE = "105495091"


class Conversation:
    """One client's connection, as the exchange sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.raw = b""

    async def read(self) -> Fields:
        """Read the client's next action."""
        block = await self.reader.readuntil(b"\r\n\r\n")
        self.raw += block
        return dict(line.split(": ", 1) for line in block.decode().strip().split("\r\n"))

    def answer(self, action: Fields, response: str = "Success", **more: str) -> None:
        """Answer an action."""
        self.say({"Response": response, "ActionID": action["ActionID"], **more})

    def say(self, fields: Fields) -> None:
        """Send an event or an answer."""
        self.writer.write("".join(f"{key}: {value}\r\n" for key, value in fields.items()).encode() + b"\r\n")

    def drop(self) -> None:
        """Lose the connection."""
        self.writer.transport.abort()


Script: TypeAlias = Callable[[Conversation, Fields], Awaitable[None]]


class FakeManager:
    """Greets, lets ``tellerline`` in by challenge, answers pings, and gives every other action to ``script``."""

    def __init__(self) -> None:
        self.port = 0
        self.actions: list[Fields] = []
        self.conversations: list[Conversation] = []
        self.banner = b"Asterisk Call Manager/11.0.0\r\n"
        self.answers_pings = True
        self.lets_in = True
        self.lets_in_anybody = False
        self.drops_after_login = False
        self.script: Script | None = None
        self.met = asyncio.Event()  # an action was read
        self._tasks: set[asyncio.Task[None]] = set()

    def of(self, name: str) -> list[Fields]:
        """Answer the actions of that name that ever arrived."""
        return [action for action in self.actions if action["Action"] == name]

    async def saw(self, name: str, times: int = 1) -> None:
        """Return when ``times`` actions of that name have arrived."""
        async with asyncio.timeout(5):
            while len(self.of(name)) < times:
                self.met.clear()
                await self.met.wait()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversation = Conversation(reader, writer)
        self.conversations.append(conversation)
        writer.write(self.banner)
        try:
            while True:
                action = await conversation.read()
                self.actions.append(action)
                self.met.set()
                await self._react(conversation, action)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()

    async def _react(self, conversation: Conversation, action: Fields) -> None:
        match action["Action"]:
            case "Challenge":
                conversation.answer(action, Challenge=CHALLENGE)
            case "Login":
                key = hashlib.md5((CHALLENGE + SECRET).encode()).hexdigest()
                known = action.get("Key") == key or self.lets_in_anybody
                if not (self.lets_in and known):
                    conversation.answer(action, "Error", Message="Authentication failed")
                elif self.drops_after_login:
                    conversation.answer(action, Message="Authentication accepted")
                    await conversation.writer.drain()
                    conversation.writer.close()
                else:
                    conversation.answer(action, Message="Authentication accepted")
                    conversation.say({"Event": "FullyBooted", "Status": "Fully Booted"})
            case "Ping" if self.answers_pings:
                conversation.answer(action, Ping="Pong")
            case "Ping":
                pass
            case "Logoff":
                conversation.answer(action, "Goodbye")
            case _ if self.script is not None:
                await self.script(conversation, action)


@asynccontextmanager
async def fake_manager() -> AsyncIterator[FakeManager]:
    """A fake manager interface that listens on a free port of loopback."""
    fake = FakeManager()
    server = await asyncio.start_server(fake._talk, "127.0.0.1", 0)
    fake.port = server.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        server.close()
        for conversation in fake.conversations:
            conversation.drop()
        await server.wait_closed()
