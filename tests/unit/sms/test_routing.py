from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from sms.messages import Outgoing, Purpose
from sms.operators import Operator
from sms.sending.routing import HOLD_FIRST_S, HOLD_MAX_S, MAX_ROUTES, PATIENCE_S, Routes, Trust, Why


@dataclass
class Bind:
    """A bind that is as a test says."""

    operator: Operator
    name: str
    up: bool = True
    well: bool = True
    room: int = 10
    at: float = 0.0  # ready
    pause_s: float = 0.0
    held_by: str = ""

    def usable(self, now: float) -> bool:
        return self.up

    def trusted(self, now: float) -> bool:
        return self.well

    def ready_at(self, now: float) -> float:
        return max(self.at, now + self.pause_s if self.pause_s else 0.0)

    def throttled_for(self, now: float) -> float:
        return self.pause_s


@dataclass
class Map:
    """Operators with their binds, and the routes over them."""

    operators: tuple[Operator, ...]
    binds: dict[str, Bind] = field(default_factory=dict)
    routes: Routes[Bind] = field(init=False)

    def __post_init__(self) -> None:
        ways = {one.name: [self.binds[f"{one.name}/{name}"] for name in "ab"] for one in self.operators}
        self.routes = Routes(self.operators, ways)

    def order(self, to: str = "+8613900000001", **more: Any) -> list[str]:
        return [one.operator.name for one in self.routes.of(text(to, **more)).candidates]

    def chosen(self, to: str = "+8613900000001", **more: Any) -> str:
        way, _ = self.routes.of(text(to, **more)).choose(100.0)
        return way.name if way is not None else ""


def text(to: str, source: str = "", operator: str = "", link: str = "") -> Outgoing:
    return Outgoing("id", source, to, "x", Purpose.ANSWER, 1, 0.0, 1.0, operator=operator, link=link)


def routes(*operators: Operator) -> Map:
    return Map(operators, {f"{one.name}/{name}": Bind(one, f"{one.name}/{name}") for one in operators for name in "ab"})


def test_the_longest_prefix_counts_then_the_cost_then_the_order_of_the_configuration() -> None:
    it = routes(
        Operator("world", (), cost=1),
        Operator("china", (), prefixes=("+86",), cost=5),
        Operator("mobile", (), prefixes=("+44", "+86139"), cost=9),
        Operator("second", (), prefixes=("+86",), cost=5),
        Operator("cheap", (), prefixes=("+86",), cost=2),
    )
    assert it.order() == ["mobile", "cheap", "china", "second", "world"]
    assert it.order("+8618800000001") == ["cheap", "china", "second", "world"]
    assert it.order("+447700900001") == ["mobile", "world"]
    assert it.order("95500") == ["world"]


def test_an_operator_is_pinned_whatever_its_prefixes() -> None:
    it = routes(Operator("one", ()), Operator("two", (), prefixes=("+44",)))
    assert it.order(operator="two") == ["two"]
    assert it.order(operator="gone") == []
    assert it.chosen(operator="gone") == ""


def test_a_sender_that_an_operator_does_not_let_through_is_not_given_to_it() -> None:
    it = routes(Operator("one", (), senders=("BANK",)), Operator("two", (), cost=9))
    assert it.order(source="BANK") == ["one", "two"]
    assert it.order(source="95500") == ["two"]
    assert it.order(source="") == ["one", "two"]


def test_an_answer_goes_to_the_operator_that_brought_the_question_though_another_is_better() -> None:
    it = routes(Operator("one", (), prefixes=("+86",)), Operator("two", (), prefixes=("+44",), cost=9))
    assert it.order(link="two/a/token/1") == ["two", "one"]
    assert it.chosen(link="two/b/token/1") == "two/b"
    it.binds["two/b"].up = False
    assert it.chosen(link="two/b/token/1") == "two/a"
    it.binds["two/a"].up = False
    assert it.chosen(link="two/b/token/1") == "one/a"


def test_an_answer_waits_for_room_on_the_questions_bind_and_for_a_moment_when_it_is_throttled() -> None:
    it = routes(Operator("one", ()))
    it.binds["one/a"].room = 0
    assert it.chosen(link="one/a/token/1") == ""
    assert it.chosen() == "one/b"
    it.binds["one/a"].room = 5
    it.binds["one/a"].pause_s = PATIENCE_S
    assert it.chosen(link="one/a/token/1") == ""
    it.binds["one/a"].pause_s = PATIENCE_S + 1
    assert it.chosen(link="one/a/token/1") == "one/b"
    it.binds["one/a"].pause_s = 0.0
    it.binds["one/a"].well = False
    assert it.chosen(link="one/a/token/1") == "one/b"


def test_the_bind_with_the_most_room_is_taken() -> None:
    it = routes(Operator("one", ()))
    it.binds["one/a"].room = 3
    assert it.chosen() == "one/b"
    it.binds["one/b"].room = 2
    assert it.chosen() == "one/a"


def test_a_full_window_is_waited_for_and_does_not_make_texts_dearer() -> None:
    it = routes(Operator("cheap", (), cost=1), Operator("dear", (), cost=9))
    for name in "ab":
        it.binds[f"cheap/{name}"].room = 0
    assert it.chosen() == ""
    for name in "ab":
        it.binds[f"cheap/{name}"].room = 5
        it.binds[f"cheap/{name}"].at = 100.5
    way, at = it.routes.of(text("+861")).choose(100.0)
    assert (way, at) == (None, 100.5)


def test_one_that_came_back_is_used_only_where_no_other_is_well() -> None:
    it = routes(Operator("cheap", (), cost=1), Operator("dear", (), cost=9))
    for name in "ab":
        it.binds[f"cheap/{name}"].well = False
    assert it.chosen() == "dear/a"
    it.binds["dear/a"].up = it.binds["dear/b"].up = False
    assert it.chosen() == "cheap/a"
    it.binds["cheap/b"].well = True
    assert it.chosen() == "cheap/b"


def test_one_that_is_throttled_for_long_is_passed_over_and_waited_for_where_there_is_no_other() -> None:
    it = routes(Operator("cheap", (), cost=1), Operator("dear", (), cost=9))
    for name in "ab":
        it.binds[f"cheap/{name}"].pause_s = 20.0
    assert it.chosen() == "dear/a"
    it.binds["dear/a"].up = it.binds["dear/b"].up = False
    assert it.routes.of(text("+861")).choose(100.0) == (None, 120.0)


def test_a_refusal_makes_an_operator_the_last() -> None:
    it = routes(Operator("one", ()), Operator("two", (), cost=9))
    route = it.routes.of(text("+861"))
    other = it.routes.without(route, "one")
    assert [one.operator.name for one in other.candidates] == ["two", "one"]
    assert it.routes.without(route, "one") is other


def test_what_is_begun_stays_with_its_operator() -> None:
    it = routes(Operator("one", ()), Operator("two", (), cost=9))
    route = it.routes.only("two", "two/b")
    assert [one.operator.name for one in route.candidates] == ["two"]
    way, _ = route.choose(0.0)
    assert way is it.binds["two/b"]
    it.binds["two/b"].up = False
    assert route.choose(0.0)[0] is it.binds["two/a"]
    assert it.routes.only("gone").choose(0.0)[0] is None


def test_another_node_is_named_only_where_this_one_can_send_nothing() -> None:
    it = routes(Operator("one", ()))
    route = it.routes.of(text("+861"))
    it.binds["one/a"].up = False
    it.binds["one/a"].held_by = "north"
    assert route.elsewhere(0.0) == ""
    it.binds["one/b"].up = False
    assert route.elsewhere(0.0) == "north"
    assert [(one.state, one.detail) for one in route.reasons(0.0)] == [(Why.ELSEWHERE, "held by north")]


def test_reasons_say_why_each_operator_is_where_it_is_and_how_it_stands() -> None:
    it = routes(
        Operator("north", (), prefixes=("+86",), cost=1),
        Operator("south", (), prefixes=("+86",), cost=2),
        Operator("world", ()),
    )
    route = it.routes.of(text("+8613900000001", link="south/a/token/1"))
    assert [(one.operator, one.why) for one in route.reasons(0.0)] == [
        ("south", Why.QUESTION),
        ("north", Why.OTHER),
        ("world", Why.OTHER),
    ]
    route = it.routes.of(text("+8613900000001"))
    for name in "ab":
        it.binds[f"north/{name}"].pause_s = 30.0
        it.binds[f"south/{name}"].well = False
        it.binds[f"world/{name}"].room = 0
    assert [(one.why, one.state) for one in route.reasons(0.0)] == [
        (Why.CHEAPER, Why.THROTTLED),
        (Why.OTHER, Why.RETURNED),
        (Why.OTHER, Why.BUSY),
    ]
    assert route.passed_over(it.binds["world/a"], 0.0) == "north is throttled"
    assert route.passed_over(it.binds["north/a"], 0.0) == ""


def test_routes_of_many_numbers_are_kept_without_growing_for_ever() -> None:
    it = routes(Operator("one", (), prefixes=("+861390000",)), Operator("two", ()))
    same = it.routes.of(text("+8613900000001"))
    assert it.routes.of(text("+8613900009999")) is same
    for number in range(MAX_ROUTES + 10):
        it.routes.of(text("+8613900000001", source=f"{number}"))
    assert len(it.routes._kept) <= MAX_ROUTES


def test_a_bind_is_trusted_at_its_first_coming() -> None:
    trust = Trust()
    trust.up(0.0)
    assert trust.trusted(0.0)


def test_a_bind_that_goes_down_again_and_again_is_believed_later_each_time() -> None:
    trust, now, holds = Trust(), 0.0, []
    trust.up(now)
    for _ in range(9):
        now += 1.0
        trust.down(now)
        now += 1.0
        trust.up(now)
        assert not trust.trusted(now)
        holds.append(trust.trusted_in(now))
        assert trust.trusted(now + holds[-1])
    assert holds[:4] == [HOLD_FIRST_S * 2**n for n in range(4)]
    assert holds[-1] == HOLD_MAX_S
    assert trust.downs == 9


def test_a_bind_that_was_up_for_long_is_forgiven() -> None:
    trust = Trust()
    trust.up(0.0)
    for now in (1.0, 3.0, 5.0):
        trust.down(now)
        trust.up(now + 1.0)
    trust.down(10_000.0)
    trust.up(10_001.0)
    assert trust.trusted_in(10_001.0) == HOLD_FIRST_S


@pytest.mark.parametrize(("answered_after", "trusted"), [(2, True), (3, False)])
def test_a_bind_that_is_up_and_does_not_answer_is_as_bad_as_one_that_is_down(
    answered_after: int, *, trusted: bool
) -> None:
    trust = Trust()
    trust.up(0.0)
    for tick in range(answered_after):
        trust.unanswered(100.0 + tick)
    trust.answered()
    assert trust.trusted(103.0) is trusted
    assert trust.trusted(103.0 + HOLD_FIRST_S)
