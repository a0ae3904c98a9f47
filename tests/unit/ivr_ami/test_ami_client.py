"""Each guard around panoramisk, against an exchange that does what went wrong."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import panoramisk
import pytest
import structlog
from structlog.testing import capture_logs

import ivr.ami
from core_client.domain.secret import Secret
from ivr.ami import (
    AmiClient,
    AmiLoginRefused,
    AmiMessage,
    AmiOutcomeUnknown,
    AmiRefused,
    AmiSettings,
    AmiState,
    AmiUnavailable,
)
from ivr.ami.connection import Connection, GuardedProtocol
from ivr.ami.errors import AmiError
from ivr.ami.handlers import Handlers
from ivr.ami.pacing import Backoff
from ivr.errors import LocalProtocolError
from tests.unit.ivr_ami.fake_manager import SECRET, Conversation, FakeManager, Fields, fake_manager


class Pauses:
    """Stands for the waits between attempts: notes how long they would be, and makes none of them long."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.twice = asyncio.Event()

    def __call__(self, delay_s: float) -> asyncio.Future[None]:
        self.asked.append(delay_s)
        if len(self.asked) == 2:
            self.twice.set()
        return asyncio.ensure_future(asyncio.sleep(0))


def settings(fake: FakeManager, **changed: float) -> AmiSettings:
    calm = AmiSettings(username="tellerline", secret=Secret(SECRET), port=fake.port, ping_interval_s=60.0)
    return replace(calm, **changed)  # type: ignore[arg-type] # all that tests change are floats


@asynccontextmanager
async def client_of(fake: FakeManager, pauses: Pauses | None = None, **changed: float) -> AsyncIterator[AmiClient]:
    async with AmiClient(settings(fake, **changed), pause=pauses or Pauses()) as ami:
        await ami.ready(timeout_s=5)
        yield ami


async def until(ami: AmiClient, state: AmiState) -> None:
    async with asyncio.timeout(5), ami._changed:
        await ami._changed.wait_for(lambda: ami.state is state)


# --- login ---


async def test_a_refused_login_is_a_typed_error_and_says_what_to_mend() -> None:
    async with fake_manager() as fake:
        fake.lets_in = False
        async with AmiClient(settings(fake)) as ami:
            with pytest.raises(AmiLoginRefused, match=r"user 'tellerline'.*manager\.conf"):
                await ami.ready(timeout_s=5)
            assert ami.state is AmiState.REFUSED
            with pytest.raises(AmiLoginRefused):
                await ami.perform("CoreStatus")
        assert not fake.of("CoreStatus")


async def test_a_refused_login_is_tried_again_at_the_slowest_pace_and_recovers() -> None:
    pauses = Pauses()
    async with fake_manager() as fake:
        fake.lets_in = False
        async with AmiClient(settings(fake), pause=pauses) as ami:
            await fake.saw("Login", times=3)
            fake.lets_in = True
            await until(ami, AmiState.READY)
        assert all(15 <= pause_s <= 30 for pause_s in pauses.asked)


async def test_the_secret_never_crosses_the_wire_nor_stands_in_a_repr() -> None:
    async with fake_manager() as fake:
        async with client_of(fake):
            pass
        assert SECRET.encode() not in b"".join(conversation.raw for conversation in fake.conversations)
        assert SECRET not in repr(settings(fake))


async def test_whoever_does_not_greet_as_asterisk_gets_no_login() -> None:
    async with fake_manager() as fake:
        fake.banner = b"220 mail.example ESMTP\r\n"
        pauses = Pauses()
        async with AmiClient(settings(fake), pause=pauses) as ami:
            async with asyncio.timeout(5):
                await pauses.twice.wait()
            assert ami.state is AmiState.CONNECTING
        assert fake.actions == []


# --- Originate ---


async def _queue_originate(conversation: Conversation, action: Fields) -> None:
    conversation.answer(action, Message="Originate successfully queued")
    conversation.say(
        {
            "Event": "OriginateResponse",
            "ActionID": action["ActionID"],
            "Response": "Success",
            "Channel": "PJSIP/carrier-00000001",
            "Reason": "4",
            "Uniqueid": action["ChannelId"],
        }
    )


async def test_originate_without_async_keeps_the_connection_and_answers() -> None:
    async with fake_manager() as fake:
        fake.script = _queue_originate
        async with client_of(fake) as ami:
            placed = await ami.originate("PJSIP/1@carrier", {"Application": "Wait", "Data": "1"})
            answer = await ami.perform("Originate", {"Channel": "PJSIP/1@carrier", "ChannelId": "x", "async": "false"})
            assert (placed.answered, placed.reason) == (True, 4)
            assert answer.succeeded
            assert [action["Async"] for action in fake.of("Originate")] == ["true", "true"]
            assert ami.state is AmiState.READY
            assert len(fake.conversations) == 1


async def test_an_originate_whose_answer_was_lost_is_unknown_and_never_sent_again() -> None:
    async def lose(conversation: Conversation, action: Fields) -> None:
        if action["Action"] == "Originate":
            conversation.drop()
        else:
            conversation.answer(action)

    async with fake_manager() as fake:
        fake.script = lose
        async with asyncio.timeout(5), client_of(fake, action_timeout_s=1000) as ami:
            with pytest.raises(AmiOutcomeUnknown):
                await ami.originate("PJSIP/1@carrier", {"Application": "Wait"})
            await ami.ready(timeout_s=5)
            assert (await ami.perform("CoreStatus")).succeeded  # the new connection is past where a replay would be
        assert len(fake.of("Login")) == 2
        assert len(fake.of("Originate")) == 1


async def test_a_call_whose_end_is_never_told_is_unknown() -> None:
    async def queue_and_drop(conversation: Conversation, action: Fields) -> None:
        conversation.answer(action, Message="Originate successfully queued")
        await conversation.writer.drain()
        conversation.writer.close()

    async with fake_manager() as fake:
        fake.script = queue_and_drop
        async with client_of(fake) as ami:
            with pytest.raises(AmiOutcomeUnknown):
                await ami.originate("PJSIP/1@carrier", {"Application": "Wait"})


async def test_an_unanswered_action_is_unknown_an_unanswered_enquiry_is_safe_to_ask_again() -> None:
    async def ignore(conversation: Conversation, action: Fields) -> None:
        del conversation, action

    async with fake_manager() as fake:
        fake.script = ignore
        async with client_of(fake) as ami:
            with pytest.raises(AmiOutcomeUnknown):
                await ami.perform("Hangup", {"Channel": "x"}, timeout_s=0.02)
            with pytest.raises(AmiUnavailable):
                await ami.perform("CoreStatus", idempotent=True, timeout_s=0.02)
            assert ami.state is AmiState.READY


async def test_nothing_is_sent_or_kept_for_later_while_there_is_no_connection() -> None:
    held: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    async with fake_manager() as fake:
        async with AmiClient(settings(fake), pause=lambda _: held) as ami:
            await ami.ready(timeout_s=5)
            fake.conversations[0].drop()
            await until(ami, AmiState.CONNECTING)
            with pytest.raises(AmiUnavailable):
                await ami.perform("Hangup", {"Channel": "x"})
            held.set_result(None)
            await until(ami, AmiState.READY)
        assert not fake.of("Hangup")


async def test_a_refusal_carries_the_exchanges_reason() -> None:
    async def refuse(conversation: Conversation, action: Fields) -> None:
        conversation.answer(action, "Error", Message="Permission denied")

    async with fake_manager() as fake:
        fake.script = refuse
        async with client_of(fake) as ami:
            with pytest.raises(AmiRefused, match="Permission denied"):
                await ami.perform("Originate", {"Channel": "x"})
            with pytest.raises(AmiRefused):
                await ami.listing("CoreShowChannels")


async def test_panoramisk_alone_sends_a_lost_originate_again_which_is_why_it_is_guarded() -> None:
    async def lose(conversation: Conversation, action: Fields) -> None:
        del action
        conversation.drop()

    async with fake_manager() as fake:
        fake.script = lose
        fake.lets_in_anybody = True
        manager = panoramisk.Manager(port=fake.port, username="x", secret="y", reconnect_timeout=0)
        manager.log.disabled = True
        try:
            await manager.connect()
            await fake.saw("Login")
            lost = manager.send_action({"Action": "Originate", "Channel": "PJSIP/1@carrier", "Async": "true"})
            await fake.saw("Originate", times=2)
            lost.cancel()
        finally:
            manager.reconnect_timeout = 3600
            manager.close()
            manager.log.disabled = False


# --- the watchdog ---


async def test_an_exchange_that_stops_answering_pings_is_left_and_connected_anew() -> None:
    async with fake_manager() as fake:
        async with client_of(fake, ping_interval_s=0.01, pong_timeout_s=0.05) as ami:
            await fake.saw("Ping", times=2)
            assert len(fake.conversations) == 1
            fake.answers_pings = False
            with capture_logs() as logs:
                await until(ami, AmiState.CONNECTING)
            fake.answers_pings = True
            await until(ami, AmiState.READY)
        assert "ami.not_answering" in [entry["event"] for entry in logs]


async def test_an_exchange_that_lets_in_and_drops_is_met_with_growing_pauses() -> None:
    pauses = Pauses()
    async with fake_manager() as fake:
        fake.drops_after_login = True
        async with AmiClient(settings(fake), pause=pauses, rng=random.Random(7)):
            await fake.saw("Login", times=9)
    steps = [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert all(step / 2 <= pause_s <= step for step, pause_s in zip(steps, pauses.asked, strict=False))
    assert len({round(pause_s / step, 6) for step, pause_s in zip(steps, pauses.asked, strict=False)}) > 4


async def test_a_connection_that_answered_a_ping_makes_the_next_pause_short_again() -> None:
    pauses = Pauses()
    async with fake_manager() as fake:
        fake.drops_after_login = True
        async with AmiClient(settings(fake, ping_interval_s=0.01), pause=pauses) as ami:
            await fake.saw("Login", times=6)
            fake.drops_after_login = False
            await fake.saw("Ping", times=2)
            made = len(pauses.asked)
            assert pauses.asked[-1] > 1
            fake.conversations[-1].drop()
            await until(ami, AmiState.CONNECTING)
            await ami.ready(timeout_s=5)
            assert pauses.asked[made] <= 0.5


async def test_the_pace_begins_anew_after_a_reset() -> None:
    backoff = Backoff(0.5, 30, random.Random(1))
    for _ in range(8):
        backoff.next_s()
    assert backoff.next_s() >= 15
    backoff.reset()
    assert backoff.next_s() <= 0.5


async def test_nobody_there_is_unavailable_within_the_time_asked() -> None:
    async with fake_manager() as fake:
        pass
    async with AmiClient(settings(fake), pause=lambda _: asyncio.get_running_loop().create_future()) as ami:
        with pytest.raises(AmiUnavailable):
            await ami.ready(timeout_s=0.02)


# --- injection ---


@pytest.mark.parametrize(
    "fields",
    [
        {"Channel": "x\r\n\r\nAction: Originate\r\nChannel: PJSIP/victim"},
        {"Channel": "x\ny"},
        {"Channel": "x\0"},
        {"Variable": ["a=1", "b=2\r\nAction: Command"]},
        {"Channel\r\nAction": "x"},
        {"Chan nel": "x"},
        {"": "x"},
        {"ActionID": "mine"},
        {"Channel": "x" * 1001},
        {"Channel": "\ud800"},
    ],
)
async def test_what_would_break_out_of_its_line_is_refused_and_nothing_is_sent(fields: dict[str, str]) -> None:
    async with fake_manager() as fake, client_of(fake) as ami:
        before = len(fake.actions)
        with pytest.raises(LocalProtocolError) as refused:
            await ami.perform("Hangup", fields)
        assert (await ami._connection.order("Ping", {}))[0].succeeded  # type: ignore[union-attr] # connected
        assert [action["Action"] for action in fake.actions[before:]] == ["Ping"]
        assert "victim" not in str(refused.value)


async def test_an_action_name_cannot_carry_a_second_action() -> None:
    async with fake_manager() as fake, client_of(fake) as ami:
        with pytest.raises(LocalProtocolError):
            await ami.perform("Ping\r\nAction: Originate")


# --- events ---


def event(name: str, **fields: str) -> Fields:
    return {"Event": name, **fields}


async def test_a_handler_that_raises_is_contained_and_logged_without_values() -> None:
    got: list[str] = []
    done = asyncio.Event()

    def broken(message: AmiMessage) -> None:
        raise ValueError(message["CallerIDNum"])

    async def broken_later(message: AmiMessage) -> None:
        raise ValueError(message["CallerIDNum"])

    def sound(message: AmiMessage) -> None:
        got.append(message["Uniqueid"])
        if message["Uniqueid"] == "2":
            done.set()

    async with fake_manager() as fake, client_of(fake) as ami:
        for handler in (broken, broken_later, sound):
            ami.on("New*", handler)
        with capture_logs() as logs:
            for number in "12":
                fake.conversations[0].say(event("Newchannel", Uniqueid=number, CallerIDNum="+8613900000001"))
            async with asyncio.timeout(5):
                await done.wait()
        assert got == ["1", "2"]
        assert ami.state is AmiState.READY
        assert len(fake.conversations) == 1
    failures = [entry for entry in logs if entry["event"] == "ami.handler_failed"]
    assert len(failures) == 4
    assert {entry["error"] for entry in failures} == {"ValueError"}
    assert "8613900000001" not in repr(logs)


async def test_a_slow_handler_is_cut_off_and_holds_up_no_answer() -> None:
    stuck, after = asyncio.Event(), asyncio.Event()

    async def slow(message: AmiMessage) -> None:
        del message
        await stuck.wait()

    def quick(message: AmiMessage) -> None:
        del message
        after.set()

    async with fake_manager() as fake, client_of(fake, handler_timeout_s=0.05) as ami:
        ami.on("Newchannel", slow)
        ami.on("Newchannel", quick)
        fake.conversations[0].say(event("Newchannel"))
        assert (await ami._connection.order("Ping", {}))[0].succeeded  # type: ignore[union-attr] # connected
        async with asyncio.timeout(5):
            await after.wait()


async def test_handlers_too_slow_for_the_exchange_lose_events_and_no_memory() -> None:
    handlers = Handlers(handler_timeout_s=1, max_waiting=3)
    handlers.add("*", lambda message: None)
    with capture_logs() as logs:
        for _ in range(10):
            handlers.offer(AmiMessage((("Event", "Newchannel"),)))
    assert handlers.events_dropped == 7
    assert len([entry for entry in logs if entry["event"] == "ami.events_dropped"]) == 1


async def test_an_event_that_panoramisk_cannot_interpret_costs_nothing_else() -> None:
    got: list[AmiMessage] = []
    done = asyncio.Event()

    def note(message: AmiMessage) -> None:
        got.append(message)
        done.set()

    async with fake_manager() as fake, client_of(fake) as ami:
        ami.on("Newchannel", note)
        wire = fake.conversations[0].writer
        wire.write(b"Event: Shut\r\nEvent: up\r\nActionID: a\r\nActionID: b\r\n\r\n")  # each header twice
        wire.write(b"\xff\xfe nonsense\r\n\r\n")
        name = "Event: Newchannel\r\nCallerIDName: 王小明\r\nVariable: a=1\r\nVariable: b=2\r\n\r\n".encode()
        for index in range(len(name)):  # a letter of three bytes arrives in three pieces
            wire.write(name[index : index + 1])
            await wire.drain()
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await done.wait()
        assert got[0]["CallerIDName"] == "王小明"
        assert got[0].all("variable") == ("a=1", "b=2")
        assert "王小明" not in repr(got[0])
        assert len(fake.conversations) == 1


async def test_what_arrives_before_the_manager_is_set_up_is_read_afterwards() -> None:
    protocol = GuardedProtocol()
    protocol.connection_made(asyncio.Transport())
    protocol.data_received(b"Asterisk Call Manager/11.0.0\r\nEvent: FullyBooted\r\n\r\n")

    seen: list[AmiMessage] = []
    connection = Connection("127.0.0.1", 0, None, seen.append)
    made: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    made.set_result((None, protocol))
    connection.connection_made(made)
    connection.connection_lost(None)
    assert [message.name for message in seen] == ["FullyBooted"]


async def test_a_message_without_end_ends_the_connection_not_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ivr.ami.connection.MAX_MESSAGE_BYTES", 4096)
    async with fake_manager() as fake, client_of(fake) as ami:
        fake.conversations[0].writer.write(b"x" * 8192)
        await until(ami, AmiState.CONNECTING)


async def test_a_list_is_answered_whole_and_its_items_are_no_events() -> None:
    async def show(conversation: Conversation, action: Fields) -> None:
        conversation.answer(action, EventList="start", Message="Channels will follow")
        for number in "12":
            conversation.say(event("CoreShowChannel", ActionID=action["ActionID"], Uniqueid=number))
        conversation.say(event("CoreShowChannelsComplete", ActionID=action["ActionID"], EventList="Complete"))

    seen: list[AmiMessage] = []
    async with fake_manager() as fake, client_of(fake) as ami:
        fake.script = show
        ami.on("*", seen.append)
        assert [item["uniqueid"] for item in await ami.listing("CoreShowChannels")] == ["1", "2"]
    assert [message.name for message in seen] in ([], ["FullyBooted"])


async def test_an_answer_that_comes_too_late_is_nobodys_and_is_not_kept() -> None:
    first: list[Fields] = []

    async def late(conversation: Conversation, action: Fields) -> None:
        if not first:
            first.append(action)
            return
        conversation.answer(first[0], Message="late")
        conversation.answer(action, Message="in time")

    async with fake_manager() as fake, client_of(fake) as ami:
        fake.script = late
        with pytest.raises(AmiOutcomeUnknown):
            await ami.perform("Hangup", {"Channel": "1"}, timeout_s=0.02)
        assert (await ami.perform("Hangup", {"Channel": "2"}))["Message"] == "in time"
        assert ami._connection is not None
        assert ami._connection.protocol.responses == {}
        assert ami._connection._pending == {}


async def test_closing_logs_off_and_leaves_no_task() -> None:
    before = asyncio.all_tasks()
    async with fake_manager() as fake:
        async with client_of(fake) as ami:
            pass
        assert fake.of("Logoff")
        assert ami.state is AmiState.CLOSED
    assert not [task for task in asyncio.all_tasks() - before if task.get_name().startswith("ami.")]


async def test_panoramisk_itself_writes_nothing_down(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    structlog.reset_defaults()
    async with fake_manager() as fake, client_of(fake) as ami:
        fake.conversations[0].say(event("Newchannel", CallerIDNum="+8613900000001"))
        await ami._connection.order("Ping", {})  # type: ignore[union-attr] # connected
    assert "8613900000001" not in caplog.text
    assert "panoramisk" not in caplog.text


def test_all_that_is_named_public_is_there_sorted() -> None:
    assert sorted(ivr.ami.__all__) == ivr.ami.__all__
    assert all(hasattr(ivr.ami, name) for name in ivr.ami.__all__)
    assert issubclass(AmiLoginRefused, AmiError)
