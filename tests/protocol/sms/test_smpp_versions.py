"""Peers of SMPP 3.3 and 5.0, data_sm, and what a session makes of a centre's own word on its load."""

from __future__ import annotations

import struct

import pytest

from core_client.domain.secret import Secret
from sms.smpp import (
    Address,
    Bind,
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
    Role,
    Session,
    Status,
    Tag,
    WindowFull,
    pdu,
    status_name,
)
from sms.smpp.codes import VERSION_33, VERSION_34, VERSION_50
from sms.smpp.pdu import BindAnswer, Empty, MessageAnswer

TEXT = Message(Address("8613900000001", 1, 1), Address("95500"), b"BAL")
VENDOR = (0x1400, b"vendor")


def header(octets: bytes) -> pdu.Header:
    return pdu.read_header(octets)


def events_of(session: Session, octets: bytes = b"", now: float = 0.0) -> list[Event]:
    session.receive_data(octets, now)
    found: list[Event] = []
    while some := session.next_events(now):
        found += some
    return found


def esme(announced: int = VERSION_34, said: int | None = None, limits: Limits | None = None) -> Session:
    """Bind as ``announced`` to a centre that says it speaks ``said``."""
    session = Session(Role.ESME, 0.0, limits)
    number = session.bind(Bind("x", Secret("y"), interface_version=announced), 0.0)
    session.data_to_send()
    tlvs = () if said is None else ((int(Tag.SC_INTERFACE_VERSION), bytes((said,))),)
    octets = pdu.write(CommandId.BIND_TRANSCEIVER_RESP, 0, number, BindAnswer("centre", tlvs))
    assert events_of(session, octets) == [Bound("centre", said)]
    return session


def smsc(announced: int) -> tuple[Session, bytes]:
    session = Session(Role.SMSC, 0.0)
    octets = pdu.write(CommandId.BIND_TRANSCEIVER, 0, 1, Bind("x", Secret("y"), interface_version=announced))
    (request,) = events_of(session, octets)
    assert isinstance(request, BindRequested)
    session.accept_bind(request, "centre", VERSION_50)
    return session, session.data_to_send()


@pytest.mark.parametrize(
    ("announced", "said", "plain"),
    [
        (VERSION_34, None, False),  # many centres that speak 3.4 leave the TLV out
        (VERSION_34, VERSION_33, True),
        (VERSION_34, VERSION_34, False),
        (VERSION_34, VERSION_50, False),
        (VERSION_33, None, True),
        (VERSION_33, VERSION_34, True),
        (VERSION_50, VERSION_50, False),
        (VERSION_50, VERSION_33, True),
    ],
)
def test_the_lower_version_of_the_two_sides_is_spoken(announced: int, said: int | None, plain: bool) -> None:
    session = esme(announced, said)
    assert session.plain is plain
    session.send(Message(TEXT.source, TEXT.destination, b"x", tlvs=(VENDOR,)), 0.0)
    body = pdu.read_body(CommandId.SUBMIT_SM, session.data_to_send())
    assert isinstance(body, Message)
    assert body.tlvs == (() if plain else (VENDOR,))


@pytest.mark.parametrize("tag", [Tag.MESSAGE_PAYLOAD, Tag.SAR_MSG_REF_NUM, Tag.SAR_TOTAL_SEGMENTS])
def test_a_text_in_optional_parameters_is_not_sent_in_pieces_to_a_peer_without_them(tag: Tag) -> None:
    session = esme(VERSION_33)
    with pytest.raises(LocalProtocolError):
        session.send(Message(TEXT.source, TEXT.destination, tlvs=((tag, b"\1\2"),)), 0.0)
    assert session.data_to_send() == b""
    assert session.window_free == Limits().window


def test_what_a_33_peer_puts_behind_a_message_means_nothing() -> None:
    octets = pdu.write(CommandId.DELIVER_SM, 0, 7, TEXT) + b"\0\0\0"
    octets = struct.pack(">L", len(octets)) + octets[4:]
    assert events_of(esme(VERSION_33), octets) == [MessageReceived(7, TEXT)]
    rejecting = esme()
    (event,) = events_of(rejecting, octets)
    assert isinstance(event, PduRejected)
    assert event.command_status == Status.RINVOPTPARSTREAM


def test_a_33_peer_that_answers_with_nothing_has_answered() -> None:
    session = esme(VERSION_33)
    number = session.send(TEXT, 0.0)
    assert events_of(session, struct.pack(">LLLL", 16, CommandId.SUBMIT_SM_RESP, 0, number)) == [
        MessageAnswered(number, 0, "")
    ]
    number = session.send(TEXT, 0.0)
    answer = pdu.write(CommandId.SUBMIT_SM_RESP, 0, number, MessageAnswer("1A2B3C4D"))
    assert events_of(session, answer) == [MessageAnswered(number, 0, "1A2B3C4D")]


def test_a_centre_tells_its_version_to_those_who_know_what_that_is() -> None:
    session, octets = smsc(VERSION_34)
    body = pdu.read_body(CommandId.BIND_TRANSCEIVER_RESP, octets)
    assert body == BindAnswer("centre", ((Tag.SC_INTERFACE_VERSION, b"\x50"),))
    assert not session.plain
    session, octets = smsc(VERSION_33)
    assert pdu.read_body(CommandId.BIND_TRANSCEIVER_RESP, octets) == BindAnswer("centre")
    assert session.plain


@pytest.mark.parametrize("role", list(Role))
def test_data_sm_is_a_message_and_is_answered_in_its_own_way(role: Role) -> None:
    session = esme() if role is Role.ESME else smsc(VERSION_34)[0]
    tlvs = ((int(Tag.MESSAGE_PAYLOAD), "余额".encode("utf-16-be")), VENDOR, (int(Tag.NETWORK_ERROR_CODE), b"\3\0\1"))
    message = Message(TEXT.source, TEXT.destination, data_coding=8, esm_class=4, registered_delivery=1, tlvs=tlvs)
    octets = pdu.write(CommandId.DATA_SM, 0, 9, message)
    assert events_of(session, octets) == [MessageReceived(9, message)]
    assert message.tlv(Tag.NETWORK_ERROR_CODE) == b"\3\0\1"
    session.respond(9)
    answer = session.data_to_send()
    assert header(answer) == pdu.Header(CommandId.DATA_SM_RESP, 0, 9)
    assert pdu.read_body(CommandId.DATA_SM_RESP, answer) == MessageAnswer()


def test_a_data_sm_of_ours_waits_for_its_response_as_others_do() -> None:
    session = esme(limits=Limits(window=1))
    number = session.send(Message(TEXT.source, TEXT.destination, tlvs=(VENDOR,)), 0.0, CommandId.DATA_SM)
    assert header(session.data_to_send()).command_id == CommandId.DATA_SM
    assert session.window_free == 0
    answer = pdu.write(CommandId.DATA_SM_RESP, 0, number, MessageAnswer("77"))
    assert events_of(session, answer) == [MessageAnswered(number, 0, "77")]
    assert session.window_free == 1
    with pytest.raises(LocalProtocolError):
        session.send(TEXT, 0.0, CommandId.DATA_SM)
    lost = session.send(Message(TEXT.source, TEXT.destination), 0.0, CommandId.DATA_SM)
    assert session.close() == [lost]


def test_a_broken_data_sm_is_refused_in_its_own_response() -> None:
    session = esme()
    (event,) = events_of(session, struct.pack(">LLLL", 20, CommandId.DATA_SM, 0, 5) + b"data")
    assert isinstance(event, PduRejected)
    answer = session.data_to_send()
    assert header(answer) == pdu.Header(CommandId.DATA_SM_RESP, Status.RINVPARLEN, 5)
    assert pdu.read_body(CommandId.DATA_SM_RESP, answer) == MessageAnswer()


@pytest.mark.parametrize(
    ("said", "room"), [(0, 50), (89, 50), (90, 50), (95, 25), (98, 10), (99, 5), (100, 1), (255, 1)]
)
def test_a_congested_centre_is_sent_less_and_more_when_it_has_recovered(said: int, room: int) -> None:
    session = esme(limits=Limits(window=50))
    number = session.send(TEXT, 0.0)
    tlvs = ((int(Tag.CONGESTION_STATE), bytes((said,))), VENDOR)
    answer = pdu.write(CommandId.SUBMIT_SM_RESP, 0, number, MessageAnswer("1", tlvs))
    assert events_of(session, answer) == [MessageAnswered(number, 0, "1", tlvs)]
    assert session.congestion == min(said, 100)
    assert session.window_free == room
    for _ in range(room):
        session.send(TEXT, 0.0)
    with pytest.raises(WindowFull):
        session.send(TEXT, 0.0)
    enquiry = session.enquire(0.0)
    alive = pdu.write(CommandId.ENQUIRE_LINK_RESP, 0, enquiry)
    alive = struct.pack(">L", 21) + alive[4:] + struct.pack(">HHB", Tag.CONGESTION_STATE, 1, 10)
    assert events_of(session, alive) == []
    assert session.window_free == 50 - room


def test_a_narrower_window_than_what_is_under_way_is_no_room_at_all() -> None:
    session = esme(limits=Limits(window=10))
    numbers = [session.send(TEXT, 0.0) for _ in range(10)]
    tlvs = ((int(Tag.CONGESTION_STATE), b"\x63"),)
    events_of(session, pdu.write(CommandId.SUBMIT_SM_RESP, Status.RTHROTTLED, numbers[0], MessageAnswer("", tlvs)))
    assert session.window_free == 0


@pytest.mark.parametrize("command", [0x0111, 0x0112, 0x0113, 0x0003, 0x0007, 0x0008, 0x0021])
def test_a_command_that_is_not_known_is_nacked_and_the_next_one_taken(command: int) -> None:
    session = esme()
    octets = struct.pack(">LLLL", 20, command, 0, 5) + b"\0\0\0\0" + pdu.write(CommandId.DELIVER_SM, 0, 6, TEXT)
    first, second = events_of(session, octets)
    assert isinstance(first, PduRejected)
    assert second == MessageReceived(6, TEXT)
    assert header(session.data_to_send()) == pdu.Header(CommandId.GENERIC_NACK, Status.RINVCMDID, 5)


@pytest.mark.parametrize("command", [0x80000111, 0x80000003, 0xFFFFFFFF])
def test_a_response_that_is_not_known_is_never_answered(command: int) -> None:
    session = esme()
    (event,) = events_of(session, struct.pack(">LLLL", 20, command, 0, 5) + b"\0\0\0\0")
    assert isinstance(event, PduRejected)
    assert session.data_to_send() == b""


def test_a_generic_nack_with_words_behind_it_still_says_no() -> None:
    session = esme()
    number = session.send(TEXT, 0.0)
    octets = struct.pack(">LLLL", 20, CommandId.GENERIC_NACK, Status.RTHROTTLED, number) + b"busy"
    assert events_of(session, octets) == [MessageAnswered(number, Status.RTHROTTLED, "")]


def test_an_enquiry_with_optional_parameters_is_answered_and_one_with_rubbish_is_refused() -> None:
    session = esme()
    plain = struct.pack(">LLLL", 16, CommandId.ENQUIRE_LINK, 0, 5)
    more = struct.pack(">LLLLHH", 20, CommandId.ENQUIRE_LINK, 0, 6, 0x1400, 0)
    rubbish = struct.pack(">LLLL", 19, CommandId.ENQUIRE_LINK, 0, 7) + b"xyz"
    assert events_of(session, plain + more) == []
    octets = session.data_to_send()
    assert header(octets[:16]) == pdu.Header(CommandId.ENQUIRE_LINK_RESP, 0, 5)
    assert header(octets[16:]) == pdu.Header(CommandId.ENQUIRE_LINK_RESP, 0, 6)
    (event,) = events_of(session, rubbish)
    assert isinstance(event, PduRejected)
    assert header(session.data_to_send()) == pdu.Header(CommandId.GENERIC_NACK, Status.RINVCMDLEN, 7)


def test_an_answer_keeps_what_a_vendor_adds_to_it() -> None:
    session = esme()
    number = session.send(TEXT, 0.0)
    tlvs = (VENDOR, (int(Tag.ADDITIONAL_STATUS_INFO_TEXT), b"no credit\0"))
    answer = pdu.write(CommandId.SUBMIT_SM_RESP, 0x405, number, MessageAnswer("", tlvs))
    assert events_of(session, answer) == [MessageAnswered(number, 0x405, "", tlvs)]


@pytest.mark.parametrize(
    ("status", "name"),
    [(0x58, "ESME_RTHROTTLED"), (0x14, "ESME_RMSGQFUL"), (0x61, "ESME_RINVSCHED"), (0x101, "ESME_RPROHIBITED")],
)
def test_statuses_have_their_names(status: int, name: str) -> None:
    assert status_name(status) == name


def test_a_status_of_a_vendor_has_its_number() -> None:
    assert status_name(0x405) == "0x00000405"


def test_a_batch_is_read_whole_and_ends_where_its_owner_has_to_act() -> None:
    session = esme(limits=Limits(peer_window=3))
    octets = b"".join(pdu.write(CommandId.DELIVER_SM, 0, number, TEXT) for number in range(1, 8))
    session.receive_data(octets, 0.0)
    assert [event.sequence_number for event in session.next_events(0.0) if isinstance(event, MessageReceived)] == [
        1,
        2,
        3,
    ]
    for number in (1, 2, 3):
        session.respond(number)
    assert len(session.next_events(0.0)) == 3, "who answers at once is refused nothing"
    assert isinstance(session.next_events(0.0)[0], PduRejected), "who does not is"


def test_a_text_right_behind_a_bind_is_taken_as_the_bind_was() -> None:
    session = Session(Role.SMSC, 0.0)
    octets = pdu.write(CommandId.BIND_TRANSCEIVER, 0, 1, Bind("x", Secret("y")))
    session.receive_data(octets + pdu.write(CommandId.SUBMIT_SM, 0, 2, TEXT), 0.0)
    (request,) = session.next_events(0.0)
    assert isinstance(request, BindRequested)
    session.accept_bind(request, "centre")
    assert session.next_events(0.0) == [MessageReceived(2, TEXT)]


def test_an_enquiry_under_way_is_not_asked_again_and_its_answer_begins_the_silence_anew() -> None:
    session = esme(limits=Limits(enquire_link_interval_s=30, response_timeout_s=10))
    assert session.next_events(30.0) == []
    octets = session.data_to_send()
    assert header(octets).command_id == CommandId.ENQUIRE_LINK
    assert session.next_events(31.0) == []
    assert session.data_to_send() == b""
    answer = pdu.write(CommandId.ENQUIRE_LINK_RESP, 0, header(octets).sequence_number, Empty())
    assert events_of(session, answer, 32.0) == []
    assert session.next_deadline() == 62.0
    assert session.next_events(62.0) == []
    assert header(session.data_to_send()).command_id == CommandId.ENQUIRE_LINK
