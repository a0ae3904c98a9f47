from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.peers.availability import require_peer
from tests.peers.sms.found import (
    HOW_TO_GET_KANNEL,
    HOW_TO_GET_NODE,
    HOW_TO_GET_TSHARK,
    Kannel,
    NodeSmpp,
    Wireshark,
    find_kannel,
    find_node_smpp,
    find_wireshark,
)
from tests.peers.sms.node_smsc import NodeSmsc, running_smsc


@pytest.fixture(scope="session")
def node_smpp() -> NodeSmpp:
    found = find_node_smpp()
    require_peer("node-smpp", found is not None, HOW_TO_GET_NODE)
    assert found is not None
    return found


@pytest.fixture(scope="session")
def kannel() -> Kannel:
    found = find_kannel()
    require_peer("Kannel", found is not None, HOW_TO_GET_KANNEL)
    assert found is not None
    return found


@pytest.fixture(scope="session")
def wireshark() -> Wireshark:
    found = find_wireshark()
    require_peer("tshark", found is not None, HOW_TO_GET_TSHARK)
    assert found is not None
    return found


@pytest.fixture
async def node_smsc(node_smpp: NodeSmpp) -> AsyncIterator[NodeSmsc]:
    async with running_smsc(node_smpp) as smsc:
        yield smsc
