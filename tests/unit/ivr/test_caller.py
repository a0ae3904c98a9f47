"""Who calls."""

from __future__ import annotations

import pytest

from ivr.caller import caller_number, mask_number


@pytest.mark.parametrize(
    ("header", "region", "number"),
    [
        ({"agi_callerid": "+8613900000001"}, None, "+8613900000001"),
        ({"agi_callerid": "+8613900000001", "agi_callingpres": "0"}, None, "+8613900000001"),
        ({"agi_callerid": "13900000001"}, "CN", "+8613900000001"),
        ({"agi_callerid": "13900000001"}, None, None),
        ({"agi_callerid": "008613900000001"}, "CN", "+8613900000001"),
        ({"agi_callerid": "unknown"}, "CN", None),
        ({"agi_callerid": "Anonymous"}, "CN", None),
        ({"agi_callerid": ""}, "CN", None),
        ({}, "CN", None),
        ({"agi_callerid": "95500"}, None, None),
        ({"agi_callerid": "+8613900000001", "agi_callingpres": "32"}, None, None),
        ({"agi_callerid": "+8613900000001", "agi_callingpres": "67"}, None, None),
        ({"agi_callerid": "+8613900000001", "agi_callingpres": "1"}, None, "+8613900000001"),
        ({"agi_callerid": "+86'; DROP TABLE"}, "CN", None),
    ],
)
def test_the_number_is_e164_or_none(header: dict[str, str], region: str | None, number: str | None) -> None:
    assert caller_number(header, region) == number


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+8613900000001", "+86139****0001"),
        ("13900000001", "139****0001"),
        ("12345678", "****"),
        ("1001", "****"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_a_number_is_masked_in_logs(number: str, shown: str) -> None:
    assert mask_number(number) == shown
