from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sms import numbers


@settings(max_examples=1500)
@given(
    st.from_regex(r"\+?(86)?1\d{9,11}", fullmatch=True), st.sampled_from([0, 1, 2, 5]), st.sampled_from(["CN", "GB"])
)
def test_a_mobile_number_that_is_recognised_at_sight_is_the_one_that_parsing_finds(
    digits: str, ton: int, region: str
) -> None:
    assert numbers.e164(digits, ton, region) == numbers._parsed(digits, ton, region)


def test_a_usual_sender_is_recognised_at_sight() -> None:
    pattern = numbers._mobile("CN")
    assert pattern is not None
    assert pattern.fullmatch("8613900000001")
    assert not pattern.fullmatch("13900000001")
    assert numbers._mobile("IT") is None, "its numbers keep a leading zero: they are parsed"
