"""What a real Asterisk was recorded to answer, as data: run it on the fake, run it live, compare both alike.

for scene in load_recording(path).scenes:
answers = replay(scene)                     # the fake's; a live run makes the same list of Answers
for step, answer in zip(scene.steps, answers):
assert not differences(step, answer, recording)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ivr.agi import Reply, render_reply, split_command
from ivr.testing.channel import FakeChannel
from ivr.testing.sounds import SAMPLE_RATE, SoundLibrary
from ivr.testing.verbs import VERBS

_ENDPOS = re.compile(r" endpos=(-?\d+)$")
_PLACES = {"{n}": r"\d+", "{id}": r"[\w.-]+"}


@dataclass(frozen=True, slots=True)
class Step:
    """One command and its recorded answer; with ``send`` None, time in which no command runs.

    ``keys`` are (second, key) from the start of the step, ``hang_up_s`` is when the caller leaves.
    """

    send: str | None
    reply: str = ""
    keys: tuple[tuple[float, str], ...] = ()
    seconds: float | None = None
    idle_s: float = 0.0
    hang_up_s: float | None = None
    hung_up: bool = False
    tolerance_samples: int | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """Steps on one channel. ``talk`` is what its other end plays meanwhile, from its answer on: speech, then silence.

    Without it the caller's telephone sends no sound at all.
    """

    name: str
    steps: tuple[Step, ...]
    talk: str = ""

    def speech_s(self, sounds: SoundLibrary) -> float:
        """Answer how long the caller speaks."""
        words = (file for file in self.talk.split("&") if file and not file.startswith("silence/"))
        return sum((sounds.samples(file) or 0) / SAMPLE_RATE for file in words)


@dataclass(frozen=True, slots=True)
class Recording:
    """A whole recording."""

    asterisk: str
    tolerance_samples: int
    tolerance_s: float
    scenes: tuple[Scene, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What an exchange, fake or real, answered: its lines without HANGUP, how long it took, whether HANGUP came."""

    lines: tuple[str, ...]
    seconds: float
    hung_up: bool


def load_recording(path: Path) -> Recording:
    """Read a recording file."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Recording(
        asterisk=data["asterisk"],
        tolerance_samples=data["tolerance"]["samples"],
        tolerance_s=data["tolerance"]["seconds"],
        scenes=tuple(
            Scene(scene["name"], tuple(map(_step, scene["steps"])), scene.get("talk", "")) for scene in data["scenes"]
        ),
    )


def differences(step: Step, answer: Answer, recording: Recording) -> list[str]:
    """Answer in words how ``answer`` is not what was recorded; nothing when it is."""
    if step.send is None:
        return []
    found = []
    if not _same(step, answer.lines, recording):
        found.append(f"{step.send!r} answered {list(answer.lines)}, recorded is {step.reply!r}")
    if step.seconds is not None and abs(answer.seconds - step.seconds) > recording.tolerance_s:
        found.append(f"{step.send!r} took {answer.seconds:.2f} s, recorded is {step.seconds:.2f} s")
    if step.hung_up and not answer.hung_up:
        found.append(f"{step.send!r} was answered before any HANGUP line")
    return found


def replay(scene: Scene, change: Callable[[FakeChannel], None] = lambda channel: None) -> list[Answer]:
    """Run ``scene`` on a fake channel; ``change`` may break it first."""
    channel = FakeChannel(
        VERBS,
        SoundLibrary(),
        {"UNIQUEID": "fake-1.1", "CHANNEL": "Local/fake", "HANGUPCAUSE": "0"},
        media=bool(scene.talk),
    )
    change(channel)
    if scene.talk:
        channel.speak(scene.speech_s(channel.sounds), 0.0)
    now, hung_up, answers = 0.0, False, []
    for step in scene.steps:
        began, lines = now, list[str]()

        def take(replies: list[Reply | None], lines: list[str] = lines) -> None:
            nonlocal hung_up
            for reply in replies:
                if reply is None:
                    hung_up = True
                else:
                    lines.extend(render_reply(reply).splitlines())

        if step.send is not None:
            take(channel.command(step.send, split_command(step.send), now))
        for at_s, key in _happenings(step):
            take(channel.advance(began + at_s))
            take(channel.hang_up(began + at_s) if key is None else channel.press(key, began + at_s))
        if step.send is None:
            take(channel.advance(began + step.idle_s))
        while channel.busy and (due := channel.next_timer) is not None:
            take(channel.advance(due))
        now = channel.now
        answers.append(Answer(tuple(lines), now - began, hung_up))
    return answers


def _happenings(step: Step) -> list[tuple[float, str | None]]:
    happenings: list[tuple[float, str | None]] = [*step.keys]
    if step.hang_up_s is not None:
        happenings.append((step.hang_up_s, None))
    return sorted(happenings, key=lambda happening: happening[0])


def _same(step: Step, lines: tuple[str, ...], recording: Recording) -> bool:
    if step.reply == "usage":
        return len(lines) > 2 and lines[0].startswith("520-") and lines[-1] == "520 End of proper usage."
    if len(lines) != 1:
        return False
    expected, expected_at = _without_endpos(step.reply)
    line, at = _without_endpos(lines[0])
    pattern = re.escape(expected)
    for place, meaning in _PLACES.items():
        pattern = pattern.replace(re.escape(place), meaning)
    if not re.fullmatch(pattern, line) or (expected_at is None) != (at is None):
        return False
    if expected_at is None or at is None:
        return True
    if min(expected_at, at) <= 0:  # 0 and -1 have meanings of their own
        return expected_at == at
    tolerance = recording.tolerance_samples if step.tolerance_samples is None else step.tolerance_samples
    return abs(expected_at - at) <= tolerance


def _without_endpos(line: str) -> tuple[str, int | None]:
    found = _ENDPOS.search(line)
    return (line, None) if found is None else (line[: found.start()], int(found[1]))


def _scene(data: Mapping[str, Any]) -> Scene:
    return Scene(data["name"], tuple(map(_step, data["steps"])), data.get("talk", ""))


def _step(data: Mapping[str, Any]) -> Step:
    keys = [(float(at), key) for at, pressed in data.get("keys", {}).items() for key in str(pressed)]
    return Step(
        send=data.get("send"),
        reply=data.get("reply", ""),
        keys=tuple(keys),
        seconds=data.get("seconds"),
        idle_s=data.get("idle", 0.0),
        hang_up_s=data.get("hang_up"),
        hung_up=data.get("hung_up", False),
        tolerance_samples=data.get("tolerance_samples"),
    )
