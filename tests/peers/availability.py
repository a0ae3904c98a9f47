"""What a test does when the real peer it talks to is not there."""

from __future__ import annotations

import os

import pytest


def require_peer(name: str, found: bool, how: str) -> None:
    """Go on when peer ``name`` was found; else skip with ``how`` to get it. In CI a missing peer is a failure.

    A skip that nobody reads is how a proof gets lost: CI has every peer, or it has not run.
    """
    if found:
        return
    message = f"{name} is not here. To get it: {how}"
    if os.environ.get("CI"):
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
