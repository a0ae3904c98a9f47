"""Requests to be called back, on both databases: one that waits, whoever and however often they ask."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime

import pytest

from core_client.adapters.sql import schema
from core_client.adapters.sql.callbacks import SqlCallbacks, _waiting
from core_client.adapters.sql.statements import Statement, Tx
from core_client.domain.audit import AuditRecord
from core_client.domain.callbacks import MAX_NOTES, Callback, CallbackPolicy, CallbackState
from core_client.domain.profile import BankProfile
from core_client.domain.values import Value
from core_client.services.call import OperationResult
from core_client.services.callbacks import CallbackError
from core_client.testing.world import World
from tests.contract.conftest import OpenWorld

LINE = "+8613900000001"
STRANGER = "+8613912345678"


async def ask(bank: World, line: str | None = LINE, request: str | None = None, **given: Value) -> OperationResult:
    arrival = await bank.core.arrive("voice", line)
    return await bank.perform(arrival.auth_session_id, "service.request_callback", "voice", request, **given)


async def one(bank: World, reference: object) -> Callback:
    return await bank.bank.admin.callbacks.show(str(reference), "anna")


async def test_who_asks_is_called_on_the_line_that_they_call_from(bank: World) -> None:
    result = await ask(bank, queue="retail", about="a loan", recording="vm/1.wav", seconds=12)
    assert result.outcome == "ok"
    found = await one(bank, result.answer["reference"])
    assert (found.number, found.queue, found.customer_id, found.language) == (LINE, "retail", 1, "zh")
    note = found.notes[0]
    assert (note.about, note.recording, note.seconds) == ("a loan", "vm/1.wav", 12)
    assert found.due == result.answer["due"]
    assert str(result.answer["reference"]).isdigit()


async def test_another_number_may_be_named_and_a_stranger_is_no_customer(bank: World) -> None:
    result = await ask(bank, None, number=STRANGER)
    found = await one(bank, result.answer["reference"])
    assert (found.number, found.customer_id, found.asked_by) == (STRANGER, None, None)


async def test_the_same_request_again_is_the_same_callback_also_when_it_is_closed(bank: World) -> None:
    first = await ask(bank, request="r1")
    await bank.bank.admin.callbacks.close(str(first.answer["reference"]), "anna")
    again = await ask(bank, request="r1")
    assert again == first
    assert len(await bank.bank.admin.callbacks.waiting()) == 0


async def test_asking_again_while_one_waits_answers_its_reference_and_keeps_what_was_said(bank: World) -> None:
    first = await ask(bank, request="r1", queue="retail", recording="a.wav")
    again = await ask(bank, request="r2", queue="retail", recording="b.wav")
    third = await ask(bank, request="r2", queue="retail", recording="b.wav")
    assert first.answer == again.answer == third.answer
    notes = (await one(bank, first.answer["reference"])).notes
    assert [note.recording for note in notes] == ["a.wav", "b.wav"]


async def test_another_queue_another_number_and_a_closed_one_are_another_callback(bank: World) -> None:
    references = [
        (await ask(bank, queue="retail")).answer["reference"],
        (await ask(bank, queue="loans")).answer["reference"],
        (await ask(bank, "+8613900000002", queue="retail")).answer["reference"],
    ]
    await bank.bank.admin.callbacks.close(str(references[0]), "anna", "called, solved")
    references.append((await ask(bank, queue="retail")).answer["reference"])
    assert len(set(references)) == 4


async def test_of_many_who_ask_for_the_same_at_once_one_callback_comes(open_world: OpenWorld) -> None:
    async with open_world() as here, open_world() as there:
        askings = [ask((here, there)[n % 2], queue="retail", request=f"r{n}", about=str(n)) for n in range(12)]
        results = await asyncio.gather(*askings)
        assert [result.outcome for result in results] == ["ok"] * 12
        assert len({result.answer["reference"] for result in results}) == 1
        waiting = await here.bank.admin.callbacks.waiting()
        assert len(waiting) == 1
        assert sorted(int(note.about or "") for note in waiting[0].notes) == list(range(12))
        assert (await here.bank.admin.check_audit()).broken_at is None


async def test_the_same_request_from_many_at_once_leaves_one_note(open_world: OpenWorld) -> None:
    async with open_world() as here, open_world() as there:
        results = await asyncio.gather(*(ask((here, there)[n % 2], request="same") for n in range(8)))
        assert len({result.answer["reference"] for result in results}) == 1
        assert len((await here.bank.admin.callbacks.waiting())[0].notes) == 1


@pytest.mark.parametrize(
    "number",
    ["13900000001", "+86 139 0000 0001", "+8612", "+8600000000000", "+19005550123", "+447", "110", "+86139000000019"],
)
async def test_a_number_that_nobody_can_or_should_call_is_refused(bank: World, number: str) -> None:
    result = await ask(bank, number=number)
    assert (result.outcome, result.reason) == ("refused", "number_invalid")
    assert await bank.bank.admin.callbacks.waiting() == []


async def test_a_withheld_line_has_to_name_a_number(bank: World) -> None:
    result = await ask(bank, None)
    assert (result.outcome, result.reason) == ("refused", "number_invalid")


@pytest.mark.parametrize(
    "given", [{"queue": "a queue; drop"}, {"seconds": -1}, {"about": "x" * 129}, {"seconds": True}]
)
async def test_arguments_that_make_no_sense_are_refused(bank: World, given: dict[str, Value]) -> None:
    assert (await ask(bank, LINE, None, **given)).reason == "not_permitted"


async def test_one_line_has_three_open_and_the_fourth_is_refused_until_one_is_closed(bank: World) -> None:
    made = [await ask(bank, STRANGER, queue=f"q{n}") for n in range(3)]
    assert (await ask(bank, STRANGER, queue="q3")).reason == "not_permitted"
    assert (await ask(bank, STRANGER, queue="q0")).answer == made[0].answer
    await bank.bank.admin.callbacks.close(str(made[0].answer["reference"]), "anna")
    assert (await ask(bank, STRANGER, queue="q3")).outcome == "ok"


async def test_no_more_notes_are_kept_than_somebody_reads(bank: World) -> None:
    for n in range(MAX_NOTES + 5):
        assert (await ask(bank, request=f"n{n}")).outcome == "ok"
    assert len((await bank.bank.admin.callbacks.waiting())[0].notes) == MAX_NOTES


async def test_a_reference_that_another_has_is_drawn_again(bank: World, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["00000001", "00000001", "00000002"])
    monkeypatch.setattr(bank.bank.ports.randomness.__class__, "digits", lambda _self, _count: next(drawn))
    assert (await ask(bank, queue="a")).answer["reference"] == "00000001"
    assert (await ask(bank, queue="b")).answer["reference"] == "00000002"


async def test_the_staff_take_one_and_close_it_and_nobody_takes_it_twice(bank: World) -> None:
    desk = bank.bank.admin.callbacks
    reference = str((await ask(bank)).answer["reference"])
    takers = await asyncio.gather(*(desk.take(reference, name) for name in ("anna", "ben")), return_exceptions=True)
    lost = [one for one in takers if isinstance(one, CallbackError)]
    assert len(lost) == 1
    assert "has callback" in str(lost[0])
    taker = str((await one(bank, reference)).taken_by)
    assert (await desk.take(reference, taker)).state is CallbackState.TAKEN
    closed = await desk.close(reference, "ben", "solved")
    assert (closed.state, closed.closed_by, closed.outcome) == (CallbackState.CLOSED, "ben", "solved")
    with pytest.raises(CallbackError, match="was closed by ben"):
        await desk.close(reference, "anna")
    with pytest.raises(CallbackError, match="there is no callback '99'"):
        await desk.take("99", "anna")
    assert [each.reference for each in await desk.closed()] == [reference]


async def test_the_earliest_due_comes_first_and_a_queue_can_be_looked_at_alone(bank: World) -> None:
    late = await ask(bank, queue="a")
    bank.clock.advance(-86_400 * 7)
    early = await ask(bank, queue="b")
    desk = bank.bank.admin.callbacks
    assert [each.reference for each in await desk.waiting()] == [early.answer["reference"], late.answer["reference"]]
    assert [each.queue for each in await desk.waiting("a")] == ["a"]


async def test_every_act_is_in_the_chain_and_no_number_is(bank: World) -> None:
    reference = str((await ask(bank, STRANGER)).answer["reference"])
    await ask(bank, STRANGER)
    desk = bank.bank.admin.callbacks
    await desk.show(reference, "anna")
    await desk.take(reference, "anna")
    await desk.close(reference, "anna", "called on +8613912345678")
    rows = await bank.bank.database.read(lambda tx: tx.all(Statement(schema.audit.select())))
    bodies = "\n".join(row[1] for row in rows)
    for action in ("asked", "asked_again", "shown", "taken", "closed"):
        assert f'"callback.{action}","callback:{reference}"' in bodies
    assert "13912345678" not in bodies
    assert STRANGER not in repr(await one(bank, reference))


async def test_the_due_day_is_the_next_working_day_after_the_hour_and_over_holidays(open_world: OpenWorld) -> None:
    holiday = datetime.date(2026, 3, 3)
    policy = CallbackPolicy(holidays=frozenset({holiday}))
    async with open_world(profile=BankProfile(callbacks=policy)) as bank:
        dues: list[str] = []
        # Monday 14:59 and 15:01 (the 3rd is a holiday), Saturday; China has +08:00
        for moment in ("2026-03-02T06:59", "2026-03-02T07:01", "2026-03-07T02:00"):
            at = datetime.datetime.fromisoformat(moment + "+00:00")
            bank.clock.advance((at - bank.clock.now()).total_seconds())
            dues.append(str((await ask(bank, queue=f"q{len(dues)}")).answer["due"]))
        assert dues == ["2026-03-02", "2026-03-04", "2026-03-09"]


def test_a_request_whose_day_is_over_is_overdue_until_it_is_closed() -> None:
    day = datetime.date(2026, 3, 2)
    at = datetime.datetime(2026, 3, 2, tzinfo=datetime.UTC)
    callback = Callback("1", LINE, "q", "voice", None, None, None, at, day, ())
    assert not callback.is_overdue(day)
    assert callback.is_overdue(day + datetime.timedelta(days=1))
    assert not dataclasses.replace(callback, state=CallbackState.CLOSED).is_overdue(day + datetime.timedelta(days=1))


def test_a_policy_without_a_working_day_still_answers() -> None:
    policy = CallbackPolicy(workdays=frozenset())
    assert policy.due(datetime.datetime(2026, 3, 2, tzinfo=datetime.UTC)) > datetime.date(2026, 3, 2)


async def test_a_request_that_lost_the_race_against_itself_adds_no_second_note(bank: World) -> None:
    """Two nodes carry the same request out; the second finds the first one's callback only when it stores its own."""
    reference = str((await ask(bank, request="same", about="once")).answer["reference"])
    stands = await one(bank, reference)
    audit = AuditRecord(bank.clock.now(), "test", "callback.asked", "callback:new")
    store = SqlCallbacks(bank.bank.database, bank.bank.personal)

    def second(tx: Tx) -> Callback:
        row = tx.one(_waiting, index=bank.bank.personal.index("line", stands.number), queue_=stands.queue)
        assert row is not None
        return store._joined(tx, row, dataclasses.replace(stands, reference="00000000"), audit)

    assert await bank.bank.database.write(second) == stands
    assert len((await one(bank, reference)).notes) == 1
