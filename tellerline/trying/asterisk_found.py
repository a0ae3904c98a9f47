"""Where this machine's Asterisk is, for conversations and tests that go through a real one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tellerline.errors import ParleyError

OLDEST_MAJOR = 20  # the oldest release line that still gets fixes, and that has all modules that we load
HOW_TO_GET_ASTERISK = (
    f"install Asterisk {OLDEST_MAJOR} or newer; or, with a checkout, run tests/tools/get_asterisk.sh, which unpacks "
    "one into your cache folder and installs nothing"
)
_VERSION = re.compile(r"^Asterisk (?:GIT-|certified[-/])?(\d+)")
_MODULE_FOLDERS = ("lib/*/asterisk/modules", "lib64/asterisk/modules", "lib/asterisk/modules")
_DATA_FOLDERS = ("/usr/share/asterisk", "/var/lib/asterisk", "/usr/local/share/asterisk")


@dataclass(frozen=True, slots=True)
class Asterisk:
    """An Asterisk that can be started: its program, its modules, its data; and sipp, where there is one."""

    program: Path
    modules: Path
    data: Path
    sipp: Path | None


def find_asterisk() -> Asterisk | None:
    """Answer the Asterisk to use, or None.

    First the folder that ``TELLERLINE_ASTERISK`` names or that ``get_asterisk.sh`` made in the user's cache, then
    the machine's own.
    """
    folder = os.environ.get("TELLERLINE_ASTERISK")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return _read_layout(Path(folder) if folder else cache / "tellerline" / "asterisk") or _on_machine()


def require_asterisk() -> Asterisk:
    """Answer the Asterisk to use.

    Raises:
        ParleyError: there is none; the message says how to get one.
    """
    found = find_asterisk()
    if found is None:
        raise ParleyError(f"there is no Asterisk on this machine.\n  mend: {HOW_TO_GET_ASTERISK}")
    return found


def _read_layout(folder: Path) -> Asterisk | None:
    layout = folder / "layout"
    if not layout.is_file():
        return None
    paths = dict(line.split("=", 1) for line in layout.read_text().splitlines() if "=" in line)
    try:
        found = Asterisk(
            Path(paths["asterisk"]),
            Path(paths["modules"]),
            Path(paths["data"]),
            Path(paths["sipp"]) if paths.get("sipp") else None,
        )
    except KeyError:
        return None
    return found if found.program.exists() and found.modules.is_dir() else None


def _on_machine() -> Asterisk | None:
    program = shutil.which("asterisk", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        return None
    answer = subprocess.run([program, "-V"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S603 - found above
    match = _VERSION.match(answer.stdout)
    if match is None or int(match[1]) < OLDEST_MAJOR:
        return None
    modules = [found for root in ("/usr", "/usr/local") for part in _MODULE_FOLDERS for found in Path(root).glob(part)]
    data = [Path(folder) for folder in _DATA_FOLDERS if Path(folder).is_dir()]
    if not modules or not data:
        return None
    sipp = shutil.which("sipp")
    return Asterisk(Path(program), modules[0], data[0], Path(sipp) if sipp else None)
