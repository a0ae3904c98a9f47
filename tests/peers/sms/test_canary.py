"""A PIN, a one-time code and a card number go through a real SMSC; nothing of ours keeps or tells any of them."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from tests.peers.sms.bank_line import BANK, LI_LEI, WANG, Ledger, bank_line, code_in, number_of, settled
from tests.peers.sms.node_smsc import PASSWORD, SYSTEM_ID, NodeSmsc

pytestmark = pytest.mark.peer("node")

HIM = number_of(WANG)
CARD = "6217003810012344821"


def places(secret: str, octets: bytes) -> list[int]:
    """Answer where ``secret`` stands in ``octets``: as digits, as UCS2, or as the hex of either.

    Digits inside a longer run of hex or decimal digits are an id that happens to hold them, and no leak.
    """
    found = []
    for form in (secret.encode(), secret.encode("utf-16-be")):
        alone = b"(?<![0-9a-fA-F])" + re.escape(form) + b"(?![0-9a-fA-F])"
        for pattern in (alone, form.hex().encode()):
            found += [match.start() for match in re.finditer(pattern, octets, re.IGNORECASE)]
    return found


def everywhere(number: str, octets: bytes) -> list[int]:
    """Answer where a number stands, also within longer ones: as digits, as UCS2, or as the hex of either."""
    found = []
    for form in (number.encode(), number.encode("utf-16-be")):
        for one in (re.escape(form), form.hex().encode()):
            found += [match.start() for match in re.finditer(one, octets, re.IGNORECASE)]
    return found


def everything_in(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


async def test_no_file_log_or_figure_of_ours_holds_what_only_the_customer_may_know(
    node_smsc: NodeSmsc, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in list(logging.root.manager.loggerDict):  # also those that have a level of their own
        caplog.set_level(logging.DEBUG, logger=name)
    with capture_logs() as logs:
        async with bank_line(tmp_path, node_smsc.port, SYSTEM_ID, PASSWORD, receipts=True) as node:
            await node_smsc.wait_bound()
            await node_smsc.behave(receipts="hex")
            await node_smsc.deliver(HIM, BANK, WANG.pin)
            await node_smsc.deliver(HIM, BANK, f"my pin is {WANG.pin}", encoding="ucs2")
            await node_smsc.deliver(HIM, BANK, f"BLOCK {CARD}")
            await node_smsc.deliver(HIM, BANK, f"挂失{CARD[:4]} {CARD[4:]}", encoding="ucs2")
            await settled(node, node_smsc)
            node_smsc.received.clear()
            await node_smsc.deliver(HIM, BANK, "SEND 100 LILEI")
            code = code_in((await node_smsc.receive(HIM)).text)
            await node_smsc.deliver(HIM, BANK, code)
            assert "complete" in (await node_smsc.receive(HIM)).text
            await settled(node, node_smsc)
            figures = generate_latest(node.metrics.registry)
            assert node.standing is not None
            standing = repr((node.standing.told(), node.standing.degraded(), node.standing.down()))
    assert Ledger(tmp_path).transfers() == 1
    told = {
        "log": repr(logs).encode(),
        "libraries' log": "\n".join(f"{one.getMessage()} {one.args!r}" for one in caplog.records).encode(),
        "figures": figures,
        "health page": standing.encode(),
    }
    files = everything_in(tmp_path)
    for secret in (WANG.pin, code, CARD, PASSWORD):
        for name, octets in {**told, **files}.items():
            assert not places(secret, octets), f"{name} holds a secret of {len(secret)} characters"
    numbers = {HIM[-11:], number_of(LI_LEI)[-11:]}  # without the country: in no form of it either
    for number in numbers:
        for name, octets in {**told, **files}.items():
            found = [octets[max(0, at - 40) : at + 40] for at in everywhere(number, octets)]
            assert not found, f"{name} holds a number in full: {found[0]!r}"
    # The search does see: what may be kept is found in the same places.
    assert places("10000001", files["state/bank.db"])
    assert b"sms.handled" in told["log"]
    assert everywhere(HIM[-11:], b"to " + HIM.encode() + b" at noon")
    assert any("appendonly" in name or name.endswith(".aof") for name in files), sorted(files)


def test_the_search_finds_each_form() -> None:
    for octets in (b"pin=739154,", "x739154".encode("utf-16-be"), b'"373339313534"', b"00370033003900310035003400"):
        assert places("739154", octets), octets
    assert not places("739154", b"id a739154f")
