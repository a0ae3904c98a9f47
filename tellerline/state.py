"""The state folder: what must survive a restart, for this user's eyes only."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

from core_client.adapters.sealing import load_or_create_key
from tellerline.errors import ConfigError

FOLDER_MODE = 0o700


@dataclass(frozen=True, slots=True)
class Keys:
    """The node's own keys. They lie beside the data that they protect only by default: see the manual."""

    pepper: bytes  # of PIN hashes and pseudonyms
    seal: bytes  # of message bodies at rest
    personal: bytes  # wraps the keys of personal data in SQL
    anchor: bytes  # of the MACs of anchors of the audit chain
    backup: bytes  # of backups

    def __repr__(self) -> str:
        return "Keys(***)"


def open_state(folder: Path) -> Keys:
    """Make the state folder and its keys where they are not there yet.

    Raises:
        ConfigError: it cannot be made, is open to others, or holds keys that cannot be used.
    """
    try:
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        mode = stat.S_IMODE(folder.stat().st_mode)
        if mode & 0o077:
            raise ConfigError("server.state_dir", f"{folder} is open to others ({mode:o})", f"chmod 700 {folder}")
        keys = folder / "keys"
        keys.mkdir(mode=FOLDER_MODE, exist_ok=True)
        return Keys(*(load_or_create_key(keys / name) for name in ("pepper", "seal", "personal", "anchor", "backup")))
    except OSError as error:
        mend = "Give the folder to the user that runs tellerline, or set server.state_dir."
        raise ConfigError("server.state_dir", f"{error.filename or folder}: {error.strerror}", mend) from None
