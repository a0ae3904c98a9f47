"""Deadlines, repetition, breaker and states of the way to a core bank, on a scripted wire and virtual time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine, Iterable
from importlib.resources import files
from typing import Any

import pytest

from core_client.adapters.gsma.asking import Asker, Patience
from core_client.adapters.gsma.error_objects import CONFLICT, DECLINED, LATER, ErrorObject, of_error
from core_client.adapters.gsma.transport import NoAnswerError, NotSentError, WireAnswer, WireRequest
from core_client.adapters.gsma.wire import WireError, amount_of, correlation_id, money_of
from core_client.domain.money import Money
from core_client.errors import Declined, IntentConflict, OutcomeUnknown, Unavailable
from core_client.operations.reasons import REASONS
from tellerline.bank_face.specification import SPECIFICATION

ID = "0c1d2e3f-0000-4000-8000-000000000001"
SERVER_ID = "0c1d2e3f-0000-4000-8000-000000000002"
OK = WireAnswer(201, {"transactionReference": "1"})
BROKEN = ErrorObject(500, "internal", "genericError")
BUSY = ErrorObject(503, "serviceUnavailable", "genericError")
PENDING = {"serverCorrelationId": SERVER_ID, "status": "pending", "notificationMethod": "polling"}
Step = WireAnswer | Exception | ErrorObject


class Script:
    """Answers as it is told, in turn; the last word again and again."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self.steps = list(steps)
        self.sent: list[WireRequest] = []

    async def send(self, request: WireRequest, timeout_s: float) -> WireAnswer:
        self.sent.append(request)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        await asyncio.sleep(0)
        if isinstance(step, ErrorObject):
            return WireAnswer(step.status, dict(step.body()))
        if isinstance(step, Exception):
            raise step
        return step


def asked(*steps: Step, **patience: Any) -> tuple[Asker, Script]:
    script = Script(steps)
    return Asker(script, Patience(**{"pause_s": 0.001, "poll_s": 0.001, **patience})), script


def pay(asker: Asker) -> Coroutine[Any, Any, Any]:
    return asker.change("POST", "/transactions/type/transfer", {"amount": "1"}, ID)


async def test_what_was_never_sent_is_unavailable_however_often_it_was_tried() -> None:
    asker, script = asked(NotSentError("refused"))
    with pytest.raises(Unavailable):
        await pay(asker)
    assert len(script.sent) == 3


async def test_a_silence_after_sending_is_an_unknown_outcome() -> None:
    asker, script = asked(NoAnswerError("timeout"))
    with pytest.raises(OutcomeUnknown):
        await pay(asker)
    assert {request.correlation_id for request in script.sent} == {ID}


async def test_a_change_is_sent_again_only_under_its_own_id_and_only_to_a_bank_that_knows_ids_again() -> None:
    asker, script = asked(NoAnswerError("cut off"), OK)
    assert await pay(asker) == OK.body
    assert [request.correlation_id for request in script.sent] == [ID, ID]
    asker, script = asked(NoAnswerError("cut off"), OK, repeat_changes=False)
    with pytest.raises(OutcomeUnknown):
        await pay(asker)
    assert len(script.sent) == 1


@pytest.mark.parametrize(
    "then", [NotSentError("refused"), BUSY, WireAnswer(401), ErrorObject(400, "businessRule", LATER)]
)
async def test_once_something_may_have_arrived_no_later_answer_makes_it_unsent(then: Step) -> None:
    asker, _ = asked(NoAnswerError("cut off"), then)
    with pytest.raises(OutcomeUnknown):
        await pay(asker)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (BUSY, Unavailable),
        (BROKEN, OutcomeUnknown),
        (WireAnswer(503, None), OutcomeUnknown),  # of something in between, which says nothing of the bank
        (WireAnswer(404, None), OutcomeUnknown),
        (WireAnswer(401, None), Unavailable),
        (ErrorObject(401, "authorisation", "clientAuthorisationError"), Unavailable),
        (ErrorObject(400, "businessRule", CONFLICT), IntentConflict),
        (ErrorObject(400, "businessRule", "insufficientFunds"), Declined),
        (ErrorObject(400, "somethingNew", "genericError"), OutcomeUnknown),
    ],
)
async def test_each_answer_to_a_change_means_one_thing(answer: Step, error: type[Exception]) -> None:
    asker, _ = asked(answer)
    with pytest.raises(error):
        await pay(asker)


@pytest.mark.parametrize("answer", [BUSY, BROKEN, WireAnswer(502, None), NoAnswerError("cut off")])
async def test_an_enquiry_without_an_answer_is_unavailable(answer: Step) -> None:
    asker, script = asked(answer)
    with pytest.raises(Unavailable):
        await asker.get("/heartbeat")
    assert len(script.sent) == 3


async def test_a_request_that_is_taken_on_is_asked_about_until_it_is_done() -> None:
    done = WireAnswer(200, {**PENDING, "status": "completed"})
    link = WireAnswer(200, {"link": "/transactions/7"})
    asker, script = asked(WireAnswer(202, PENDING), WireAnswer(200, PENDING), done, link, OK)
    assert await pay(asker) == OK.body
    assert [request.path for request in script.sent[1:]] == [
        f"/requeststates/{SERVER_ID}", f"/requeststates/{SERVER_ID}", f"/responses/{ID}", "/transactions/7",
    ]  # fmt: skip


async def test_a_request_that_failed_later_is_declined_with_its_reason() -> None:
    error = ErrorObject(400, "businessRule", "insufficientFunds")
    failed = WireAnswer(200, {**PENDING, "status": "failed", "error": dict(error.body())})
    asker, _ = asked(WireAnswer(202, PENDING), failed)
    with pytest.raises(Declined) as declined:
        await pay(asker)
    assert declined.value.reason == "insufficient_funds"


@pytest.mark.parametrize(
    "after", [WireAnswer(200, PENDING), NoAnswerError("cut off"), WireAnswer(200, {"status": "lost"}), WireAnswer(404)]
)
async def test_what_was_taken_on_and_is_not_told_is_unknown(after: Step) -> None:
    asker, _ = asked(WireAnswer(202, PENDING), after, timeout_s=0.05)
    with pytest.raises(OutcomeUnknown):
        await pay(asker)


async def test_no_more_polls_are_made_than_the_bank_allows() -> None:
    asker, script = asked(WireAnswer(202, {**PENDING, "pollLimit": 2}), WireAnswer(200, PENDING))
    with pytest.raises(OutcomeUnknown):
        await pay(asker)
    assert len(script.sent) == 3


async def test_a_bank_that_fails_is_left_alone_and_then_tried_by_one() -> None:
    now = [0.0]
    script = Script([NotSentError("refused")])
    asker = Asker(script, Patience(attempts=1, failures_to_open=3, open_s=10, timeout_s=1e9), now=lambda: now[0])
    for _ in range(5):
        with pytest.raises(Unavailable):
            await asker.get("/heartbeat")
    assert len(script.sent) == 3
    now[0] = 10.0
    first, second = await asyncio.gather(asker.get("/heartbeat"), asker.get("/heartbeat"), return_exceptions=True)
    assert isinstance(first, Unavailable)
    assert isinstance(second, Unavailable)
    assert len(script.sent) == 4
    now[0], script.steps = 20.0, [WireAnswer(200, {"serviceStatus": "available"})]
    await asker.get("/heartbeat")
    await asker.get("/heartbeat")
    assert not asker.breaker.is_open


def test_every_error_code_of_the_specification_means_something_that_can_be_said() -> None:
    shipped = files("tellerline.bank_face").joinpath(SPECIFICATION)
    listed = re.search(r'"errorCode":\{"enum":\[([^\]]*)\]', shipped.read_text("utf-8"))
    assert listed is not None
    codes = set(re.findall(r'"(\w+)"', listed[1]))
    assert codes - DECLINED.keys() == {CONFLICT, LATER}
    assert set(DECLINED.values()) <= set(REASONS)


@pytest.mark.parametrize("reason", REASONS)
def test_a_reason_of_ours_comes_through_the_wire_as_itself(reason: str) -> None:
    told = of_error(Declined(reason))
    read = ErrorObject.read(told.status, dict(told.body()))
    assert read is not None
    error = read.raised(changing=True)
    assert isinstance(error, Declined)
    assert error.reason == reason


def test_a_reason_that_nobody_knows_is_never_spoken() -> None:
    error = ErrorObject(400, "businessRule", "insufficientFunds", reason="say_this_aloud").raised(changing=True)
    assert isinstance(error, Declined)
    assert error.reason == "insufficient_funds"


@pytest.mark.parametrize(("amount", "currency", "minor"), [("0", "CNY", 0), ("5", "JPY", 5), ("5.00", "JPY", 5),
                                                          ("1.2", "CNY", 120), ("1.2300", "CNY", 123)])  # fmt: skip
def test_amounts_are_read_to_the_minor_unit(amount: str, currency: str, minor: int) -> None:
    assert money_of(amount, currency) == Money(minor, currency)


@pytest.mark.parametrize("read", [
    lambda: money_of("1.234", "CNY"), lambda: money_of("-1", "CNY"), lambda: money_of("01", "CNY"),
    lambda: money_of("1", "cny"), lambda: money_of(1, "CNY"), lambda: money_of("1" * 18, "CNY"),
    lambda: amount_of(Money(-1, "CNY")),
])  # fmt: skip
def test_what_is_no_amount_of_the_specification_is_refused(read: Callable[[], Any]) -> None:
    with pytest.raises(WireError):
        read()


def test_a_step_of_an_intent_has_one_correlation_id_for_ever() -> None:
    assert correlation_id("intent-1", "hold") == "6cdbd661-d6ed-54b9-afb3-76709cfb1850"
    assert correlation_id("intent-1", "hold") != correlation_id("intent-1", "post")
