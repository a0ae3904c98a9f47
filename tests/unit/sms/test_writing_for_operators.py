from __future__ import annotations

from typing import Any

import pytest

from sms.messages import Outgoing, Purpose
from sms.operators import LongTexts, Operator
from sms.sending.writing import MAX_ADDRESSES, Writer, relative_time
from sms.smpp import Address, Message, Tag
from sms.text.segmentation import TooLongError

NOW = 1_800_000_000.0
LONG = "All parts of this text go by one operator. " * 8


def text(words: str = "hello", **more: Any) -> Outgoing:
    fields: dict[str, Any] = {
        "source": "95500",
        "destination": "+8613900000001",
        "purpose": Purpose.CODE,
        "expires_at": NOW + 600,
    }
    fields |= more
    return Outgoing(
        "id", fields["source"], fields["destination"], words, fields["purpose"], 0x1234, NOW, fields["expires_at"]
    )


def written(operator: Operator, words: str = "hello", **more: Any) -> list[Message]:
    return Writer(operator).messages(text(words, **more), NOW)


def test_addresses_are_typed_by_what_they_are() -> None:
    operator = Operator("one", ())
    assert written(operator)[0].destination == Address("8613900000001", 1, 1)
    assert written(operator)[0].source == Address("95500", 0, 1)
    assert written(operator, source="TELLER")[0].source == Address("TELLER", 5, 0)
    assert written(operator, destination="10086")[0].destination == Address("10086", 0, 1)


def test_an_operator_has_types_of_its_own() -> None:
    operator = Operator("one", (), ton_npi={"international": (2, 8), "short": (3, 0), "name": (5, 1)})
    assert written(operator)[0].destination == Address("8613900000001", 2, 8)
    assert written(operator)[0].source == Address("95500", 3, 0)
    assert written(operator, source="TELLER")[0].source == Address("TELLER", 5, 1)


def test_a_text_that_names_no_sender_gets_the_operators_first() -> None:
    assert written(Operator("one", (), senders=("BANK", "95500")), source="")[0].source == Address("BANK", 5, 0)
    assert written(Operator("one", ()), source="")[0].source.digits == ""


def test_all_that_is_peculiar_to_an_operator_is_in_every_part() -> None:
    operator = Operator(
        "one",
        (),
        receipts=True,
        tlvs=((0x1400, b"own"),),
        service_type="BANK",
        priority={Purpose.CODE: 3},
        validity_s={Purpose.CODE: 300.0},
    )
    parts = written(operator, LONG)
    assert len(parts) == 3
    for part in parts:
        assert part.registered_delivery == 1
        assert part.tlvs == ((0x1400, b"own"),)
        assert part.service_type == "BANK"
        assert part.priority_flag == 3
        assert part.validity_period == "000000000500000R"
    campaign = written(operator, purpose=Purpose.CAMPAIGN)[0]
    assert (campaign.priority_flag, campaign.validity_period) == (0, "")
    assert written(Operator("two", ()))[0].registered_delivery == 0


def test_parts_that_are_marked_by_parameters_have_them_beside_the_operators_own() -> None:
    parts = written(Operator("one", (), long_texts=LongTexts.SAR, tlvs=((0x1400, b"own"),)), LONG)
    assert [part.tlv(Tag.SAR_SEGMENT_SEQNUM) for part in parts] == [b"\x01", b"\x02", b"\x03"]
    assert {part.tlv(0x1400) for part in parts} == {b"own"}


def test_no_operator_keeps_a_text_for_longer_than_it_lives() -> None:
    operator = Operator("one", (), validity_s={Purpose.CODE: 3600.0})
    assert written(operator)[0].validity_period == "000000001000000R"
    assert written(operator, expires_at=NOW - 5)[0].validity_period == "000000000001000R"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (1, "000000000001000R"),
        (61.9, "000000000101000R"),
        (3600, "000000010000000R"),
        (86_399, "000000235959000R"),
        (7 * 86_400 + 1, "000007000001000R"),
        (1e9, "000031000000000R"),
        (0, "000000000001000R"),
    ],
)
def test_a_relative_time_is_written_as_the_specification_has_it(seconds: float, shown: str) -> None:
    assert relative_time(seconds) == shown
    assert len(shown) == 16


def test_a_text_of_too_many_parts_is_a_typed_error() -> None:
    with pytest.raises(TooLongError):
        written(Operator("one", ()), "x" * 153 * 256)


def test_addresses_are_kept_without_growing_for_ever() -> None:
    writer = Writer(Operator("one", ()))
    for number in range(MAX_ADDRESSES + 10):
        writer.address(f"+86{number:011}")
    assert len(writer._addresses) <= MAX_ADDRESSES
