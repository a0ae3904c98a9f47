"""Where CPU goes: the stack of the main thread, looked at every so often of the process's own CPU time.

    with Sampler() as sampler:
        ...
    sampler.folded()  # "a;b;c 42" lines, as every flame graph tool reads them

Python hears a signal between two of its instructions, so time inside C shows at the function that called it.
"""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path
from types import FrameType

EVERY_S = 0.001
MAX_DEPTH = 60
ROOT = Path(__file__).resolve().parent.parent


class Sampler:
    """Samples while the block lasts. Only the main thread is seen, and only from it can this be used."""

    def __init__(self, every_s: float = EVERY_S) -> None:
        self._every_s = every_s
        self.stacks: Counter[tuple[str, ...]] = Counter()
        self._names: dict[int, str] = {}

    def __enter__(self) -> Sampler:
        """Begin."""
        self._before = signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, self._every_s, self._every_s)
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, self._before)

    @property
    def samples(self) -> int:
        """How often was looked."""
        return sum(self.stacks.values())

    def folded(self) -> str:
        """Answer the stacks, outermost function first, with how often each was seen."""
        return "\n".join(f"{';'.join(stack)} {count}" for stack, count in sorted(self.stacks.items()))

    def _look(self, _signal: int, frame: FrameType | None) -> None:
        stack: list[str] = []
        while frame is not None and len(stack) < MAX_DEPTH:
            code = frame.f_code
            name = self._names.get(id(code))
            if name is None:
                name = self._names[id(code)] = f"{_module(code.co_filename)}:{code.co_qualname}"
            stack.append(name)
            frame = frame.f_back
        self.stacks[tuple(reversed(stack))] += 1


def _module(file: str) -> str:
    """Answer a file as people know it: below our root, or the package that it is of."""
    path = Path(file)
    parts = path.parts
    if "site-packages" in parts:
        return "/".join(parts[parts.index("site-packages") + 1 :])
    if path.is_relative_to(ROOT):
        return path.relative_to(ROOT).as_posix()
    return "/".join(parts[-2:])
