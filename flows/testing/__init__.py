"""What stands in for the world around flows: sessions in memory, a line that follows a script, and golden cases."""

from flows.testing.driver import Driver, Played
from flows.testing.line import ScriptedLine
from flows.testing.sessions import MemorySessions

__all__ = ["Driver", "MemorySessions", "Played", "ScriptedLine"]
