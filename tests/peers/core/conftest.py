"""One Prism of each kind serves all tests of a worker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.peers.core.prism import Running, prism, required
from tests.peers.sms.children import free_ports


@dataclass(frozen=True, slots=True)
class Proxy:
    """A validating proxy, and the port that it expects the bank on."""

    running: Running
    upstream_port: int


@pytest.fixture(scope="session")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    port = free_ports(1)[0]
    with prism(
        required(), tmp_path_factory.mktemp("proxy"), "proxy", f"http://127.0.0.1:{port}", "--errors"
    ) as running:
        yield Proxy(running, port)


@pytest.fixture(scope="session")
def mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with prism(required(), tmp_path_factory.mktemp("mock"), "mock") as running:
        yield running


@pytest.fixture(scope="session")
def inventive_mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with prism(required(), tmp_path_factory.mktemp("inventive"), "mock", "-d") as running:
        yield running
