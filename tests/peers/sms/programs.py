"""Where the real SMS peers are: what tests/tools/get_sms_peers.sh and get_node_smsc.sh found, else the machine's own."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from tests.peers.availability import require_peer

_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tellerline"
_PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])


def _layout(folder: str) -> dict[str, str]:
    try:
        lines = (_CACHE / folder / "layout").read_text().splitlines()
    except FileNotFoundError:
        return {}
    return dict(line.split("=", 1) for line in lines if "=" in line)


def program(name: str) -> str:
    """Answer the path of bearerbox, smsbox, tshark, dumpcap or node; skip the test, or fail it in CI, without it."""
    found = _layout("sms_peers").get(name) or shutil.which(name, path=_PATH) or ""
    how = "tests/tools/get_sms_peers.sh, or on Debian: apt-get install kannel tshark"
    require_peer(name, bool(found) and Path(found).exists(), "install Node.js" if name == "node" else how)
    return found


def node_modules() -> Path:
    """Answer the folder that holds node-smpp."""
    found = Path(_layout("node_smsc").get("node_modules") or Path(__file__).parent / "node_smsc" / "node_modules")
    require_peer(
        "node-smpp", (found / "smpp").is_dir(), "tests/tools/get_node_smsc.sh, or npm ci in tests/peers/sms/node_smsc"
    )
    return found
