"""Looks over flows before anybody calls: what does not load, and what loads but would fail a caller."""

from flows.inspect.finding import Finding
from flows.inspect.inspection import check, check_flow, is_part
from flows.inspect.rule import Rule, Severity
from flows.inspect.rules import LINTS, RULES

__all__ = ["LINTS", "RULES", "Finding", "Rule", "Severity", "check", "check_flow", "is_part"]
