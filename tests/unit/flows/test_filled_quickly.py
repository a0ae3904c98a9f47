"""What is filled open and closed afterwards is what its class would have made."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, fields, replace

import pytest

from core_client.domain.filling import quick
from flows.dialogue import Channel, End, Facts, Party, Say, Trigger, Turn
from flows.engine import Engine
from flows.engine.draft import Draft
from flows.session import Session
from flows.testing.driver import AT
from tests.unit.flows.steps.made import flow_of
from tests.unit.flows.test_session_as_json import FULL


def test_it_is_equal_frozen_and_of_its_class() -> None:
    made = quick(Say)((), "zh", True, ("en",))
    assert made == Say((), "zh", True, ("en",))
    assert (type(made), repr(made)) == (Say, repr(Say((), "zh", True, ("en",))))
    assert hash(made) == hash(Say((), "zh", True, ("en",)))
    with pytest.raises(FrozenInstanceError):
        made.language = "en"  # type: ignore[misc]  # that is the point
    assert copy.copy(made) == replace(made) == pickle.loads(pickle.dumps(made)) == made


def test_a_field_too_few_or_too_many_is_refused() -> None:
    for values in ((), (1, 2, 3, 4, 5)):
        with pytest.raises(TypeError):
            quick(Say)(*values)


def test_a_draft_that_nothing_changed_freezes_to_the_session_it_was_made_of() -> None:
    flow = flow_of("  main: {say: [x], next: bye}\n")
    draft = Draft(flow, FULL, FULL.turns, Facts(AT))
    draft.waiting = FULL.waiting
    frozen = draft.freeze(None)
    assert type(frozen) is Session
    assert frozen == replace(FULL, expires_at=0)  # which is the runner's to set, at every turn
    assert hash(frozen.step)
    for part in fields(Session):
        assert getattr(frozen, part.name) == getattr(replace(FULL, expires_at=0), part.name)
    with pytest.raises(FrozenInstanceError):
        frozen.step = "x"  # type: ignore[misc]  # that is the point
    assert Session.from_json(frozen.to_json()) == frozen


def test_turns_compare_without_their_trail() -> None:
    flow = flow_of("  main: {say: [x], next: bye}\n")
    _, turn = Engine(flow).start(Trigger("made", Channel.VOICE, Party(None), "s", "a", AT))
    assert turn == Turn(turn.effects, None)
    assert turn.effects[-1] == End("done")
