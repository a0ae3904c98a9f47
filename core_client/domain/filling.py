"""Frozen dataclasses, filled quickly.

A frozen dataclass sets each of its fields through ``object.__setattr__``, which takes several times as long as plain
assignment. What every turn of every dialogue makes is filled open instead, and closed by taking the class of the frozen
one, which has the same slots.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, make_dataclass
from typing import Any, TypeVar, cast

T = TypeVar("T")


def opened(frozen: type) -> Any:
    """Answer an open class with the slots of ``frozen``: what is made of it is closed by taking the other's class."""
    return make_dataclass("Opened", [(part.name, Any) for part in fields(frozen)], slots=True)


def quick(frozen: type[T]) -> Callable[..., T]:
    """Answer what makes a ``frozen`` of all its fields in their order; it has no defaults."""
    filled = opened(frozen)

    def make(*values: Any) -> T:
        made = filled(*values)
        made.__class__ = frozen
        return cast("T", made)

    return make
