from __future__ import annotations

import contextlib
import datetime
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_client.domain.money import Money
from core_client.domain.values import SecretHandle
from flows.dialogue import Channel, Party
from flows.errors import SessionError
from flows.session import Frame, Session, Waiting

FULL = Session(
    id="s1",
    flow="retail",
    version="abc",
    channel=Channel.SMS,
    party=Party("+8613900000001", True, "zh"),
    auth_session_id="a1",
    today="2026-03-02",
    language="zh",
    step="main",
    waiting=Waiting.CODE,
    variables={
        "money": Money(-5, "CNY"),
        "when": datetime.date(2026, 3, 2),
        "pin": SecretHandle("h"),
        "list": ({"a": 1, "b": True, "c": None}, {"d": "李雷"}),
    },
    slots=("amount",),
    gates=("identified",),
    frames=(Frame("auth", "balance"), Frame("", "main", "rate")),
    history=("main", "pin"),
    no_inputs=1,
    no_matches=2,
    page=1,
    turns=7,
    last_step="balance",
    reason="card_unknown",
    intent="i1",
    retried="balance",
    visits={"welcome": 2},
    expires_at=1_772_000_000,
)
BARE = Session("s", "f", "v", Channel.VOICE, Party(None), "a", "2026-03-02", "en", "main", waiting=Waiting.KEYS)


@pytest.mark.parametrize("session", [FULL, BARE])
def test_a_session_reads_back_as_it_was_written(session: Session) -> None:
    assert Session.from_json(session.to_json()) == session
    assert Session.from_json(session.to_json().encode()) == session


def test_what_is_empty_is_not_written() -> None:
    assert len(BARE.to_json()) < 160


def test_every_field_survives() -> None:
    """A field that is added and forgotten in the JSON fails here: each one of FULL differs from its default."""
    for name in Session.__slots__:
        assert getattr(FULL, name) not in ((), "", 0, None, {}), name


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "1", '{"v":2}', '{"v":1}', "x" * 100, "[" * 100_000, b"\xff"])
def test_what_is_no_session_is_an_error_of_ours(text: str | bytes) -> None:
    with pytest.raises(SessionError):
        Session.from_json(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(JSON, st.sampled_from(sorted(json.loads(FULL.to_json()))))
def test_a_damaged_session_is_read_or_refused_and_nothing_else(damage: object, key: str) -> None:
    data = json.loads(FULL.to_json())
    data[key] = damage
    with contextlib.suppress(SessionError):
        Session.from_json(json.dumps(data))
