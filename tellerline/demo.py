"""The demo: a whole line on embedded defaults, with a telephone exchange and a message centre in the same process."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from core_client.adapters import demo_world
from ivr.testing import FakePbx
from tellerline.bootstrap import Node, Seams, running
from tellerline.phone import PhoneApp, Subscriber
from tellerline.telemetry import logging_to
from tellerline.trying.fastagi import demo_config, sounds_of
from tellerline.trying.handsets import Handsets
from tellerline.trying.world import CatalogueWords

CONVERSATIONS = Path(__file__).parent / "conversations"
BUILT_IN = CONVERSATIONS / "demo.yaml"
BOUND_TIMEOUT_S = 10.0
STRANGER = "+8613912345678"  # registered to nobody


@dataclass(frozen=True, slots=True)
class DemoLine:
    """A running demo line."""

    node: Node
    pbx: FakePbx
    handsets: Handsets
    folder: Path


@contextlib.asynccontextmanager
async def demo_line(tell: Callable[[str], None], *, speed: float = 1.0) -> AsyncIterator[DemoLine]:
    """Start a fresh demo line in a temporary folder; ``tell`` hears of every stage."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    with tempfile.TemporaryDirectory(prefix="tellerline-demo-") as name:
        folder = Path(name)
        with (folder / "tellerline.log").open("w", encoding="utf-8") as log, logging_to(log):
            tell("a message centre")
            async with Handsets.open(lambda: loop.time() - began_s) as handsets:
                config = demo_config(folder, handsets.port)
                async with running(config, Seams(progress=tell)) as node:
                    tell("the bind to the message centre")
                    await handsets.bound(BOUND_TIMEOUT_S)
                    async with FakePbx(sounds_of(node.catalogue), speed=speed) as pbx:
                        tell(f"ready: calls on 127.0.0.1:{node.agi_port}, texts on 127.0.0.1:{handsets.port}")
                        yield DemoLine(node, pbx, handsets, folder)


async def demo_phone(tell: Callable[[str], None]) -> None:
    """Start the line and pick up the terminal phone; return when the person puts it away."""
    async with demo_line(tell) as line, line.handsets.telling():
        await phone_of(line).run_async()


def phone_of(line: DemoLine) -> PhoneApp:
    """Answer the terminal phone of a demo line."""
    return PhoneApp(
        line.pbx,
        "127.0.0.1",
        line.node.agi_port,
        CatalogueWords(line.node.catalogue),
        subscribers=demo_subscribers(),
        messages=line.handsets,
    )


def demo_subscribers() -> tuple[Subscriber, ...]:
    """Answer who can be picked: the demo customers with their PINs, a stranger, and a withheld number."""
    customers = [
        Subscriber(who.line, who.name, who.number, who.pin, who.language or "not chosen", who.note)
        for who in demo_world.CUSTOMERS
    ]
    strangers = [
        Subscriber(STRANGER, "A stranger's phone", note="Registered to nobody: keys a customer number."),
        Subscriber(None, "A withheld number", note="Keys a customer number; cannot text."),
    ]
    return (*customers, *strangers)
