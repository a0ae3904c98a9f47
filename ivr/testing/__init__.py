"""The test telephone exchange, part of the product: ``tellerline fake-pbx``, ``tellerline phone``, tests, drivers."""

from __future__ import annotations

from ivr.testing.call import FakeCall
from ivr.testing.errors import CallWentElsewhere
from ivr.testing.events import (
    CallEnded,
    CallEvent,
    CommandSeen,
    EndedBy,
    HeardFile,
    KeyPressed,
    Playing,
    Stopped,
    Transferred,
)
from ivr.testing.fake_pbx import LEAP, FakePbx
from ivr.testing.sounds import SoundLibrary

__all__ = [
    "LEAP",
    "CallEnded",
    "CallEvent",
    "CallWentElsewhere",
    "CommandSeen",
    "EndedBy",
    "FakeCall",
    "FakePbx",
    "HeardFile",
    "KeyPressed",
    "Playing",
    "SoundLibrary",
    "Stopped",
    "Transferred",
]
