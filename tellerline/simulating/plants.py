"""Bugs to plant: each is put over the product from outside for one run, to see that the simulation finds it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from core_client.services.call import Ports
from tellerline.simulating.books import Invariant


def _as_they_are(ports: Ports) -> Ports:
    return ports


@contextlib.contextmanager
def _nothing() -> Iterator[None]:
    yield


@dataclass(frozen=True, slots=True)
class Plant:
    """A bug. ``arrange`` puts it into the ports of each node, ``planted`` over the product's own code."""

    name: str
    what: str
    breaks: frozenset[Invariant] = frozenset()
    arrange: Callable[[Ports], Ports] = _as_they_are
    planted: Callable[[], AbstractContextManager[None]] = _nothing


NONE = Plant("none", "the product as it is")
