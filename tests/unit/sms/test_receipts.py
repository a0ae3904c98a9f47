from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms.messages import State
from sms.sending.receipt_words import UNSAID
from sms.sending.receipts import Receipt, is_report, may_be_report, read_receipt
from sms.smpp import Address, Message, Tag

TEXT = b"id:2575 sub:001 dlvrd:001 submit date:2603021015 done date:2603021015 stat:UNDELIV err:045 text:BAL"
ID, STATE, PAYLOAD = int(Tag.RECEIPTED_MESSAGE_ID), int(Tag.MESSAGE_STATE), int(Tag.MESSAGE_PAYLOAD)
NETWORK_ERROR = 0x0423
D, U, E, R, N, A = (
    State.DELIVERED,
    State.UNDELIVERABLE,
    State.EXPIRED,
    State.REJECTED,
    State.UNKNOWN,
    State.ACCEPTED,
)


def report(
    text: bytes = b"", esm_class: int = 4, tlvs: tuple[tuple[int, bytes], ...] = (), data_coding: int = 0
) -> Message:
    return Message(
        Address("8613900000001"), Address("95500"), text, data_coding=data_coding, esm_class=esm_class, tlvs=tlvs
    )


def test_a_receipt_is_read_from_its_text() -> None:
    assert read_receipt(report(TEXT)) == Receipt("2575", "UNDELIV", "045", U, "2603021015")


def test_parameters_are_believed_before_the_text() -> None:
    tlvs = ((ID, b"A0F\x00"), (STATE, b"\x02"))
    assert read_receipt(report(TEXT, tlvs=tlvs)) == Receipt("A0F", "DELIVRD", "045", D, "2603021015")


def test_parameters_are_enough() -> None:
    tlvs = ((ID, b"A0F\x00"), (STATE, b"\x05"), (NETWORK_ERROR, b"\x03\x00\x0b"))
    assert read_receipt(report(tlvs=tlvs)) == Receipt("A0F", "UNDELIV", "11", U)


@pytest.mark.parametrize(("text", "esm_class"), [(b"BAL", 4), (b"", 4), (TEXT, 0x08), (b"\xff" * 50, 0x20)])
def test_what_is_no_receipt_after_all_is_none(text: bytes, esm_class: int) -> None:
    assert is_report(report(text, esm_class))
    assert read_receipt(report(text, esm_class)) is None


def test_a_text_of_a_customer_is_no_report_even_with_a_header() -> None:
    assert not is_report(report(TEXT, 0))
    assert not is_report(report(TEXT, 0x40))


# Texts as vendors write them, with ids and numbers of our own: fields that are missing, in another order or case, apart
# or together, quoted, abbreviated, spelled out, numbered, dates long and short.
VARIANTS = [
    (b"id:2575 sub:001 dlvrd:001 submit date:2603021015 done date:2603021016 stat:DELIVRD err:000 text:", D, "000"),
    (
        b"id:2575 sub:001 dlvrd:001 submit date:260302101500 done date:260302101600 stat:DELIVRD err:000 Text:x",
        D,
        "000",
    ),
    (b"id:2575 submit date:2603021015 done date:2603021016 stat:DELIVRD err:000", D, "000"),
    (b"id:2575 sub:000 dlvrd:000 submitdate:260302101500 donedate:000000000000 stat:REJECTED err:377 text:", R, "377"),
    (b"id:2575 stat:DELIVERED", D, ""),
    (b"id:2575 sub:1 dlvrd:1 submit date:20260302101500 done date:20260302101600 stat:delivrd err:0 text:x", D, "0"),
    (b"ID:2575 SUB:001 DLVRD:000 SUBMIT DATE:2603021015 DONE DATE:2603021016 STAT:EXPIRED ERR:00B TEXT:X", E, "00B"),
    (b"Id: 2575 Sub: 001 Dlvrd: 001 Stat: DELIVRD Err: 0x0B", D, "0x0B"),
    (b"stat:UNDELIV err:1 id:2575 done date:2603021016", U, "1"),
    (b'id:"2575" stat:"DELIVRD" err:"000"', D, "000"),
    (b"id:'2575' stat:2", D, ""),
    (b"id:2575\x00 sub:001 stat:DELIVRD", D, ""),
    (b"id:2575 stat:DELIVRD\x00", D, ""),
    (b"id:2575 stat:UNDELIVERABLE err:", U, ""),
    (b"id:2575 stat:UNDELIVERED err: text:err:9", U, ""),
    (b"id:2575 stat: err:13 text:DELIVRD", A, "13"),
    (b"id:2575,stat:ACCEPTD,err:000", A, "000"),
    (b"id:2575;stat:ENROUTE;err:000", A, "000"),
    (b"id=2575 stat=DELETED err=5", U, "5"),
    (b"id:2575\nsub:001\nstat:UNKNOWN\nerr:255", N, "255"),
    (b"message_id:2575 status:FAILED error_code:70", U, "70"),
    (b"message id:2575 status:buffered", A, ""),
    (b"msgid:2575 state:SKIPPED", U, ""),
    (b"id:2575 stat:REJECTD err:0x00000045 text:-PROFILE", R, "0x00000045"),
    (b"id:2575 submit date:2026-03-02 10:15:00 done date:2026-03-02T10:16:00Z stat:DELIVRD err:0", D, "0"),
    (b"text:id:9 stat:UNDELIV id:2575 stat:DELIVRD err:000", D, "000"),
    (b"id:2575 stat:5 err:-1", U, "-1"),
    (b"id:2575 stat:9", U, ""),
    (b"id:2575 stat:99", A, ""),
    (b"id:2575 stat:NO_SUCH_WORD err:1", A, "1"),
    (b"id:2575 stat:NOT_DELIVERED", U, ""),
    (b"id:2575 stat:DeliveredToTerminal", D, ""),
    (b"id:2575 stat:DeliveryImpossible", U, ""),
]


@pytest.mark.parametrize(
    ("text", "state", "error"), VARIANTS, ids=[text.decode("latin-1")[:60] for text, *_ in VARIANTS]
)
def test_a_receipt_is_read_however_a_vendor_writes_it(text: bytes, state: State, error: str) -> None:
    receipt = read_receipt(report(text))
    assert receipt is not None
    assert (receipt.message_id, receipt.state, receipt.error) == ("2575", state, error)
    big, little = text.decode("latin-1").encode("utf-16-be"), text.decode("latin-1").encode("utf-16-le")
    header = bytes((6, 5, 0, 3, 1, 1, 1)) + text
    for same in (
        report(big, data_coding=8),
        report(big),
        report(little, data_coding=8),
        report(b"", tlvs=((PAYLOAD, text),)),
        report(header, esm_class=0x44),
    ):
        assert read_receipt(same) == receipt


@pytest.mark.parametrize(
    ("text", "done"),
    [
        (b"id:1 done date:2603021016 stat:DELIVRD", "2603021016"),
        (b"id:1 done date:260302101659 stat:DELIVRD", "260302101659"),
        (b"id:1 done date:20260302101659 stat:DELIVRD", "20260302101659"),
        (b"id:1 done date:2026-03-02 10:16:59 stat:DELIVRD", "20260302101659"),
        (b"id:1 donedate:2026-03-02T10:16:59.123+08:00 stat:DELIVRD", "20260302101659"),
        (b"id:1 done date:0000000000 stat:DELIVRD", ""),
        (b"id:1 done date: stat:DELIVRD", ""),
        (b"id:1 done date:soon stat:DELIVRD", ""),
        (b"id:1 done date:8613900000001 stat:DELIVRD", ""),
        (b"id:1 done date:447911123456 stat:DELIVRD", ""),
        (b"id:1 done date:2613021016 stat:DELIVRD", ""),
    ],
)
def test_a_date_is_kept_in_digits_whatever_its_form(text: bytes, done: str) -> None:
    receipt = read_receipt(report(text))
    assert receipt is not None
    assert receipt.done == done


@pytest.mark.parametrize(
    "words",
    ["", "stat:UNDELIV", "id:9 stat:UNDELIV err:9", "text:id:9", "Text: id: 9", ":::", "done date:1", "submit date"],
)
def test_words_of_the_message_are_nobodys_field(words: str) -> None:
    receipt = read_receipt(report(TEXT.replace(b"text:BAL", b"text:" + words.encode())))
    assert receipt == Receipt("2575", "UNDELIV", "045", U, "2603021015")


@pytest.mark.parametrize(
    ("octets", "word"),
    [
        (b"\x02", "DELIVRD"),
        (b"2", "DELIVRD"),
        (b"\x00\x00\x00\x02", "DELIVRD"),
        (b"\x00", "SCHEDULED"),
        (b"\x09", "SKIPPED"),
    ],
)
def test_a_state_is_read_from_its_parameter(octets: bytes, word: str) -> None:
    receipt = read_receipt(report(tlvs=((ID, b"1\x00"), (STATE, octets))))
    assert receipt is not None
    assert receipt.word == word


def test_an_id_in_the_text_serves_where_its_parameter_is_empty() -> None:
    receipt = read_receipt(report(TEXT, tlvs=((ID, b"\x00"), (STATE, b""))))
    assert receipt is not None
    assert (receipt.message_id, receipt.word) == ("2575", "UNDELIV")


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        (b"id:1 stat:DIVORCE err:739154", "UNLISTED"),
        (b"id:1 stat: text:stat:DIVORCE err:739154", "UNSAID"),
        (b"id:1 stat:DELIVRD err:hello", "DELIVRD"),
        (b"id:1 stat:DELIVRD err:EC21", "DELIVRD err EC21"),
    ],
)
def test_nothing_is_kept_of_a_receipt_that_may_be_a_word_of_the_message(text: bytes, detail: str) -> None:
    receipt = read_receipt(report(text))
    assert receipt is not None
    assert receipt.detail == detail


@pytest.mark.parametrize("text", [b"text:my id:739154", b"text:my id:739154 stat:DIVORCE", b"Text: id:9"])
def test_words_that_come_first_are_no_receipt_without_fields_behind_them(text: bytes) -> None:
    assert read_receipt(report(text)) is None


def test_a_receipt_that_says_no_state_says_nothing() -> None:
    receipt = read_receipt(report(tlvs=((ID, b"A0F\x00"),)))
    assert receipt == Receipt("A0F", UNSAID)


@pytest.mark.parametrize(("word", "state"), [("UNDELIV", A), ("EXPIRED", A), ("ENROUTE", A), ("DELIVRD", D)])
def test_an_intermediate_notification_ends_nothing_but_a_delivery(word: str, state: State) -> None:
    receipt = read_receipt(report(f"id:1 stat:{word}".encode(), esm_class=0x20))
    assert receipt is not None
    assert (receipt.word, receipt.state) == (word, state)


@pytest.mark.parametrize(
    ("message", "looks"),
    [
        (report(TEXT, 0), True),
        (report(TEXT.decode().encode("utf-16-be"), 0, data_coding=8), True),
        (report(b"STAT=2 ID=7", 0), True),
        (report(b"x", 0, ((ID, b"7\x00"),)), True),
        (report(b"BAL", 0), False),
        (report(b"what is the status of my card: open?", 0), False),
        (report(b"stat:us", 0), False),
        (report(b"id: 7", 0), False),
        (report(b"", 0), False),
    ],
)
def test_what_does_not_say_that_it_is_a_receipt_may_look_like_one(message: Message, looks: bool) -> None:
    assert may_be_report(message) is looks


@given(st.binary(max_size=300), st.sampled_from((0, 4, 0x20, 0x44)), st.lists(st.binary(max_size=9), max_size=3))
def test_nothing_that_comes_makes_reading_fail(text: bytes, esm_class: int, values: list[bytes]) -> None:
    tlvs = tuple(zip((ID, STATE, NETWORK_ERROR), values, strict=False))
    may_be_report(report(text, esm_class, tlvs))
    receipt = read_receipt(report(text, esm_class, tlvs))
    assert receipt is None or receipt.message_id


_keys = st.sampled_from(["id", "sub", "dlvrd", "submit date", "done date", "stat", "err", "text", "ID", "Stat"])


@given(st.lists(st.tuples(_keys, st.text(max_size=12)), max_size=8))
def test_no_order_of_fields_makes_reading_fail(fields: list[tuple[str, str]]) -> None:
    text = " ".join(f"{key}:{value}" for key, value in fields).encode("utf-8", "replace")
    receipt = read_receipt(report(text))
    assert receipt is None or (receipt.message_id and len(receipt.detail) < 80)
