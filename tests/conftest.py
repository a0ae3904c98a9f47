"""What every test of the project shares."""

from __future__ import annotations

import asyncio


def pytest_configure() -> None:
    """Have no implicit event loop: pytest-asyncio would make one to put back later, and nobody would close it."""
    asyncio.set_event_loop(None)
