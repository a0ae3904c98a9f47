"""ESMEs of other hands for the SMS benchmark: what each is, how it is started, and why it may be missing."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import logging
from pathlib import Path
from typing import Any

from benchmarks.bare_smpp import ANSWER
from tests.peers.sms.found import HOW_TO_GET_NODE, find_node_smpp

NODE_ESME = Path(__file__).with_name("node_esme.js")
LOCKED = "pip install -r requirements/dev.txt"


def missing(name: str) -> str:
    """Answer why a peer cannot run here and what mends that; empty when it can."""
    if name == "node-smpp":
        return "" if find_node_smpp() is not None else f"node-smpp is not there: {HOW_TO_GET_NODE}"
    return "" if importlib.util.find_spec(name) is not None else f"{name} is not installed: {LOCKED}"


def node_command(port: int) -> tuple[list[str], dict[str, str]]:
    """Answer the command that starts the ESME on node-smpp, and its environment."""
    found = find_node_smpp()
    assert found is not None
    return [str(found.node), str(NODE_ESME), str(port)], {"NODE_PATH": str(found.modules)}


async def serve_smpp34(port: int) -> None:
    """Answer by smpp34, whose codec and connection are Rust."""
    import smpp34

    smsc = await smpp34.Client(
        "127.0.0.1", port, "tellerline", "demo", window_size=100, inbound_capacity=1000
    ).connect()
    tasks: set[asyncio.Task[object]] = set()
    while not isinstance(event := await smsc.next(), smpp34.Disconnected):
        sending = smsc.submit_sm(event.source_addr, ANSWER, source_addr="95500", dest_addr_ton=1, dest_addr_npi=1)
        task = asyncio.ensure_future(sending)
        tasks.add(task)
        task.add_done_callback(tasks.discard)


async def serve_aiosmpplib(port: int) -> None:
    """Answer by aiosmpplib, through its hook and its broker."""
    aiosmpplib: Any = importlib.import_module("aiosmpplib")  # it brings no types

    class Hook(importlib.import_module("aiosmpplib.hook").AbstractHook):  # type: ignore[misc]  # of no known type
        async def sending(self, smpp_message: object, pdu: bytes, client_id: str) -> None:
            return None

        async def received(self, smpp_message: object, pdu: bytes, client_id: str) -> None:
            if isinstance(smpp_message, aiosmpplib.DeliverSm):
                answer = aiosmpplib.SubmitSm(
                    short_message=ANSWER.decode(),
                    source=aiosmpplib.PhoneNumber("95500"),
                    destination=smpp_message.source,
                    log_id="",
                )
                await esme.broker.enqueue(answer)

        async def send_error(self, smpp_message: object, error: Exception, client_id: str) -> None:
            raise error

    esme = aiosmpplib.ESME("127.0.0.1", port, "tellerline", "demo", hook=Hook(), log_level=logging.ERROR)
    await esme.start()
