from __future__ import annotations

import io
import json
import logging

import pytest
import structlog

from core_client.domain.secret import Secret
from tellerline.masking import mask_event, mask_number, mask_text
from tellerline.telemetry import configure_logging, logging_to


def test_numbers_keep_enough_to_be_found_again() -> None:
    assert mask_number("+8613900000001") == "+86139****0001"
    assert mask_number("95500") == "95500"


@pytest.mark.parametrize("text", ["PIN 739154", "739154", "code: 482913!", "call +8613900000001", "6222021234567894"])
def test_secrets_in_free_text_are_masked(text: str) -> None:
    masked = mask_text(text)
    assert masked != text
    assert "739154" not in masked
    assert "482913" not in masked


@pytest.mark.parametrize("text", ["12,345.67 CNY", "session 4f739154ab", "took 0.123456", "10:15:00", "port 4573"])
def test_what_is_no_secret_is_kept(text: str) -> None:
    assert mask_text(text) == text


def test_fields_that_name_a_secret_are_masked_whatever_they_hold() -> None:
    event = mask_event(
        None,
        "info",
        {"event": "x", "pin": "1", "digits": "12", "body": "BAL", "from": "+8613900000001", "data": b"739154",
         "deep": {"pin": "739154", "list": [{"code": "1"}]}, "held": Secret("739154"), "count": 3},
    )  # fmt: skip
    assert "739154" not in repr(event)
    assert event["pin"] == event["digits"] == event["body"] == "***"
    assert event["from"] == "+86139****0001"
    assert event["count"] == 3


def test_our_lines_foreign_lines_and_tracebacks_pass_the_same_mask() -> None:
    out = io.StringIO()
    configure_logging("json", "info", out)
    structlog.get_logger("x").info("call.ended", pin="739154", caller="+8613900000001")
    logging.getLogger("foreign").warning("bind with password 739154 for +8613900000001")
    logging.getLogger("smpplib").debug("hex of a bind")
    try:
        int("the PIN 739154 was wrong")
    except ValueError:
        structlog.get_logger("x").exception("call.broke")
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["event"] for line in lines][::2] == ["call.ended", "call.broke"]
    assert len(lines) == 3
    assert "739154" not in out.getvalue()
    assert "+8613900000001" not in out.getvalue()
    assert "ValueError" in lines[2]["exception"]


def test_an_id_that_could_pass_for_a_card_number_is_kept() -> None:
    event = mask_event(None, "info", {"event": "sms.handled", "id": "1795446684253-0", "note": "4111 1111 1111 1111"})
    assert event["id"] == "1795446684253-0"
    assert event["note"] == "***"


def test_logging_goes_on_as_before_when_the_stream_of_a_block_is_closed() -> None:
    with io.StringIO() as out, logging_to(out):
        structlog.get_logger("a.test").info("something.happened")
        assert "something.happened" in out.getvalue()
    structlog.get_logger("a.test").info("something.else")
    logging.getLogger("a.test").warning("something foreign")
