"""The engine: a flow, a session and what came back in; the next session and turn out. It never touches the world."""

from flows.engine.core import MAX_STEPS_PER_TURN, MAX_TURNS, Engine
from flows.engine.straight import Begun

__all__ = ["MAX_STEPS_PER_TURN", "MAX_TURNS", "Begun", "Engine"]
