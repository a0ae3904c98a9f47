"""The part of the GSMA specification that is shipped is the specification."""

from __future__ import annotations

from tests.tools.condense_gsma import CONDENSED, condensed_text


def test_the_shipped_part_of_the_specification_is_the_specification() -> None:
    assert CONDENSED.read_text("utf-8") == condensed_text()
