"""Time zones by their IANA names, from the tzdata package: the same rules on every machine, whatever it brings."""

from __future__ import annotations

import functools
import importlib.resources
import re
import zoneinfo

DEFAULT_ZONE = "Asia/Shanghai"
_NAME = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+){0,2}", re.ASCII)


@functools.cache
def zone_names() -> frozenset[str]:
    """Answer the names of all time zones."""
    listed = (importlib.resources.files("tzdata") / "zones").read_text(encoding="utf-8")
    return frozenset(listed.split())


@functools.lru_cache(maxsize=64)
def zone_of(name: str) -> zoneinfo.ZoneInfo:
    """Answer the time zone of that name.

    Raises:
        KeyError: there is none.
    """
    if not _NAME.fullmatch(name) or name not in zone_names():
        raise KeyError(name)
    place = importlib.resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))
    with place.open("rb") as opened:
        return zoneinfo.ZoneInfo.from_file(opened, key=name)
