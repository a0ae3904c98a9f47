"""Looks over flows before anybody calls: what does not load, and what loads but would fail a caller."""

from flows.inspect.finding import Finding, Severity
from flows.inspect.inspection import LINTS, check, check_flow

__all__ = ["LINTS", "Finding", "Severity", "check", "check_flow"]
