from __future__ import annotations

import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.dialogue import Channel, Facts, Party, Perform, Trigger
from flows.engine import Engine
from flows.model import Flow
from flows.store import FlowStore
from sounds.catalogue import Catalogue

RETAIL: Flow = FlowStore(catalogue=Catalogue.load()).current("retail")
ENGINE = Engine(RETAIL)  # one for all examples: what it remembers of one is given to the next
STEPS = sorted({pattern.step for pattern in RETAIL.sms_patterns})
NOON = datetime.datetime(2026, 3, 2, 4, 0, tzinfo=datetime.UTC)


def trigger(step: str, number: str, identified: bool, known: str | None, said: str, hours: int) -> Trigger:
    return Trigger(
        flow="retail",
        channel=Channel.SMS,
        party=Party(number, identified, known),
        session_id=f"sms-{number}-{hours}",
        auth_session_id=f"auth-{hours}",
        at=NOON + datetime.timedelta(hours=hours),
        step=step,
        language=said,
    )


@settings(max_examples=600)
@given(
    step=st.sampled_from(STEPS),
    number=st.from_regex(r"\+86139\d{8}", fullmatch=True),
    identified=st.booleans(),
    known=st.sampled_from([None, "en", "zh", "fr"]),
    said=st.sampled_from(["en", "zh"]),
    hours=st.integers(0, 500),
    notices=st.frozensets(st.sampled_from(sorted(RETAIL.notices))),
)
def test_a_first_turn_that_is_remembered_is_the_one_that_would_be_decided_anew(
    step: str, number: str, identified: bool, known: str | None, said: str, hours: int, notices: frozenset[str]
) -> None:
    began = trigger(step, number, identified, known, said, hours)
    facts = Facts(began.at, notices)
    remembered, anew = ENGINE.start(began, facts), Engine(RETAIL).start(began, facts)
    assert remembered == anew
    assert remembered[0].to_json() == anew[0].to_json()
    assert remembered[1].trail == anew[1].trail


def test_the_balance_of_the_second_who_asks_is_asked_for_under_their_own_name() -> None:
    engine = Engine(RETAIL)
    first = trigger("balance", "+8613900000001", True, "en", "en", 1)
    second = trigger("balance", "+8613900000002", True, "en", "en", 30)
    _, asked_first = engine.start(first)
    session, asked_second = engine.start(second)
    assert isinstance(asked_first.wait, Perform)
    assert isinstance(asked_second.wait, Perform)
    assert asked_second.trail is asked_first.trail, "remembered: the way is the very same"
    assert asked_second.wait.request_id == f"{second.session_id}:1"
    assert (session.id, session.auth_session_id, session.party) == (second.session_id, "auth-30", second.party)
    assert session.today == "2026-03-03"


def test_who_is_not_registered_is_not_given_the_turn_of_who_is() -> None:
    engine = Engine(RETAIL)
    _, known = engine.start(trigger("balance", "+8613900000001", True, "en", "en", 1))
    _, unknown = engine.start(trigger("balance", "+8613900000002", False, "en", "en", 1))
    assert isinstance(known.wait, Perform)
    assert unknown.wait is None
