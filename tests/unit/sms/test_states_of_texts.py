from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms.messages import Change, State
from sms.store.states import Progress, later, of_copies, of_parts

Q, S, A, D = State.QUEUED, State.SENT, State.ACCEPTED, State.DELIVERED
U, E, R, N = State.UNDELIVERABLE, State.EXPIRED, State.REJECTED, State.UNKNOWN


def heard(*changes: tuple[State, int] | tuple[State, int, str], of: int = 0) -> Progress:
    progress = Progress()
    for at, (state, part, *remote_id) in enumerate(changes):
        progress.hear(Change(float(at), state, part, remote_id="".join(remote_id)), of)
    return progress


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ([Q], Q),
        ([Q, Q], Q),
        ([Q, S], S),
        ([S], S),
        ([Q, A], S),
        ([Q, D], S),
        ([A, S], S),
        ([A, A], A),
        ([A, D], A),
        ([D], D),
        ([D, D, D], D),
        ([D, U], U),
        ([D, S, U], U),
        ([A, E], E),
        ([R, D], R),
        ([E, R], R),
        ([E, R, U], U),
        ([N], N),
        ([N, D], N),
        ([N, A], N),
        ([N, S], S),
        ([N, Q], S),
        ([N, E], E),
    ],
)
def test_a_text_is_as_far_as_its_last_part_and_fails_with_its_first(parts: list[State], text: State) -> None:
    for order in itertools.permutations(parts):
        assert of_parts(order) is text


def test_every_mixture_of_states_has_one_answer_and_only_all_delivered_is_delivered() -> None:
    for size in (1, 2, 3, 4):
        for parts in itertools.product(State, repeat=size):
            text = of_parts(parts)
            assert (text is D) == (set(parts) == {D})
            assert (text in (U, R, E)) == bool({U, R, E} & set(parts))


@pytest.mark.parametrize(
    ("known", "said", "then"),
    [
        (Q, S, S),
        (S, A, A),
        (A, D, D),
        (D, A, D),  # an intermediate notification that comes after the receipt
        (D, S, D),
        (D, U, D),
        (U, D, U),
        (E, D, E),
        (R, A, R),
        (N, D, D),
        (N, U, U),
        (N, A, N),
        (A, N, N),
        (S, N, N),
    ],
)
def test_a_last_word_stays_and_only_unknown_gives_way(known: State, said: State, then: State) -> None:
    assert later(known, said) is then


@pytest.mark.parametrize(
    ("copies", "part"),
    [
        ({"": S}, S),
        ({"": S, "1": A}, A),
        ({"1": N}, N),
        ({"1": N, "2": A}, A),
        ({"1": N, "2": D}, D),
        ({"1": A, "2": D}, D),
        ({"1": U, "2": A}, A),
        ({"1": U, "2": D}, D),
        ({"1": U, "2": E}, U),
        ({"": A}, A),
        ({"": R}, R),
        ({"": R, "1": A}, A),
    ],
)
def test_a_part_that_was_sent_twice_has_arrived_when_one_of_them_has(copies: dict[str, State], part: State) -> None:
    assert of_copies(copies) is part


def test_the_number_of_parts_is_known_from_any_line() -> None:
    progress = heard((S, 1), (S, 2), (S, 3))
    assert progress.state is S
    progress.hear(Change(0.0, A, 2, remote_id="x"), 3)
    assert (progress.of, progress.parts) == (3, {1: S, 2: A, 3: S})
    assert heard((A, 1, "x"), of=2).state is S


def test_what_is_said_of_the_whole_text_is_said_of_every_part_that_no_operator_has() -> None:
    assert heard((E, 0)).state is E
    assert heard((S, 1), (E, 0)).state is E
    assert heard((A, 1, "x"), (S, 2), (E, 0), of=2).state is E
    assert heard((A, 1, "x"), (E, 0), of=1).state is A, "it was taken after all"
    assert heard((R, 0)).state is R


def test_sending_again_begins_anew_what_no_operator_has() -> None:
    progress = heard((D, 1, "x"), (N, 2), (N, 0), (Q, 0), of=2)
    assert (progress.state, progress.parts) == (S, {1: D})
    progress.hear(Change(9.0, S, 2))
    progress.hear(Change(9.0, A, 2, remote_id="y"))
    progress.hear(Change(9.0, D, 2, remote_id="y"))
    assert progress.state is D
    assert heard((E, 0), (Q, 0)).state is Q


def test_what_we_did_with_a_part_counts_as_it_was_last_until_an_operator_says_something() -> None:
    assert heard((S, 1), (Q, 1)).parts == {1: Q}, "throttled: nobody has it, so it may be sent again after a crash"
    assert heard((S, 1), (Q, 1), (S, 1)).parts == {1: S}
    assert heard((S, 1), (N, 1)).parts == {1: N}
    assert heard((S, 1), (N, 1), (S, 1)).parts == {1: S}
    assert heard((S, 1), (N, 1), (A, 1, "x")).parts == {1: A}
    assert heard((A, 1, "x"), (S, 1)).parts == {1: A}
    late = heard((S, 1))
    late.hear(Change(-5.0, Q, 1))
    assert late.parts == {1: S}, "an earlier line that was written later, since the store was away"


def test_an_operator_that_lost_track_makes_it_unknown_until_it_says_a_last_word() -> None:
    assert heard((A, 1, "x"), (N, 1, "x")).state is N
    assert heard((A, 1, "x"), (N, 1, "x"), (A, 1, "x")).state is N
    assert heard((A, 1, "x"), (N, 1, "x"), (D, 1, "x")).state is D
    assert heard((A, 1, "x"), (N, 1, "x"), (U, 1, "x")).state is U


_facts = st.lists(
    st.tuples(st.sampled_from((Q, S, N, A, D)), st.integers(1, 4), st.sampled_from(("", "x", "y"))),
    min_size=1,
    max_size=12,
)


@given(_facts, st.randoms(use_true_random=False), st.integers(1, 3))
def test_the_order_in_which_it_is_heard_and_how_often_decides_nothing(facts, random, times) -> None:  # type: ignore[no-untyped-def]  # hypothesis gives a Random of its own
    changes = [Change(float(at), state, part, remote_id=id_) for at, (state, part, id_) in enumerate(facts)]
    again = changes * times
    random.shuffle(again)
    first, second = Progress(), Progress()
    for change in changes:
        first.hear(change, 4)
    for change in again:
        second.hear(change, 4)
    assert (first.state, first.parts) == (second.state, second.parts)
