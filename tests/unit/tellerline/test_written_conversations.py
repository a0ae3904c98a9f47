from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path

import pytest

from core_client.domain.money import Money
from tellerline.trying import conversation as c
from tellerline.trying.beside import SHIPPED
from tellerline.trying.loader import load_conversation, load_conversation_text
from tellerline.trying.written import span, written

HERE = c.Place("x.yaml", 1, 1)
ME = "+8613900000001"


def _without_places(conversation: c.Conversation) -> c.Conversation:
    steps = tuple(dataclasses.replace(step, place=HERE) for step in conversation.steps)
    return dataclasses.replace(conversation, steps=steps, file="")


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*.yaml")), ids=lambda file: file.stem)
def test_what_is_written_is_what_was_read(file: Path) -> None:
    read = load_conversation(file)
    again = load_conversation_text(written(read, comment="two\nlines"), "x.yaml")
    assert _without_places(again) == _without_places(read)


def test_every_word_of_the_language_is_written() -> None:
    heard = (
        c.HearPrompt("no"),
        c.HearMoney(Money.parse("12345.67 CNY")),
        c.HearDigits("0001"),
        c.HearNumber(3),
        c.HearAny(),
        c.HearDate(datetime.date(2026, 3, 2)),
        c.HearName("O'Neil: 李雷"),
    )
    steps: tuple[c.Step, ...] = (
        c.Call(HERE, ME, "95500", "other", "A", "north"),
        c.Call(HERE, None, "95500"),
        c.Called(HERE, ME, within_s=5),
        c.Hear(HERE, heard, language="zh", within_s=90),
        c.Hear(HERE, (c.HearPrompt("welcome"),), party="other"),
        c.Press(HERE, "12*#", party="other"),
        c.Press(HERE, c.PinOf("10000001")),
        c.Press(HERE, c.PinOf(wrong=True)),
        c.Silence(HERE, 0.5),
        c.Speak(HERE, 5),
        c.HangUp(HERE),
        c.Ended(HERE, within_s=7),
        c.Transferred(HERE, "retail"),
        c.Transferred(HERE, None),
        c.Text(HERE, ME, "95500", 'SEND "5"\nto: {x} \\ 转账'),
        c.Text(HERE, ME, "95500", c.PinOf()),
        c.Receive(HERE, ME, ("500.00 CNY", "'"), {"x": r"it's (\d{6})"}, 30),
        c.NotReceive(HERE, None, ("hunter2",)),
        c.NotReceive(HERE, ME, (), 9),
        c.Wait(HERE, 660),
        c.Bank(
            HERE,
            {
                "auth.verify_pin": c.Told("refused", "pin_wrong", 1.5),
                "*": c.Told(slow_s=9),
                "payees.list": c.Told(empty=True),
            },
        ),
    )
    given = c.Given(
        datetime.datetime(2026, 3, 2, 10, 15, tzinfo=datetime.timezone(datetime.timedelta(hours=8))),
        {"*": c.Told("down")},
        {"*": c.Agents.NONE, "loans": c.Agents.CLOSED},
        frozenset({"outage", "storm"}),
    )
    whole = c.Conversation('is it: "so"? 是', "", given, steps[:14], ("engine",), "../my flows")
    again = load_conversation_text(written(whole), "x.yaml")
    assert _without_places(again) == whole
    # A slot is only read after its capture.
    texts = dataclasses.replace(whole, steps=(steps[16], *steps[14:]))
    assert _without_places(load_conversation_text(written(texts), "x.yaml")) == texts


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.5, "500ms"), (7, "7s"), (7.25, "7250ms"), (60, "1m"), (90, "90s"), (90.4, "90s"), (3600, "60m")],
)
def test_a_length_of_time_is_written_with_its_unit(seconds: float, text: str) -> None:
    assert span(seconds) == text
