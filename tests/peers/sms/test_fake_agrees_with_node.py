"""Our fake message centre and one of node-smpp's code, told to do the same, look the same from an ESME.

What every other test believes of the fake is worth as much as this.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from sms.operators import LongTexts
from sms.sending.receipts import read_receipt
from sms.smpp import Message, Status
from sms.testing.fake_smsc import Behaviour, FakeSmsc, IdForm, ReceiptForm
from sms.text.segmentation import Joiner, content_of, text_of
from tests.peers.sms.node_smsc import PASSWORD, SYSTEM_ID, How, NodeSmsc
from tests.unit.sms.plain_esme import Answer, PlainEsme, plain_esme, text

pytestmark = pytest.mark.peer("node")

WANG, BANK = "+8613900000001", "95500"
LONG = "".join(f"{number:03d} The quick brown fox owes 12 EUR to the lazy dog. " for number in range(8))


@dataclass
class Case:
    """The same manners in both centres' words, and what is sent to them."""

    fake: dict[str, Any] = field(default_factory=dict)
    node: dict[str, Any] = field(default_factory=dict)
    submits: int = 6
    registered: int = 0
    receipts: int = 0  # acknowledged in the end
    one_by_one: bool = False
    response_timeout_s: float = 5.0


HEX_THEN_DECIMAL = {"resp_id": "hex", "receipts": "decimal"}
CASES = {
    "takes": Case(),
    "throttles every third": Case({"throttle_every": 3}, {"throttle_every": 3}),
    "is full every second time": Case(
        {"throttle_every": 2, "throttle_status": Status.RMSGQFUL}, {"throttle_every": 2, "throttle_status": 0x14}
    ),
    "has statuses of its own": Case({"statuses": (0, 0x400, 0x64, 0x45, 0)}, {"statuses": [0, 0x400, 0x64, 0x45, 0]}),
    "nacks": Case({"nack_every": 2}, {"nack_every": 2}),
    "never answers one that it took": Case({"swallow": 2}, {"swallow": 2}, response_timeout_s=0.3),
    "loses one": Case({"lose": 1}, {"lose": 1}, response_timeout_s=0.3),
    "is slow": Case({"answer_delay_s": 0.05}, {"answer_after_ms": 50}),
    "breaks off before taking": Case({"drop_at_submit": 3}, {"drop_at_submit": 3}, one_by_one=True),
    "breaks off instead of answering": Case({"drop_at_answer": 3}, {"drop_at_answer": 3}, one_by_one=True),
    "reports": Case({"receipts": True}, {"resp_id": "hex", "receipts": "hex"}, registered=1, receipts=6),
    "reports with the id in the other base": Case(
        {"receipts": True, "receipt_ids": IdForm.DECIMAL_PADDED}, HEX_THEN_DECIMAL, registered=1, receipts=6
    ),
    "reports early": Case(
        {"receipts": True, "receipt_early": True},
        {"resp_id": "hex", "receipts": "hex", "receipt_early": True},
        registered=1,
        receipts=6,
        one_by_one=True,
    ),
    "reports three times": Case(
        {"receipts": True, "receipt_copies": 3},
        {"resp_id": "hex", "receipts": "hex", "receipt_copies": 3},
        submits=2,
        registered=1,
        receipts=6,
    ),
    "reports what was not delivered": Case(
        {"receipts": True, "outcomes": ("DELIVRD", "UNDELIV", "EXPIRED", "REJECTD")},
        {"resp_id": "hex", "receipts": "hex", "receipt_states": ["DELIVRD", "UNDELIV", "EXPIRED", "REJECTD"]},
        submits=4,
        registered=1,
        receipts=4,
    ),
    "reports nothing that it was not asked for": Case({"receipts": True}, {"receipts": "hex"}),
    "adds odd parameters": Case(
        {"receipts": True, "response_tlvs": ((5, b"\x01"), (0xFFFE, bytes(40))), "deliver_tlvs": ((0x381, b""),)},
        {"resp_id": "hex", "receipts": "hex", "odd_tlvs": True},
        registered=1,
        receipts=6,
    ),
    **{
        f"reports in the form {form}": Case(
            {"receipts": True, "receipt_form": ReceiptForm(form)},
            {"resp_id": "hex", "receipts": "hex", "receipt_form": form},
            registered=1,
            receipts=6,
        )
        for form in ("text", "tlv", "lower", "short")
    },
}


@asynccontextmanager
async def seen_by_esme(port: int, case: Case, acknowledged: Callable[[], Awaitable[None]]) -> AsyncIterator[PlainEsme]:
    async with plain_esme(port, SYSTEM_ID, PASSWORD, response_timeout_s=case.response_timeout_s) as esme:
        for number in range(case.submits):
            if "closed" in esme.seen:
                break
            esme.submit(text(b"number %d" % number, registered=case.registered))
            if case.one_by_one:
                await esme.until(lambda sent=esme.submitted: len(esme.answers) == sent)  # type: ignore[misc]
        await esme.answered(esme.submitted)
        if case.receipts:
            await acknowledged()
        yield esme


def events(esme: PlainEsme) -> list[list[tuple[Any, ...]]]:
    """What was seen of each submit_sm, in order: its answer, its receipts. Ids are only compared with each other."""
    known = {int(answer.message_id, 16): answer.number for answer in esme.answers if answer.message_id}
    found: dict[int, list[tuple[Any, ...]]] = {number: [] for number in range(esme.submitted + 1)}
    for one in esme.seen:
        match one:
            case Answer():
                found[one.number].append(("answered", one.status, bool(one.message_id)))
            case Message():
                receipt = read_receipt(one)
                assert receipt is not None
                id_ = receipt.message_id
                number = known.get(int(id_, 10 if id_.startswith("00") else 16), 0)
                addresses = (one.source.digits, one.destination.digits)
                words = one.short_message.split(b" ")[1:2], b"stat:" in one.short_message.lower()
                found[number].append(("receipt", str(receipt.state), one.esm_class, one.data_coding, addresses, words))
            case str():
                found[0].append((one,))
    return [found[number] for number in sorted(found)]


@pytest.mark.parametrize("name", CASES)
async def test_the_fake_and_node_smpp_look_the_same(node_smsc: NodeSmsc, name: str) -> None:
    case = CASES[name]
    await node_smsc.behave(**case.node)

    async def node_done() -> None:
        await node_smsc.event("answered", count=case.receipts, status=0)

    async with seen_by_esme(node_smsc.port, case, node_done) as esme:
        wanted = events(esme)
    behaviour = Behaviour(**case.fake)
    async with FakeSmsc(system_id=SYSTEM_ID, password=PASSWORD, behaviour=behaviour) as smsc:
        async with seen_by_esme(smsc.port, case, lambda: smsc.wait_receipts(case.receipts)) as esme:
            got = events(esme)
        assert got == wanted
        taken = [one.text for one in smsc.log]
        assert taken == [event["text"] for event in node_smsc.all("submitted")]
    assert sum(map(len, wanted)) >= esme.submitted + case.receipts


def told(esme: PlainEsme) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The texts that came, and of every deliver_sm how it marked its part."""
    joiner, texts, marks = Joiner(), [], []
    for message in esme.received:
        content = content_of(message)
        part = content.part
        marks.append((message.data_coding, message.esm_class, part and (part.width, part.total, part.number)))
        whole = joiner.add(message.source.digits, message.destination.digits, content, 0.0)
        if whole is not None:
            texts.append(text_of(whole))
    return texts, marks


@pytest.mark.parametrize("long_texts", LongTexts)
async def test_both_bring_texts_in_the_same_parts_and_again_when_they_are_refused(
    node_smsc: NodeSmsc, long_texts: LongTexts
) -> None:
    how: How = long_texts.value
    order = (1,) if long_texts is LongTexts.PAYLOAD else (3, 1, 2)

    async with plain_esme(node_smsc.port, SYSTEM_ID, PASSWORD) as esme:
        esme.respond_with = [Status.RX_T_APPN]
        await node_smsc.deliver(WANG, BANK, "BAL")
        await node_smsc.deliver(WANG, BANK, "余额😀", encoding="ucs2")
        await node_smsc.deliver(WANG, BANK, LONG, how=how, order=order)
        wanted = told(esme)
    async with (
        FakeSmsc(system_id=SYSTEM_ID, password=PASSWORD) as smsc,
        plain_esme(smsc.port, SYSTEM_ID, PASSWORD) as esme,
    ):
        esme.respond_with = [Status.RX_T_APPN]
        await smsc.deliver(WANG, BANK, "BAL")
        await smsc.deliver(WANG, BANK, "余额😀")
        await smsc.deliver(WANG, BANK, LONG, long_texts=long_texts, order=order)
        assert told(esme) == wanted
    assert wanted[0] == ["BAL", "BAL", "余额😀", LONG]


async def test_both_let_nobody_in_whom_they_do_not_know_and_break_when_they_are_told(node_smsc: NodeSmsc) -> None:
    async with FakeSmsc(system_id=SYSTEM_ID, password=PASSWORD) as smsc:
        for centre, drop in ((node_smsc.port, node_smsc.drop), (smsc.port, None)):
            async with plain_esme(centre, SYSTEM_ID, "wrong") as esme:
                assert esme.bind_status == Status.RINVPASWD
            async with plain_esme(centre, SYSTEM_ID, PASSWORD) as esme:
                if drop is not None:
                    await drop()
                else:
                    smsc.drop_links()
                await esme.until(lambda seen=esme.seen: seen == ["closed"])  # type: ignore[misc]
