from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from tellerline.garbage import OLDER, YOUNG, collect_seldom


@pytest.fixture
def collector() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


class _Holding:
    itself: object


@pytest.mark.usefixtures("collector")
def test_what_is_there_when_a_node_is_up_is_not_looked_at_again_and_new_garbage_is_seldom_looked_for() -> None:
    collect_seldom()

    assert gc.get_threshold() == (YOUNG, OLDER, OLDER)
    assert gc.get_freeze_count() > 10_000


@pytest.mark.usefixtures("collector")
def test_what_holds_itself_is_still_found() -> None:
    collect_seldom()
    garbage = _Holding()
    garbage.itself = garbage
    seen = weakref.ref(garbage)
    del garbage

    made: list[list[int]] = [[] for _ in range(YOUNG + 1)]  # one look at the young objects

    assert len(made) > YOUNG
    assert seen() is None
