"""The page of bank operations says what the registry, the line and the catalogue say: nobody wrote it by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core_client.domain.profile import BankProfile
from core_client.operations import REASONS, REGISTRY
from flows.store import FlowStore
from sounds.catalogue import Catalogue
from tellerline.operations_page import BY_THE_LINE, LINE, page, reached, shipped

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "operations.md").read_text(encoding="utf-8")
FLOW = FlowStore().current(LINE)


def test_the_page_is_what_the_registry_the_line_and_the_catalogue_say() -> None:
    assert shipped() == PAGE, "run `python -m tellerline.operations_page > docs/reference/operations.md`"


def test_every_operation_and_every_reason_is_on_the_page() -> None:
    assert set(re.findall(r"^## (\w+\.\w+)$", PAGE, re.MULTILINE)) == set(REGISTRY)
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == set(REASONS)
    assert "**missing**" not in PAGE


@pytest.mark.parametrize("name", sorted(set(REGISTRY) - BY_THE_LINE))
def test_every_operation_is_reached_on_each_channel_that_it_is_offered_on(name: str) -> None:
    there = reached(FLOW, name)
    assert there.steps, f"no step of the line asks for {name}"
    in_gates = name in ("identity.claim", "auth.verify_pin")  # asked before other steps, never by a key of their own
    if REGISTRY[name].voice and not in_gates:
        assert there.keys, f"no key leads to {name}"


def test_a_wording_that_is_missing_is_told_as_missing() -> None:
    poor = Catalogue({"en": {}, "zh": {}}, {}, ())
    assert page(FLOW, poor, BankProfile()).count("**missing**") == 2 * len(REASONS)
