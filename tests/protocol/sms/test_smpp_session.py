from __future__ import annotations

import struct

import pytest

from core_client.domain.secret import Secret
from sms.smpp import (
    Address,
    Bind,
    BindRefused,
    BindRequested,
    Bound,
    CommandId,
    Event,
    Limits,
    LocalProtocolError,
    Message,
    MessageAnswered,
    MessageReceived,
    PduRejected,
    PeerSilent,
    RemoteProtocolError,
    RequestTimedOut,
    Role,
    Session,
    State,
    Status,
    UnbindRequested,
    Unbound,
    WindowFull,
    pdu,
)

BIND = Bind("tellerline", Secret("demo"))
TEXT = Message(Address("8613900000001", 1, 1), Address("95500"), b"BAL")


def events_of(session: Session, now: float = 0.0) -> list[Event]:
    found = []
    while (event := session.next_event(now)) is not None:
        found.append(event)
    return found


def carry(source: Session, destination: Session, now: float = 0.0) -> list[Event]:
    """Bring everything that one side wants to send to the other, and answer what that makes of it."""
    destination.receive_data(source.data_to_send(), now)
    return events_of(destination, now)


def bound_pair(
    command: CommandId = CommandId.BIND_TRANSCEIVER, limits: Limits | None = None
) -> tuple[Session, Session]:
    esme, smsc = Session(Role.ESME, 0.0, limits), Session(Role.SMSC, 0.0, limits)
    esme.bind(BIND, 0.0, command)
    (request,) = carry(esme, smsc)
    assert isinstance(request, BindRequested)
    smsc.accept_bind(request, "centre")
    assert carry(smsc, esme) == [Bound("centre")]
    return esme, smsc


@pytest.mark.parametrize(
    ("command", "state"),
    [
        (CommandId.BIND_TRANSCEIVER, State.BOUND_TRX),
        (CommandId.BIND_RECEIVER, State.BOUND_RX),
        (CommandId.BIND_TRANSMITTER, State.BOUND_TX),
    ],
)
def test_both_sides_agree_on_how_they_are_bound(command: CommandId, state: State) -> None:
    esme, smsc = bound_pair(command)
    assert esme.state is state
    assert smsc.state is state


def test_a_refused_bind_may_be_tried_again_on_the_same_connection() -> None:
    esme, smsc = Session(Role.ESME, 0.0), Session(Role.SMSC, 0.0)
    for status in (Status.RINVPASWD, Status.RINVSYSID):
        esme.bind(BIND, 0.0)
        (request,) = carry(esme, smsc)
        assert isinstance(request, BindRequested)
        smsc.refuse_bind(request, status)
        assert carry(smsc, esme) == [BindRefused(status)]
    assert not esme.bound


def test_a_second_bind_is_answered_already_bound() -> None:
    _, smsc = bound_pair()
    smsc.receive_data(pdu.write(CommandId.BIND_TRANSCEIVER, 0, 77, BIND), 0.0)
    (event,) = events_of(smsc)
    assert isinstance(event, PduRejected)
    header = pdu.read_header(smsc.data_to_send())
    assert header == pdu.Header(CommandId.BIND_TRANSCEIVER_RESP, Status.RALYBND, 77)


def test_texts_travel_both_ways_and_are_answered() -> None:
    esme, smsc = bound_pair()
    up = esme.send(TEXT, 0.0)
    assert carry(esme, smsc) == [MessageReceived(up, TEXT)]
    smsc.respond(up, message_id="17AB")
    assert carry(smsc, esme) == [MessageAnswered(up, Status.ROK, "17AB")]
    down = smsc.send(TEXT, 0.0)
    assert carry(smsc, esme) == [MessageReceived(down, TEXT)]
    esme.respond(down)
    assert carry(esme, smsc) == [MessageAnswered(down, Status.ROK, "")]


def test_answers_may_come_in_any_order_and_much_later() -> None:
    esme, smsc = bound_pair()
    numbers = [smsc.send(TEXT, 0.0) for _ in range(5)]
    assert len(carry(smsc, esme)) == 5
    assert esme.unanswered == 5
    for number in (numbers[3], numbers[0], numbers[4], numbers[1], numbers[2]):
        esme.respond(number, Status.RX_T_APPN if number == numbers[0] else Status.ROK)
    answered = [event for event in carry(esme, smsc) if isinstance(event, MessageAnswered)]
    assert [event.sequence_number for event in answered] == [numbers[i] for i in (3, 0, 4, 1, 2)]
    assert [event.command_status for event in answered] == [0, Status.RX_T_APPN, 0, 0, 0]


def test_a_whole_stream_gives_the_same_events_byte_by_byte() -> None:
    def stream(step: int) -> tuple[list[Event], bytes]:
        esme, smsc = bound_pair()
        for _ in range(3):
            smsc.send(TEXT, 0.0)
        smsc.enquire(0.0)
        smsc.unbind(0.0)
        octets = smsc.data_to_send()
        found = []
        for start in range(0, len(octets), step):
            esme.receive_data(octets[start : start + step], 0.0)
            found += events_of(esme)
        return found, esme.data_to_send()

    whole = stream(100_000)
    assert stream(1) == whole
    assert stream(7) == whole
    assert len(whole[0]) == 4


def test_bytes_after_the_last_pdu_wait_for_the_rest() -> None:
    esme, smsc = bound_pair()
    smsc.send(TEXT, 0.0)
    smsc.send(TEXT, 0.0)
    octets = smsc.data_to_send()
    esme.receive_data(octets[:-1], 0.0)
    assert len(events_of(esme)) == 1
    esme.receive_data(octets[-1:], 0.0)
    assert len(events_of(esme)) == 1


def test_the_window_is_kept_and_opens_with_each_answer() -> None:
    esme, smsc = bound_pair(limits=Limits(window=2))
    first = esme.send(TEXT, 0.0)
    esme.send(TEXT, 0.0)
    assert esme.window_free == 0
    with pytest.raises(WindowFull):
        esme.send(TEXT, 0.0)
    esme.enquire(0.0)  # keeping the link alive needs no room
    carry(esme, smsc)
    smsc.respond(first)
    carry(smsc, esme)
    assert esme.window_free == 1
    esme.send(TEXT, 0.0)


def test_a_peer_that_floods_is_refused_beyond_its_window_and_loses_nothing_silently() -> None:
    esme, smsc = bound_pair(limits=Limits(window=5, peer_window=3))
    numbers = [smsc.send(TEXT, 0.0) for _ in range(5)]
    events = carry(smsc, esme)
    assert sum(isinstance(event, MessageReceived) for event in events) == 3
    answers = carry(esme, smsc)
    assert answers == [MessageAnswered(number, Status.RX_T_APPN, "") for number in numbers[3:]]


def test_enquire_link_is_answered_in_every_state() -> None:
    for esme, smsc in (bound_pair(), (Session(Role.ESME, 0.0), Session(Role.SMSC, 0.0))):
        for one, other in ((esme, smsc), (smsc, esme)):
            one.enquire(0.0)
            assert carry(one, other) == []
            assert carry(other, one) == []
            assert one.next_event(9.0) is None, "and the answer ended the wait"


def test_silence_is_asked_after_and_no_answer_is_told() -> None:
    limits = Limits(enquire_link_interval_s=30, response_timeout_s=10)
    esme, _ = bound_pair(limits=limits)
    assert esme.next_deadline() == 30
    assert events_of(esme, 29.9) == []
    assert esme.data_to_send() == b""
    assert events_of(esme, 30.0) == []
    assert pdu.read_header(esme.data_to_send()).command_id == CommandId.ENQUIRE_LINK
    assert esme.next_deadline() == 40
    assert events_of(esme, 39.9) == []
    assert events_of(esme, 40.0) == [PeerSilent("enquire_link was not answered")]


def test_traffic_puts_the_enquiry_off() -> None:
    esme, smsc = bound_pair()
    smsc.send(TEXT, 20.0)
    carry(smsc, esme, 20.0)
    assert esme.next_deadline() == 50.0


def test_a_message_that_is_never_answered_is_told_once_and_frees_the_window() -> None:
    esme, _ = bound_pair(limits=Limits(window=1, response_timeout_s=10))
    number = esme.send(TEXT, 5.0)
    assert esme.next_deadline() == 15.0
    assert events_of(esme, 14.9) == []
    assert events_of(esme, 15.0) == [RequestTimedOut(number, CommandId.SUBMIT_SM)]
    assert events_of(esme, 15.0) == []
    assert esme.window_free == 1


def test_an_answer_that_comes_too_late_is_no_answer() -> None:
    esme, smsc = bound_pair()
    number = esme.send(TEXT, 0.0)
    carry(esme, smsc)
    events_of(esme, 10.0)
    smsc.respond(number, message_id="1")
    (event,) = carry(smsc, esme, 11.0)
    assert isinstance(event, PduRejected)


def test_who_connects_and_never_binds_is_told_of() -> None:
    smsc = Session(Role.SMSC, 0.0, Limits(session_init_timeout_s=10))
    assert smsc.next_deadline() == 10.0
    assert events_of(smsc, 10.0) == [PeerSilent("no bind came in time")]


def test_a_bind_without_an_answer_is_told_of() -> None:
    esme = Session(Role.ESME, 0.0)
    esme.bind(BIND, 0.0)
    assert events_of(esme, 10.0) == [PeerSilent("bind_transceiver was not answered")]


def test_unbind_is_answered_and_no_text_is_taken_after_it() -> None:
    esme, smsc = bound_pair()
    esme.unbind(0.0)
    with pytest.raises(LocalProtocolError):
        esme.send(TEXT, 0.0)
    assert carry(esme, smsc) == [UnbindRequested()]
    assert carry(smsc, esme) == [Unbound()]


def test_texts_on_their_way_when_we_unbind_are_refused_not_lost() -> None:
    esme, smsc = bound_pair()
    number = smsc.send(TEXT, 0.0)
    esme.unbind(0.0)
    events = carry(smsc, esme)
    assert isinstance(events[0], PduRejected)
    assert MessageAnswered(number, Status.RINVBNDSTS, "") in carry(esme, smsc)


@pytest.mark.parametrize(
    ("command", "refused"),
    [(CommandId.BIND_TRANSMITTER, "smsc"), (CommandId.BIND_RECEIVER, "esme")],
)
def test_a_one_way_bind_carries_texts_one_way_only(command: CommandId, refused: str) -> None:
    esme, smsc = bound_pair(command)
    silent, other = (smsc, esme) if refused == "smsc" else (esme, smsc)
    with pytest.raises(LocalProtocolError):
        silent.send(TEXT, 0.0)
    other.send(TEXT, 0.0)


def test_a_text_before_the_bind_is_answered_with_the_state_it_needs() -> None:
    smsc = Session(Role.SMSC, 0.0)
    smsc.receive_data(pdu.write(CommandId.SUBMIT_SM, 0, 5, TEXT), 0.0)
    events_of(smsc)
    assert pdu.read_header(smsc.data_to_send()) == pdu.Header(CommandId.SUBMIT_SM_RESP, Status.RINVBNDSTS, 5)


def test_an_unknown_command_is_answered_with_generic_nack_and_the_session_goes_on() -> None:
    esme, smsc = bound_pair()
    esme.receive_data(struct.pack(">LLLL", 20, 0x00000111, 0, 5) + b"data", 0.0)  # broadcast_sm
    (event,) = events_of(esme)
    assert isinstance(event, PduRejected)
    assert pdu.read_header(esme.data_to_send()) == pdu.Header(CommandId.GENERIC_NACK, Status.RINVCMDID, 5)
    smsc.send(TEXT, 0.0)
    assert isinstance(carry(smsc, esme)[0], MessageReceived)


def test_a_broken_text_is_answered_with_its_own_response_and_the_session_goes_on() -> None:
    esme, smsc = bound_pair()
    body = b"\x00\x01\x018613900000001\x00" + b"x" * 40
    esme.receive_data(struct.pack(">LLLL", 16 + len(body), CommandId.DELIVER_SM, 0, 5) + body, 0.0)
    (event,) = events_of(esme)
    assert isinstance(event, PduRejected)
    header = pdu.read_header(esme.data_to_send())
    assert header == pdu.Header(CommandId.DELIVER_SM_RESP, Status.RINVPARLEN, 5)
    smsc.send(TEXT, 0.0)
    assert isinstance(carry(smsc, esme)[0], MessageReceived)


def test_a_broken_response_ends_the_wait_for_it() -> None:
    esme, _ = bound_pair()
    number = esme.send(TEXT, 0.0)
    esme.receive_data(struct.pack(">LLLL", 86, CommandId.SUBMIT_SM_RESP, 0, number) + b"x" * 70, 0.0)
    events = events_of(esme)
    assert MessageAnswered(number, Status.RINVPARLEN, "") in events


def test_a_generic_nack_is_the_answer_to_our_message() -> None:
    esme, _ = bound_pair()
    number = esme.send(TEXT, 0.0)
    esme.receive_data(struct.pack(">LLLL", 16, CommandId.GENERIC_NACK, Status.RINVCMDID, number), 0.0)
    assert events_of(esme) == [MessageAnswered(number, Status.RINVCMDID, "")]


def test_lost_framing_ends_the_session_after_the_events_before_it() -> None:
    esme, smsc = bound_pair()
    smsc.send(TEXT, 0.0)
    esme.receive_data(smsc.data_to_send() + b"\x00\x00\x00\x05garbage", 0.0)
    assert isinstance(esme.next_event(0.0), MessageReceived)
    with pytest.raises(RemoteProtocolError) as caught:
        esme.next_event(0.0)
    assert caught.value.command_status == Status.RINVCMDLEN
    assert esme.state is State.CLOSED
    assert pdu.read_header(esme.data_to_send()) == pdu.Header(CommandId.GENERIC_NACK, Status.RINVCMDLEN, 0)
    assert esme.next_event(99.0) is None


def test_a_closed_connection_tells_which_texts_were_never_answered() -> None:
    esme, _ = bound_pair()
    numbers = [esme.send(TEXT, 0.0) for _ in range(3)]
    esme.enquire(0.0)
    assert esme.close() == numbers
    assert esme.next_deadline() is None


def test_late_answers_to_a_closed_session_harm_nothing() -> None:
    esme, smsc = bound_pair()
    number = smsc.send(TEXT, 0.0)
    carry(smsc, esme)
    esme.close()
    esme.respond(number)
    assert esme.data_to_send() == b""


def test_one_message_is_answered_once() -> None:
    esme, smsc = bound_pair()
    number = smsc.send(TEXT, 0.0)
    carry(smsc, esme)
    esme.respond(number)
    with pytest.raises(LocalProtocolError):
        esme.respond(number)


def test_sequence_numbers_go_round_within_their_range() -> None:
    esme, smsc = bound_pair()
    esme._sequence = 0x7FFFFFFE
    assert [esme.send(TEXT, 0.0) for _ in range(3)] == [0x7FFFFFFF, 1, 2]
    assert len(carry(esme, smsc)) == 3


def test_a_sequence_number_that_still_waits_is_not_used_again() -> None:
    esme, _ = bound_pair()
    first = esme.send(TEXT, 0.0)
    esme._sequence = first - 1
    assert esme.send(TEXT, 0.0) == first + 1


def test_outbind_and_alert_are_passed_over() -> None:
    esme, _ = bound_pair()
    esme.receive_data(struct.pack(">LLLL", 20, CommandId.ALERT_NOTIFICATION, 0, 5) + b"\x00\x00\x00\x00", 0.0)
    assert isinstance(events_of(esme)[0], PduRejected)
    assert esme.data_to_send() == b""
