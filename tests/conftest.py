"""What every test of the project shares."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

# A machine that is busy makes examples slowly: that says nothing of what is tested.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


def pytest_configure() -> None:
    """Make the surroundings those of every machine.

    No implicit event loop: pytest-asyncio would make one to put back later, and nobody would close it. Terminals are
    wide, so that tables show whole cells.
    """
    asyncio.set_event_loop(None)
    os.environ["COLUMNS"] = "160"


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Put logging back: a command that was tried in one test logs to a stream that the next one no longer has."""
    events, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.configure(**events)
    root.handlers[:] = handlers
    root.setLevel(level)
