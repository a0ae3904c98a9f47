"""What goes wrong, where: faults lie in wait at labelled points, each for the passage that it was drawn for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from tellerline.simulating.loop import Place

MAX_WAITING = 12  # faults that lie in wait at once; beyond it the oldest goes


@dataclass(slots=True)
class Armed:
    """A fault in wait: at the ``skip``-th next passage of a point whose label begins with ``label``."""

    label: str
    kind: str
    skip: int


class FaultBook:
    """Faults in wait, and how often each point was passed and each fault happened."""

    def __init__(self, heard: Callable[[str], None]) -> None:
        self._waiting: list[Armed] = []
        self._heard = heard
        self.quiet = False
        self.passed: Counter[str] = Counter()
        self.happened: Counter[str] = Counter()

    def arm(self, fault: Armed) -> None:
        """Let a fault lie in wait."""
        self._waiting.append(fault)
        if len(self._waiting) > MAX_WAITING:
            del self._waiting[0]

    def disarm(self) -> None:
        """From now on nothing goes wrong."""
        self._waiting.clear()
        self.quiet = True

    def at(self, label: str, place: Place | None) -> str | None:
        """Pass a labelled point; answer the kind of fault that happens here and now, or None."""
        self.passed[label] += 1
        for fault in self._waiting:
            if not label.startswith(fault.label):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            self._waiting.remove(fault)
            self.happened[f"{label} {fault.kind}"] += 1
            self._heard(f"{label}: {fault.kind} in {place.name if place else 'the world'}")
            return fault.kind
        return None
