"""No number in full and no secret in any log at any level, in anything written to the store, or in a trace.

What is looked at is what our code says before the masking chain of the log, which is the last fence and not the first.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import smpplib
from redis.exceptions import RedisError
from structlog.testing import capture_logs

from sms.messages import Purpose, State
from sms.smpp import Address, Message, Status, Tag
from sms.smpp.codes import EsmClass
from sms.store.journal import JournalDown
from sms.testing.behaviour import ReceiptForm
from tellerline.cli.sms import tracing
from tests.unit.sms.sms_world import BANK, ENGLISH, STRANGER, WANG, SmsWorld, sms_world
from tests.unit.sms.test_gateway import code_in, settled, until

PIN = "739154"
CARD = "6217003810012344821"
WORDS = "wombatquokka"  # in texts of ours
NUMBERS = {number: number[3:] for number in (WANG, ENGLISH, STRANGER)}


@dataclass
class Told:
    """What came out of the node."""

    events: list[Any] = field(default_factory=list)  # structlog, before it is masked
    records: list[logging.LogRecord] = field(default_factory=list)  # every library's, at every level
    printed: str = ""

    def octets(self) -> bytes:
        format_ = logging.Formatter("%(name)s %(message)s")
        lines = [repr(event) for event in self.events]
        lines += [f"{format_.format(record)} {record.args!r} {record.__dict__!r}" for record in self.records]
        return "\n".join([*lines, self.printed]).encode()


@contextlib.contextmanager
def listening(caplog: pytest.LogCaptureFixture) -> Iterator[Told]:
    """Hear every logger at DEBUG, smpplib's own included."""
    told = Told()
    caplog.set_level(logging.DEBUG)
    for name in list(logging.root.manager.loggerDict):
        if name.startswith(("smpplib", "redis", "asyncio", "sms", "core_client", "flows")):
            caplog.set_level(logging.DEBUG, logger=name)
    with capture_logs() as events:
        yield told
    told.events = list(events)
    told.records = list(caplog.records)


def places(secret: str, octets: bytes, *, alone: bool) -> list[bytes]:
    """Answer where ``secret`` stands: as it is, in UTF-16, or as the hex of either.

    ``alone``: six digits within a longer run of digits are an id that happens to hold them, and no leak.
    """
    found = []
    for form in (secret.encode(), secret.encode("utf-16-be"), secret.encode("utf-16-le")):
        plain = re.escape(form)
        pattern = b"(?<![0-9a-fA-F.])" + plain + b"(?![0-9a-fA-F])" if alone else plain
        for one in (pattern, form.hex().encode()):
            found += [
                octets[max(0, match.start() - 60) : match.end() + 60]
                for match in re.finditer(one, octets, re.IGNORECASE)
            ]
    return found


def assert_silent(octets: bytes, *secrets: str) -> None:
    for number, national in NUMBERS.items():
        assert places(national, octets, alone=False) == [], number
    for secret in (PIN, CARD, WORDS, *secrets):
        assert places(secret, octets, alone=secret.isdigit()) == [], secret


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[SmsWorld]:
    async with sms_world(tmp_path, receipts=True) as world:
        world.smsc.behaviour.receipts = True
        yield world


async def a_day(world: SmsWorld) -> str:
    """Texts in and out, answers, a transfer with its code, binary rubbish, parts, and a customer who texts a PIN."""
    await world.ask("BAL")
    await world.text(PIN)
    await world.text(f"my pin is {PIN}", ENGLISH)
    await world.text(f"BLOCK {CARD}", ENGLISH)
    await world.text("余额 " * 60 + PIN)
    await world.text("BAL", STRANGER)
    await world.smsc.deliver_message(Message(Address(ENGLISH[1:], 1, 1), Address(BANK), bytes(range(100)), 4))
    await settled(world)
    await asyncio.sleep(0)
    while world.smsc.waiting:
        await world.smsc.receive()
    code = code_in(await world.ask("SEND 500 LILEI"))
    await world.ask(code)
    await settled(world)
    return code


async def receipts(world: SmsWorld) -> None:
    """Receipts of every form for texts of ours, for none, and for what is no id at all."""
    for n, form in enumerate(ReceiptForm):
        world.smsc.behaviour.receipt_form = form
        world.smsc.behaviour.outcomes = (("DELIVRD", "UNDELIV", "REJECTD")[n % 3],)
        await world.gateway.send(WANG, f"{WORDS} {PIN}", f"alert-{form}", Purpose.RESULT)
        await world.smsc.receive(to=WANG)
    await settled(world)
    for text in (
        f"id:{WANG[1:]}-7 stat:DELIVRD err:000 text:{WORDS} {PIN}",
        f"id:77 stat:UNDELIV err:{WANG[1:]} text:{WORDS}",
        f"id:78 stat:{WORDS} err:1 done date:{WANG[1:]} text:{PIN}",
        f"nothing that could be read, by its id or otherwise {PIN} {WORDS}",
        f"text:{WORDS} id:{PIN} stat:{WORDS}",
        f"id:79 stat: text:{WORDS} stat:{WORDS} err:{PIN}",
    ):
        for esm_class in (EsmClass.DELIVERY_RECEIPT, 0x20, 0x08):
            await world.smsc.deliver_message(
                Message(Address(WANG[1:], 1, 1), Address(BANK), text.encode(), esm_class=esm_class)
            )
    named = ((int(Tag.RECEIPTED_MESSAGE_ID), WANG[1:].encode() + b"x\0"), (0x1400, WANG.encode()))
    await world.smsc.deliver_message(Message(Address(WANG[1:], 1, 1), Address(BANK), WORDS.encode(), tlvs=named))


async def refusals(world: SmsWorld) -> None:
    """Operators that refuse, throttle, cut the link and stay silent; texts that people's rules refuse."""
    world.smsc.behaviour.statuses = (Status.RTHROTTLED, Status.RMSGQFUL, Status.RSYSERR, Status.RINVDSTADR)
    world.smsc.behaviour.refused_with_body = True
    for n in range(5):
        await world.gateway.send(ENGLISH, f"{WORDS} {n}", f"refused-{n}", Purpose.RESULT)
    await settled(world)
    world.smsc.behaviour.drop_after_next_submit = True
    await world.gateway.send(ENGLISH, WORDS, "dropped", Purpose.RESULT)
    await settled(world)
    await world.text("STOP", ENGLISH)
    await settled(world)
    await world.gateway.send(ENGLISH, WORDS, "stopped", Purpose.CAMPAIGN)
    await settled(world)


@pytest.mark.parametrize("happens", [a_day, receipts, refusals])
async def test_nothing_in_logs_or_in_the_store_tells_who_texts_or_what(
    world: SmsWorld, caplog: pytest.LogCaptureFixture, happens: Any
) -> None:
    with listening(caplog) as told:
        secret = await happens(world)
    secrets = (secret,) if secret else ()
    assert told.events, "the lines that tell of texts are heard"
    assert_silent(told.octets(), *secrets)
    assert_silent(world.stored_bytes(), *secrets)
    assert b"life:" in world.stored_bytes()


async def test_a_store_that_goes_and_a_text_that_trips_us_tell_nothing(
    world: SmsWorld, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def trip(*_: object, **__: object) -> None:
        raise RuntimeError(f"{WANG} wrote {PIN} {WORDS}")

    with listening(caplog) as told:
        with monkeypatch.context() as patch:
            patch.setattr(world.gateway.answering, "answer", trip)
            patch.setattr(world.gateway.lives, "tell_receipt", _raising)
            await world.text(f"BAL {WORDS}")
            await asyncio.sleep(0.05)
        with contextlib.suppress(RedisError):
            await world.store.redis.shutdown(nosave=True)
        with contextlib.suppress(Exception):
            await world.text(f"{PIN} {WORDS}")
        with contextlib.suppress(JournalDown):
            await world.gateway.send(WANG, f"{WORDS} {PIN}", "lost")
    assert told.events
    assert_silent(told.octets())


def _raising(*_: object, **__: object) -> None:
    raise RuntimeError(f"{WANG} {PIN} {WORDS}")


async def test_a_trace_is_masked_in_every_form(
    world: SmsWorld, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    from zoneinfo import ZoneInfo

    with listening(caplog) as told:
        await world.ask("BAL")
        await world.gateway.send(WANG, f"{WORDS} {PIN}", "alert-1", Purpose.RESULT)
        await until(lambda: world.gateway.receipts.counts["matched"] == 2)
        lives = world.gateway.lives
        found = [await lives.life(id_) for id_ in await lives.find(WANG)]
        assert len(found) == 3, "what came, what answered it, what we sent"
        for life in found:
            assert life is not None
            assert life.number == "+86139****0001"
            assert life.received or life.state is State.DELIVERED
            tracing._tell(life, ZoneInfo("UTC"))
            told.printed += json.dumps(tracing._as_json(life)) + repr(life)
        tracing._tell_list([life for life in found if life is not None], ZoneInfo("UTC"))
    told.printed += capsys.readouterr().out
    assert "DELIVRD" in told.printed
    assert_silent(told.octets())


async def test_no_value_prints_what_it_carries(world: SmsWorld) -> None:
    text = world.gateway.replies.outgoing(WANG, f"{WORDS} {PIN}", "alert-9", Purpose.RESULT)
    message = Message(Address(WANG[1:]), Address(BANK), f"{WORDS} {PIN}".encode())
    printed = f"{text!r} {text} {message!r} {message} {world.gateway.lives!r} {world.gateway.receipts!r}"
    assert_silent(printed.encode())


def test_the_reference_codec_would_tell_it_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    # The loggers that are listened to above are those that the codec has: this test fails when they are renamed.
    assert any(name.startswith("smpplib") for name in logging.root.manager.loggerDict), smpplib.__name__


def test_what_is_looked_for_would_be_found() -> None:
    for form in (WANG, f"x{WANG[1:]}", WANG[3:].encode("utf-16-be").decode("latin-1"), WANG.encode().hex()):
        with pytest.raises(AssertionError):
            assert_silent(form.encode("latin-1"))
    for secret in (PIN, f"pin={PIN};", PIN.encode().hex(), CARD, WORDS.upper()):
        with pytest.raises(AssertionError):
            assert_silent(secret.encode())
    assert_silent(f"17{PIN}0001 a{PIN}b +86139****0001".encode())
