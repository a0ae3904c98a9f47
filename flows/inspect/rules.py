"""The rules, by name: those that the loader keeps, and the lints."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from flows.inspect.lints import (
    ask_too_long,
    call_without_return,
    dead_end,
    fallback_used,
    loop_without_input,
    menu_keys,
    missing_recording,
    missing_text,
    money_outside_gate,
    never_open,
    no_agent,
    sms_shadowed,
    timeout_too_long,
    transfer_without_context,
    unproved_operation,
    unreachable_step,
    unspoken_currency,
)
from flows.inspect.look import Lint
from flows.inspect.rule import Rule

_LINTS = (
    ask_too_long,
    call_without_return,
    dead_end,
    fallback_used,
    loop_without_input,
    menu_keys,
    missing_recording,
    missing_text,
    money_outside_gate,
    never_open,
    no_agent,
    sms_shadowed,
    timeout_too_long,
    transfer_without_context,
    unproved_operation,
    unreachable_step,
    unspoken_currency,
)
LINTS: tuple[Lint, ...] = tuple(module.lint for module in _LINTS)
RULES: Mapping[str, Rule] = MappingProxyType({module.RULE.id: module.RULE for module in _LINTS})
