"""A known PIN, one-time code and card number go through the line: nothing that anybody keeps holds them."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from core_client.adapters import demo_world
from ivr.ami import AmiMessage
from tellerline.trying.asterisk_driver import AsteriskDriver
from tellerline.trying.asterisk_found import Asterisk
from tellerline.trying.conversation import Given
from tests.peers.asterisk.exchange import BANK
from tests.peers.asterisk.test_bank_line import until

pytestmark = [pytest.mark.peer("asterisk"), pytest.mark.timeout(180)]
WANG = demo_world.customer_of_number("10000001")
CARD = "6222028436517092"  # keyed whole where four digits are asked for, as people do
PLANTED = "918273"


def holds(haystack: str, secret: str) -> bool:
    """Answer whether ``secret`` stands there, closed up or spaced out; inside a longer number or hash it is chance."""
    spaced = r"[\s,;:*-]{1,3}".join(secret)
    return any(re.search(f"(?<![0-9a-f]){form}(?![0-9a-f])", haystack) for form in (secret, spaced))


def state_files(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder)), path.read_bytes().decode("latin-1")


async def test_a_pin_a_code_and_a_card_number_are_found_nowhere(
    asterisk: Asterisk,
    line_sounds: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    del asterisk
    caplog.set_level(logging.DEBUG)
    events: list[AmiMessage] = []
    assert WANG.line is not None
    async with AsteriskDriver(Given(), line_sounds) as driver:
        assert driver.node.ami is not None
        driver.node.ami.on("*", events.append)

        caller = await driver.callers.call(WANG.line, BANK)
        await until(caller, "zh/main_menu")
        await caller.press("2")
        await until(caller, "zh/enter_pin")
        await caller.press(WANG.pin)
        assert "zh/your_balance_is" in await until(caller, "zh/main_menu_short")
        await caller.hang_up()

        stranger = await driver.callers.call("+8613999999999", BANK)  # claims a customer number, then a card
        await until(stranger, "en/choose_language")
        await stranger.press("2")
        await until(stranger, "en/main_menu")
        await stranger.press("2")
        await until(stranger, "en/enter_customer_number")
        await stranger.press(CARD)
        await until(stranger, "en/enter_pin")
        await stranger.silence(1)  # the rest of the card's digits is a burst that was dropped: this is an answer
        await stranger.press(WANG.pin)
        await until(stranger, "en/pin_wrong")
        await stranger.hang_up()

        await driver.text(WANG.line, BANK, "SEND 20 HANMEI")
        asked = await driver.received(20)
        assert asked is not None
        code = re.findall(r"\b\d{6}\b", asked.body)[0]
        await driver.text(WANG.line, BANK, code)
        done = await driver.received(20)
        assert done is not None
        assert "Transfer complete" in done.body
        await driver.text(WANG.line, BANK, WANG.pin)
        advice = await driver.received(20)
        assert advice is not None

        await driver.host.command(f"channel originate Local/{PLANTED}@test-nowhere application Wait 1")
        await driver.node.ami.perform("Ping", idempotent=True)
        metrics = generate_latest(driver.node.metrics.registry).decode()
        kept = dict(state_files(driver.node.config.server.state_dir))
        asterisk_logs = driver.host.log_text()
        audited = [row for row in kept if row.endswith((".db", ".db-wal")) or "aof" in row.lower()]
    out, err = capfd.readouterr()

    places = {
        "Asterisk's logs at verbose 3": asterisk_logs,
        "AMI events of every class that the deployed user has": "\n".join(
            f"{key}: {value}" for event in events for key, value in event.headers
        ),
        "our log": out + err + caplog.text,
        "our metrics": metrics,
        **{f"our file {name}": text for name, text in kept.items()},
        "the text that advises against texting a PIN": advice.body,
    }
    # The search finds what is there, and these places are not empty.
    assert holds(places["Asterisk's logs at verbose 3"], PLANTED)
    assert any(WANG.line in text for name, text in places.items() if name.startswith("AMI"))
    assert len(audited) >= 2, f"no database or append-only file among {sorted(kept)}"
    assert any(WANG.number in text for text in kept.values())
    assert "tellerline_calls_total" in metrics
    assert "call.ended" in places["our log"]
    found = [
        f"{what} in {place}"
        for what, secret in (("the PIN", WANG.pin), ("the code", code), ("the card number", CARD))
        for place, text in places.items()
        if holds(text, secret)
    ]
    assert found == []
