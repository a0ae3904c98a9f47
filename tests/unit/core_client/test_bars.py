"""What a bar covers: everything but the ways out of trouble."""

from __future__ import annotations

import pytest

from core_client.domain.registry_changes import Bar


@pytest.mark.parametrize(
    ("channel", "function", "operation", "barred"),
    [
        ("*", "*", "transfers.prepare", True),
        ("*", "transfers", "transfers.prepare", True),
        ("*", "transfers.prepare", "transfers.confirm", False),
        ("sms", "transfers", "transfers.prepare", False),
        ("*", "accounts", "accounts.balance", True),
        ("*", "*", "cards.block", False),
        ("*", "cards", "cards.block", True),
        ("*", "*", "accounts.freeze", False),
        ("*", "accounts", "accounts.freeze", False),
        ("*", "accounts", "accounts.request_unfreeze", False),
        ("*", "accounts.freeze", "accounts.freeze", True),
    ],
)
def test_a_customer_in_trouble_is_never_barred_by_a_bar_of_everything(
    channel: str, function: str, operation: str, barred: bool
) -> None:
    assert Bar(channel, function).covers("voice", operation) is barred
