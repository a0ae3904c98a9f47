"""Flows of a few steps, and what goes wrong in them."""

from __future__ import annotations

import datetime

import pytest

from flows.dialogue import Channel, Facts, Party, Trigger, Turn, Wait
from flows.engine import Engine
from flows.errors import FlowError
from flows.model import Edge, Flow
from flows.reading.loader import load_flow_text
from flows.session import Session
from flows.testing import Driver
from flows.testing.driver import AT, said

HEAD = """\
flow: made
languages: [en, zh]
start: main
defaults: {on_fail: bye}
"""
TAIL = """\
  bye: {say: [goodbye], hangup: true}
  other: {say: [other], hangup: true}
"""


def text_of(steps: str, top: str = "") -> str:
    """Answer a flow with ``steps`` besides ``bye`` and ``other``, the first of which must be ``main``."""
    return f"{HEAD}{top}steps:\n{steps.rstrip()}\n{TAIL}"


def flow_of(steps: str, top: str = "") -> Flow:
    return load_flow_text(text_of(steps, top), "made.yaml")


def begun(steps: str, top: str = "", **driver: object) -> Driver:
    """Begin a dialogue. The driver reads every session again from its JSON."""
    made = Driver(flow_of(steps, top), **driver)  # type: ignore[arg-type]  # of the test's own making
    made.start()
    return made


def said_at(flow: Flow, facts: Facts, channel: Channel = Channel.VOICE, step: str | None = None) -> list[str]:
    """Answer what a dialogue says first when ``facts`` hold."""
    return said(turn_at(flow, facts, channel, step)[1].effects)


def turn_at(
    flow: Flow, facts: Facts, channel: Channel = Channel.VOICE, step: str | None = None
) -> tuple[Session, Turn]:
    trigger = Trigger(flow.name, channel, Party("+8613900000001", True, "en"), "s1", "a1", AT, step)
    session, turn = Engine(flow).start(trigger, facts)
    assert Session.from_json(session.to_json()) == session
    return session, turn


def facts(at: str = "2026-03-02T10:15:00+08:00", *notices: str) -> Facts:
    return Facts(datetime.datetime.fromisoformat(at), frozenset(notices))


def refused(steps: str, top: str = "") -> FlowError:
    """Answer the error of a flow that cannot be loaded."""
    with pytest.raises(FlowError) as caught:
        flow_of(steps, top)
    return caught.value


def slip(steps: str, words: str, at: str, top: str = "") -> FlowError:
    """Expect an error that says ``words`` and stands at ``at``; answer it."""
    error = refused(steps, top)
    assert words in str(error).splitlines()[0], str(error)
    assert error.source_line[error.column - 1 :].startswith(at), str(error)
    return error


def ways(edges: tuple[Edge, ...]) -> list[str]:
    return [f"{edge} -> {edge.target}" for edge in edges]


def wait_of(driver: Driver) -> Wait | None:
    return driver.played.wait
