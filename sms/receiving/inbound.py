"""One text of a customer, as it is handed on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Inbound:
    """One whole text. Its ``name`` is the same after a restart and on another node, and names all that comes of it."""

    id: str  # its place in the store; "" until it is stored
    source: str
    source_ton: int
    destination: str
    text: str | None  # None when it is no text; never printed
    link: str  # the connection that brought its last part
    copies: tuple[str, ...]  # keys that make copies known, of what came over that connection
    recovered: bool = False  # read from the store by a process that may not be the first to work on it
    name: str = ""
    operator: str = "main"
    at: float = 0.0  # when its last part was received, seconds since the epoch
    parts: int = 1
    stored: bool = True  # False while it is only received: nothing may come of it yet that the world could see

    def __repr__(self) -> str:
        return f"Inbound({self.name}, {len(self.text or '')} characters)"
