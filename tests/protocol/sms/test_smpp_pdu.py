from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_client.domain.secret import Secret
from sms.smpp import Address, CommandId, LocalProtocolError, Message, RemoteProtocolError, Status, Tag, pdu
from sms.smpp.pdu import Bind, BindAnswer, Body, Empty, Framer, MessageAnswer

MESSAGE = Message(
    Address("8613900000001", 1, 1),
    Address("95500", 0, 1),
    b"BAL",
    data_coding=8,
    esm_class=0x40,
    registered_delivery=1,
    service_type="CMT",
    tlvs=((Tag.MESSAGE_PAYLOAD, b"\x00\x01"), (0x1400, b"vendor"), (Tag.SAR_MSG_REF_NUM, b"\x00\x07")),
)
# A submit_sm as SMPP 3.4 §4.4.1 lays it out, written by hand.
BY_HAND = (
    b"\x00\x00\x00\x39\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x09"
    b"CMT\x00\x01\x018613900000001\x00\x00\x0195500\x00\x40\x00\x00\x00\x00\x01\x00\x08\x00\x03BAL"
)

texts = st.text(st.characters(min_codepoint=1, max_codepoint=127), max_size=5)
octet = st.integers(0, 255)
digits = st.text("0123456789+ABC", max_size=20)
messages = st.builds(
    Message,
    st.builds(Address, digits, octet, octet),
    st.builds(Address, digits, octet, octet),
    st.binary(max_size=254),
    octet,
    octet,
    octet,
    texts,
    octet,
    octet,
    digits.map(lambda text: text[:16]),
    digits.map(lambda text: text[:16]),
    octet,
    octet,
    st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=40)), max_size=5).map(tuple),
)
bodies: st.SearchStrategy[tuple[int, Body]] = st.one_of(
    st.tuples(st.sampled_from([CommandId.SUBMIT_SM, CommandId.DELIVER_SM]), messages),
    st.tuples(
        st.sampled_from([CommandId.SUBMIT_SM_RESP, CommandId.DELIVER_SM_RESP]),
        st.builds(MessageAnswer, st.text("0123456789ABCDEF-", max_size=64)),
    ),
    st.tuples(st.just(CommandId.BIND_TRANSCEIVER_RESP), st.builds(BindAnswer, texts)),
    st.tuples(st.sampled_from([CommandId.ENQUIRE_LINK, CommandId.UNBIND_RESP]), st.builds(Empty)),
)


def test_a_submit_sm_written_by_hand_reads_as_it_was_meant() -> None:
    body = pdu.read_body(CommandId.SUBMIT_SM, BY_HAND)
    assert body == replace(MESSAGE, tlvs=())
    assert len(BY_HAND) == 0x39


def test_a_submit_sm_is_written_as_by_hand() -> None:
    assert pdu.write(CommandId.SUBMIT_SM, 0, 9, replace(MESSAGE, tlvs=())) == BY_HAND


@given(bodies, st.integers(1, 0x7FFFFFFF), st.integers(0, 0xFFFFFFFF))
def test_what_is_written_is_read_back(command: tuple[int, Body], sequence: int, status: int) -> None:
    command_id, body = command
    octets = pdu.write(command_id, status, sequence, body)
    assert pdu.read_header(octets) == pdu.Header(command_id, status, sequence)
    assert pdu.read_body(command_id, octets) == body


def test_a_bind_is_read_back_and_never_prints_its_password() -> None:
    bind = Bind("tellerline", Secret("hunter2"), "VMA", 0x34, 1, 1, "955*")
    octets = pdu.write(CommandId.BIND_TRANSCEIVER, 0, 1, bind)
    read = pdu.read_body(CommandId.BIND_TRANSCEIVER, octets)
    assert isinstance(read, Bind)
    assert read.password.reveal() == "hunter2"
    assert (read.system_id, read.system_type, read.address_range, read.interface_version) == (
        "tellerline",
        "VMA",
        "955*",
        0x34,
    )
    assert "hunter2" not in repr(read)


def test_a_message_never_prints_its_body() -> None:
    assert "739154" not in repr(replace(MESSAGE, short_message=b"739154"))


@pytest.mark.parametrize(
    "body",
    [
        Bind("x" * 16, Secret("")),
        Bind("x", Secret("nine long")),
        Bind("x", Secret("pass\x00")),
        Bind("x", Secret(""), address_range="9" * 41),
        replace(MESSAGE, source=Address("1" * 21)),
        replace(MESSAGE, destination=Address("号")),
        replace(MESSAGE, short_message=bytes(255)),
        replace(MESSAGE, data_coding=256),
        replace(MESSAGE, service_type="sixsix"),
        replace(MESSAGE, tlvs=((0x10000, b""),)),
        replace(MESSAGE, tlvs=((1, bytes(65_536)),)),
        MessageAnswer("x" * 65),
    ],
    ids=repr,
)
def test_what_smpp_cannot_carry_is_refused_and_never_cut_silently(body: Body) -> None:
    with pytest.raises(LocalProtocolError):
        pdu.write(CommandId.SUBMIT_SM, 0, 1, body)


def test_a_long_password_is_refused_without_being_told() -> None:
    with pytest.raises(LocalProtocolError) as caught:
        pdu.write(CommandId.BIND_TRANSCEIVER, 0, 1, Bind("x", Secret("secret-and-long")))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("cut", range(17, len(BY_HAND)))
def test_a_cut_message_is_refused_wherever_it_is_cut(cut: int) -> None:
    with pytest.raises(RemoteProtocolError):
        pdu.read_body(CommandId.SUBMIT_SM, BY_HAND[:cut])


def test_a_cut_optional_parameter_is_refused() -> None:
    octets = pdu.write(CommandId.DELIVER_SM, 0, 1, MESSAGE)
    start = len(pdu.write(CommandId.DELIVER_SM, 0, 1, replace(MESSAGE, tlvs=())))
    boundaries = {start, start + 6, start + 16, start + 22}
    for cut in range(start, len(octets)):
        if cut in boundaries:
            pdu.read_body(CommandId.DELIVER_SM, octets[:cut])
        else:
            with pytest.raises(RemoteProtocolError) as caught:
                pdu.read_body(CommandId.DELIVER_SM, octets[:cut])
            assert caught.value.command_status == Status.RINVOPTPARSTREAM


def test_a_text_without_its_end_is_refused_and_does_not_run_backwards() -> None:
    octets = struct.pack(">LLLL", 116, CommandId.DELIVER_SM, 0, 1) + b"x" * 100
    with pytest.raises(RemoteProtocolError) as caught:
        pdu.read_body(CommandId.DELIVER_SM, octets)
    assert caught.value.command_status == Status.RINVPARLEN


def test_a_known_optional_parameter_in_an_unusual_place_is_carried() -> None:
    # dest_addr_subunit in deliver_sm, additional_status_info_text in submit_sm_resp: smpplib alone raises KeyError.
    message = replace(MESSAGE, tlvs=((0x0005, b"\x01"),))
    assert pdu.read_body(CommandId.DELIVER_SM, pdu.write(CommandId.DELIVER_SM, 0, 1, message)) == message
    answer = MessageAnswer("17", ((0x001D, b"queued\x00"),))
    assert pdu.read_body(CommandId.SUBMIT_SM_RESP, pdu.write(CommandId.SUBMIT_SM_RESP, 0, 1, answer)) == answer


def test_more_optional_parameters_than_smpp_has_are_refused() -> None:
    octets = pdu.write(CommandId.DELIVER_SM, 0, 1, replace(MESSAGE, tlvs=((1, b""),) * (pdu.MAX_TLVS + 1)))
    with pytest.raises(RemoteProtocolError):
        pdu.read_body(CommandId.DELIVER_SM, octets)


def test_refused_responses_have_no_body() -> None:
    bare = struct.pack(">LLLL", 16, CommandId.SUBMIT_SM_RESP, Status.RTHROTTLED, 7)
    assert pdu.read_body(CommandId.SUBMIT_SM_RESP, bare) == MessageAnswer()
    bare = struct.pack(">LLLL", 16, CommandId.BIND_TRANSCEIVER_RESP, Status.RINVPASWD, 7)
    assert pdu.read_body(CommandId.BIND_TRANSCEIVER_RESP, bare) == BindAnswer()


def test_an_unknown_command_is_refused() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        pdu.read_body(0x00010200, struct.pack(">LLLL", 16, 0x00010200, 0, 1))
    assert caught.value.command_status == Status.RINVCMDID


@pytest.mark.parametrize("length", [0, 1, 15, pdu.MAX_PDU_OCTETS + 1, 0xFFFFFFFF])
def test_a_length_that_no_pdu_has_is_refused_before_its_octets_come(length: int) -> None:
    framer = Framer()
    framer.feed(struct.pack(">L", length))
    with pytest.raises(RemoteProtocolError) as caught:
        framer.next()
    assert caught.value.command_status == Status.RINVCMDLEN


def test_the_longest_pdu_is_taken_in_any_pieces() -> None:
    longest = struct.pack(">LLLL", pdu.MAX_PDU_OCTETS, 5, 0, 1) + bytes(pdu.MAX_PDU_OCTETS - 16)
    framer = Framer()
    framer.feed(longest[:40_000])
    assert framer.next() is None
    framer.feed(longest[40_000:] + BY_HAND[:20])
    assert framer.next() == longest
    assert framer.next() is None
    framer.feed(BY_HAND[20:])
    assert framer.next() == BY_HAND


@given(st.lists(st.binary(max_size=60), max_size=6), st.integers(1, 40))
def test_framing_does_not_depend_on_how_the_octets_arrive(parts: list[bytes], step: int) -> None:
    sent = [struct.pack(">LLLL", 16 + len(part), 5, 0, 1) + part for part in parts]
    stream = b"".join(sent)
    framer, found = Framer(), []
    for start in range(0, len(stream), step):
        framer.feed(stream[start : start + step])
        while (octets := framer.next()) is not None:
            found.append(octets)
    assert found == sent
