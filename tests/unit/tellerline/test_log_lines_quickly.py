from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core_client.domain.secret import Secret
from tellerline import masking
from tellerline.log_lines import JsonLine, Stamp

KEYS = sorted(masking.SECRET_KEYS | masking.NUMBER_KEYS | masking.ID_KEYS | {"event", "note", "level"})
DIGITS = st.text(st.sampled_from("0123456789 -+.:,x６"), max_size=30)
VALUES = st.one_of(st.text(max_size=20), DIGITS, st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False))


@settings(max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=8))
def test_a_field_that_is_left_alone_at_sight_has_nothing_that_the_masks_would_find(event: dict[str, Any]) -> None:
    slowly = {key: masking._masked(key, value, 0) for key, value in event.items()}
    assert masking.mask_event(None, "info", dict(event)) == slowly


def test_a_line_has_its_time_in_utc_and_what_json_has_no_word_for_as_it_prints() -> None:
    times = iter([1795465157.5, 1795465157.75, 1795465158.25])
    stamp, line = Stamp(lambda: next(times)), JsonLine()
    lines = [
        json.loads(line(None, "info", stamp(None, "info", {"event": "余额", "it": Secret("1")}))) for _ in range(3)
    ]
    assert [each["timestamp"] for each in lines] == [
        "2026-11-23T20:19:17.500000Z",
        "2026-11-23T20:19:17.750000Z",
        "2026-11-23T20:19:18.250000Z",
    ]
    assert lines[0]["event"] == "余额"
    assert lines[0]["it"] == "Secret(***)"
