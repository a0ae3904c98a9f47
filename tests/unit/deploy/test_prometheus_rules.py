"""The rules for Prometheus ask for figures that a node exports, and tell whoever is woken what to do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tellerline.telemetry import Metrics
from tellerline.texts.figures import names

RULES = Path(__file__).parents[3] / "deploy" / "prometheus" / "tellerline-sms.rules.yaml"


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"] for rule in group["rules"]]


def exported() -> set[str]:
    """Answer every name that a node exports, SMS and others."""
    listed = {name.removesuffix("_total") + "_total" for name in names() if name.endswith("_total")} | set(names())
    for family in Metrics().registry.collect():
        listed |= {family.name, f"{family.name}_total"}
    return listed


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule.get("record"))
def test_a_rule_asks_for_figures_that_are_there_and_tells_what_to_do(rule: dict[str, Any]) -> None:
    recorded = {one["record"] for one in rules() if "record" in one}
    asked = set(re.findall(r"\btellerline[a-z_:0-9]*", rule["expr"]))
    assert asked, "a rule that asks for nothing of ours"
    assert asked - exported() - recorded == set()
    assert rule["expr"].count("(") == rule["expr"].count(")")
    if "alert" in rule:
        assert re.fullmatch(r"\d+[smh]", rule["for"])
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"].endswith(".")
        assert "tellerline " in rule["annotations"]["description"], "it names the command to look with"
        for label in re.findall(r"\$labels\.(\w+)", str(rule["annotations"])):
            assert label in {"bind", "purpose", "instance", "outcome"}


def test_every_figure_that_tells_of_trouble_has_a_rule() -> None:
    asked = " ".join(rule["expr"] for rule in rules())
    for name in (
        "tellerline_sms_bind_up",
        "tellerline_sms_queue_too_old",
        "tellerline_sms_submits_total",
        "tellerline_sms_throttled_total",
        "tellerline_sms_submit_seconds_bucket",
        "tellerline_sms_receipts_total",
        "tellerline_sms_texts_total",
        "tellerline_sms_delivers_total",
    ):
        assert name in asked
