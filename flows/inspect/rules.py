"""The rules, by name: those that the loader keeps, and the lints."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from flows.inspect import allowed
from flows.inspect.folder import same_name, unused_include, unused_prompt
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
    unset_variable,
    unspoken_currency,
)
from flows.inspect.loading import (
    begins_itself,
    code_unconfirmed,
    expression,
    include,
    missing_target,
    nothing_to_return_to,
    secret_by_text,
    shape,
    syntax,
    unhandled_outcome,
    unknown_operation,
    unknown_outcome,
    unknown_parameter,
    wrong_channel,
)
from flows.inspect.look import Lint
from flows.inspect.rule import Rule

_LOADING = (
    begins_itself,
    syntax,
    shape,
    expression,
    include,
    missing_target,
    unknown_operation,
    unknown_parameter,
    unknown_outcome,
    unhandled_outcome,
    secret_by_text,
    code_unconfirmed,
    nothing_to_return_to,
    wrong_channel,
)
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
    unset_variable,
    unspoken_currency,
)
_FOLDER = (same_name, unused_include, unused_prompt)

LINTS: tuple[Lint, ...] = tuple(module.lint for module in _LINTS)
RULES: Mapping[str, Rule] = MappingProxyType(
    {
        rule.id: rule
        for rule in (
            *(module.RULE for module in _LOADING),
            *(module.RULE for module in _LINTS),
            *(module.RULE for module in _FOLDER),
            allowed.RULE,
        )
    }
)
