"""The fake exchange answers every command as a real Asterisk 22 was recorded to."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.testing.channel import FakeChannel
from ivr.testing.recording import Answer, Scene, Step, differences, load_recording, replay

RECORDING = load_recording(Path(__file__).parents[2] / "fixtures" / "agi" / "asterisk22.yaml")


def _complaints(scene: Scene, answers: list[Answer]) -> list[str]:
    return [
        text for step, answer in zip(scene.steps, answers, strict=True) for text in differences(step, answer, RECORDING)
    ]


@pytest.mark.parametrize("scene", RECORDING.scenes, ids=lambda scene: scene.name)
def test_the_fake_answers_as_recorded(scene: Scene) -> None:
    assert _complaints(scene, replay(scene)) == []


def test_the_recording_is_whole() -> None:
    steps = [step for scene in RECORDING.scenes for step in scene.steps if step.send is not None]
    assert len(steps) == 101
    assert all(step.reply for step in steps)


def test_a_fake_without_the_dead_channel_rule_is_found_out() -> None:
    def resurrect(channel: FakeChannel) -> None:
        channel._verbs = {
            name: type(verb)(verb.run, verb.least, verb.most, True) for name, verb in channel._verbs.items()
        }

    assert any(_complaints(scene, replay(scene, resurrect)) for scene in RECORDING.scenes)


@pytest.mark.parametrize(
    ("reply", "line", "alike"),
    [
        ("200 result=50 endpos=4160", "200 result=50 endpos=4480", True),
        ("200 result=50 endpos=4160", "200 result=50 endpos=14480", False),
        ("200 result=50 endpos=4160", "200 result=50", False),
        ("200 result=-1 endpos=0", "200 result=-1 endpos=20", False),
        ("200 result=1 ({n})", "200 result=1 (1795436628)", True),
        ("200 result=1 ({n})", "200 result=1 (soon)", False),
        ("usage", "520 End of proper usage.", False),
        ("200 result=0", "200 result=0 (timeout)", False),
    ],
)
def test_answers_are_compared_by_what_matters(reply: str, line: str, alike: bool) -> None:
    found = differences(Step("X", reply), Answer((line,), 0.0, False), RECORDING)
    assert (not found) is alike
